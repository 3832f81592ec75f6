"""The control interface of a running simulation: a small HTTP server around a `Steering`.

Who may use it: whoever has the token, where there is one; else every process of this machine, for
without a token it listens on a loopback address only. A page in a browser of this machine may not:
its requests name another host (DNS rebinding), or have a content type that needs no leave (CSRF).
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import math
import socket
import socketserver
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any, Final, Self

from simulator.channel_requests import (
    ACT_SECONDS,
    READ_SECONDS,
    Interface,
    RequestHandler,
    is_loopback,
)
from simulator.channel_routes import bearer
from simulator.steering import Steering
from tepwatch.errors import SettingsError, StartupError

CLOSE_SECONDS: Final = ACT_SECONDS + 1.0
"""How long requests under way have to end when the channel is closed."""
CONNECTIONS_MAX: Final = 32
"""Connections at once; one more is closed unread."""

_POLL_SECONDS: Final = 0.1
_PORT_MAX: Final = 65_535
_ANY_HOST: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}

logger = logging.getLogger(__name__)


class ControlChannel:
    """Serves a simulation's control interface in a thread, from `with` to its end.

    Args:
        steering: the simulation.
        host: address to listen on.
        port: to listen on, 0 for a free one.
        token: what every request has to bring; None asks for nothing.

    Raises:
        SettingsError: the port is out of range, the token cannot be sent, or the host is not
            loopback and there is no token.
        StartupError: (on entry) the port is in use, or the address not one of this machine.
    """

    def __init__(
        self,
        steering: Steering,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
    ) -> None:
        if not 0 <= port <= _PORT_MAX:
            raise SettingsError(f"the control port is between 0 and {_PORT_MAX}, not {port}")
        if token is None and not is_loopback(host):
            raise SettingsError(
                f"control host {host or 'any'} can be reached from other machines: give it a token "
                "(TEPWATCH_CONTROL_TOKEN), or listen on 127.0.0.1"
            )
        authorization = None if token is None else bearer(token).encode()
        self._interface = Interface(steering, authorization, is_loopback(host))
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.token = token
        self.url = ""
        """Where it listens; empty before it does."""

    def __enter__(self) -> Self:
        """Listen and serve."""
        host, port = self._address
        try:
            self._server = _Server(host, port, self._interface)
        except OSError as error:
            raise _startup_error(host, port, error) from error
        host = _ANY_HOST.get(host, host)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="control", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening; requests under way are answered, within `CLOSE_SECONDS`."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join(CLOSE_SECONDS)
        self._server.server_close()
        self._server.end_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, interface: Interface) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: dict[Any, float] = {}
        self._changed = threading.Condition()
        super().__init__((host, port), functools.partial(RequestHandler, interface))
        # A client that is gone before it is accepted must not keep the thread from ending.
        self.socket.settimeout(_POLL_SECONDS)

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service for the host's name, which can take long.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._changed:
            if len(self._open) >= CONNECTIONS_MAX:
                return False
            self._open[request] = time.monotonic()
            return True

    def shutdown_request(self, request: Any) -> None:
        try:
            super().shutdown_request(request)
        finally:
            with self._changed:
                self._open.pop(request, None)
                self._changed.notify_all()

    def service_actions(self) -> None:
        self._read_no_more(opened_before=time.monotonic() - READ_SECONDS)

    def _read_no_more(self, opened_before: float) -> None:
        with self._changed:
            for request, opened in self._open.items():
                if opened < opened_before:
                    with contextlib.suppress(OSError):  # It has just been closed.
                        request.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError):
            logger.debug("%s is gone", client_address, exc_info=True)
        else:
            logger.exception("a request from %s failed", client_address)

    def end_connections(self) -> None:
        """Wait for those that are being answered; those that wait for their client end at once."""
        self._read_no_more(opened_before=math.inf)
        with self._changed:
            if not self._changed.wait_for(lambda: not self._open, CLOSE_SECONDS):
                logger.warning("%d control requests were not answered in time", len(self._open))


def _startup_error(host: str, port: int, error: OSError) -> StartupError:
    if error.errno == errno.EADDRINUSE:
        return StartupError(
            f"control port {port} is in use: give another with --control-port, 0 takes a free one"
        )
    return StartupError(f"control port {port} on {host}: {error.strerror or error}")
