"""The process of the local AWS: ministack with our hooks, on one port of 127.0.0.1.

Runs until SIGTERM or SIGINT, or until its standard input ends when told to follow its parent. Says
on standard output, in one line of JSON, where it listens as soon as it does.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from tepwatch.resources import STREAMS

HOST: Final = "127.0.0.1"
COUNTERS_PATH: Final = "/_tepwatch/kinesis"

_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]
_Asgi = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class Ready(msgspec.Struct):
    """What the launcher says once it listens."""

    endpoint_url: str
    pid: int


def main() -> None:
    """Entry point of `python -m localaws.launcher`."""
    parser = argparse.ArgumentParser(description="AWS on this machine, for tepwatch")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--kinesis-mb", type=int, default=512, help="bound on stored records")
    parser.add_argument("--follow-parent", action="store_true", help="end with standard input")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="tepwatch-localaws-"))
    try:
        serve(arguments.port, arguments.kinesis_mb, scratch, follow=arguments.follow_parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def serve(port: int, kinesis_mb: int, scratch: Path, *, follow: bool) -> None:
    """Serve until told to stop.

    Args:
        port: to listen on, 0 for a free one.
        kinesis_mb: bound on the size of all stored Kinesis records, in MiB.
        scratch: an existing folder for what ministack writes.
        follow: also stop when standard input ends, that is, when the parent is gone.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    listener.set_inheritable(True)
    bound_port = listener.getsockname()[1]
    # ministack reads its configuration from the environment when it is imported.
    os.environ.update(
        GATEWAY_PORT=str(bound_port),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL=os.environ.get("TEPWATCH_LOCALAWS_LOG_LEVEL", "WARNING"),
        S3_DATA_DIR=str(scratch / "s3"),
        STATE_DIR=str(scratch / "state"),
        TMPDIR=str(scratch),
    )
    asyncio.run(_serve(listener, kinesis_mb, follow=follow))


async def _serve(listener: socket.socket, kinesis_mb: int, *, follow: bool) -> None:
    # Imported here: ministack is configured by the environment that `serve` has just set.
    from hypercorn.asyncio import serve as hypercorn_serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack.app import app  # noqa: PLC0415

    from localaws import kinesis  # noqa: PLC0415

    kinesis.install(size_bytes=kinesis_mb * 1024 * 1024)
    kinesis.create_streams(STREAMS)
    # ministack is hundreds of thousands of objects that stay: no collection need walk them.
    gc.collect()
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if follow:
        watcher = threading.Thread(
            target=_wait_for_end_of_input, args=(loop, stop), name="parent-watch", daemon=True
        )
        watcher.start()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1.0
    config.shutdown_timeout = 3.0
    config.loglevel = os.environ["LOG_LEVEL"]
    endpoint_url = f"http://{HOST}:{listener.getsockname()[1]}"
    announced = _announcing(_with_counters(app, kinesis.counters), endpoint_url)
    await hypercorn_serve(announced, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not through sys.stdin: a buffer that is being read cannot be closed when Python ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _announcing(app: _Asgi, endpoint_url: str) -> _Asgi:
    """The same application; says that it is ready when its start-up is complete."""

    async def announced(scope: _Scope, receive: _Receive, send: _Send) -> None:
        async def send_and_say(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready = msgspec.json.encode(Ready(endpoint_url, os.getpid()))
                print(ready.decode(), flush=True)

        await app(scope, receive, send_and_say if scope["type"] == "lifespan" else send)

    return announced


def _with_counters(app: _Asgi, counters: Callable[[], object]) -> _Asgi:
    """The same application, with our counters under a path of their own."""

    async def counted(scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "http" and scope["path"] == COUNTERS_PATH:
            body = msgspec.json.encode(counters())
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"application/json")],
                }
            )
            await send({"type": "http.response.body", "body": body})
            return
        await app(scope, receive, send)

    return counted


if __name__ == "__main__":
    main()
