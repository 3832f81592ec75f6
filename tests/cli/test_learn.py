from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cli import benchmark_naming
from cli.main import app
from cli.normal import Control
from detection import artefact
from detection.tracker import Tracker
from simulator.strategies import RICKER
from studies import normal_operation
from studies.faults import FaultRun, from_file
from tepwatch.errors import InputFileError
from tests.detection.test_baseline import COLUMNS, plant


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

    def simulated(_control: Control, runs: int, _seed: int, _columns: int) -> list[FaultRun]:
        assert runs == 3
        return from_file(folder / "faults.npz", 60, "plant")

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
    assert "41 columns, normal operation has 53" in str(answer.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--simulate", "7d"], "even number"),
        (["--simulate", "a month"], "a month: days are given as 28d"),
        (["--normal", "nowhere.npz"], "nowhere.npz"),
        (["--faults", "nowhere.npz"], "neither `simulated` nor a file"),
        (["--normal", "x.npz", "--row-seconds", "60", "--faults", "simulated"], "each 60 s"),
    ],
)
def test_what_cannot_be_learned_from_is_named(
    tmp_path: Path, options: list[str], said: str
) -> None:
    answer = learn(tmp_path / "out", *options)
    assert isinstance(answer.exception, InputFileError)
    assert said in str(answer.exception)
    assert not (tmp_path / "out").exists()


def test_normal_operation_is_simulated_or_recorded(tmp_path: Path) -> None:
    answer = learn(tmp_path / "out", "--normal", "x.npz", "--simulate", "28d")
    assert answer.exit_code == 2
