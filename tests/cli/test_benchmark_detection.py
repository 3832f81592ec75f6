from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator.published import TEST, simulate
from simulator.strategies import BENCHMARK_PI
from studies import normal_operation
from tepwatch.errors import InputFileError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two test series, six days to learn from and two to be judged by, all simulated."""
    folder = tmp_path_factory.mktemp("detection")
    series = normal_operation.rounded(simulate(TEST, [0, 6]))
    np.savez(folder / "data.npz", test_00=series[:, 0], test_06=series[:, 1], test_01=series[:, 0])
    for name, days, seed in (("learn", 6, 21), ("fresh", 2, 91)):
        runs = normal_operation.simulate(BENCHMARK_PI, days, seed)
        np.savez(folder / f"{name}.npz", **{f"run_{n}": run for n, run in enumerate(runs)})
    return folder


def test_faults_are_detected_from_files(folder: Path) -> None:
    answer = CliRunner().invoke(
        app,
        [
            "benchmark", "detection", "--data", str(folder / "data.npz"),
            "--baseline", str(folder / "learn.npz"), "--normal", str(folder / "fresh.npz"),
            "--fault-runs", "1", "--json", str(folder / "report.json"),
            "--plots", str(folder / "plots"),
        ],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    report = msgspec.json.decode((folder / "report.json").read_bytes())
    assert report["baseline_ticks"] == 2880
    assert report["fresh_ticks"] == 960
    assert report["columns"] == 52
    assert report["tick_seconds"] == 180
    assert set(report["methods"]) == {"tepwatch", "reference", "pca", "dpca", "cva"}
    ours = report["methods"]["tepwatch"]
    by_fault = {each["fault"]: each for each in ours["faults"]}
    assert by_fault[6]["fdr"] > 99
    assert by_fault[6]["delay"] <= 3
    # The series that is called the first fault's has none.
    assert by_fault[1]["fdr"] < 5
    assert ours["far_test00"] < 5
    assert ours["missed"] == 1
    assert report["methods"]["pca"]["naming"] is None
    for named in ours["naming"]:
        assert {each["fault"]: each["rank"] for each in named["ranks"]} == {1: None, 6: 1}
        assert (named["top1"], named["top3"]) == (50, 50)
    plots = folder / "plots"
    assert {file.name for file in plots.iterdir()} == {"report.md", "idv_01.png", "idv_06.png"}
    text = (plots / "report.md").read_text(encoding="utf-8")
    assert "most like IDV 6, A feed loss" in text
    assert f"{by_fault[6]['delay']} sample" in text


def test_measurements_alone_can_be_asked_for(folder: Path) -> None:
    answer = CliRunner().invoke(
        app,
        [
            "benchmark", "detection", "--data", str(folder / "data.npz"), "--measurements-only",
            "--baseline", str(folder / "learn.npz"), "--normal", str(folder / "fresh.npz"),
            "--fault-runs", "1", "--json", str(folder / "measurements.json"),
        ],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    report = msgspec.json.decode((folder / "measurements.json").read_bytes())
    assert report["columns"] == 41
    faults = report["methods"]["tepwatch"]["faults"]
    assert next(each for each in faults if each["fault"] == 6)["fdr"] > 99


def test_what_is_missing_is_named(folder: Path) -> None:
    def run(*options: str) -> object:
        return CliRunner().invoke(app, ["benchmark", "detection", *options]).exception

    nothing = run("--data", str(folder / "learn.npz"))
    assert isinstance(nothing, InputFileError)
    assert "learn.npz" in str(nothing)
    no_baseline = run("--data", str(folder / "data.npz"), "--baseline", "a month")
    assert isinstance(no_baseline, InputFileError)
    assert "a month" in str(no_baseline)
