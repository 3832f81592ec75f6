"""Ticks to p-values, one after the other.

A missing value is filled in with what is expected of it: the prediction and, of the innovation,
its mean given the innovations of the channels that are there. The last value instead would look
like a sensor that is stuck.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detection.baseline import Baseline, unit_scores
from detection.forest import FloatArray


class TickScores(NamedTuple):
    """What is found of ticks: n channels, u units, s statistics.

    Values (ticks, n), standardised and filled in; innovations (ticks, n); ratios (ticks, u, s) of
    statistics to their limits; scores of units (ticks, u); the fused score and its p-value, both
    (ticks,). All but the values are NaN until as many ticks were seen as the predictor looks back.
    """

    values: FloatArray
    innovations: FloatArray
    ratios: FloatArray
    units: FloatArray
    fused: FloatArray
    p_values: FloatArray


class TrackerState(NamedTuple):
    """Standardised ticks, as many as the predictor looks back, and the levels of the statistics."""

    history: FloatArray
    levels: FloatArray


class Tracker:
    """Follows one plant from the beginning of a run.

    What it answers does not depend on how ticks are cut into calls, to the last bit.

    Args:
        baseline: normal operation.
        state: to go on from, of a tracker with the same baseline.
    """

    def __init__(self, baseline: Baseline, state: TrackerState | None = None) -> None:
        self._baseline = baseline
        self._columns = baseline.channels.columns
        statistics = baseline.model.statistics
        if state is None:
            state = TrackerState(np.empty((0, len(self._columns))), statistics.begin())
        self._history, self._levels = state
        self._precision = statistics.whitening @ statistics.whitening

    @property
    def state(self) -> TrackerState:
        """Where it stands; the next call changes what this one gave."""
        return TrackerState(self._history, self._levels)

    def advance(self, ticks: FloatArray) -> TickScores:
        """Take ticks in, (ticks, 106 or less) in the order of `COLUMNS`, NaN for missing."""
        model, calibration = self._baseline.model, self._baseline.calibration
        order = model.predictor.order
        values = model.standardised(ticks[:, self._columns])
        joined = np.concatenate([self._history, values])
        filled = None
        # Nearly always all values are there; a sum is not a number as soon as one is missing.
        if math.isnan(values.sum()):
            filled = np.isnan(joined)
            for tick in np.flatnonzero(filled.any(axis=1)):
                joined[tick] = self._filled(joined[tick], joined[max(0, tick - order) : tick])
        self._history = joined[max(0, len(joined) - order) :]
        known = max(0, len(joined) - order)
        innovations = model.predictor.innovations(joined)
        ratios = model.statistics.ratios(
            innovations,
            joined[order - 1 :],
            self._levels,
            None if filled is None else filled[order:],
        )
        units = unit_scores(model.forests, ratios)
        fused = calibration.fused(units)
        found: tuple[FloatArray, ...]
        found = (innovations, ratios, units, fused, calibration.p_values(fused))
        unknown = len(ticks) - known
        if unknown:
            found = tuple(_after(unknown, each) for each in found)
        return TickScores(joined[len(joined) - len(ticks) :], *found)

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


def _after(unknown: int, found: FloatArray) -> FloatArray:
    return np.concatenate([np.full((unknown, *found.shape[1:]), np.nan), found])
