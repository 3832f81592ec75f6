from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from studies import faults
from studies.faults import FAULTS, FaultRun
from studies.normal_operation import Cadence
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
        _strategy: Strategy, numbers: tuple[int, ...], first_seed: int, *, cadence: Cadence
    ) -> list[FaultRun]:
        assert cadence == (60.0, 3)
        asked.append((len(numbers), first_seed))
        return [FaultRun(number, np.zeros((1, 53)), 0) for number in numbers]

    monkeypatch.setattr(faults, "simulate", simulate)
    said: list[str] = []
    runs = list(faults.simulated(RICKER, 6, 1000, said.append, cadence=Cadence(60.0, 3)))
    assert asked == [(84, 1000), (42, 1084)]
    assert [run.fault for run in runs].count(21) == 6
    assert len(said) == 2


def test_runs_of_a_file_are_of_the_fault_at_the_end_of_their_name(tmp_path: Path) -> None:
    path = tmp_path / "runs.npz"
    runs = {name: np.ones((7, 52)) for name in ("train_00", "train_06", "test_13", "y")}
    np.savez(path, train_7=np.ones((7, 9)), **runs)
    found = faults.from_file(path, 3)
    assert [(run.fault, run.fault_at) for run in found.runs] == [(6, 3), (13, 3)]
    assert [run.ticks.shape for run in found.runs] == [(7, 53), (7, 53)]
    assert found.pace == (1.0, 0.0)
    assert [run.fault for run in faults.from_file(path, 3, "test_").runs] == [13]
    with pytest.raises(InputFileError, match=r"runs\.npz holds no run of a fault.*'valid_'"):
        faults.from_file(path, 3, "valid_")


def test_rows_of_recorded_faults_are_gathered_into_ticks(tmp_path: Path) -> None:
    rows = np.arange(14.0)[:, None] + np.zeros(53)
    np.savez(tmp_path / "runs.npz", fault_4=rows)
    (run,), pace = faults.from_file(tmp_path / "runs.npz", 7, row_seconds=60.0)
    assert pace == (3.0, 0.0)
    # The tick of rows 6 to 8 is the first that shows it.
    assert run.fault_at == 2
    assert run.ticks[:, 0].tolist() == [2.0, 5.0, 8.0, 11.0]
    assert run.ticks[:, 53].tolist() == [1.0, 4.0, 7.0, 10.0]
    with pytest.raises(InputFileError, match=r"rows of 180 s make no ticks of 60 s"):
        faults.from_file(tmp_path / "runs.npz", 7, tick_seconds=60.0)


def test_a_run_without_what_is_watched_is_refused() -> None:
    ticks = np.ones((9, 53))
    ticks[:, [3, *range(45, 53)]] = np.nan
    run = FaultRun(6, ticks, 0)
    run.check(range(4, 45))
    with pytest.raises(InputFileError, match=r"fault 6 has no values of xmeas_4, xmeas_1\.mean; "):
        run.check([0, 3, 53])
    with pytest.raises(InputFileError, match="xmv_5, xmv_6, xmv_7, xmv_8, xmv_9 and 3 more; "):
        run.check(range(40, 53))
