from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from detection import artefact
from detection.tracker import Tracker
from simulator.strategies import RICKER
from studies import normal_operation
from tepwatch.errors import InputFileError


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


@pytest.mark.parametrize(("what", "said"), [("7d", "even number"), ("nowhere.npz", "nowhere.npz")])
def test_what_cannot_be_learned_from_is_named(tmp_path: Path, what: str, said: str) -> None:
    answer = learn(tmp_path / "out", "--normal", what)
    assert isinstance(answer.exception, InputFileError)
    assert said in str(answer.exception)
    assert not (tmp_path / "out").exists()
