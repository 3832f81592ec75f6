"""A linear predictor of the next tick, and what it could not foresee: the innovations.

The value of each channel is predicted from the last ticks of all channels, by ridge regression (a
vector autoregression). What the plant and its controllers do of themselves is predicted; a
disturbance is not. Fitted from sums over ticks, so that leaving a fold out costs no second look at
the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from tepwatch.errors import BaselineError
from tepwatch.kernels import kernel

Folds = NDArray[np.intp]
"""The fold of each tick of a recording."""

RIDGE: Final = 1e-3
"""Penalty on squared weights, a tick; channels are standardised."""

_ORDERS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24)
_FLAT_NATS: Final = 0.01
_FALLEN_NATS: Final = 0.1
"""Differences of the likelihood, a channel and tick, that are nothing, and that are final."""


class Predictor(NamedTuple):
    """Predicts the channels at a tick from the `order` ticks before it.

    `weights` is (order x n, n): a row for each channel of each earlier tick, the last tick first, a
    column for each channel predicted; `bias` (n,).
    """

    weights: FloatArray
    bias: FloatArray

    @property
    def order(self) -> int:
        """How many ticks it looks back."""
        return len(self.weights) // len(self.bias)

    def innovations(self, values: FloatArray) -> FloatArray:
        """Values less predictions, (ticks - order, n), for (ticks, n) of one recording.

        They are the same to the last bit however the ticks are cut into calls.
        """
        innovations = np.empty((max(0, len(values) - self.order), values.shape[1]))
        _innovate(self.weights, self.bias, np.ascontiguousarray(values), innovations)
        return innovations


class Sums(NamedTuple):
    """Over ticks, of products of what was before them, a column of ones and what they were."""

    before: FloatArray
    """(order x n + 1, order x n + 1)"""
    crossed: FloatArray
    """(order x n + 1, n)"""

    def plus(self, other: Sums) -> Sums:
        """Those of both sets of ticks."""
        return Sums(self.before + other.before, self.crossed + other.crossed)


def earlier(values: FloatArray, order: int) -> FloatArray:
    """The `order` ticks before each tick from number `order` on, the last one first, in a row."""
    ticks = max(len(values), order)
    return np.concatenate(
        [values[order - lag : ticks - lag] for lag in range(1, order + 1)], axis=1
    )


def sums_of_folds(
    recordings: Sequence[FloatArray], folds: Sequence[Folds], count: int, order: int
) -> list[Sums]:
    """The sums of each of `count` folds; a tick belongs to the fold that it is in itself."""
    width = recordings[0].shape[1]
    size = order * width + 1
    sums = [Sums(np.zeros((size, size)), np.zeros((size, width))) for _ in range(count)]
    for values, fold_of in zip(recordings, folds, strict=True):
        before = earlier(values, order)
        before = np.concatenate([before, np.ones((len(before), 1))], axis=1)
        for fold in range(count):
            mine = fold_of[order:] == fold
            rows = before[mine]
            sums[fold] = sums[fold].plus(Sums(rows.T @ rows, rows.T @ values[order:][mine]))
    return sums


def fit(sums: Iterable[Sums]) -> Predictor:
    """The predictor that is best over all ticks of the sums.

    Raises:
        BaselineError: there is no tick.
    """
    before, crossed = reduce(Sums.plus, sums)
    ticks = before[-1, -1]
    if ticks == 0:
        raise BaselineError("no recording is longer than the predictor looks back")
    means_before, means = before[-1, :-1] / ticks, crossed[-1] / ticks
    covariance = before[:-1, :-1] / ticks - np.outer(means_before, means_before)
    crossed = crossed[:-1] / ticks - np.outer(means_before, means)
    covariance[np.diag_indices_from(covariance)] += RIDGE
    weights = np.linalg.solve(covariance, crossed)
    return Predictor(weights, means - means_before @ weights)


def choose_order(recordings: Sequence[FloatArray], folds: Sequence[Folds], count: int) -> int:
    """The order by the Gaussian likelihood of innovations of folds that were left out.

    Of orders between which it hardly differs the longest is taken: a longer memory costs nothing
    there, and slow disturbances show against it.

    Raises:
        BaselineError: the recordings are too short for any order.
    """
    longest = max(map(len, recordings))
    ticks, channels = sum(map(len, recordings)), recordings[0].shape[1]
    orders = [order for order in _ORDERS if order < longest // 4 and 4 * order < ticks // count]
    if not orders:
        raise BaselineError(f"{ticks} ticks are too few to learn a predictor from")
    nats: list[float] = []
    for order in orders:
        sums = sums_of_folds(recordings, folds, count, order)
        innovations = innovations_of_folds(recordings, folds, _leaving_one_out(sums))
        nats.append(_likelihood(np.concatenate(innovations)))
        # It falls for good once there is more to fit than the data can tell.
        if nats[-1] < max(nats) - _FALLEN_NATS * channels:
            break
    least = max(nats) - _FLAT_NATS * channels
    return max(order for order, nat in zip(orders, nats, strict=False) if nat >= least)


def _leaving_one_out(sums: Sequence[Sums]) -> list[Predictor]:
    return [
        fit(each for number, each in enumerate(sums) if number != fold) for fold in range(len(sums))
    ]


def innovations_of_folds(
    recordings: Sequence[FloatArray], folds: Sequence[Folds], predictors: Sequence[Predictor]
) -> list[FloatArray]:
    """Innovations of recordings, of each tick by the predictor of its fold."""
    order = predictors[0].order
    found = []
    for values, fold_of in zip(recordings, folds, strict=True):
        innovations = np.empty_like(values[order:])
        before = earlier(values, order)
        for fold, predictor in enumerate(predictors):
            mine = fold_of[order:] == fold
            predicted = before[mine] @ predictor.weights + predictor.bias
            innovations[mine] = values[order:][mine] - predicted
        found.append(innovations)
    return found


@kernel
def _innovate(
    weights: FloatArray, bias: FloatArray, values: FloatArray, innovations: FloatArray
) -> None:
    channels = values.shape[1]
    order = len(weights) // channels
    for tick in range(len(innovations)):
        for channel in range(channels):
            innovations[tick, channel] = values[tick + order, channel] - bias[channel]
        # Row after row: the innermost loop is over what is predicted, eight channels at once.
        for row in range(len(weights)):
            value = values[tick + order - 1 - row // channels, row % channels]
            for channel in range(channels):
                innovations[tick, channel] -= value * weights[row, channel]


def _likelihood(innovations: FloatArray) -> float:
    """Of the Gaussian that fits best, a tick, but for a constant."""
    covariance = np.cov(innovations.T)
    covariance[np.diag_indices_from(covariance)] += np.finfo(np.float64).eps
    return -0.5 * float(np.linalg.slogdet(covariance)[1])
