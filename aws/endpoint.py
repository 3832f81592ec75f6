"""One address and its kept-alive connection: requests begun, answers waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NoReturn
from urllib.parse import urlsplit

from aws.connection import READ_SECONDS, Answer, Connection
from tepwatch.errors import ServiceError, UnreachableError

# A connection idle for longer may have been closed by the other side without our knowing.
_IDLE_SECONDS_MAX: Final = 10.0
_PORTS: Final = {"http": 80, "https": 443}


class Endpoint:
    """One address; not safe for use by several threads at once.

    Args:
        service: what stands there, for messages.
        url: the address.
        read_seconds: longest wait for a part of an answer.

    Raises:
        ServiceError: the address is none.
    """

    def __init__(self, service: str, url: str, *, read_seconds: float = READ_SECONDS) -> None:
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
            of_scheme = _PORTS[parts.scheme]
            port = of_scheme if parts.port is None else parts.port
            self.host: str = parts.hostname or ""
        except (KeyError, ValueError):
            port, self.host = 0, ""
        if not port or not self.host:
            raise ServiceError(
                f"endpoint {self.url} is not an http:// or https:// address", code="BadEndpoint"
            )
        self._service = service
        self._read_seconds = read_seconds
        self.path = parts.path
        self.host_header = parts.netloc.rpartition("@")[2]
        self._secure = parts.scheme == "https"
        self._port = port
        self._connection: Connection | None = None
        self._last_used = 0.0
        self._awaits_answer = False

    def begin(
        self, headers: Mapping[str, str], body: bytes, *, method: str = "POST", target: str = "/"
    ) -> Callable[[], Answer]:
        """Send a request, so that several services may be at work at once.

        Args:
            headers: all but the length.
            body: empty for none.
            method: POST, or GET.
            target: path and query.

        Returns:
            A function that waits for the answer and gives it, whatever its status, or raises
            `UnreachableError` for what went wrong so far or then. It has to be called before the
            next request.
        """
        try:
            connection = self._connected()
            connection.send(headers, body, method=method, target=target)
        except OSError as error:
            return failing(self._unreachable(error))
        self._awaits_answer = True
        return partial(self._finish, connection)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._awaits_answer = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        # An answer that nobody waited for would be taken for that of the next request.
        if self._awaits_answer or time.monotonic() - self._last_used > _IDLE_SECONDS_MAX:
            self.close()
        if self._connection is None:
            self._connection = Connection(
                self.host, self._port, secure=self._secure, read_seconds=self._read_seconds
            )
        return self._connection

    def _finish(self, connection: Connection) -> Answer:
        try:
            answer = connection.receive()
        except OSError as error:
            raise self._unreachable(error) from error
        self._awaits_answer = False
        if not connection.reusable:
            self.close()
        self._last_used = time.monotonic()
        return answer

    def _unreachable(self, error: OSError) -> UnreachableError:
        self.close()
        return UnreachableError(
            f"{self._service} at {self.url} cannot be reached: {error or type(error).__name__}",
            code="Unreachable",
        )


def failing(error: ServiceError) -> Callable[[], NoReturn]:
    """A function that raises an error."""

    def fail() -> NoReturn:
        raise error

    return fail
