from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cli import benchmark_naming
from cli.main import app
from cli.normal import Control
from cli.provision import provision
from detection import artefact
from detection.forest import FloatArray
from detection.tracker import Tracker
from localaws.server import LocalAws
from simulator.outputs import FileOutput
from simulator.strategies import RICKER
from sinks.registry import make_sinks
from studies import normal_operation
from studies.faults import FaultRun, from_file
from studies.normal_operation import Cadence
from tepwatch.errors import BaselineError, InputFileError, TepwatchError
from tepwatch.records import Reading
from tepwatch.schema import reading_row
from tepwatch.settings import Settings
from tests.detection.test_baseline import COLUMNS, plant
from tests.detection.test_monitor import plant as about_base
from tests.detection.test_monitor import readings


def learn(*options: str | Path) -> Result:
    return CliRunner().invoke(app, ["learn", *map(str, options)])


def test_simulated_normal_operation_is_learned_the_same_way_twice(tmp_path: Path) -> None:
    one, two = tmp_path / "one.baseline", tmp_path / "two.baseline"
    for out in (one, two):
        answer = learn(out, "--simulate", "10d", "--control", "ricker")
        assert answer.exit_code == 0, answer.output
        assert "left out, it stands at 100: xmv_12, Agitator speed" in answer.output
    assert one.read_bytes() == two.read_bytes()
    baseline, origin = artefact.from_bytes(one.read_bytes())
    assert (origin.source, origin.control, origin.tick_seconds) == ("10d simulated", "ricker", 180)
    (fresh,) = normal_operation.simulate(RICKER, 2, 333)
    p_values = Tracker(baseline).advance(fresh).p_values
    assert np.nanmean(p_values < 0.01) < 0.05


def test_a_file_is_learned(tmp_path: Path) -> None:
    runs = normal_operation.simulate(RICKER, 2, 5)
    np.savez(tmp_path / "plant.npz", run=runs[0][:, :41])
    out = tmp_path / "out.baseline"
    answer = learn(out, "--normal", tmp_path / "plant.npz", "--row-seconds", "180")
    assert answer.exit_code == 0, answer.output
    baseline, origin = artefact.from_bytes(out.read_bytes())
    assert (origin.source, origin.control) == ("plant.npz", "")
    assert not any(tag.startswith("xmv") for tag in baseline.channels.tags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up normal operation, with an hour that is not, and runs of two faults and none."""
    folder = tmp_path_factory.mktemp("learn")
    normal = {f"week_{seed}": plant(500, seed) for seed in range(5)}
    normal["week_2"][140:150, COLUMNS["xmeas_7"]] += 8.0
    np.savez(folder / "normal.npz", **normal)
    labelled = {}
    for seed in range(4):
        for fault, tag in {0: "xmeas_2", 6: "xmeas_1", 11: "xmeas_15"}.items():
            run = plant(130, 10 * fault + seed)
            run[60:, COLUMNS[tag]] += 9.0
            labelled[f"plant_{'abcd'[seed]}_{fault:02d}"] = run
    np.savez(folder / "faults.npz", other_04=np.ones((9, 53)), **labelled)
    return folder


def test_a_recording_is_reviewed_and_faults_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = folder / "named.baseline", folder / "report.json"
    answer = learn(
        out, "--normal", folder / "normal.npz", "--faults", folder / "faults.npz",
        "--fault-at", "60", "--fault-prefix", "plant",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "looks abnormal: week_2, hours 7." in answer.output
    assert "names learned from 8 runs of 2 faults, detected in 8" in answer.output
    baseline, origin = artefact.from_bytes(out.read_bytes())
    assert origin.faults == "faults.npz"
    assert baseline.namer is not None
    assert baseline.namer.windows == [10, 20, 60]

    def simulated(
        _control: Control, runs: int, _seed: int, _columns: int, cadence: Cadence
    ) -> list[FaultRun]:
        assert (runs, cadence) == (3, (180.0, 1))
        return from_file(folder / "faults.npz", 60, "plant").runs

    monkeypatch.setattr(benchmark_naming, "simulated", simulated)
    options = [str(out), "--fault-runs", "3", "--json", str(report)]
    answer = CliRunner().invoke(app, ["benchmark", "naming", *options])
    assert answer.exit_code == 0, answer.output
    assert "IDV 6, A feed loss" in answer.output
    judged = msgspec.json.decode(report.read_bytes())["judged"]
    assert [(each["ticks"], each["top1"]) for each in judged["naming"]] == [
        (10, 100.0), (20, 100.0), (60, 100.0)
    ]  # fmt: skip
    assert {each["fault"] for each in judged["runs"]} == {6, 11}


def test_a_file_that_names_nothing_is_said(folder: Path) -> None:
    out = folder / "nameless.baseline"
    np.savez(folder / "short.npz", **{f"run_{seed}": plant(150, seed) for seed in range(5)})
    assert learn(out, "--normal", folder / "short.npz").exit_code == 0
    answer = CliRunner().invoke(app, ["benchmark", "naming", str(out)])
    assert isinstance(answer.exception, InputFileError)
    assert "learned without --faults" in str(answer.exception)


def test_faults_of_fewer_columns_are_refused(folder: Path) -> None:
    np.savez(folder / "narrow.npz", fault_1=np.ones((200, 41)))
    answer = learn(
        folder / "out", "--normal", folder / "normal.npz", "--faults", folder / "narrow.npz"
    )
    assert isinstance(answer.exception, InputFileError)
    assert "fault 1 has no values of xmv_1, xmv_2, " in str(answer.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--simulate", "7d"], "even number"),
        (["--simulate", "a month"], "a month: days are given as 28d"),
        (["--normal", "nowhere.npz"], "nowhere.npz"),
        (["--faults", "nowhere.npz"], "neither `simulated` nor a file"),
        (["--record-seconds", "50"], "--record-seconds 50 does not divide a tick of 180 s"),
        (["--record-seconds", "1"], "at least the integration step of 1.8 s"),
        (["--tick-seconds", "100"], "is not made of integration steps"),
        (["--query", " "], "--query is empty"),
    ],
)
def test_what_cannot_be_learned_from_is_named(
    tmp_path: Path, options: list[str], said: str
) -> None:
    answer = learn(tmp_path / "out", *options)
    assert isinstance(answer.exception, TepwatchError)
    assert said in str(answer.exception)
    assert not (tmp_path / "out").exists()


def test_normal_operation_has_one_source(tmp_path: Path) -> None:
    answer = learn(tmp_path / "out", "--normal", "x.npz", "--simulate", "28d")
    assert answer.exit_code == 2
    assert "--simulate and --normal" in answer.output
    answer = learn(tmp_path / "out", "--normal", "x.npz", "--record-seconds", "60")
    assert answer.exit_code == 2


def test_a_folder_that_is_not_there_is_said_before_anything_is_learned(tmp_path: Path) -> None:
    answer = learn(tmp_path / "none" / "out")
    assert isinstance(answer.exception, InputFileError)
    assert "its folder does not exist" in str(answer.exception)
    assert "simulating" not in answer.output


def test_several_simulated_readings_a_tick(tmp_path: Path) -> None:
    out = tmp_path / "out.baseline"
    answer = learn(out, "--simulate", "10d", "--record-seconds", "60")
    assert answer.exit_code == 0, answer.output
    baseline, origin = artefact.from_bytes(out.read_bytes())
    assert (origin.readings, origin.phase, origin.tick_seconds) == (3.0, 0.0, 180.0)
    assert "xmeas_1.mean" in baseline.channels.tags


@pytest.fixture(scope="module")
def stream() -> list[Reading]:
    """Made-up normal operation of two plants, three readings a tick."""
    began_ms = time.time_ns() // 1_000_000_000 * 1000 - 5 * 86_400_000
    return [
        msgspec.structs.replace(item, plant=name, time_ms=began_ms + number * 60_000)
        for name, seed in (("plant-1", 1), ("plant-2", 2))
        for number, item in enumerate(readings(varied(900, seed), seconds=60.0))
    ]


def varied(rows: int, seed: int) -> FloatArray:
    """As `about_base`, with a little of its own in each of three rows."""
    values = np.repeat(about_base(rows // 3, seed), 3, axis=0)
    return values * (1.0 + 1e-3 * np.random.default_rng(seed).normal(size=values.shape))


def test_a_recorded_stream_and_what_is_stored_of_it_teach_the_same(
    stream: list[Reading], tmp_path: Path, local_aws: LocalAws
) -> None:
    recording, by_file, by_query = (tmp_path / name for name in ("s.jsonl", "file", "query"))
    output = FileOutput(recording)
    output.write(stream)
    output.close()
    answer = learn(by_file, "--normal", recording)
    assert answer.exit_code == 0, answer.output
    assert "readings: 1800, of a tick 3; ticks: 600" in answer.output
    settings = Settings(
        endpoint_url=local_aws.endpoint_url, sinks="timestream,memory", timestream_database="learn"
    )
    provision(settings)
    sink = make_sinks(settings)[0]
    sink.open()
    assert not sink.write([reading_row(item, late=False) for item in stream]).failed
    sink.close()
    statement = 'SELECT * FROM "learn"."readings" WHERE time > ago(7d)'
    answer = learn(by_query, "--query", statement, "--endpoint", local_aws.endpoint_url)
    assert answer.exit_code == 0, answer.output
    found, origin = artefact.from_bytes(by_query.read_bytes())
    assert (origin.source, origin.readings, origin.phase) == (statement, 3.0, 0.0)
    same = artefact.to_bytes(found, msgspec.structs.replace(origin, source="s.jsonl"))
    assert same == by_file.read_bytes()


def test_parts_that_disagree_are_refused_with_run_and_hours(tmp_path: Path) -> None:
    runs = {f"week_{seed}": np.repeat(plant(200, seed), 3, axis=0) for seed in range(5)}
    for seed, run in enumerate(runs.values()):
        run += np.random.default_rng(seed).normal(scale=0.1, size=run.shape)
    runs["week_3"][:, COLUMNS["xmeas_7"]] += 6.0
    np.savez(tmp_path / "runs.npz", **runs)
    answer = learn(tmp_path / "out", "--normal", tmp_path / "runs.npz", "--row-seconds", "60")
    assert isinstance(answer.exception, BaselineError)
    # 600 rows of a minute.
    assert re.search(r"disagree.*; look at week_3, hours \d\.\d to 10\.0", str(answer.exception))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("seconds", "offset", "said"),
    [
        (45.0, 0.0, "unlike s.jsonl: 1 readings a tick, learned from 4"),
        (180.0, -60.0, "0.00 of a tick before its end, 0.33 when it was learned"),
    ],
)
def test_faults_that_are_unlike_normal_operation_are_refused(
    folder: Path, seconds: float, offset: float, said: str
) -> None:
    items = readings(about_base(round(450 * 180 / seconds), 3), seconds=seconds)
    output = FileOutput(folder / "s.jsonl")
    for number, item in enumerate(items, 1):
        hours = (number * seconds + offset) / 3600
        output.write([msgspec.structs.replace(item, process_hours=hours)])
    output.close()
    simulated = ["simulated"] if offset else []
    for source in (str(folder / "faults.npz"), *simulated):
        answer = learn(
            folder / "out", "--normal", folder / "s.jsonl", "--faults", source,
            "--fault-prefix", "plant",
        )  # fmt: skip
        assert isinstance(answer.exception, InputFileError)
        assert said in str(answer.exception)
