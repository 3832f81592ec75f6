from __future__ import annotations

import numpy as np
import pytest

from detection.forest import FloatArray
from studies.faults import FaultRun
from studies.protocol import FaultResult, evaluate


def p_values_of(run: FloatArray) -> FloatArray:
    """The first column is the p-value."""
    return run[:, 0]


def run(*parts: tuple[int, float]) -> FloatArray:
    """So many ticks at such a p-value, one after the other."""
    return np.concatenate([np.full((ticks, 1), p_value) for ticks, p_value in parts])


def test_what_is_counted() -> None:
    normal = run((99, 0.5), (1, 0.009))
    faults = [
        FaultRun(1, run((10, 0.5), (90, 1e-4)), 10),
        FaultRun(3, run((5, 0.001), (5, 0.5), (45, 0.02), (45, 0.005)), 10),
        FaultRun(4, run((10, 0.5), (20, 0.5), (70, 1e-4)), 10),
    ]
    fresh = [run((4, np.nan), (96, 0.5)), run((100, 0.5), (3, 1e-4), (20, 0.5), (37, 0.5))]
    result = evaluate("some", p_values_of, normal, faults, fresh)
    assert result.far_test00 == pytest.approx(1.0)
    assert result.far_before_fault == pytest.approx(100 * 5 / 30)
    assert result.far_fresh_normal == pytest.approx(100 * 3 / 256)
    assert result.false_alarms_per_day == pytest.approx(480 / 260)
    assert [(each.fault, each.delay) for each in result.faults] == [(1, 2), (3, None), (4, 22)]
    shares = [100.0, 50.0, 100 * 70 / 90]
    assert [each.fdr for each in result.faults] == pytest.approx(shares)
    assert result.fdr18 == pytest.approx((100 + 100 * 70 / 90) / 2)
    assert result.fdr21 == pytest.approx((100 + 50 + 100 * 70 / 90) / 3)
    assert (result.delay18_mean, result.delay21_mean, result.missed) == (12.0, 12.0, 1)


def test_an_alarm_from_before_the_fault_is_no_detection() -> None:
    faults = [FaultRun(2, run((7, 0.5), (43, 1e-4)), 10)]
    result = evaluate("some", p_values_of, run((50, 0.5)), faults, [run((480, 0.5))])
    assert result.faults == [FaultResult(2, 100.0, None)]
    assert result.missed == 1
    assert result.delay18_mean is None
