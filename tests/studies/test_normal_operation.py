from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from studies import normal_operation
from tepwatch.errors import InputFileError


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
