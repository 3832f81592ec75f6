from __future__ import annotations

import numpy as np
import pytest

from detection.forest import FloatArray
from detection.predictor import (
    choose_order,
    earlier,
    fit,
    innovations_of_folds,
    sums_of_folds,
)
from tepwatch.errors import BaselineError

FIRST = np.array([[0.5, 0.2], [0.0, 0.3]])
SECOND = np.array([[0.0, 0.0], [0.4, 0.0]])


def simulated(ticks: int, seed: int) -> FloatArray:
    """Two channels, the second of which follows the first one two ticks later."""
    draws = np.random.default_rng(seed).normal(size=(ticks, 2))
    values = np.zeros((ticks, 2))
    for tick in range(2, ticks):
        values[tick] = values[tick - 1] @ FIRST.T + values[tick - 2] @ SECOND.T + draws[tick]
    return values


def all_in(recordings: list[FloatArray]) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    return [np.arange(len(each), dtype=np.intp) % 4 for each in recordings]


def test_earlier_ticks_stand_beside_each_other_the_last_one_first() -> None:
    values = np.arange(8.0).reshape(4, 2)
    assert earlier(values, 2).tolist() == [[2, 3, 0, 1], [4, 5, 2, 3]]
    assert earlier(values[:1], 3).shape == (0, 6)


def test_what_a_process_does_of_itself_is_found() -> None:
    recordings = [simulated(4000, seed) for seed in (1, 2)]
    predictor = fit(sums_of_folds(recordings, all_in(recordings), 4, 2))
    assert predictor.order == 2
    np.testing.assert_allclose(predictor.weights[:2].T, FIRST, atol=0.03)
    np.testing.assert_allclose(predictor.weights[2:].T, SECOND, atol=0.03)
    innovations = predictor.innovations(recordings[0])
    np.testing.assert_allclose(np.cov(innovations.T), np.eye(2), atol=0.06)
    predicted = recordings[0][1] @ predictor.weights[:2] + recordings[0][0] @ predictor.weights[2:]
    np.testing.assert_allclose(
        innovations[0], recordings[0][2] - predicted - predictor.bias, atol=1e-12
    )


def test_innovations_are_the_same_bit_for_bit_in_pieces() -> None:
    values = simulated(200, 3)
    predictor = fit(sums_of_folds([values], all_in([values]), 4, 3))
    whole = predictor.innovations(values)
    pieces = [predictor.innovations(values[end - 4 : end]) for end in range(4, 201)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_the_order_is_that_of_the_process_where_it_matters() -> None:
    recordings = [simulated(6000, 4)]
    assert choose_order(recordings, all_in(recordings), 4) >= 2
    noise = [np.random.default_rng(5).normal(size=(300, 8))]
    assert choose_order(noise, all_in(noise), 4) <= 2


def test_innovations_of_a_fold_come_from_its_predictor() -> None:
    values = simulated(400, 6)
    folds = [np.repeat(np.arange(2, dtype=np.intp), 200)]
    sums = sums_of_folds([values], folds, 2, 1)
    predictors = [fit(sums[1:]), fit(sums[:1])]
    (found,) = innovations_of_folds([values], folds, predictors)
    np.testing.assert_allclose(found[:199], predictors[0].innovations(values)[:199], atol=1e-12)
    np.testing.assert_allclose(found[199:], predictors[1].innovations(values)[199:], atol=1e-12)
    assert not np.allclose(predictors[0].weights, predictors[1].weights)


def test_too_little_is_refused() -> None:
    few = [np.zeros((3, 2))]
    with pytest.raises(BaselineError, match="3 ticks are too few"):
        choose_order(few, all_in(few), 4)
    with pytest.raises(BaselineError, match="looks back"):
        fit(sums_of_folds(few, all_in(few), 4, 3))
