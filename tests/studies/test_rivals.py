from __future__ import annotations

import numpy as np
import pytest

from detection.forest import FloatArray
from studies.methods import of_rival
from studies.rivals import RIVALS, Rival, fit_pca

BY_NAME = {rival.name: rival for rival in RIVALS}


def normal_operation(ticks: int, seed: int) -> FloatArray:
    """52 variables driven by six, which follow themselves; one stands still."""
    rng = np.random.default_rng(seed)
    drivers = np.zeros((ticks, 6))
    for tick in range(1, ticks):
        drivers[tick] = 0.8 * drivers[tick - 1] + rng.normal(size=6)
    mixing = np.random.default_rng(0).normal(size=(6, 52))
    values: FloatArray = 30.0 + drivers @ mixing + rng.normal(size=(ticks, 52))
    values[:, 50] = 7.0
    return values


RUNS = [normal_operation(500, seed) for seed in range(6)]


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_limits_hold_on_normal_operation_that_was_not_seen(rival: Rival) -> None:
    p_values = of_rival(rival, RUNS)
    found = np.concatenate([p_values(normal_operation(500, seed)) for seed in range(50, 56)])
    found = found[~np.isnan(found)]
    assert len(found) > 2900
    assert 0.002 < (found < 0.01).mean() < 0.03


@pytest.mark.parametrize("name", ["pca", "dpca", "cva"])
def test_a_variable_that_leaves_the_others_is_seen(name: str) -> None:
    faulty = normal_operation(400, 9)
    faulty[200:, 12] += 30.0
    p_values = of_rival(BY_NAME[name], RUNS)(faulty)
    assert (p_values[205:] < 0.01).mean() > 0.9
    assert np.nanmean(p_values[:200] < 0.01) < 0.05


def test_the_reference_sees_its_analysers_alone() -> None:
    p_values = of_rival(BY_NAME["reference"], RUNS)
    unseen, seen = normal_operation(400, 9), normal_operation(400, 9)
    unseen[200:, 3] += 500.0
    seen[200:, 25] += 500.0
    assert (p_values(seen)[200:210] < 0.01).all()
    np.testing.assert_array_equal(p_values(unseen), p_values(normal_operation(400, 9)))


def test_principal_components_split_a_tick_into_within_and_beside() -> None:
    rng = np.random.default_rng(1)
    line = rng.normal(size=(2000, 1)) @ np.array([[3.0, 4.0]])
    runs = [line + 0.1 * rng.normal(size=line.shape)]
    statistics = fit_pca(runs)(np.array([[6.0, 8.0], [4.0, -3.0]]))
    assert statistics[0, 0] == pytest.approx(4.0, rel=0.1)
    assert statistics[0, 1] < 0.05
    assert statistics[1, 1] > 1.0


def test_one_run_is_cut_into_stretches() -> None:
    p_values = of_rival(BY_NAME["pca"], [normal_operation(1000, 3)])
    assert (p_values(normal_operation(500, 70)) < 0.01).mean() < 0.05
