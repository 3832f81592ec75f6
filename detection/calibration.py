"""Scores to p-values: how often normal operation scores as high.

Scores of several units are made comparable by a high quantile of each, and the largest counts. What
was seen often enough is counted; beyond that a generalised Pareto tail goes on (Siffer, Fouque,
Termier and Largouet, "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017), fitted by
probability-weighted moments (Hosking and Wallis, Technometrics 29(3), 1987).

>>> import numpy as np
>>> scores = np.random.default_rng(1).exponential(size=(20_000, 1))
>>> calibration = calibrate(scores)
>>> p = calibration.p_values(calibration.fused(np.array([[3.0], [6.0]])))
>>> [round(float(-np.log(value)), 1) for value in p]
[3.0, 6.1]
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from detection.forest import FloatArray
from tepwatch.errors import BaselineError
from tepwatch.kernels import kernel

_NORM_QUANTILE: Final = 0.998
_TAIL_QUANTILE: Final = 0.95
_TICKS_MIN: Final = 200
_BELIEVED: Final = 10
"""Times the ticks that were seen, for which the tail is believed."""
_EXPONENTIAL: Final = 1e-6
"""A shape so near to 0 is that of the exponential distribution."""


class Tail(msgspec.Struct, frozen=True, array_like=True):
    """A generalised Pareto tail.

    P(score > threshold + x) = share (1 + shape x / scale)^(-1 / shape).
    """

    threshold: float
    share: float
    shape: float
    scale: float


class Calibration(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """What normal operation scores."""

    norms: list[float]
    """The score of each unit that counts as 1."""
    counted: list[float]
    """Fused scores of normal operation, sorted."""
    tail: Tail

    def fused(self, scores: FloatArray) -> FloatArray:
        """One score a tick, (ticks,), of (ticks, units)."""
        fused: FloatArray = self.by_norm(scores).max(axis=1)
        return fused

    def by_norm(self, scores: FloatArray) -> FloatArray:
        """Scores of units, (..., units), made comparable."""
        return scores / self._norms

    def p_values(self, fused: FloatArray) -> FloatArray:
        """The share of normal ticks that score as high or higher; not below what can be told."""
        tail, p_values = self.tail, np.empty(len(fused))
        _look_up(
            fused, self._counted, tail.threshold, tail.share, tail.shape, tail.scale, self.least,
            p_values,
        )  # fmt: skip
        return p_values

    @property
    def least(self) -> float:
        """The smallest p-value that so many ticks can tell of."""
        return 1.0 / (_BELIEVED * len(self.counted))

    @cached_property
    def _norms(self) -> FloatArray:
        return np.array(self.norms)

    @cached_property
    def _counted(self) -> FloatArray:
        return np.array(self.counted)


@kernel
def _look_up(
    fused: FloatArray,
    counted: FloatArray,
    threshold: float,
    share: float,
    shape: float,
    scale: float,
    least: float,
    p_values: FloatArray,
) -> None:
    for place in range(len(fused)):
        if fused[place] <= threshold:
            below = np.searchsorted(counted, fused[place])
            p_values[place] = max(1.0 - below / len(counted), least)
            continue
        beyond = (fused[place] - threshold) / scale
        if abs(shape) < _EXPONENTIAL:
            survival = math.exp(-beyond)
        else:
            survival = max(1.0 + shape * beyond, 0.0) ** (-1.0 / shape)
        p_values[place] = max(share * survival, least)


def calibrate(scores: FloatArray) -> Calibration:
    """Calibrate by scores of normal operation, (ticks, units), none of a model that has seen it.

    Raises:
        BaselineError: too few ticks, or scores that do not differ.
    """
    if len(scores) < _TICKS_MIN:
        raise BaselineError(f"{len(scores)} scores are too few to calibrate; {_TICKS_MIN} are not")
    norms = np.quantile(scores, _NORM_QUANTILE, axis=0)
    fused = np.sort((scores / norms).max(axis=1))
    threshold = float(fused[int(_TAIL_QUANTILE * len(fused))])
    beyond = fused[fused > threshold] - threshold
    count = len(beyond)
    if count < len(fused) * (1 - _TAIL_QUANTILE) / 2:
        raise BaselineError("the highest scores of normal operation do not differ")
    mean = float(beyond.mean())
    weights = (count - np.arange(1, count + 1)) / (count - 1)
    weighted = float((weights * beyond).mean())
    shape = 2.0 - mean / (mean - 2.0 * weighted)
    scale = 2.0 * mean * weighted / (mean - 2.0 * weighted)
    tail = Tail(threshold, count / len(fused), shape, scale)
    return Calibration(norms.tolist(), fused.tolist(), tail)
