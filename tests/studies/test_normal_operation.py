from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from studies import normal_operation
from studies.normal_operation import Cadence
from tepwatch.errors import InputFileError, SettingsError


@pytest.mark.parametrize("strategy", [BENCHMARK_PI, RICKER], ids=lambda each: each.name)
def test_runs_are_two_days_of_ticks_each_with_a_seed_of_its_own(strategy: Strategy) -> None:
    runs = normal_operation.simulate(strategy, 4, 11)
    assert [run.shape for run in runs] == [(960, 53), (960, 53)]
    assert not np.array_equal(runs[0], runs[1])
    (alone,) = normal_operation.simulate(strategy, 2, 12)
    np.testing.assert_array_equal(alone, runs[1])


def test_values_have_the_published_digits() -> None:
    values = np.array([1234.5678, -0.00098765432, 0.0, 99999.6])
    np.testing.assert_allclose(
        normal_operation.rounded(values), [1234.6, -0.00098765, 0.0, 100000.0], rtol=1e-12
    )


def test_every_table_of_a_file_is_a_run(tmp_path: Path) -> None:
    path = tmp_path / "runs.npz"
    np.savez(path, a=np.ones((5, 52)), b=np.ones((7, 53)), seconds=180.0, other=np.ones((3, 4)))
    runs = normal_operation.from_file(path)
    assert {name: run.shape for name, run in runs.items()} == {"a": (5, 52), "b": (7, 53)}
    assert normal_operation.common_columns([[runs["a"]], [runs["b"]]]) == 52


def test_a_file_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nowhere\.npz"):
        normal_operation.from_file(tmp_path / "nowhere.npz")
    np.savez(tmp_path / "none.npz", a=np.ones(5))
    with pytest.raises(InputFileError, match="rows x 41, 52 or 53"):
        normal_operation.from_file(tmp_path / "none.npz")


def test_readings_that_are_no_steps_apart_are_at_the_nearest_steps_of_whole_ticks() -> None:
    # 45 s are 25 steps of Ricker's 1.8 s, 60 s are 33 and a third.
    (coarse,), (even,), (uneven,) = (
        normal_operation.simulate(RICKER, 2, 5, cadence=Cadence(180.0, readings))
        for readings in (1, 4, 3)
    )
    assert coarse.shape == (960, 53)
    assert even.shape == uneven.shape == (960, 106)
    np.testing.assert_array_equal(even[:, :53], uneven[:, :53])
    np.testing.assert_array_equal(normal_operation.rounded(uneven[:, :53]), coarse)
    assert not np.array_equal(even[:, 53:], uneven[:, 53:])


def test_ticks_of_another_length_are_of_the_same_hours() -> None:
    (run,) = normal_operation.simulate(BENCHMARK_PI, 2, 12, cadence=Cadence(60.0, 1))
    (published,) = normal_operation.simulate(BENCHMARK_PI, 2, 12)
    np.testing.assert_array_equal(run[2::3], published)


@pytest.mark.parametrize(
    ("cadence", "text"),
    [
        (Cadence(100.0, 1), "a tick of 100 s is not made of integration steps of 1.8 s"),
        (Cadence(180.0, 180), "at least the integration step of 1.8 s, not 1 s"),
    ],
)
def test_ticks_and_readings_that_no_simulation_gives_are_said(cadence: Cadence, text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        normal_operation.simulate(RICKER, 2, 5, cadence=cadence)
