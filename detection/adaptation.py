"""A baseline, moved to where a plant runs after an intended change.

A day of new operation is too little to learn the dynamics and the covariances of a plant from, and
they are nearly what they were. So the predictor stays, means are new, and covariances are those of
both, each by how much is known of it: a direction that hardly varied before may vary more now, and
what is too slow to be seen in a day is known from before. Limits are widened to what ticks need
that the rest of the new ones has not seen. Statistics that the new ticks cannot tell anything about
yet are held at what they usually are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection import statistics
from detection.baseline import Baseline, folds_of, without_holes
from detection.channels import Unit
from detection.forest import FloatArray
from detection.statistics import LIMIT_QUANTILE, Quantity, Statistics, scales_for
from tepwatch.errors import BaselineError

_WEIGHT: Final = 25.0
"""Of what was known before, in independent ticks."""

_INDEPENDENT_VALUES: Final = 0.1
"""Of a value and the one before: they follow each other."""

_WIDER_MAX: Final = 4.0
"""Times a limit, as a geometric mean, beyond which the plant has not settled."""


def adapt(baseline: Baseline, recordings: Sequence[FloatArray]) -> Baseline:
    """The baseline for operation as recorded; it names nothing.

    Args:
        baseline: of operation as it was.
        recordings: (ticks, 106 or less) each, in the order of `COLUMNS`.

    Raises:
        BaselineError: the plant has not settled.
    """
    channels, model = baseline.channels, baseline.model
    order = model.predictor.order
    # Whatever the baseline does not watch may be missing.
    recordings = [each for each in without_holes(recordings) if len(each) > order]
    chosen = [recording[:, channels.columns] for recording in recordings]
    rows = np.concatenate(chosen)
    if np.isnan(rows).any():
        raise BaselineError("too many values are missing of what the baseline watches")
    model = model._replace(means=rows.mean(axis=0))
    values = [model.standardised(recording) for recording in chosen]
    innovations = [model.predictor.innovations(each) for each in values]
    offset = np.concatenate(innovations).mean(axis=0)
    predictor = model.predictor._replace(bias=model.predictor.bias + offset)
    moved = _Moved(
        model.statistics,
        channels.units,
        [each - offset for each in innovations],
        [each[order - 1 :] for each in values],
    )
    folds = [fold_of[order:] for fold_of in folds_of(values)]
    limits = moved.limits(np.concatenate(folds))
    known = scales_for(len(rows), has_valves=channels.has_valves)
    learned = [
        (Quantity(quantity), rate) in known
        for quantity, rate in zip(
            model.statistics.quantities.tolist(), model.statistics.rates.tolist(), strict=True
        )
    ]
    wider = float(np.exp(np.log(limits / model.statistics.limits)[learned].mean()))
    if wider > _WIDER_MAX:
        raise BaselineError(
            f"the plant has not settled: limits would have to be {wider:.1f} times as wide"
        )
    limits[np.logical_not(learned)] = np.inf
    found, _ = moved.fit(np.ones(sum(map(len, innovations)), dtype=np.bool_))
    return baseline._replace(
        model=model._replace(predictor=predictor, statistics=found._replace(limits=limits)),
        ticks=len(rows),
        namer=None,
    )


class _Moved:
    """Statistics before, and ticks of new operation."""

    def __init__(
        self,
        before: Statistics,
        units: Sequence[Unit],
        innovations: Sequence[FloatArray],
        values: Sequence[FloatArray],
    ) -> None:
        self._before = before
        self._units = units
        self._innovations = innovations
        self._values = values
        self._covariance = np.linalg.inv(before.whitening @ before.whitening)

    def fit(self, used: NDArray[np.bool_]) -> tuple[Statistics, FloatArray]:
        """The statistics by some of the ticks, and the distances of all, (ticks, s, u)."""
        before = self._before
        count = int(used.sum())
        chosen = np.concatenate(self._innovations)[used]
        whitening = statistics.inverse_root(_both(np.cov(chosen.T), self._covariance, count))
        found = before._replace(whitening=whitening)
        levels = np.concatenate(
            [
                statistics.levels_of(found, innovation, value)
                for innovation, value in zip(self._innovations, self._values, strict=True)
            ]
        )
        centres = levels[used].mean(axis=0)
        factors = np.zeros_like(before.factors)
        distances = np.empty((len(levels), *before.limits.shape))
        scales = zip(before.quantities, before.rates, strict=True)
        for number, (quantity, rate) in enumerate(scales):
            independent = _INDEPENDENT_VALUES if quantity == Quantity.VALUES else 1.0
            ticks = count * min(independent, rate / 2 if rate < 1.0 else 1.0)
            for place, unit in enumerate(self._units):
                mine = slice(unit.first, unit.end)
                factor = before.factors[number, mine, mine]
                covariance = _both(
                    np.cov(levels[used][:, number, mine].T),
                    np.linalg.inv(factor @ factor.T),
                    ticks,
                )
                factors[number, mine, mine] = statistics.factor_of(covariance)
                away = levels[:, number, mine] - centres[number, mine]
                distances[:, number, place] = ((away @ factors[number, mine, mine]) ** 2).sum(
                    axis=1
                )
        return found._replace(centres=centres, factors=factors), distances

    def limits(self, folds: NDArray[np.intp]) -> FloatArray:
        """Limits that ticks need of a fold that the statistics have not seen, (s, u)."""
        needed = np.empty((len(folds), *self._before.limits.shape))
        for fold in np.unique(folds):
            mine = folds == fold
            needed[mine] = self.fit(~mine)[1][mine]
        limits: FloatArray = np.maximum(
            self._before.limits, np.quantile(needed, LIMIT_QUANTILE, axis=0)
        )
        return limits


def _both(new: FloatArray, before: FloatArray, ticks: float) -> FloatArray:
    """A covariance by so many independent ticks and by what was known."""
    part = ticks / (ticks + _WEIGHT)
    both: FloatArray = part * np.atleast_2d(new) + (1.0 - part) * before
    return both
