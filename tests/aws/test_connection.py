from __future__ import annotations

import datetime as dt
import email.utils
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from aws.connection import Answer, BadAnswerError, Connection

Serve = Callable[[bytes], Connection]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A connection to a server that answers its first request with given bytes, then hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[Connection] = []
    threads: list[threading.Thread] = []

    def connect(answer: bytes) -> Connection:
        def run() -> None:
            accepted, _ = listener.accept()
            with accepted:
                # To the end: closing with something left unread would reset the connection.
                request = b""
                while not request.endswith(b"\r\n\r\n{}"):
                    request += accepted.recv(65_536)
                accepted.sendall(answer)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        opened.append(Connection(*listener.getsockname(), secure=False))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
    for thread in threads:
        thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("answer", "status", "body", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}", True),
        (b"HTTP/1.1 400 Bad Request\r\ncontent-length:0\r\n\r\n", 400, b"", True),
        (b"HTTP/1.1 503\r\nContent-Length: 1\r\nConnection: Close\r\n\r\nx", 503, b"x", False),
        (b"HTTP/1.0 200 OK\r\n\r\nup to the end", 200, b"up to the end", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
         200, b"x", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"3\r\nabc\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
         200, b"abc0123456789", True),
    ],
)  # fmt: skip
def test_an_answer_is_read_however_its_end_is_marked(
    serve: Serve, answer: bytes, status: int, body: bytes, reusable: bool
) -> None:
    connection = serve(answer)
    connection.send({"Host": "here"}, b"{}")
    assert connection.receive() == Answer(status, body)
    assert connection.reusable is reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 3 + b"".join(b"%d:\r\n" % n for n in range(200)),
        b"HTTP/1.1 200 OK\r\nLong: " + b"x" * 200_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 twenty\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_is_an_error_of_the_connection(serve: Serve, answer: bytes) -> None:
    connection = serve(answer)
    connection.send({"Host": "here"}, b"{}")
    with pytest.raises((BadAnswerError, ConnectionResetError)):
        connection.receive()


def in_a_minute() -> bytes:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)).encode()


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        (b"Retry-After: 7", 7, 7),
        (b"retry-after:0", 0, 0),
        (b"Retry-After: " + in_a_minute(), 1, 60),
        (b"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        (b"Retry-After: -5", 0, 0),
        (b"Retry-After: soon", 0, 0),
        (b"Retry-After: Wed, 21 Oct 2115 07:28:00", 0, 0),
    ],
)
def test_an_answer_says_how_long_to_wait(
    serve: Serve, header: bytes, least: float, most: float
) -> None:
    connection = serve(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n%b\r\n\r\n" % header)
    connection.send({"Host": "here"}, b"{}")
    assert least <= connection.receive().retry_after_seconds <= most


def test_a_request_carries_its_headers_and_length() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(*listener.getsockname(), secure=False)
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.send({"Host": "here", "X-Amz-Date": "today"}, b"body")
            connection.receive()
            accepted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.send({"Host": "here"}, b"", method="GET", target="/orgs?org=a")
            assert connection.receive() == Answer(204, b"")
            assert connection.reusable
            connection.close()
            request = b"".join(iter(lambda: accepted.recv(65_536), b""))
    assert request == (
        b"POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Date: today\r\nContent-Length: 4\r\n\r\nbody"
        b"GET /orgs?org=a HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"
    )
