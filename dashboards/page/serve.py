"""Serves the live page until told to end."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from starlette.applications import Starlette

from tepwatch.errors import StartupError

_GOODBYE_SECONDS: Final = 2
"""For requests under way; whoever watches the stream of snapshots would stay forever."""


def serve(app: Starlette, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: the page.
        host: address to listen on.
        port: to listen on, 0 for a free one.
        ready: told the address when it listens.

    Raises:
        StartupError: nothing can listen there.
    """
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
        shown = "127.0.0.1" if host in {"", "0.0.0.0"} else host
        ready(f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}/")
        # Uvicorn raises the signal once more when it has ended in order.
        with _ignored(signal.SIGINT, signal.SIGTERM):
            uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise StartupError(f"cannot listen on {host} port {port}: {error.strerror}") from error
        listener.listen()
        yield listener
    finally:
        listener.close()


@contextlib.contextmanager
def _ignored(*numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
