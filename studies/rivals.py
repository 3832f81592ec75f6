"""Methods to compare with: principal components, canonical variates, the reference system's groups.

Chiang, Russell and Braatz, "Fault Detection and Diagnosis in Industrial Systems", Springer 2001:
chapters 4 (PCA), 5 (dynamic PCA) and 7 (canonical variate analysis). Every method gives statistics
that are large where a tick is unusual; their limits come from held-out normal operation, as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray, RandomCutForest
from detection.predictor import earlier
from detection.stages import PRESETS
from tepwatch.tags import PLACES

Score = Callable[[FloatArray], FloatArray]
"""(ticks, statistics) of a recording, (ticks, variables); NaN where there is nothing yet."""

_VARIANCE_KEPT: Final = 0.9
_LAGS: Final = 10
_STATES: Final = 25
_SHORT_TICKS: Final = 6000
_SHORT_LAGS: Final = 2
_STILL: Final = 1e-9
_SEED: Final = 42


class Rival(NamedTuple):
    """A method: `fit` makes what scores recordings of recordings of normal operation."""

    name: str
    title: str
    fit: Callable[[Sequence[FloatArray]], Score]


class _Standard(NamedTuple):
    moving: NDArray[np.intp]
    means: FloatArray
    sds: FloatArray

    def __call__(self, recording: FloatArray) -> FloatArray:
        values: FloatArray = (recording[:, self.moving] - self.means) / self.sds
        return values


def _standard(recordings: Sequence[FloatArray]) -> _Standard:
    rows = np.concatenate(recordings)
    means, sds = rows.mean(axis=0), rows.std(axis=0)
    moving = np.flatnonzero(sds > _STILL * np.abs(means))
    return _Standard(moving, means[moving], sds[moving])


def fit_pca(recordings: Sequence[FloatArray], lags: int = 0) -> Score:
    """Principal components that keep 90 % of the variance: T^2 within them, SPE beside them."""
    standard = _standard(recordings)

    def stacked(recording: FloatArray) -> FloatArray:
        values = standard(recording)
        return np.concatenate([values[lags:], earlier(values, lags)], axis=1) if lags else values

    covariance = np.cov(np.concatenate([stacked(each) for each in recordings]).T)
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1], directions[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), _VARIANCE_KEPT)) + 1
    variances, directions = variances[:kept], directions[:, :kept]

    def score(recording: FloatArray) -> FloatArray:
        values = stacked(recording)
        along = values @ directions
        beside = values - along @ directions.T
        t2, spe = (along**2 / variances).sum(axis=1), (beside**2).sum(axis=1)
        return _after(lags, np.stack([t2, spe], axis=1))

    return score


def fit_cva(recordings: Sequence[FloatArray]) -> Score:
    """Canonical variates of past and future: T^2 of the 25 first ones, the states, and of the rest.

    Ten lags, or two where the baseline is short.
    """
    standard = _standard(recordings)
    lags = _LAGS if sum(map(len, recordings)) > _SHORT_TICKS else _SHORT_LAGS
    pasts, futures = [], []
    for recording in recordings:
        past, future = _past_and_future(standard(recording), lags)
        pasts.append(past)
        futures.append(future)
    past, future = np.concatenate(pasts), np.concatenate(futures)
    past_root, future_root = _inverse_root(np.cov(past.T)), _inverse_root(np.cov(future.T))
    crossed = past.T @ future / (len(past) - 1)
    left, _, _ = np.linalg.svd(past_root @ crossed @ future_root)
    projection = left.T @ past_root

    def score(recording: FloatArray) -> FloatArray:
        values = standard(recording)
        past = _pasts(values, lags)
        variates = past @ projection.T
        state, rest = variates[:, :_STATES], variates[:, _STATES:]
        return _after(lags, np.stack([(state**2).sum(axis=1), (rest**2).sum(axis=1)], axis=1))

    return score


def fit_reference(recordings: Sequence[FloatArray]) -> Score:
    """The reference system: a forest a group of analyser values, as they are, always learning."""
    groups = [[PLACES[tag] for tag in stage.tags] for stage in PRESETS["default"]]
    taught = []
    for group in groups:
        forest = RandomCutForest(len(group), seed=_SEED)
        for recording in recordings:
            forest.update(recording[:, group])
        taught.append(forest.to_bytes())

    def score(recording: FloatArray) -> FloatArray:
        return np.stack(
            [
                RandomCutForest.from_bytes(forest).score_and_update(recording[:, group])
                for forest, group in zip(taught, groups, strict=True)
            ],
            axis=1,
        )

    return score


def _pasts(values: FloatArray, lags: int) -> FloatArray:
    """The last `lags` ticks up to each tick from number `lags` on, itself included."""
    return earlier(np.concatenate([values, values[-1:]]), lags)[1:]


def _past_and_future(values: FloatArray, lags: int) -> tuple[FloatArray, FloatArray]:
    past = earlier(values, lags)[: len(values) - 2 * lags + 1]
    future = earlier(values[::-1], lags)[::-1][-len(past) :]
    return past, future


def _inverse_root(covariance: FloatArray) -> FloatArray:
    variances, directions = np.linalg.eigh(covariance)
    # A controller's output may follow from the rest: such a direction says nothing.
    there = variances > _STILL * variances[-1]
    root: FloatArray = (directions[:, there] / np.sqrt(variances[there])) @ directions[:, there].T
    return root


def _after(missing: int, statistics: FloatArray) -> FloatArray:
    return np.concatenate([np.full((missing, statistics.shape[1]), np.nan), statistics])


RIVALS: Final = (
    Rival("reference", "reference system's groups, updating forests", fit_reference),
    Rival("pca", "PCA, T2 and SPE", fit_pca),
    Rival("dpca", "DPCA, 2 lags", lambda recordings: fit_pca(recordings, lags=2)),
    Rival("cva", "CVA, 10 lags (2 of a short baseline), 25 states", fit_cva),
)
