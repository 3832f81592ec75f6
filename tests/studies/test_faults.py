from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from studies import faults
from studies.faults import FAULTS, FaultRun
from tepwatch.errors import InputFileError
from tepwatch.tags import TAGS

VALVE_4 = list(TAGS).index("xmv_4")
SEPARATOR_TEMPERATURE = list(TAGS).index("xmeas_11")


def test_the_faults_are_the_papers_and_the_valve_of_the_benchmark() -> None:
    assert FAULTS == tuple(range(1, 22))


@pytest.mark.parametrize("strategy", [BENCHMARK_PI, RICKER], ids=lambda each: each.name)
def test_runs_have_their_fault_from_where_they_say(strategy: Strategy) -> None:
    held, stuck, none = faults.simulate(strategy, [21, 5, 16], 71)
    assert [held.fault, stuck.fault, none.fault] == [21, 5, 16]
    assert all(80 <= run.fault_at < 160 for run in (held, stuck))
    assert held.fault_at != stuck.fault_at
    valve = held.ticks[:, VALVE_4]
    assert (valve[held.fault_at :] == 61.302).all()
    assert np.ptp(valve[: held.fault_at]) > 0.1
    (other,) = faults.simulate(strategy, [4], 71)
    before = slice(min(held.fault_at, other.fault_at))
    np.testing.assert_array_equal(other.ticks[before], held.ticks[before])
    assert len(stuck.ticks) == len(other.ticks) == 600


def test_a_run_ends_where_the_plant_shuts_down() -> None:
    (lost,) = faults.simulate(RICKER, [6], 5)
    assert lost.fault_at + 60 < len(lost.ticks) < 600
    assert np.ptp(lost.ticks[-5:, SEPARATOR_TEMPERATURE]) > 0


def test_fleets_follow_each_other_with_seeds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def simulate(
        _strategy: Strategy, numbers: tuple[int, ...], first_seed: int, *, readings: int
    ) -> list[FaultRun]:
        assert readings == 1
        asked.append((len(numbers), first_seed))
        return [FaultRun(number, np.zeros((1, 53)), 0) for number in numbers]

    monkeypatch.setattr(faults, "simulate", simulate)
    said: list[str] = []
    runs = list(faults.simulated(RICKER, 6, 1000, said.append))
    assert asked == [(84, 1000), (42, 1084)]
    assert [run.fault for run in runs].count(21) == 6
    assert len(said) == 2


def test_runs_of_a_file_are_of_the_fault_at_the_end_of_their_name(tmp_path: Path) -> None:
    path = tmp_path / "runs.npz"
    runs = {name: np.ones((7, 52)) for name in ("train_00", "train_06", "test_13", "y")}
    np.savez(path, train_7=np.ones((7, 9)), **runs)
    found = faults.from_file(path, 3)
    assert [(run.fault, run.fault_at) for run in found] == [(6, 3), (13, 3)]
    assert [run.fault for run in faults.from_file(path, 3, "test_")] == [13]
    with pytest.raises(InputFileError, match=r"runs\.npz holds no run of a fault.*'valid_'"):
        faults.from_file(path, 3, "valid_")
