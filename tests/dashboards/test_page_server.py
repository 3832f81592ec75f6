"""Who may look at the page and who may act, over real HTTP."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

import msgspec
import pytest
import uvicorn

from dashboards.page.panels import Panels
from dashboards.page.requests import SetpointRange, Steered, Wish
from dashboards.page.server import TOKEN_HEADER, Page
from dashboards.page.store import Answer
from tepwatch.errors import ServiceError, TepwatchError

WAIT_SECONDS = 10.0


class Hands:
    """Keeps what is asked of it."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.refusal: str | None = None

    def do(self, wish: Wish) -> str:
        if self.refusal is not None:
            raise TepwatchError(self.refusal)
        self.wishes.append(wish)
        return "done"

    def setpoints(self) -> Sequence[SetpointRange]:
        return [SetpointRange("reactor-pressure", 2700.0, 2900.0, "kPa")]

    def plants(self) -> Mapping[str, Steered]:
        return {}


def no_rows(_statement: str) -> Answer:
    return Answer([], iter([]))


def no_rights(_statement: str) -> Answer:
    raise ServiceError("timestream: AccessDenied: not yours", code="AccessDenied")


class Client:
    """A browser of sorts."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def error(self, path: str) -> tuple[int, str]:
        status, body, _ = self.ask(path)
        return status, msgspec.json.decode(body)["error"]

    def token(self) -> str:
        found = re.search(rb'name="tepwatch-token" content="([^"]+)"', self.ask("/")[1])
        assert found is not None
        return found[1].decode()

    def act(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        given = {TOKEN_HEADER: self.token(), "Content_Type": "application/json", **headers}
        return self.ask("/api/act", "POST", body, **given)[:2]


@contextmanager
def serving(page: Page) -> Iterator[Client]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            page.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while not server.started:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield Client(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def client(hands: Hands) -> Iterator[Client]:
    polls = count()
    page = Page(
        lambda: b'{"poll":%d}' % next(polls),
        Panels(no_rows, "db"),
        hands,
        every_seconds=0.05,
    )
    with serving(page) as client:
        yield client


def test_the_page_and_what_it_needs_to_know(client: Client) -> None:
    status, body, headers = client.ask("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    parts = re.findall(rb'(?:src|href)="([^"#]+)"', body)
    assert b"main.js" in parts
    for path in parts:
        assert client.ask(f"/{path.decode()}")[0] == 200
    found = msgspec.json.decode(client.ask("/api/catalogue")[1])
    assert len(found["tags"]) == 53
    assert [each["number"] for each in found["disturbances"]] == list(range(1, 22))
    assert found["setpoints"][0]["name"] == "reactor-pressure"
    assert found["dashboards"][0]["title"] == "Plant overview"


def test_snapshots_come_as_they_change(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=WAIT_SECONDS)
    connection.request("GET", "/api/live")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    seen = list[int]()
    while len(seen) < 3:
        line = answer.readline()
        if line.startswith(b"data: "):
            seen.append(msgspec.json.decode(line[6:])["poll"])
    connection.close()
    assert seen == sorted(set(seen))


def test_what_the_page_asks_for_is_done(client: Client, hands: Hands) -> None:
    assert client.act(b'{"do":"inject","idv":6,"plant":"plant-1"}') == (200, b'{"said":"done"}')
    assert client.act(b'{"do":"shelve","plant":"plant-1","hours":8}')[0] == 200
    assert [type(wish).__name__ for wish in hands.wishes] == ["Inject", "Shelve"]
    hands.refusal = "plant-1 is shut down"
    status, body = client.act(b'{"do":"clear","idv":6,"plant":"plant-1"}')
    assert (status, msgspec.json.decode(body)) == (502, {"error": "plant-1 is shut down"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"do":"explode","plant":"plant-1"}',
        b'{"do":"inject","idv":"six","plant":"plant-1"}',
        b'{"do":"inject","idv":6}',
        b'{"do":"shelve","plant":"plant-1","hours":-1}',
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_reason(
    client: Client, hands: Hands, body: bytes
) -> None:
    status, answer = client.act(body)
    assert status == 400
    assert msgspec.json.decode(answer)["error"]
    assert hands.wishes == []


def test_only_the_page_itself_acts(client: Client, hands: Hands) -> None:
    wish = b'{"do":"inject","idv":6,"plant":"plant-1"}'
    for token in ("", "guessed", "\u00e9"):
        assert client.act(wish, **{TOKEN_HEADER: token})[0] == 403
    # A form of another site needs no leave for this type.
    assert client.act(wish, Content_Type="text/plain")[0] == 415
    # Nor does a name that another site gave this machine get an answer.
    assert client.act(wish, Host="plant.example")[0] == 400
    assert client.ask("/", Host="plant.example")[0] == 400
    assert client.act(b" " * 20_000)[0] == 413
    assert hands.wishes == []


def test_elsewhere_one_needs_the_access_token(hands: Hands) -> None:
    page = Page(
        lambda: b"{}",
        Panels(no_rows, "db"),
        hands,
        every_seconds=1.0,
        hosts=("plant.example",),
        access_token="let-me-in",
    )
    with serving(page) as client:
        for path in ("/", "/?token=wrong", "/api/catalogue", "/api/live"):
            status, error = client.error(path)
            assert (status, "access token" in error) == (401, True)
        status, _, headers = client.ask("/?token=let-me-in", Host="plant.example")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert "HttpOnly" in headers["Set-Cookie"]
        assert client.ask("/", Cookie=cookie)[0] == 200
        assert client.ask("/api/catalogue", Cookie=cookie)[0] == 200


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("dashboard=plant&panel=none&from_ms=0&to_ms=9", 404, "has no panel none"),
        ("dashboard=none&panel=none&from_ms=0&to_ms=9", 404, "no dashboard none"),
        ("dashboard=plant&panel=xmeas_1&from_ms=9&to_ms=0", 404, "ends before it begins"),
        ("dashboard=plant&panel=xmeas_1&from_ms=now&to_ms=9", 400, "from_ms"),
        ("panel=xmeas_1", 400, "dashboard"),
    ],
)
def test_a_panel_that_cannot_be_shown_says_why(
    client: Client, query: str, status: int, said: str
) -> None:
    found, error = client.error(f"/api/panel?{query}")
    assert (found, said in error) == (status, True), error


def test_a_store_that_refuses_is_quoted(hands: Hands) -> None:
    page = Page(lambda: b"{}", Panels(no_rights, "db"), hands, every_seconds=1.0)
    with serving(page) as client:
        status, error = client.error("/api/panel?dashboard=plant&panel=xmeas_1&from_ms=0&to_ms=9")
        assert (status, error) == (502, "timestream: AccessDenied: not yours")
