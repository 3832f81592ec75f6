from __future__ import annotations

import numpy as np
import pytest

from detection.calibration import calibrate
from tepwatch.errors import BaselineError


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_the_tail_goes_on_where_the_counted_scores_end(power: float) -> None:
    draws = np.random.default_rng(2).exponential(size=(50_000, 1)) ** power
    calibration = calibrate(draws[:20_000])
    p_values = calibration.p_values(calibration.fused(draws[20_000:]))
    for limit in (0.2, 0.01, 0.001):
        assert (p_values < limit).mean() == pytest.approx(limit, rel=0.5)


def test_the_unit_that_is_most_unusual_counts() -> None:
    scores = np.random.default_rng(3).exponential(size=(5000, 2)) * [1.0, 100.0]
    calibration = calibrate(scores)
    fused = calibration.fused(np.array([[20.0, 1.0], [0.1, 2000.0], [0.1, 1.0]]))
    assert fused[0] > 1.5
    assert fused[1] == pytest.approx(fused[0], rel=0.2)
    assert fused[2] < 0.1


def test_p_values_fall_as_scores_rise_and_end_where_nothing_more_is_known() -> None:
    calibration = calibrate(np.random.default_rng(4).exponential(size=(3000, 1)))
    p_values = calibration.p_values(np.linspace(0, 20, 500))
    assert p_values[0] == 1.0
    assert (np.diff(p_values) <= 0).all()
    assert p_values[-1] == calibration.least == 1 / 30_000


def test_too_little_is_refused() -> None:
    with pytest.raises(BaselineError, match="10 scores are too few"):
        calibrate(np.ones((10, 2)))
    with pytest.raises(BaselineError, match="do not differ"):
        calibrate(np.ones((1000, 2)))
