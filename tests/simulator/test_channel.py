from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import pytest

from simulator import channel, channel_file, channel_requests
from simulator.actions import (
    Action,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
)
from simulator.channel import ControlChannel
from simulator.channel_routes import BODY_BYTES_MAX, ROUTES
from simulator.steering import Acknowledgement, SimulationStatus
from tepwatch.errors import SettingsError, StartupError, StateError, TepwatchError
from tests.steering import PLANTS, RecordedSteering

SECONDS = 10
JSON = {"Content-Type": "application/json"}
TOKEN = "s3cret-of-the-plant"
INJECT_6 = {"action": {"type": "disturbance", "idv": 6}}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        assert self.headers["Content-Type"] == "application/json"
        answered = json.loads(self.body)
        assert list(answered) == ["error"]
        assert "\n" not in answered["error"]
        return str(answered["error"])


def ask(
    served: ControlChannel,
    method: str,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=SECONDS)
    try:
        connection.request(method, path, body=content, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def order(served: ControlChannel, body: object, **headers: str) -> Answer:
    return ask(served, "POST", "/actions", body=body, headers=JSON | headers)


@pytest.fixture(autouse=True)
def _closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_POLL_SECONDS", 0.01)


@pytest.fixture
def guarded(steering: RecordedSteering) -> Iterator[ControlChannel]:
    with ControlChannel(steering, token=TOKEN) as served:
        yield served


@pytest.mark.parametrize(
    "action",
    [
        Disturb(6),
        Disturb(6, on=False),
        SetSetpoint("reactor-pressure", 2750.0),
        HoldValve(10, 45.0),
        HoldValve(10),
        FailSensor("xmeas_9", SensorFault.DRIFT, -0.5),
        FailSensor("xmeas_9"),
        Restart(),
    ],
    ids=str,
)
def test_an_action_arrives_as_it_is_and_is_acknowledged(
    served: ControlChannel, steering: RecordedSteering, action: Action
) -> None:
    answer = order(served, {"action": action})
    assert answer.status == 200
    acknowledged = msgspec.json.decode(answer.body, type=dict[str, list[Acknowledgement]])
    assert acknowledged == {
        "acknowledged": [Acknowledgement(plant, 8.0005, f"{plant}-run", 1234) for plant in PLANTS]
    }
    assert steering.taken == [(action, PLANTS)]


def test_an_action_goes_to_the_plants_named(
    served: ControlChannel, steering: RecordedSteering
) -> None:
    answer = order(served, INJECT_6 | {"plants": ["plant-2"]})
    assert [one["plant"] for one in json.loads(answer.body)["acknowledged"]] == ["plant-2"]
    assert steering.taken == [(Disturb(6), ("plant-2",))]


def test_status_is_the_simulations(served: ControlChannel, steering: RecordedSteering) -> None:
    answer = ask(served, "GET", "/status?of=all")
    assert answer.status == 200
    assert msgspec.json.decode(answer.body, type=SimulationStatus) == steering.status()


def test_the_root_lists_the_routes(served: ControlChannel) -> None:
    answer = ask(served, "GET", "/")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert all(path in answer.body.decode() for path in ROUTES)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", ["truncated"]),
        (b"{", ["truncated"]),
        (b'{"action": {"type": "\xff"}}', ["utf-8"]),
        (b'{"action": {"type": "restart", "x": ' + b"[" * 60_000, ["recursion"]),
        ([], ["object"]),
        ({}, ["action"]),
        ({"action": {"type": "explode"}}, ["action.type", "'explode'", "disturbance", "restart"]),
        ({"action": {"idv": 6}}, ["action", "type"]),
        ({"action": {"type": "disturbance", "idv": "6"}}, ["action.idv", "int", "str"]),
        ({"action": {"type": "disturbance"}}, ["action", "idv"]),
        ({"action": {"type": "disturbance", "idv": 21}}, ["idv", "1 and 20", "21"]),
        ({"action": {"type": "valve", "number": 10, "percnt": 4}}, ["percnt", "number, percent"]),
        ({"action": {"type": "valve", "number": 13}}, ["valve", "1 and 12"]),
        ({"action": {"type": "setpoint", "name": "x", "value": 1}}, ["'x'", "reactor-pressure"]),
        (
            {"action": {"type": "setpoint", "name": "reactor-pressure", "value": 9000}},
            ["reactor-pressure", "2000 and 2995 kPa", "9000"],
        ),
        ({"action": {"type": "setpoint", "name": "a", "value": None}}, ["action.value", "float"]),
        (
            {"action": {"type": "sensor_fault", "tag": "xmeas_1", "kind": "worn"}},
            ["action.kind", "'worn'", "stuck, bias, drift, noise, missing"],
        ),
        ({"action": {"type": "sensor_fault", "tag": "xmv_1"}}, ["xmv_1", "xmeas_41"]),
        (INJECT_6 | {"plants": ["plant-9"]}, ["plant-9", "plant-1, plant-2"]),
        (INJECT_6 | {"plants": []}, ["plants", "length"]),
        (INJECT_6 | {"plants": [1]}, ["plants[0]", "str"]),
        (INJECT_6 | {"plant": "plant-1"}, ["`plant`"]),
    ],
)  # fmt: skip
def test_a_bad_order_names_the_field_and_what_is_allowed(
    served: ControlChannel, steering: RecordedSteering, body: object, named: Sequence[str]
) -> None:
    answer = order(served, body)
    assert answer.status == 400
    assert [text for text in named if text not in answer.error] == [], answer.error
    assert not steering.taken


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/nowhere", 404),
        ("POST", "/status", 405),
        ("GET", "/actions", 405),
        ("DELETE", "/actions", 405),
        ("OPTIONS", "/actions", 405),
        ("BREW", "/actions", 501),
    ],
)
def test_there_is_nothing_else(served: ControlChannel, method: str, path: str, status: int) -> None:
    answer = ask(served, method, path, headers=JSON)
    assert answer.status == status
    assert answer.error
    assert answer.headers.get("Allow") == (ROUTES[path].method if status == 405 else None)
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_head_has_no_body(served: ControlChannel) -> None:
    answered = raw(served, b"HEAD /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answered.startswith(b"HTTP/1.0 501 ")
    assert answered.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer ü"]
)
@pytest.mark.parametrize("path", [*ROUTES, "/nowhere"])
def test_without_the_token_there_is_nothing(
    guarded: ControlChannel, steering: RecordedSteering, path: str, authorization: str | None
) -> None:
    headers = JSON if authorization is None else JSON | {"Authorization": authorization}
    method = ROUTES[path].method if path in ROUTES else "GET"
    answer = ask(guarded, method, path, body=INJECT_6, headers=headers)
    assert answer.status == 401
    assert "token" in answer.error
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not steering.taken


def test_with_the_token_all_is_there(guarded: ControlChannel, steering: RecordedSteering) -> None:
    assert order(guarded, INJECT_6, Authorization=f"Bearer {TOKEN}").status == 200
    assert steering.taken == [(Disturb(6), PLANTS)]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example",
                                  "192.168.1.7", "[::2]:80", "[", "", "0.0.0.0"])  # fmt: skip
def test_a_page_that_has_its_name_point_here_is_refused(
    served: ControlChannel, steering: RecordedSteering, host: str
) -> None:
    assert "host" in ask(served, "GET", "/status", headers={"Host": host}).error
    answer = order(served, INJECT_6, Host=host)
    assert answer.status == 400
    assert not steering.taken


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "LOCALHOST:8123", "localhost", "[::1]:9", "127.0.0.2:1"]
)
def test_this_machine_has_several_names(served: ControlChannel, host: str) -> None:
    assert ask(served, "GET", "/status", headers={"Host": host}).status == 200


def test_with_a_token_other_machines_may_name_it_as_they_like(steering: RecordedSteering) -> None:
    with ControlChannel(steering, host="0.0.0.0", token=TOKEN) as served:
        assert served.url.startswith("http://127.0.0.1:")
        headers = {"Host": "plant.example", "Authorization": f"Bearer {TOKEN}"}
        assert ask(served, "GET", "/status", headers=headers).status == 200
        assert ask(served, "GET", "/status", headers={"Host": "plant.example"}).status == 401


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", None]
)
def test_what_a_form_can_send_is_refused(
    served: ControlChannel, steering: RecordedSteering, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = ask(served, "POST", "/actions", body=INJECT_6, headers=headers)
    assert answer.status == 415
    assert "application/json" in answer.error
    assert not steering.taken


def test_a_content_type_may_have_parameters(served: ControlChannel) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert ask(served, "POST", "/actions", body=INJECT_6, headers=headers).status == 200


def test_a_body_has_a_longest_length(served: ControlChannel, steering: RecordedSteering) -> None:
    body = msgspec.json.encode(INJECT_6)
    assert order(served, body.ljust(BODY_BYTES_MAX)).status == 200
    answer = order(served, body.ljust(BODY_BYTES_MAX + 1))
    assert answer.status == 413
    assert str(BODY_BYTES_MAX) in answer.error
    assert len(steering.taken) == 1


def test_who_sends_too_much_gets_to_read_the_answer(served: ControlChannel) -> None:
    request = b"POST /actions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request += b"Content-Length: 1000000\r\n\r\n" + bytes(1_000_000)
    # With so small a buffer it is still sending when it is refused.
    assert raw(served, request, send_buffer_bytes=4096).startswith(b"HTTP/1.0 413 ")


@pytest.mark.parametrize("length", ["", "some", "-1", "Content-Type: a"])
def test_a_body_without_a_length_is_refused(served: ControlChannel, length: str) -> None:
    content_length = f"Content-Length: {length}\r\n" if length else ""
    request = (
        "POST /actions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"{content_length}\r\n"
    )
    answered = raw(served, request.encode())
    assert answered.startswith(b"HTTP/1.0 400 ")
    assert b"Content-Length" in answered.partition(b"\r\n\r\n")[2]


def raw(served: ControlChannel, request: bytes, *, send_buffer_bytes: int | None = None) -> bytes:
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        if send_buffer_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        connection.sendall(request)
        with connection.makefile("rb") as file:
            return file.read()


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (TimeoutError("plant-1 after 5 s"), 504, "plant-1 after 5 s"),
        (TimeoutError(), 504, "in time"),
        (TepwatchError("the simulation has ended"), 409, "the simulation has ended"),
    ],
)
def test_what_the_simulation_cannot_do_is_told(failure: Exception, status: int, text: str) -> None:
    with ControlChannel(RecordedSteering(failure)) as served:
        for answer in (order(served, INJECT_6), ask(served, "GET", "/status")):
            assert answer.status == status
            assert answer.error.endswith(text)


def test_a_defect_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with ControlChannel(RecordedSteering(ZeroDivisionError("of all things"))) as served:
        answer = ask(served, "GET", "/status")
        assert answer.status == 500
        assert "things" not in answer.error
    assert "ZeroDivisionError: of all things" in caplog.text


def test_a_busy_port_is_named(served: ControlChannel) -> None:
    port = int(served.url.rpartition(":")[2])
    with (
        pytest.raises(StartupError, match=f"^control port {port} is in use: .*--control-port"),
        ControlChannel(RecordedSteering(), port=port),
    ):
        pass
    assert ask(served, "GET", "/status").status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.1", "plant.example"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="token") as raised:
        ControlChannel(RecordedSteering(), host=host)
    assert len(str(raised.value).splitlines()) == 1


def test_an_address_of_another_machine_is_refused() -> None:
    with (
        pytest.raises(StartupError, match=r"192\.0\.2\.1"),
        ControlChannel(RecordedSteering(), host="192.0.2.1", token=TOKEN),
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(SettingsError, match="between 0 and 65535"):
        ControlChannel(RecordedSteering(), port=port)


@pytest.mark.parametrize("token", ["", "two words", "line\n", "schlüssel"])
def test_a_token_that_cannot_be_sent_is_refused(token: str) -> None:
    with pytest.raises(SettingsError, match="token"):
        ControlChannel(RecordedSteering(), token=token)


def test_it_listens_on_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        assert error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
        pytest.skip("no IPv6 here")
    with ControlChannel(RecordedSteering(), host="::1") as served:
        assert served.url.startswith("http://[::1]:")
        assert ask(served, "GET", "/status").status == 200


class SlowSteering(RecordedSteering):
    """Acts when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.let = threading.Event()

    def act(
        self, action: Action, plants: Sequence[str] | None = None, timeout_seconds: float = 5.0
    ) -> list[Acknowledgement]:
        self.asked.set()
        assert self.let.wait(SECONDS)
        return super().act(action, plants, timeout_seconds)


def test_closing_answers_what_is_under_way_and_no_more() -> None:
    steering = SlowSteering()
    served = ControlChannel(steering)
    answers: list[Answer] = []
    with served:
        asking = threading.Thread(target=lambda: answers.append(order(served, INJECT_6)))
        asking.start()
        assert steering.asked.wait(SECONDS)
        closing = threading.Thread(target=served.__exit__)
        closing.start()
        closing.join(0.3)
        assert closing.is_alive()
        steering.let.set()
        closing.join(SECONDS)
        assert not closing.is_alive()
        asking.join(SECONDS)
    assert [answer.status for answer in answers] == [200]
    with pytest.raises(ConnectionRefusedError):
        ask(served, "GET", "/status")
    assert not [one for one in threading.enumerate() if one.name == "control"]


def test_a_silent_client_holds_nobody_up(
    served: ControlChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_requests.RequestHandler, "timeout", 0.05)
    assert raw(served, b"") == b""
    started = b"POST /actions HTTP/1.1\r\nHost: localhost\r\n"
    started += b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    assert raw(served, started).startswith(b"HTTP/1.0 408 ")
    assert ask(served, "GET", "/status").status == 200


def test_a_client_that_dawdles_is_cut_off(
    served: ControlChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "READ_SECONDS", 0.05)
    started = b"POST /actions HTTP/1.1\r\nHost: localhost\r\n"
    started += b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    began = time.monotonic()
    assert raw(served, started).startswith(b"HTTP/1.0 400 ")
    assert time.monotonic() - began < SECONDS / 2
    monkeypatch.undo()
    assert ask(served, "GET", "/status").status == 200


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "CONNECTIONS_MAX", 1)
    steering = SlowSteering()
    with ControlChannel(steering) as served:
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(order(served, INJECT_6)))
        asking.start()
        assert steering.asked.wait(SECONDS)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            ask(served, "GET", "/status")
        steering.let.set()
        asking.join(SECONDS)
        assert [answer.status for answer in answers] == [200]


def test_the_openapi_document_has_every_route_and_every_field(served: ControlChannel) -> None:
    answer = ask(served, "GET", "/openapi.json")
    assert answer.status == 200
    document: dict[str, Any] = json.loads(answer.body)
    assert document["openapi"] == "3.1.0"
    assert {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    } == {(path, route.method) for path, route in ROUTES.items()}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert "200" in operation["responses"]
            # What it says is there answers so.
            found = ask(served, method.upper(), path, body=INJECT_6, headers=JSON)
            assert found.status == 200
            assert found.headers["Content-Type"] in operation["responses"]["200"]["content"]
    schemas = document["components"]["schemas"]
    for kind in [*get_args(Action), Acknowledgement, SimulationStatus]:
        fields = set(schemas[kind.__name__]["properties"])
        tag = {"type"} if kind in get_args(Action) else set()
        assert fields == set(kind.__struct_fields__) | tag
        required = {one.name for one in msgspec.structs.fields(kind) if one.required}
        assert set(schemas[kind.__name__]["required"]) == required | tag
    body = document["paths"]["/actions"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Order"}
    assert "security" not in document
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_openapi_document_says_that_a_token_is_demanded(guarded: ControlChannel) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    document = json.loads(ask(guarded, "GET", "/openapi.json", headers=headers).body)
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert scheme == {"type": "http", "scheme": "bearer"}
    assert document["security"] == [{name: []}]


def test_a_simulation_is_found_by_its_folder(guarded: ControlChannel, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert channel_file.find(folder) is None
    channel_file.announce(folder, guarded)
    path = folder / "control.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_bytes()) == {
        "url": guarded.url, "pid": os.getpid(), "token": TOKEN
    }  # fmt: skip
    found = channel_file.find(folder)
    assert found == channel_file.Announcement(guarded.url, os.getpid(), TOKEN)
    channel_file.forget(folder)
    channel_file.forget(folder)
    assert list(folder.iterdir()) == []


def test_without_a_token_the_file_has_none(served: ControlChannel, tmp_path: Path) -> None:
    channel_file.announce(tmp_path, served)
    assert set(json.loads((tmp_path / "control.json").read_bytes())) == {"url", "pid"}


def test_a_simulation_that_has_ended_is_not_found(served: ControlChannel, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(SECONDS)
    left = msgspec.json.encode({"url": "http://127.0.0.1:1", "pid": ended.pid})
    path = tmp_path / "control.json"
    path.write_bytes(left)
    assert channel_file.find(tmp_path) is None
    channel_file.forget(tmp_path)
    assert path.read_bytes() == left  # that of another process
    channel_file.announce(tmp_path, served)
    assert channel_file.find(tmp_path) is not None


@pytest.mark.parametrize("left", [b"", b"{}", b'{"url": "http://127.0.0.1:1", "pid": -1}'])
def test_a_damaged_file_is_named(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "control.json"
    path.write_bytes(left)
    with pytest.raises(StateError, match=str(path)):
        channel_file.find(tmp_path)
