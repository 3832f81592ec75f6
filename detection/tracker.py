"""Ticks to p-values, one after the other.

A missing value is filled in with what is expected of it: the prediction and, of the innovation,
its mean given the innovations of the channels that are there. The last value instead would look
like a sensor that is stuck.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detection.baseline import Baseline, unit_scores
from detection.forest import FloatArray


class TickScores(NamedTuple):
    """Of (ticks,): scores of the units (ticks, units), the fused score and its p-value.

    All are NaN until as many ticks were seen as the predictor looks back.
    """

    units: FloatArray
    fused: FloatArray
    p_values: FloatArray


class Tracker:
    """Follows one plant from the beginning of a run.

    What it answers does not depend on how ticks are cut into calls, to the last bit.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._columns = baseline.channels.columns
        self._history = np.empty((0, len(self._columns)))
        statistics = baseline.model.statistics
        self._levels = statistics.begin()
        self._precision = statistics.whitening @ statistics.whitening

    def advance(self, ticks: FloatArray) -> TickScores:
        """Take ticks in, (ticks, 53 or less) in the order of the catalogue, NaN for missing."""
        model, calibration = self._baseline.model, self._baseline.calibration
        order = model.predictor.order
        values = model.standardised(ticks[:, self._columns])
        joined = np.concatenate([self._history, values])
        for tick in np.flatnonzero(np.isnan(values).any(axis=1)) + len(self._history):
            joined[tick] = self._filled(joined[tick], joined[max(0, tick - order) : tick])
        self._history = joined[max(0, len(joined) - order) :]
        known = max(0, len(joined) - order)
        units = np.full((len(ticks), len(model.forests)), np.nan)
        fused, p_values = np.full(len(ticks), np.nan), np.full(len(ticks), np.nan)
        if known:
            innovations = model.predictor.innovations(joined)
            ratios = model.statistics.ratios(innovations, joined[order:], self._levels)
            new = slice(len(ticks) - known, None)
            units[new] = unit_scores(model.forests, ratios)
            fused[new] = calibration.fused(units[new])
            p_values[new] = calibration.p_values(fused[new])
        return TickScores(units, fused, p_values)

    def _filled(self, values: FloatArray, before: FloatArray) -> FloatArray:
        """Values of a tick, (n,), with those expected where they are missing."""
        model = self._baseline.model
        predicted = np.zeros_like(values)
        if len(before) == model.predictor.order:
            predicted -= model.predictor.innovations(np.concatenate([before, predicted[None]]))[0]
        missing = np.isnan(values)
        innovations = (values - predicted)[~missing]
        pulls = self._precision[np.ix_(missing, ~missing)] @ innovations
        filled = values.copy()
        filled[missing] = predicted[missing] - np.linalg.solve(
            self._precision[np.ix_(missing, missing)], pulls
        )
        return filled
