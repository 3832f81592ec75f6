"""Normal operation, learned: what the monitor holds ticks against.

A model of normal operation judges what it was learned from too kindly. So everything that decides
on an alarm is cross-fitted: the statistics are those of innovations that their predictor has not
seen, and the p-values come from folds that no part of the model had seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations_with_replacement
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detection import predictor, statistics
from detection.alarm_rule import stretches
from detection.calibration import Calibration, calibrate
from detection.channels import COLUMNS, Channels, choose_channels
from detection.forest import FloatArray, RandomCutForest
from detection.naming import Namer
from detection.predictor import Folds, Predictor
from detection.sensors import longest_still
from detection.statistics import Statistics
from tepwatch.errors import BaselineError

Progress = Callable[[str], None]

TICKS_MIN: Final = 400
RUN_TICKS_MIN: Final = 50
"""Of one run: what the predictor looks back on, and as much again."""

_FOLDS_MIN: Final = 5
_FOLDS_MAX: Final = 8
P_FLAGGED: Final = 0.01
"""A tick with a smaller p-value is flagged."""

MISSING_MAX: Final = 0.1
"""Share of values that may be missing of a variable that is watched."""

_ODD_NAMED: Final = 5
"""Odd stretches of a refused baseline that are named."""

_SHARE_MAX: Final = 0.25
"""Share of flagged ticks in a fold above which the folds disagree."""


class Model(NamedTuple):
    """From values to scores of the units."""

    means: FloatArray
    sds: FloatArray
    predictor: Predictor
    statistics: Statistics
    forests: tuple[RandomCutForest, ...]

    def standardised(self, ticks: FloatArray) -> FloatArray:
        """Values of the channels in standard deviations from their means."""
        values: FloatArray = (ticks - self.means) / self.sds
        return values


class Odd(msgspec.Struct, frozen=True, array_like=True):
    """Ticks of a recording, by its number from 0, that are an alarm by what the others say."""

    recording: int
    first: int
    end: int


class Baseline(NamedTuple):
    """What was learned.

    `flagged` is the share of each part's ticks whose p-value is below 0.01 by what the other parts
    say is normal; `still` for how many ticks each instrument has shown the same, at the longest;
    `odd` what in the recordings looks abnormal all the same, the least likely first.
    `namer` names alarms, where it was taught to (`studies/naming.py`).
    """

    channels: Channels
    model: Model
    calibration: Calibration
    ticks: int
    flagged: tuple[float, ...]
    still: list[int]
    odd: tuple[Odd, ...] = ()
    namer: Namer | None = None


def unit_scores(forests: Sequence[RandomCutForest], ratios: FloatArray) -> FloatArray:
    """The scores of the units' forests, (ticks, units), of ratios (ticks, units, statistics)."""
    columns = [
        forest.score(np.ascontiguousarray(ratios[:, unit])) for unit, forest in enumerate(forests)
    ]
    return np.stack(columns, axis=1)


def _rows(odd: Odd) -> str:
    return f"recording {odd.recording + 1}, rows {odd.first} to {odd.end}"


def learn(
    recordings: Sequence[FloatArray],
    *,
    seed: int = 42,
    progress: Progress = lambda _text: None,
    where: Callable[[Odd], str] = _rows,
) -> Baseline:
    """Learn normal operation.

    Args:
        recordings: (ticks, 106 or less) each, in the order of `COLUMNS` and without a break.
        seed: of the forests and of the order in which they learn.
        progress: called with what is done next.
        where: says, for the error, what to look at.

    Where a few values are missing, their neighbours' are taken; a variable that is missing more
    often is left out.

    Raises:
        BaselineError: too few ticks, nothing that moves, or parts that disagree.
    """
    ticks = sum(map(len, recordings))
    if ticks < TICKS_MIN:
        raise BaselineError(f"{ticks} ticks are too few for a baseline; {TICKS_MIN} are enough")
    shortest = min(map(len, recordings))
    if shortest < RUN_TICKS_MIN:
        raise BaselineError(f"a run of {shortest} ticks is too short; {RUN_TICKS_MIN} are enough")
    still = longest_still(recordings)
    recordings = without_holes(recordings)
    channels = choose_channels(recordings)
    chosen = [recording[:, channels.columns] for recording in recordings]
    rows = np.concatenate(chosen)
    means, sds = rows.mean(axis=0), rows.std(axis=0)
    values = [(recording - means) / sds for recording in chosen]
    progress("choosing how far the predictor looks back ...")
    learner = _Learner(channels, values, folds_of(values), seed)
    progress(f"learning {ticks} ticks, looking back {learner.order} ...")
    fitted = predictor.fit(learner.sums)
    found, forests = learner.second_stage(None)
    model = Model(means, sds, fitted, found, forests)
    scores = []
    for fold in range(learner.fold_count):
        progress(f"calibrating, part {fold + 1} of {learner.fold_count} ...")
        scores.append(learner.scores_of(fold))
    calibration = calibrate(np.concatenate(scores))
    p_values = [_by_others(scores, fold) for fold in range(learner.fold_count)]
    flagged = tuple(float((each < P_FLAGGED).mean()) for each in p_values)
    odd = _odd(learner.in_place(p_values))
    if max(flagged) > _SHARE_MAX:
        raise BaselineError(
            f"the parts of the recordings disagree: of one of {len(flagged)} parts, "
            f"{max(flagged):.0%} of the ticks would be flagged by what the others say is normal"
            f"{_to_look_at(map(where, odd[:_ODD_NAMED]))}"
        )
    return Baseline(channels, model, calibration, ticks, flagged, still, odd)


def without_holes(recordings: Sequence[FloatArray]) -> list[FloatArray]:
    """Recordings in which a column has all its values, or none."""
    holes = np.isnan(np.concatenate(recordings))
    often = holes.mean(axis=0) > MISSING_MAX
    if not holes[:, ~often].any():
        return [np.where(often, np.nan, recording) for recording in recordings]
    return [_interpolated(recording, often) for recording in recordings]


def _interpolated(recording: FloatArray, often: NDArray[np.bool_]) -> FloatArray:
    whole = np.full_like(recording, np.nan)
    ticks = np.arange(len(recording))
    for column in np.flatnonzero(~often):
        there = ~np.isnan(recording[:, column])
        if not there.any():
            raise BaselineError(f"{COLUMNS[column]} has no value in one of the recordings")
        whole[:, column] = np.interp(ticks, ticks[there], recording[there, column])
    return whole


def _by_others(scores: Sequence[FloatArray], fold: int) -> FloatArray:
    """The p-values of a fold's ticks by what the other folds score."""
    others = calibrate(np.concatenate([each for k, each in enumerate(scores) if k != fold]))
    return others.p_values(others.fused(scores[fold]))


def _odd(p_values: Sequence[FloatArray]) -> tuple[Odd, ...]:
    found = []
    for number, each in enumerate(p_values):
        known = np.nan_to_num(each, nan=1.0)
        found += [
            (float(np.log(known[first:end]).sum()), Odd(number, first, end))
            for first, end in stretches(known)
        ]
    found.sort(key=lambda each: each[0])
    return tuple(odd for _, odd in found)


def _to_look_at(places: Iterable[str]) -> str:
    named = "; ".join(places)
    return f"; look at {named}" if named else ""


class _Learner:
    """The steps of learning, with parts of the recordings left out."""

    def __init__(
        self,
        channels: Channels,
        values: Sequence[FloatArray],
        folds: Sequence[Folds],
        seed: int,
    ) -> None:
        self._units = channels.units
        self._values = values
        self._folds = folds
        self.fold_count = 1 + max(int(fold_of.max()) for fold_of in folds)
        self._seed = seed
        self._scales = statistics.scales_for(sum(map(len, values)), has_valves=channels.has_valves)
        self.order = predictor.choose_order(values, folds, self.fold_count)
        self.sums = predictor.sums_of_folds(values, folds, self.fold_count, self.order)
        # With one and with two folds left out.
        self._without = {
            frozenset(pair): predictor.fit(
                sums for fold, sums in enumerate(self.sums) if fold not in pair
            )
            for pair in combinations_with_replacement(range(self.fold_count), 2)
        }

    def second_stage(self, left_out: int | None) -> tuple[Statistics, tuple[RandomCutForest, ...]]:
        """Statistics and forests; nothing in them has seen a fold that is left out."""
        innovations = predictor.innovations_of_folds(
            self._values, self._folds, self._predictors(left_out)
        )
        values = [each[self.order - 1 :] for each in self._values]
        used = [fold_of[self.order :] != left_out for fold_of in self._folds]
        found = statistics.fit(innovations, values, used, self._units, self._scales)
        ratios = np.concatenate(
            [
                found.ratios(innovation, value, found.begin())[use]
                for innovation, value, use in zip(innovations, values, used, strict=True)
            ]
        )
        shuffled = np.random.default_rng(self._seed).permutation(ratios)
        return found, tuple(self._forest(shuffled[:, unit]) for unit in range(len(self._units)))

    def scores_of(self, fold: int) -> FloatArray:
        """Scores of a fold by a model that has not seen it, (ticks, units)."""
        found, forests = self.second_stage(fold)
        blind = self._without[frozenset({fold})]
        scores = []
        for values, fold_of in zip(self._values, self._folds, strict=True):
            mine = fold_of[self.order :] == fold
            if mine.any():
                innovations = blind.innovations(values)
                ratios = found.ratios(innovations, values[self.order - 1 :], found.begin())
                scores.append(unit_scores(forests, ratios[mine]))
        return np.concatenate(scores)

    def in_place(self, of_folds: Sequence[FloatArray]) -> list[FloatArray]:
        """Numbers of the folds' ticks as the recordings have them; NaN before the first ones."""
        found = [np.full(len(values), np.nan) for values in self._values]
        for fold, numbers in enumerate(of_folds):
            start = 0
            for fold_of, whole in zip(self._folds, found, strict=True):
                places = self.order + np.flatnonzero(fold_of[self.order :] == fold)
                whole[places] = numbers[start : start + len(places)]
                start += len(places)
        return found

    def _predictors(self, left_out: int | None) -> list[Predictor]:
        """For each fold one that has seen neither it nor the one left out."""
        return [
            self._without[frozenset({fold, fold if left_out is None else left_out})]
            for fold in range(self.fold_count)
        ]

    def _forest(self, ratios: FloatArray) -> RandomCutForest:
        forest = RandomCutForest(ratios.shape[1], seed=self._seed)
        forest.update(ratios)
        return forest


def folds_of(recordings: Sequence[FloatArray]) -> list[Folds]:
    """Whole recordings by turns where there are enough of them, stretches of all otherwise."""
    if len(recordings) >= _FOLDS_MIN:
        count = min(len(recordings), _FOLDS_MAX)
        return [
            np.full(len(each), number % count, dtype=np.intp)
            for number, each in enumerate(recordings)
        ]
    places: NDArray[np.intp] = np.arange(sum(map(len, recordings)))
    folds = places * _FOLDS_MIN // len(places)
    ends = np.cumsum([len(each) for each in recordings])[:-1]
    return list(np.split(folds, ends))
