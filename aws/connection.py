"""HTTP/1.1 over one kept-alive connection: POST, and read the answer.

http.client puts every header through the parser for e-mail, which costs more than all else of a
small call. What is here understands what the services and the local ones send: an answer with a
length, in chunks, or up to the end of the connection.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import BinaryIO, Final, NamedTuple, cast

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0

_LINE_BYTES_MAX: Final = 65_536
_HEADERS_MAX: Final = 100
_FINAL_STATUS: Final = 200


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


class BadAnswerError(ConnectionError):
    """What came is not HTTP, or ended too early."""


class Connection:
    """One connection, open from the start; after an error it is of no more use.

    Raises (from the constructor and from `post`):
        OSError: no connection within the time limits, or it broke (`BadAnswerError` is one).
    """

    def __init__(self, host: str, port: int, *, secure: bool) -> None:
        raw = socket.create_connection((host, port), CONNECT_SECONDS)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = _tls().wrap_socket(raw, server_hostname=host) if secure else raw
        except BaseException:
            raw.close()
            raise
        self._socket.settimeout(READ_SECONDS)
        self._answers = cast("BinaryIO", self._socket.makefile("rb"))
        self.reusable = True
        """Whether the other side keeps the connection for another request."""

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request to the root path and wait for its answer."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        # One after the other: joined, a large body would be copied.
        self._socket.sendall(head.encode("latin-1"))
        self._socket.sendall(body)
        status, received = self._head()
        while status < _FINAL_STATUS:
            status, received = self._head()
        if received.get(b"connection", b"").lower() == b"close":
            self.reusable = False
        return Answer(status, self._body(received))

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        """The status and the headers, by their names in lower case."""
        version, _, rest = self._line().partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            raise BadAnswerError("the answer is not HTTP/1")
        headers: dict[bytes, bytes] = {}
        while line := self._line():
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
            if len(headers) > _HEADERS_MAX:
                raise BadAnswerError(f"more than {_HEADERS_MAX} headers")
        return int(rest[:3]), headers

    def _line(self) -> bytes:
        line = self._answers.readline(_LINE_BYTES_MAX)
        if not line.endswith(b"\n"):
            raise BadAnswerError("the connection ended, or a header without end")
        return line.rstrip(b"\r\n")

    def _body(self, headers: Mapping[bytes, bytes]) -> bytes:
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            return self._chunks()
        length = headers.get(b"content-length")
        if length is None:
            self.reusable = False
            return self._answers.read()
        return self._exactly(length, base=10)

    def _chunks(self) -> bytes:
        chunks = []
        while chunk := self._exactly(self._line().partition(b";")[0], base=16):
            chunks.append(chunk)
            self._line()
        while self._line():
            pass  # trailers
        return b"".join(chunks)

    def _exactly(self, length: bytes, *, base: int) -> bytes:
        try:
            size = int(length, base)
        except ValueError as error:
            raise BadAnswerError(f"{length!r} is no length") from error
        data = self._answers.read(max(size, 0))
        if len(data) != size:
            raise BadAnswerError(f"the connection ended after {len(data)} of {size} bytes")
        return data


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
