from __future__ import annotations

import numpy as np
import pytest

from detection.baseline import Baseline, learn
from detection.tracker import Tracker
from tests.detection.test_baseline import COLUMNS, plant


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learn([plant(300, seed) for seed in range(5)])


def test_a_missing_value_is_what_the_rest_lets_expect(baseline: Baseline) -> None:
    """By the textbook: mean of a Gaussian given some of its parts."""
    model = baseline.model
    order, channels = model.predictor.order, len(baseline.channels.tags)
    ticks = plant(order + 1, 5)
    values = model.standardised(ticks[:, baseline.channels.columns])
    predicted = values[-1] - model.predictor.innovations(values)[0]
    covariance = np.linalg.inv(model.statistics.whitening @ model.statistics.whitening)
    gone, there = [2, 17], [each for each in range(channels) if each not in (2, 17)]
    expected = predicted[gone] + covariance[np.ix_(gone, there)] @ np.linalg.solve(
        covariance[np.ix_(there, there)], (values[-1] - predicted)[there]
    )
    for channel in gone:
        ticks[-1, baseline.channels.columns[channel]] = np.nan
    filled_in = ticks.copy()
    filled_in[-1, baseline.channels.columns[gone]] = (expected * model.sds[gone]) + model.means[
        gone
    ]
    found = Tracker(baseline).advance(ticks).fused[-1]
    assert found == pytest.approx(Tracker(baseline).advance(filled_in).fused[-1], rel=1e-9)


@pytest.mark.parametrize("pieces", [1, 7])
def test_holes_are_filled_the_same_way_in_pieces(baseline: Baseline, pieces: int) -> None:
    ticks = plant(80, 6)
    ticks[np.random.default_rng(1).random(ticks.shape) < 0.1] = np.nan
    ticks[40] = np.nan
    whole = Tracker(baseline).advance(ticks).p_values
    tracker = Tracker(baseline)
    found = [
        tracker.advance(ticks[start : start + pieces]).p_values
        for start in range(0, len(ticks), pieces)
    ]
    assert np.concatenate(found).tobytes() == whole.tobytes()
    assert not np.isnan(whole[baseline.model.predictor.order :]).any()


def test_holes_in_normal_operation_stay_normal(baseline: Baseline) -> None:
    flagged = []
    for seed in range(40, 46):
        ticks = plant(300, seed)
        ticks[np.random.default_rng(seed).random(ticks.shape) < 0.05] = np.nan
        flagged.append(Tracker(baseline).advance(ticks).p_values < 0.01)
    assert np.concatenate(flagged).mean() < 0.02


def test_a_fault_is_seen_through_holes(baseline: Baseline) -> None:
    ticks = plant(200, 8)
    ticks[100:, COLUMNS["xmeas_9"]] += 8.0
    ticks[np.random.default_rng(2).random(ticks.shape) < 0.1] = np.nan
    assert (Tracker(baseline).advance(ticks).p_values[150:] < 0.01).mean() > 0.8
