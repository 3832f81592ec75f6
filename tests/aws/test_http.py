from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aws.http import JsonService
from tepwatch.errors import ServiceError, ThrottledError, UnreachableError


class _Scripted(BaseHTTPRequestHandler):
    """Answers each request with the next of `answers` and notes the headers."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, bytes]]
    seen: list[dict[str, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append(dict(self.headers.items()))
        status, body = type(self).answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Scripted]]]:
    handler = type("Handler", (_Scripted,), {"answers": [], "seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}", handler
        http_server.shutdown()
        thread.join()


def service(url: str) -> JsonService:
    return JsonService("kinesis", "Kinesis_20131202", region="eu-west-1", endpoint_url=url)


def test_calls_are_signed_and_share_a_connection(server: tuple[str, type[_Scripted]]) -> None:
    url, handler = server
    handler.answers[:] = [(200, b'{"a":1}'), (200, b"{}")]
    client = service(url)
    assert client.call("ListShards", b"{}") == b'{"a":1}'
    assert client.call("ListShards", b"{}") == b"{}"
    client.close()
    headers = handler.seen[0]
    assert headers["X-Amz-Target"] == "Kinesis_20131202.ListShards"
    assert "/eu-west-1/kinesis/aws4_request" in headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, b'{"__type":"ResourceNotFoundException","message":"no"}', ServiceError,
         "ResourceNotFoundException"),
        (400, b'{"__type":"com.amazonaws#ThrottlingException","Message":"m"}', ThrottledError,
         "ThrottlingException"),
        (400, b'{"__type":"ProvisionedThroughputExceededException"}', ThrottledError,
         "ProvisionedThroughputExceededException"),
        (429, b"", ThrottledError, "HTTP 429"),
        (500, b'{"__type":"InternalFailure"}', UnreachableError, "InternalFailure"),
        (503, b"<html>", UnreachableError, "HTTP 503"),
    ],
)  # fmt: skip
def test_errors_are_told_apart_by_what_can_be_done(
    server: tuple[str, type[_Scripted]],
    status: int,
    body: bytes,
    kind: type[ServiceError],
    code: str,
) -> None:
    url, handler = server
    handler.answers[:] = [(status, body)]
    client = service(url)
    with pytest.raises(ServiceError) as error:
        client.call("PutRecords", b"{}")
    client.close()
    assert type(error.value) is kind
    assert (error.value.code, error.value.status) == (code, status)


def test_what_is_begun_at_two_services_is_answered_to_each(
    server: tuple[str, type[_Scripted]],
) -> None:
    url, handler = server
    handler.answers[:] = [(200, b"first"), (200, b"second")]
    one, other = service(url), service(url)
    answers = [one.begin("PutRecords", b"{}"), other.begin("PutRecords", b"{}")]
    assert {answers[0](), answers[1]()} == {b"first", b"second"}
    one.close()
    other.close()


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(
    server: tuple[str, type[_Scripted]],
) -> None:
    url, handler = server
    handler.answers[:] = [(200, b"first"), (200, b"second")]
    client = service(url)
    client.begin("PutRecords", b"{}")
    give_up = time.monotonic() + 10
    while len(handler.answers) > 1 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert client.call("PutRecords", b"{}") == b"second"
    client.close()


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "ftp://x:1", "nonsense", "http://", "http://x:port", "http://x:0", "http://[x"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ServiceError, match=re.escape(url.rstrip("/"))):
        service(url)


def test_missing_credentials_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ServiceError, match="no AWS credentials") as error:
        JsonService("kinesis", "Kinesis_20131202", region="eu-west-1")
    assert error.value.code == "NoCredentials"
