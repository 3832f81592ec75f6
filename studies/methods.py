"""Methods, learned from normal operation and calibrated on what they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detection.baseline import Baseline
from detection.calibration import Calibration, calibrate
from detection.forest import FloatArray
from detection.tracker import Tracker
from studies.protocol import PValues
from studies.rivals import Rival

OURS: Final = "tepwatch"
OUR_TITLE: Final = "unit forests on whitened innovations"

_FOLDS: Final = 5


def of_baseline(baseline: Baseline) -> PValues:
    """Our monitor's p-values, of a run from its beginning."""
    return lambda run: Tracker(baseline).advance(run).p_values


def of_rival(rival: Rival, recordings: Sequence[FloatArray]) -> PValues:
    """A rival's p-values, calibrated by cross-fitting as ours."""
    parts = _parts(recordings)
    held_out: list[FloatArray] = []
    for number, group in enumerate(parts):
        others = [run for other, runs in enumerate(parts) if other != number for run in runs]
        held_out.extend(map(rival.fit(others), group))
    statistics = np.concatenate(held_out)
    calibration = calibrate(statistics[~np.isnan(statistics).any(axis=1)])
    score = rival.fit(recordings)
    return lambda run: _p_values(calibration, score(run))


def _p_values(calibration: Calibration, statistics: FloatArray) -> FloatArray:
    there = ~np.isnan(statistics).any(axis=1)
    found = np.full(len(statistics), np.nan)
    found[there] = calibration.p_values(calibration.fused(statistics[there]))
    return found


def _parts(recordings: Sequence[FloatArray]) -> list[list[FloatArray]]:
    """Five groups of runs, or of stretches of them where there are few."""
    if len(recordings) >= _FOLDS:
        return [list(recordings[first::_FOLDS]) for first in range(_FOLDS)]
    stretches = [np.array_split(each, _FOLDS) for each in recordings]
    return [[each[number] for each in stretches] for number in range(_FOLDS)]
