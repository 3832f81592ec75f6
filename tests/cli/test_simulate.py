"""`tepwatch simulate` as a user meets it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aws.kinesis import KinesisClient
from localaws.server import LocalAws
from simulator.recordings import load
from tepwatch.records import EventKind, PlantEvent, Reading
from tests.cli.test_commands import TEPWATCH, one_line_error, tepwatch
from tests.plants import GOLDEN


def test_the_published_layout_with_the_published_numbers(tmp_path: Path) -> None:
    out = tmp_path / "fault-6.npz"
    answer = tepwatch(
        "simulate", "--control", "pi", "--seed", "6678322168", "--idv", "6@8h", "--hours", "12",
        "--every", "180s", "--columns", "52", "--format", "npz", "--out", str(out),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "241 records sent, 240 of them readings" in answer.stderr
    with np.load(GOLDEN / "plant_pi.npz") as d, np.load(out) as found:
        case = list(d["idv"]).index(6)
        rows = d["rows"][d["rows"] < 240]
        assert found["y"].shape == (240, 52)
        np.testing.assert_allclose(
            found["y"][rows], d["y"][case][: len(rows), :52], rtol=1e-9, atol=1e-9
        )


def test_a_scenario_is_recorded_and_repeated(tmp_path: Path) -> None:
    scenario = tmp_path / "day.toml"
    scenario.write_text(
        '[[disturbance]]\nidv = 4\nat = "1h"\nplant = "b"\n'
        '[[setpoint]]\nname = "reactor-level"\nvalue = 70\nat = "0.5h"\n'
        '[[sensor]]\ntag = "xmeas_9"\nfault = "missing"\nat = "1h"\nuntil = "2h"\n'
    )
    runs = []
    for name, given in (("first", scenario), ("second", tmp_path / "first.toml")):
        answer = tepwatch(
            "simulate", "--plant", "a", "--plant", "b", "--hours", "3",
            "--start-time", "2026-01-01", "--scenario", str(given),
            "--record-scenario", str(tmp_path / f"{name}.toml"),
            "--out", str(tmp_path / f"{name}.ndjson"),
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        lines = (tmp_path / f"{name}.ndjson").read_bytes().splitlines()
        runs.append([{**msgspec.json.decode(line), "run": ""} for line in lines])
    assert runs[0] == runs[1]
    assert [line["event"] for line in runs[0] if "event" in line] == [
        "setpoint", "setpoint", "disturbance", "sensor_fault", "sensor_fault", "sensor_fault",
        "sensor_fault",
    ]  # fmt: skip
    assert len([line for line in runs[0] if line.get("xmeas_1") and "xmeas_9" not in line]) == 40


@pytest.mark.parametrize("name", ["run.csv", "run.npz", "run.jsonl"])
def test_what_is_written_is_read_with_its_times(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    answer = tepwatch("simulate", "--hours", "0.1", "--every", "60s", "--out", str(out))
    assert answer.returncode == 0, answer.stderr
    recording = load(out)
    # Steps are 1.8 s: readings are at the nearest ones.
    seconds = [hours * 3600 for hours in recording.hours or ()]
    assert seconds == pytest.approx([59.4, 120.6, 180.0, 239.4, 300.6, 360.0])
    evaluated = tepwatch("evaluate", str(out))
    assert evaluated.returncode == 0, evaluated.stderr
    assert "2 ticks: 2 learning" in evaluated.stdout


def test_a_state_is_saved_and_gone_on_with(tmp_path: Path) -> None:
    state, whole = tmp_path / "plant.state", tmp_path / "whole.npz"
    assert tepwatch("simulate", "--hours", "2", "--out", str(whole)).returncode == 0
    for number, options in (("1", ["--save", str(state)]), ("2", ["--load", str(state)])):
        out = str(tmp_path / f"part-{number}.npz")
        answer = tepwatch("simulate", "--hours", "1", "--out", out, *options)
        assert answer.returncode == 0, answer.stderr
    with np.load(whole) as expected:
        parts = [np.load(tmp_path / f"part-{number}.npz")["y"] for number in (1, 2)]
        np.testing.assert_array_equal(np.concatenate(parts), expected["y"])
    damaged = tmp_path / "damaged.state"
    damaged.write_bytes(state.read_bytes()[:-1])
    answer = tepwatch("simulate", "--load", str(damaged), "--out", str(whole))
    assert f"--load {damaged}" in one_line_error(answer)
    answer = tepwatch("simulate", "--plants", "2", "--load", str(state), "--out", str(whole))
    assert "holds 1 plants" in one_line_error(answer)


def test_a_shutdown_is_said_and_the_plant_begins_again(tmp_path: Path) -> None:
    out = tmp_path / "run.ndjson"
    answer = tepwatch(
        "simulate", "--hours", "9", "--idv", "6", "--on-shutdown", "restart", "--out", str(out)
    )
    assert "plant-1 was shut down at 7.1 h: stripper liquid below 1 m³" in answer.stderr
    items = load(out).items
    kinds = [item.event for item in items if isinstance(item, PlantEvent)]
    assert kinds == [EventKind.DISTURBANCE, EventKind.SHUTDOWN, EventKind.RESTART]
    assert sum(isinstance(item, Reading) for item in items) == 180


def test_a_live_simulation_into_kinesis_is_steered_and_ends_in_order(
    tmp_path: Path, local_aws: LocalAws, stream_name: str
) -> None:
    client = KinesisClient(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    client.create_stream(stream_name, 1)
    data = ["--data-dir", str(tmp_path)]
    process = subprocess.Popen(
        [TEPWATCH, "simulate", "--plants", "3", "--rate", "20", "--endpoint",
         local_aws.endpoint_url, "--stream", stream_name, *data],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while "steered at" not in process.stderr.readline():
            assert process.poll() is None
        injected = tepwatch("inject", "6", "--plant", "plant-2", *data)
        assert "plant-2: IDV 6 on from process time" in injected.stdout
        refused = tepwatch("setpoint", "reactor-pressure", "9999", *data)
        assert "between 2000 and 2995" in one_line_error(refused)
        status = msgspec.json.decode(tepwatch("status", "--json", *data).stdout)
        assert [plant["disturbances"] for plant in status["plants"]] == [[], [6], []]
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    sent = int(said.strip().splitlines()[-1].split()[0])
    assert local_aws.counters()[stream_name]["records"] == sent > 3
    assert "no simulation runs" in one_line_error(tepwatch("status", *data))
    client.close()


def test_the_revision_of_2015_has_more_disturbances(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "run.csv"), "--hours", "0.2"]
    refused = tepwatch("simulate", "--idv", "24", *out)
    assert "idv is between 1 and 20, not 24" in one_line_error(refused)
    answer = tepwatch("simulate", "--revision", "2015", "--idv", "24", *out)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--idv", "33"], "idv"),
        (["--idv", "6@8"], "is not a time since the start"),
        (["--idv", "plant-7:6"], "plant-7"),
        (["--every", "1s"], "integration step of 1.8 s"),
        (["--control", "pi", "--step", "2"], "divides 3 s"),
        (["--seed", "0"], "--seed"),
        (["--columns", "50"], "--columns is one of 53, 52, 41, not 50"),
        (["--to", "file"], "--to file needs --out FILE"),
        (["--plant", "a", "--plant", "a"], "--plant a is given twice"),
        (["--load", "nowhere.state"], "--load nowhere.state"),
        (["--scenario", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_options_are_one_line(tmp_path: Path, options: list[str], text: str) -> None:
    out = [] if "--to" in options else ["--out", str(tmp_path / "run.npz")]
    answer = tepwatch("simulate", "--hours", "0.1", *out, *options)
    assert text in one_line_error(answer)


def test_a_file_of_an_unknown_kind(tmp_path: Path) -> None:
    answer = tepwatch("simulate", "--hours", "0.1", "--out", str(tmp_path / "run.xlsx"))
    assert "say --format, one of npz, csv, ndjson" in one_line_error(answer)


def test_benchmark_plant_prints_its_table(tmp_path: Path) -> None:
    with np.load(GOLDEN / "plant_pi.npz") as d:
        case = list(d["idv"]).index(4)
        np.savez(tmp_path / "published.npz", test_04=d["y"][case][:, :52])
    answer = tepwatch("benchmark", "plant", "--data", str(tmp_path / "published.npz"))
    assert answer.returncode == 0, answer.stderr
    assert "test_04" in answer.stdout
    refused = tepwatch("benchmark", "plant", "--data", str(tmp_path))
    assert "holds no series" in one_line_error(refused)
