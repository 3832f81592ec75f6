"""What the InfluxDB sink makes of the answers of InfluxDB 2.7 and 3, as their sources have them."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sinks import retry
from sinks.base import Outcome, Sink
from sinks.influxdb_answers import error_text, refused_lines
from sinks.influxdb_database import create_database
from sinks.influxdb_layout import encode_line
from sinks.registry import make_sinks
from tepwatch.errors import SettingsError, StartupError, ThrottledError
from tepwatch.schema import reading_row
from tepwatch.settings import InfluxdbApi, Settings
from tests.clock import Clock
from tests.plants import reading

ROWS = [reading_row(reading(seq), late=False) for seq in range(40)]


class Request(NamedTuple):
    """What came, unpacked."""

    method: str
    path: str
    arguments: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[str]:
        """Lines of line protocol; texts hold no line feed here."""
        return self.body.decode().splitlines()


class Reply(NamedTuple):
    """What to answer."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()


Answers = Callable[[Request], Reply]


class FakeServer:
    """Answers as functions say, `check` a write of nothing, and keeps what came."""

    def __init__(self) -> None:
        self.answers: Answers = lambda _request: Reply(204)
        self.check: Callable[[], Reply] = lambda: Reply(204)
        self.requests: list[Request] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                parts = urlsplit(self.path)
                request = Request(
                    self.command, parts.path, parse_qs(parts.query), dict(self.headers), body
                )
                fake.requests.append(request)
                is_check = parts.path.endswith("write") and not body
                reply = fake.check() if is_check else fake.answers(request)
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def writes(self) -> list[Request]:
        """The requests that brought lines."""
        return [request for request in self.requests if request.body]


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.fixture
def sink(fake: FakeServer) -> Iterator[Sink]:
    settings = Settings(sinks="influxdb,memory", influxdb_url=fake.url, influxdb_token="tok-en")
    made = make_sinks(settings)[0]
    made.open()
    yield made
    made.close()


class Store:
    """Lines that were stored, and those that never are: the ones of some seqs."""

    def __init__(self, bad: set[int]) -> None:
        self.stored: list[str] = []
        self._bad = re.compile(rf" seq=({'|'.join(map(str, sorted(bad))) or 'x'})i,")

    def is_bad(self, line: str) -> bool:
        return self._bad.search(line) is not None


class Version3(Store):
    """InfluxDB 3: stores the good lines and names the others."""

    def __call__(self, request: Request) -> Reply:
        self.stored += [line for line in request.lines if not self.is_bad(line)]
        refused = [
            {"original_line": line, "line_number": number, "error_message": "invalid\n column"}
            for number, line in enumerate(request.lines, 1)
            if self.is_bad(line)
        ]
        if not refused:
            return Reply(204)
        body = {"error": "partial write of line protocol occurred", "data": refused}
        return Reply(400, json.dumps(body).encode())


class Parsing27(Store):
    """InfluxDB 2.7 and a line that cannot be parsed: nothing of the call is stored."""

    def __call__(self, request: Request) -> Reply:
        for line in request.lines:
            if self.is_bad(line):
                message = f"unable to parse '{line}': invalid number"
                return Reply(400, json.dumps({"code": "invalid", "message": message}).encode())
        self.stored += request.lines
        return Reply(204)


class Conflicts27(Store):
    """InfluxDB 2.7 and points that conflict: the others are stored, these counted."""

    def __call__(self, request: Request) -> Reply:
        good = [line for line in request.lines if not self.is_bad(line)]
        self.stored += good
        dropped = len(request.lines) - len(good)
        if not dropped:
            return Reply(204)
        message = (
            "failure writing points to database: partial write: field type conflict: "
            f'input field "missing" is type float dropped={dropped}'
        )
        body = {"code": "unprocessable entity", "message": message}
        return Reply(422, json.dumps(body).encode())


@pytest.mark.parametrize("version", [Version3, Parsing27, Conflicts27])
@pytest.mark.parametrize("bad", [{7}, {0, 39}, {3, 4, 20}, set(range(40)), set(range(1, 40, 2))])
def test_exactly_the_rows_that_cannot_be_stored_are_refused(
    fake: FakeServer, sink: Sink, version: type[Store], bad: set[int]
) -> None:
    store: Any = version(bad)
    fake.answers = store
    outcome = sink.write(ROWS)
    assert [item.row for item in outcome.rejected] == [ROWS[seq] for seq in sorted(bad)]
    assert outcome.failed == []
    good = [encode_line(row).decode() for seq, row in enumerate(ROWS) if seq not in bad]
    assert set(store.stored) == set(good)
    for item in outcome.rejected:
        assert "\n" not in item.reason
        assert len(item.reason) < 600
    if version is Version3:
        assert {item.reason for item in outcome.rejected} == {"invalid column"}
        assert len(fake.writes) == (1 if len(bad) == len(ROWS) else 2)


def test_a_request_says_where_it_goes_and_who_sends_it(fake: FakeServer, sink: Sink) -> None:
    sink.write(ROWS)
    sink.write(ROWS[:1])
    check, first, second = fake.requests
    assert (check.path, check.body) == ("/api/v2/write", b"")
    assert first.lines == [encode_line(row).decode() for row in ROWS]
    assert second.lines == first.lines[:1]
    for request in fake.requests:
        assert request.arguments == {
            "org": ["tepwatch"],
            "bucket": ["tepwatch"],
            "precision": ["ns"],
        }
        assert request.headers["Authorization"] == "Token tok-en"
    assert first.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_how_long_to_wait(fake: FakeServer, sink: Sink, status: int) -> None:
    replies = iter([Reply(status, b'{"message":"slow"}', [("Retry-After", "11")])])
    fake.answers = lambda _request: next(replies, Reply(204))
    clock = Clock()
    written = retry.write(sink, ROWS, patience_seconds=60, backoff=clock.backoff)
    assert (written.stored, written.rejected) == (len(ROWS), [])
    assert clock.sleeps == [11]


def test_once_the_server_asks_to_wait_nothing_more_is_sent(fake: FakeServer) -> None:
    made = make_sinks(
        Settings(sinks="influxdb,memory", influxdb_url=fake.url, influxdb_batch_size=10)
    )[0]
    made.open()
    replies = iter([Reply(204), Reply(429, b"", [("Retry-After", "3")])])
    fake.answers = lambda _request: next(replies)
    outcome = made.write(ROWS)
    made.close()
    assert (outcome.failed, outcome.wait_seconds) == (ROWS[10:], 3)
    assert len(fake.writes) == 2
    assert "HTTP 429" in outcome.cause


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (500, b"{}", "HTTP 500"),
        (502, b"<html>bad gateway</html>", "bad gateway"),
        (401, b'{"code":"unauthorized","message":"unauthorized access"}', "influxdb_token"),
        (404, b'{"code":"not found","message":"bucket \\"x\\" not found"}', "influxdb_database"),
        (404, b'{"code":"not found","message":"organization name \\"x\\" not found"}',
         "influxdb_org"),
        (404, b'{"code":"not found","message":"path not found"}', "influxdb_url or influxdb_api"),
        (302, b"", "HTTP 302"),
    ],
)  # fmt: skip
def test_what_is_not_about_the_rows_is_tried_again(
    fake: FakeServer, sink: Sink, status: int, body: bytes, cause: str
) -> None:
    fake.answers = lambda _request: Reply(status, body)
    outcome = sink.write(ROWS)
    assert (outcome.rejected, outcome.failed) == ([], ROWS)
    assert cause in outcome.cause
    assert "tok-en" not in outcome.cause


def test_a_call_that_is_too_large_is_halved(fake: FakeServer, sink: Sink) -> None:
    stored: list[str] = []

    def answers(request: Request) -> Reply:
        if len(request.body) > 10_000:
            return Reply(413)
        stored.extend(request.lines)
        return Reply(204)

    fake.answers = answers
    large = replace(ROWS[5], extra="x" * 20_000)
    outcome = sink.write([*ROWS, large])
    (item,) = outcome.rejected
    assert item.row == large
    assert sorted(stored) == sorted(encode_line(row).decode() for row in ROWS)


class WithoutBucket:
    """An InfluxDB 2.7 whose bucket is not there until it is created."""

    def __init__(self, fake: FakeServer, orgs: Sequence[str], *, may_create: bool) -> None:
        self.orgs = [{"id": org} for org in orgs]
        self.may_create = may_create
        self.created: list[Any] = []
        fake.answers, fake.check = self.answer, self.check

    def check(self) -> Reply:
        if self.created:
            return Reply(204)
        return Reply(404, b'{"code":"not found","message":"bucket \\"b\\" not found"}')

    def answer(self, request: Request) -> Reply:
        assert request.headers["Authorization"] == "Token t"
        if (request.method, request.path) == ("GET", "/api/v2/orgs"):
            assert request.arguments == {"org": ["plant"]}
            return Reply(200, json.dumps({"orgs": self.orgs}).encode())
        if (request.method, request.path) == ("POST", "/api/v2/buckets") and self.may_create:
            self.created.append(json.loads(request.body))
            return Reply(201, b"{}")
        return Reply(403, b'{"code":"forbidden","message":"insufficient permissions"}')


def settings_for(fake: FakeServer) -> Settings:
    return Settings(
        influxdb_url=fake.url, influxdb_org="plant", influxdb_database="b", influxdb_token="t"
    )


def test_a_bucket_that_is_not_there_is_created(fake: FakeServer) -> None:
    server = WithoutBucket(fake, ["0123"], may_create=True)
    create_database(settings_for(fake))
    create_database(settings_for(fake))
    assert server.created == [{"orgID": "0123", "name": "b", "retentionRules": []}]


@pytest.mark.parametrize(
    ("orgs", "may_create", "why"),
    [(["0123"], False, "insufficient permissions"), ([], True, "organization plant is not seen")],
)
def test_a_bucket_that_cannot_be_created_is_said(
    fake: FakeServer, orgs: list[str], may_create: bool, why: str
) -> None:
    WithoutBucket(fake, orgs, may_create=may_create)
    with pytest.raises(StartupError, match=f"influxdb_database.*{why}.*create it there"):
        create_database(settings_for(fake))


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        (Reply(404, b'{"message":"organization name \\"x\\" not found"}'), "influxdb_org"),
        (Reply(404, b"404 page not found"), "influxdb_url or influxdb_api"),
        (Reply(401), "influxdb_token"),
        (Reply(405, b"{}"), "influxdb_url or influxdb_api"),
    ],
)
def test_nothing_is_created_for_what_is_no_missing_bucket(
    fake: FakeServer, reply: Reply, named: str
) -> None:
    fake.check = lambda: reply
    with pytest.raises(SettingsError, match=f"setting {named}"):
        create_database(settings_for(fake))
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, b"write buffer error: incoming write was empty"),
        Reply(400, b'{"code":"invalid","message":"writing requires points"}'),
    ],
)
def test_that_a_write_held_nothing_is_no_error_of_the_check(fake: FakeServer, reply: Reply) -> None:
    fake.check = lambda: reply
    create_database(settings_for(fake))


def test_a_server_that_cannot_be_asked_is_not_taken_for_a_wrong_setting(fake: FakeServer) -> None:
    fake.check = lambda: Reply(503)
    with pytest.raises(ThrottledError, match="HTTP 503"):
        create_database(settings_for(fake))


def test_without_credentials_none_are_sent_and_1x_is_told_the_database(fake: FakeServer) -> None:
    settings = Settings(
        sinks="influxdb,memory",
        influxdb_url=f"{fake.url}/behind/",
        influxdb_api=InfluxdbApi.V1,
        influxdb_database="a b",
        influxdb_gzip=False,
    )
    made = make_sinks(settings)[0]
    made.open()
    assert made.write(ROWS[:1]) == Outcome([], [], "", 0.0)
    made.close()
    (request,) = fake.writes
    assert request.path == "/behind/write"
    assert request.arguments == {"db": ["a b"], "precision": ["ns"]}
    assert not {"Authorization", "Content-Encoding"} & request.headers.keys()


_JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "message", "data", "line_number", "error_message"]), inner
        )
    ),
)


@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_an_answer_holds_something_is_said_in_a_line(body: bytes) -> None:
    text = error_text(body)
    assert text
    assert not set(text) & set("\n\r\t")
    refused_lines(body, 5)


@pytest.mark.parametrize("number", [0, 6, -1])
def test_lines_that_were_not_sent_are_not_believed(number: int) -> None:
    body = {"error": "partial", "data": [{"line_number": number, "error_message": "m"}]}
    assert refused_lines(json.dumps(body).encode(), 5) is None


def test_the_reason_is_said_after_a_long_line() -> None:
    body = {"error": f"unable to parse 'm {'x' * 5000}': invalid number"}
    text = error_text(json.dumps(body).encode())
    assert text.startswith("unable to parse 'm xx")
    assert text.endswith("': invalid number")
    assert len(text) < 600
