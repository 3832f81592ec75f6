"""HTTP/1.1 over one kept-alive connection: send a request, then read its answer.

The answers are parsed by httptools, as uvicorn parses requests: what http.client does for every
header costs more than all else of a small call.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import httptools

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0

_READ_BYTES: Final = 65_536
_HEAD_BYTES_MAX: Final = 65_536
_FINAL_STATUS: Final = 200


class Answer(NamedTuple):
    """Status and body of an answer, and for how long it asks to be left alone."""

    status: int
    body: bytes
    retry_after_seconds: float = 0.0


class BadAnswerError(ConnectionError):
    """What came is not HTTP, or ended too early."""


class Connection:
    """One connection, open from the start; after an error it is of no more use.

    Args:
        host, port: where to.
        secure: whether by TLS.
        read_seconds: longest wait for the other side to take, or to send, a part.

    Raises (from the constructor, `send` and `receive`):
        OSError: no connection within the time limits, or it broke (`BadAnswerError` is one).
    """

    def __init__(
        self, host: str, port: int, *, secure: bool, read_seconds: float = READ_SECONDS
    ) -> None:
        raw = socket.create_connection((host, port), CONNECT_SECONDS)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = _tls().wrap_socket(raw, server_hostname=host) if secure else raw
        except BaseException:
            raw.close()
            raise
        self._socket.settimeout(read_seconds)
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self.reusable = True
        """Whether the other side keeps the connection for another request."""

    def send(
        self, headers: Mapping[str, str], body: bytes, *, method: str = "POST", target: str = "/"
    ) -> None:
        """Send a request; `receive` has to come before the next."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{method} {target} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        # One after the other: joined, a large body would be copied.
        self._socket.sendall(head.encode("latin-1"))
        self._socket.sendall(body)

    def receive(self) -> Answer:
        """Wait for the answer."""
        arriving = _Arriving()
        try:
            while not arriving.whole:
                size = self._socket.recv_into(self._buffer)
                if size:
                    arriving.feed(self._buffer[:size])
                else:
                    arriving.end()
        except httptools.HttpParserError as error:
            raise BadAnswerError(f"the answer is not HTTP/1: {error}") from error
        self.reusable = arriving.keeps_connection
        return Answer(arriving.status, b"".join(arriving.parts), arriving.retry_after_seconds)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Arriving:
    """An answer as it comes; httptools calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._fed = 0
        self._in_head = True
        self._has_length = False
        self.parts: list[bytes] = []
        self.status = 0
        self.keeps_connection = True
        self.whole = False
        self.retry_after_seconds = 0.0

    def feed(self, data: memoryview) -> None:
        """Take the next bytes.

        Raises:
            httptools.HttpParserError: they are not HTTP.
            BadAnswerError: a head without end.
        """
        self._parser.feed_data(data)
        self._fed += len(data)
        if self._in_head and self._fed >= _HEAD_BYTES_MAX:
            raise BadAnswerError(f"more than {_HEAD_BYTES_MAX} bytes of headers")

    def end(self) -> None:
        """Take the end of the connection, which is that of an answer that says no length.

        Raises:
            BadAnswerError: there should be more.
        """
        if self._in_head or self._has_length:
            raise BadAnswerError("the connection ended before the answer")
        self.whole = True
        self.keeps_connection = False

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                self._has_length = True
            case b"retry-after":
                self.retry_after_seconds = _seconds_from_now(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._in_head = self.status < _FINAL_STATUS
        if not self._in_head:
            self.keeps_connection = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        # An interim answer is followed by the final one.
        self.whole = not self._in_head


def _seconds_from_now(text: str) -> float:
    """Of a header Retry-After, which holds seconds or a date (RFC 9110, 10.2.3); 0 if neither."""
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
    except (TypeError, ValueError):
        # TypeError: a date without zone.
        return 0.0


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
