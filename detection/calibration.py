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

from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from detection.forest import FloatArray
from tepwatch.errors import BaselineError

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
        fused: FloatArray = (scores / self._norms).max(axis=1)
        return fused

    def p_values(self, fused: FloatArray) -> FloatArray:
        """The share of normal ticks that score as high or higher; not below what can be told."""
        tail = self.tail
        above = 1.0 - np.searchsorted(self._counted, fused, side="left") / len(self._counted)
        beyond = np.maximum(fused - tail.threshold, 0.0) / tail.scale
        if abs(tail.shape) < _EXPONENTIAL:
            survival = np.exp(-beyond)
        else:
            survival = np.maximum(1.0 + tail.shape * beyond, 0.0) ** (-1.0 / tail.shape)
        p_values = np.where(fused > tail.threshold, tail.share * survival, above)
        return np.maximum(p_values, self.least)

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
