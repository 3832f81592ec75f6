"""The process of the local AWS: ministack with our hooks, on one port of 127.0.0.1.

Runs until SIGTERM or SIGINT, or until its standard input ends when told to follow its parent. Says
on standard output, in one line of JSON, where it listens as soon as it does. Before it ends it
delivers what Firehose has buffered.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import fcntl
import functools
import gc
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from localaws import asgi
from tepwatch.errors import StartupError
from tepwatch.resources import STREAMS

HOST: Final = "127.0.0.1"
COUNTERS_PATH: Final = "/_tepwatch/kinesis"
FIREHOSE_PATH: Final = "/_tepwatch/firehose"
FIREHOSE_FLUSH_PATH: Final = "/_tepwatch/firehose/flush"
TIMESTREAM_PATH: Final = "/_tepwatch/timestream"
FLUSH_SECONDS: Final = 30.0
_MIB: Final = 1024 * 1024


class Ready(msgspec.Struct):
    """What the launcher says once it listens."""

    endpoint_url: str
    pid: int


class Options(msgspec.Struct, frozen=True):
    """How to run the local AWS.

    `data_dir` keeps S3 and Timestream over restarts, even after SIGKILL; without it nothing
    outlives the process. The bounds, in MiB, are on stored Kinesis records, on what Firehose
    buffers in memory, on what it has written to S3 and on what Timestream holds: beyond the last
    two the oldest is deleted.
    """

    port: int = 0
    kinesis_mb: int = 512
    firehose_mb: int = 256
    s3_mb: int = 2048
    timestream_mb: int = 4096
    data_dir: Path | None = None
    follow_parent: bool = False


def main() -> None:
    """Entry point of `python -m localaws.launcher`."""
    defaults = Options()
    parser = argparse.ArgumentParser(description="AWS on this machine, for tepwatch")
    parser.add_argument("--port", type=int, default=defaults.port, help="0 picks a free one")
    parser.add_argument("--kinesis-mb", type=int, default=defaults.kinesis_mb)
    parser.add_argument("--firehose-mb", type=int, default=defaults.firehose_mb)
    parser.add_argument("--s3-mb", type=int, default=defaults.s3_mb)
    parser.add_argument("--timestream-mb", type=int, default=defaults.timestream_mb)
    parser.add_argument("--data-dir", type=Path, help="keeps S3 and Timestream over restarts")
    parser.add_argument("--follow-parent", action="store_true", help="end with standard input")
    try:
        serve(Options(**vars(parser.parse_args())))
    except StartupError as error:
        sys.exit(str(error))


def serve(options: Options) -> None:
    """Serve until told to stop.

    Raises:
        StartupError: another local AWS uses the data folder, or ministack is not the one we know.
    """
    scratch = Path(tempfile.mkdtemp(prefix="tepwatch-localaws-"))
    try:
        with _locked(options.data_dir or scratch) as data_dir:
            listener = _listen(options.port)
            _configure_ministack(listener.getsockname()[1], data_dir, scratch)
            asyncio.run(_serve(listener, options, data_dir))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """A data folder that no other process uses meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "localaws.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartupError(f"another local AWS uses {folder}: end it first") from error
        yield folder


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    listener.set_inheritable(True)
    return listener


def _configure_ministack(port: int, data_dir: Path, scratch: Path) -> None:
    # ministack reads its configuration from the environment when it is imported.
    level = os.environ.get("TEPWATCH_LOCALAWS_LOG_LEVEL", "WARNING")
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL=level,
        # Bodies of objects on disk only, with or without a data folder: memory stays small.
        S3_PERSIST="1",
        S3_DATA_DIR=str(data_dir / "s3"),
        STATE_DIR=str(scratch / "state"),
        TMPDIR=str(scratch),
    )


async def _serve(listener: socket.socket, options: Options, data_dir: Path) -> None:
    # Imported here: ministack is configured by the environment that `serve` has just set.
    from hypercorn.asyncio import serve as hypercorn_serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack.app import app  # noqa: PLC0415

    from localaws import kinesis, s3, tenant  # noqa: PLC0415
    from localaws.firehose import object_bound  # noqa: PLC0415
    from localaws.firehose import service as firehose  # noqa: PLC0415
    from localaws.timestream.service import Timestream  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    kinesis.install(size_bytes=options.kinesis_mb * _MIB)
    kinesis.create_streams(STREAMS)
    s3.install()
    s3.restore_buckets(data_dir / "s3")
    objects = object_bound.BoundedObjects(options.s3_mb * _MIB, data_dir / "firehose-objects.jsonl")
    firehose.install(
        size_bytes=options.firehose_mb * _MIB,
        objects=objects,
        on_loop=functools.partial(_call_on_loop, loop),
    )
    address = f"{HOST}:{listener.getsockname()[1]}"
    timestream = Timestream(
        data_dir / "timestream.duckdb",
        disk_mb=options.timestream_mb,
        owner_of=tenant.tenant_of,
        address=address,
    )
    # ministack is hundreds of thousands of objects that stay: no collection need walk them.
    gc.collect()
    gc.freeze()
    stop = _stop_event(loop, follow_parent=options.follow_parent)

    async def stopped() -> None:
        await stop.wait()
        # While everything is still served: a function may need it.
        await asyncio.to_thread(firehose.stop)

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1.0
    config.shutdown_timeout = 3.0
    config.loglevel = os.environ["LOG_LEVEL"]
    answers = {
        ("GET", COUNTERS_PATH): asgi.on_loop(kinesis.counters),
        ("GET", FIREHOSE_PATH): asgi.in_thread(firehose.counters),
        ("GET", TIMESTREAM_PATH): asgi.on_loop(timestream.counters),
        ("POST", FIREHOSE_FLUSH_PATH): asgi.in_thread(
            functools.partial(firehose.flush, FLUSH_SECONDS)
        ),
    }
    served = asgi.announcing(
        timestream.before(asgi.with_paths(app, answers)),
        functools.partial(_announce, f"http://{address}"),
    )
    try:
        await hypercorn_serve(served, config, shutdown_trigger=stopped)  # type: ignore[arg-type]
    finally:
        await asyncio.to_thread(timestream.close)


def _stop_event(loop: asyncio.AbstractEventLoop, *, follow_parent: bool) -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if follow_parent:
        watcher = threading.Thread(
            target=_wait_for_end_of_input, args=(loop, stop), name="parent-watch", daemon=True
        )
        watcher.start()
    return stop


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not through sys.stdin: a buffer that is being read cannot be closed when Python ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _call_on_loop(loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> Any:
    """Call a function on the event loop and wait for its result, from any thread."""
    result: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def call() -> None:
        try:
            result.set_result(function())
        except Exception as error:
            result.set_exception(error)

    if asyncio._get_running_loop() is loop:
        call()
    else:
        loop.call_soon_threadsafe(call)
    return result.result()


def _announce(endpoint_url: str) -> None:
    print(msgspec.json.encode(Ready(endpoint_url, os.getpid())).decode(), flush=True)


if __name__ == "__main__":
    main()
