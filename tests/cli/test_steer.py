"""The commands that steer a running simulation, against a control interface without one."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cli import control_client
from cli.control_client import ControlClient
from cli.main import app
from simulator import channel_file
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
from simulator.steering import Acknowledgement, SimulationStatus
from tepwatch import settings
from tepwatch.errors import SettingsError, StateError, TepwatchError, UnreachableError
from tests.steering import PLANTS, RecordedSteering

TOKEN = "s3cret-of-the-plant"
COMMAND_SECONDS = 60
AT = "from process time 8.0005 h (seq 1234)"


@pytest.fixture
def data_dir(served: ControlChannel, tmp_path: Path) -> Iterator[str]:
    """The folder of a running simulation."""
    channel_file.announce(tmp_path, served)
    yield str(tmp_path)
    channel_file.forget(tmp_path)


def tepwatch(*arguments: str, **environment: str) -> str:
    """What a command prints; its errors are raised."""
    result = CliRunner().invoke(app, arguments, env=environment)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def refused(*arguments: str, **environment: str) -> str:
    with pytest.raises(TepwatchError) as raised:
        tepwatch(*arguments, **environment)
    text = str(raised.value)
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize(
    ("command", "action", "said"),
    [
        ("inject 6", Disturb(6), "IDV 6 on"),
        ("clear 6", Disturb(6, on=False), "IDV 6 off"),
        ("inject valve4-stuck", HoldValve(4, 61.302), "valve 4 held at 61.302 %"),
        ("clear valve4-stuck", HoldValve(4), "valve 4 auto"),
        (
            "setpoint reactor-pressure 2750",
            SetSetpoint("reactor-pressure", 2750.0),
            "reactor-pressure 2750",
        ),
        ("valve 10 45", HoldValve(10, 45.0), "valve 10 held at 45 %"),
        ("valve 10 auto", HoldValve(10), "valve 10 auto"),
        ("sensor xmeas_9 stuck", FailSensor("xmeas_9", SensorFault.STUCK), "xmeas_9 stuck"),
        (
            "sensor xmeas_9 bias -2.5",
            FailSensor("xmeas_9", SensorFault.BIAS, -2.5),
            "xmeas_9 bias -2.5",
        ),
        (
            "sensor xmeas_9 drift -1e-3",
            FailSensor("xmeas_9", SensorFault.DRIFT, -0.001),
            "xmeas_9 drift -0.001",
        ),
        ("sensor xmeas_9 ok", FailSensor("xmeas_9"), "xmeas_9 ok"),
    ],
)
def test_a_command_takes_effect_in_all_plants(
    steering: RecordedSteering, data_dir: str, command: str, action: Action, said: str
) -> None:
    lines = tepwatch(*command.split(), "--data-dir", data_dir).splitlines()
    assert lines == [f"{plant}: {said} {AT}" for plant in PLANTS]
    assert steering.taken == [(action, PLANTS)]


def test_a_restart_names_the_new_run(steering: RecordedSteering, data_dir: str) -> None:
    said = tepwatch("restart", "--plant", "plant-2", "--data-dir", data_dir)
    assert said == f"plant-2: restarted as run plant-2-run {AT}\n"
    assert steering.taken == [(Restart(), ("plant-2",))]


def test_a_command_goes_to_the_plants_named(steering: RecordedSteering, data_dir: str) -> None:
    both = ["--plant", "plant-2", "--plant", "plant-1"]
    tepwatch("inject", "6", *both, "--data-dir", data_dir)
    assert steering.taken == [(Disturb(6), ("plant-2", "plant-1"))]


def test_json_is_a_line_a_plant(data_dir: str) -> None:
    lines = tepwatch("inject", "6", "--json", "--data-dir", data_dir).splitlines()
    assert [msgspec.json.decode(line, type=Acknowledgement) for line in lines] == [
        Acknowledgement(plant, 8.0005, f"{plant}-run", 1234) for plant in PLANTS
    ]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("inject 21", ["idv", "1 and 20", "21"]),
        ("inject -3", ["idv", "1 to 20", "-3"]),
        ("inject six", ["idv", "'six'", "1 to 20", "valve4-stuck"]),
        ("setpoint nothing 1", ["setpoint", "'nothing'", "reactor-pressure"]),
        ("setpoint reactor-pressure 9000", ["reactor-pressure", "2000 and 2995 kPa", "9000"]),
        ("setpoint reactor-pressure -1", ["reactor-pressure", "2000 and 2995 kPa", "-1"]),
        ("setpoint reactor-pressure high", ["reactor-pressure", "'high'"]),
        ("valve 13 45", ["valve", "1 and 12", "13"]),
        ("valve ten 45", ["valve", "'ten'", "1 to 12"]),
        ("valve 10 101", ["valve 10", "0 and 100", "101"]),
        ("valve 10 open", ["valve 10", "'open'", "0 to 100", "auto"]),
        ("valve 10 nan", ["valve 10", "'nan'", "0 to 100", "auto"]),
        ("sensor xmeas_42 stuck", ["sensor", "xmeas_42", "xmeas_41"]),
        ("sensor xmeas_9 worn", ["sensor xmeas_9", "'worn'", "stuck", "ok"]),
        ("sensor xmeas_9 bias", ["sensor xmeas_9", "amount", "°C"]),
        ("sensor xmeas_9 bias inf", ["sensor xmeas_9", "amount", "'inf'"]),
        ("inject 6 --plant plant-9", ["plant", "'plant-9'", "plant-1, plant-2"]),
        ("status --plant plant-9", ["plant", "'plant-9'", "plant-1, plant-2"]),
    ],
)
def test_bad_input_is_one_line_with_the_field_and_what_is_allowed(
    steering: RecordedSteering, data_dir: str, command: str, named: Sequence[str]
) -> None:
    text = refused(*command.split(), "--data-dir", data_dir)
    assert [word for word in named if word not in text] == [], text
    assert not steering.taken


def test_an_unknown_option_is_no_value(steering: RecordedSteering, data_dir: str) -> None:
    with pytest.raises(SystemExit) as raised:
        tepwatch("inject", "6", "--plnt", "plant-1", "--data-dir", data_dir)
    assert raised.value.code == 2
    assert not steering.taken


def test_status_is_a_table(data_dir: str) -> None:
    first, second = (
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in tepwatch("status", "--data-dir", data_dir).splitlines()
        if "plant-" in line
    )
    assert first == [
        "plant-1", "run-a", "8.0005", "running", "IDV 6, IDV 13", "reactor-pressure 2750",
        "4: 61.302 %", "xmeas_9 bias", "1234",
    ]  # fmt: skip
    assert second[:4] == ["plant-2", "run-b", "3.5000", "shut down: reactor pressure high"]
    assert second[4:] == ["", "", "", "", "99"]
    last = tepwatch("status", "--data-dir", data_dir).splitlines()[-1]
    assert last == "control ricker, 59.94 times as fast as the clock, 1.2 s slipped"


def test_status_of_one_plant(data_dir: str) -> None:
    table = tepwatch("status", "--plant", "plant-2", "--data-dir", data_dir)
    assert "plant-2" in table
    assert "plant-1" not in table


def test_status_is_json_on_request(steering: RecordedSteering, data_dir: str) -> None:
    printed = tepwatch("status", "--json", "--data-dir", data_dir)
    assert msgspec.json.decode(printed, type=SimulationStatus) == steering.status()
    one = json.loads(tepwatch("status", "--json", "--plant", "plant-2", "--data-dir", data_dir))
    assert [plant["plant"] for plant in one["plants"]] == ["plant-2"]


def test_the_address_may_be_given(
    served: ControlChannel, steering: RecordedSteering, tmp_path: Path
) -> None:
    tepwatch("inject", "6", "--control", f"{served.url}/", "--data-dir", str(tmp_path))
    tepwatch("clear", "6", TEPWATCH_CONTROL_URL=served.url)
    assert [action for action, _ in steering.taken] == [Disturb(6), Disturb(6, on=False)]


def test_a_proxy_is_not_asked(served: ControlChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert ControlClient(served.url).status().control == "ricker"


def test_a_token_is_told_by_option_environment_or_file(
    steering: RecordedSteering, tmp_path: Path
) -> None:
    with ControlChannel(steering, token=TOKEN) as served:
        address = ["--control", served.url]
        text = refused("status", *address)
        assert "--token" in text
        assert "TEPWATCH_CONTROL_TOKEN" in text
        assert "--token" in refused("status", *address, "--token", "another")
        assert "token" in refused("status", *address, "--token", "line\nbreak")
        assert "plant-1" in tepwatch("status", *address, "--token", TOKEN)
        assert "plant-1" in tepwatch("status", *address, TEPWATCH_CONTROL_TOKEN=TOKEN)
        channel_file.announce(tmp_path, served)
        assert "plant-1" in tepwatch("status", "--data-dir", str(tmp_path))
        # The file's token is for the file's address.
        assert "--token" in refused("status", *address, "--data-dir", str(tmp_path))


def test_the_settings_pass_the_commands_variables_over() -> None:
    environment = {"TEPWATCH_CONTROL_URL": "http://127.0.0.1:1", "TEPWATCH_CONTROL_TOKEN": TOKEN}
    assert settings.load(environment=environment) == settings.Settings()


def test_without_a_simulation_it_says_how_to_start_one(tmp_path: Path) -> None:
    text = refused("inject", "6", "--data-dir", str(tmp_path))
    assert all(part in text for part in (str(tmp_path), "tepwatch simulate", "--control"))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "control.json").write_bytes(b"{")
    with pytest.raises(StateError, match=r"control\.json"):
        tepwatch("status", "--data-dir", str(tmp_path))


def test_an_address_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    text = refused("status", "--control", f"http://127.0.0.1:{port}")
    assert f"nothing answers at http://127.0.0.1:{port}" in text
    assert "tepwatch simulate" in text


@pytest.mark.parametrize("address", ["nonsense", "ftp://host", "http://", "http://h:x", "http://["])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(SettingsError) as raised:
        ControlClient(address)
    assert address in str(raised.value)


def test_an_answer_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_client, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ControlClient(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UnreachableError, match=r"no answer within 0\.05 s"):
            client.status()


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some other server: sends elsewhere, or says something."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved/status":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
        else:
            self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    Stranger.asked = []
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "status"), [("", "200"), ("/moved", "302")])
def test_another_server_is_no_control_interface(stranger: str, path: str, status: str) -> None:
    text = refused("status", "--control", stranger + path, "--token", TOKEN)
    assert "no tepwatch control interface" in text
    assert status in text
    assert Stranger.asked == [f"{path}/status"]


@pytest.mark.parametrize(
    "command", ["inject", "clear", "setpoint", "valve", "sensor", "restart", "status"]
)
def test_every_command_explains_itself(command: str) -> None:
    explained = tepwatch(command, "--help", COLUMNS="120")
    for option in ("--plant", "--control", "--token", "--data-dir", "--json"):
        assert option in explained


def test_an_error_is_one_line_and_an_exit_status(tmp_path: Path) -> None:
    answer = subprocess.run(
        [str(Path(sys.executable).with_name("tepwatch")), "valve", "10", "nan",
         "--data-dir", str(tmp_path)],
        capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == [
        "tepwatch: valve 10: 'nan' is not a number from 0 to 100 or auto"
    ]
