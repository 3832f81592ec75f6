"""Statistics of each process unit at several timescales.

Mahalanobis distances of a unit: of the whitened innovations and of their exponentially weighted
means, of the logarithm of their mean energy, of the values themselves and of their means. What is
sudden shows in the fast ones, what drifts in the slow ones, what only gets noisier in the energy.

Without manipulated variables also of the logarithm of the mean energy of changes from tick to tick.
Where controllers make up for a fault all means come back; loops that have become slower or faster
remain, and show in how far variables move between ticks.

Each is divided by its limit, the 99 % quantile in normal operation. Memory is bounded: where a
distance is far beyond its limit, the mean that it is of is drawn back, so that an alarm ends when
what caused it does.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.channels import Unit
from detection.forest import FloatArray
from tepwatch.kernels import kernel, part

RATIO_MAX: Final = 20.0
"""Ratios to the limit count up to this."""

LIMIT_QUANTILE: Final = 0.99
"""Of distances in normal operation, which is their limit."""

_BEYOND: Final = 4.0
"""Times its limit that a distance goes on from, at the most; less where the mean is so slow that it
would stay beyond its limit for longer than so many ticks after what caused it is over."""
_FORGOTTEN: Final = 57
# Energies less their mean in normal operation, 1, are not below -1.
_ENERGY_OFFSET: Final = 1.02
_NUGGET: Final = 1e-6
"""Part of the mean variance that is added to every variance: where a controller follows a
measurement exactly, there is a direction without any."""


class Quantity(enum.IntEnum):
    """What a statistic is of."""

    INNOVATIONS = 0
    ENERGY = 1
    VALUES = 2
    CHANGES = 3
    """Energy of changes of the values from tick to tick."""


_ENERGIES: Final = (Quantity.ENERGY, Quantity.CHANGES)
"""Of which a distance is of the logarithm: they are never below zero and can grow many times."""


class Scale(NamedTuple):
    """A statistic: of what, and the weight of the newest tick in its mean."""

    quantity: Quantity
    rate: float


_MEMORIES: Final = {
    Quantity.INNOVATIONS: 25.0,
    Quantity.ENERGY: 25.0,
    # Values follow each other closely: there is less to learn in the same time.
    Quantity.VALUES: 75.0,
    Quantity.CHANGES: 25.0,
}
"""A scale is used where the baseline holds so many times its memory."""

_RATES: Final = {
    Quantity.INNOVATIONS: (1.0, 0.3, 0.1, 0.03, 0.01),
    Quantity.ENERGY: (0.1, 0.03, 0.01),
    Quantity.VALUES: (1.0, 0.3, 0.1, 0.03),
    # A loop that is a little slower moves its variables by a few percent less: faster means are too
    # uncertain to tell.
    Quantity.CHANGES: (0.003,),
}


class Statistics(NamedTuple):
    """The statistics of a plant, as the kernels take them.

    n channels, u units, s statistics: `whitening` (n, n) is symmetric; `change_sds` (n,) are root
    mean squares of changes from tick to tick; `quantities`, `rates` (s,); `starts` (u + 1,) of
    units among the channels; `centres` (s, n) and `factors` (s, n, n), by which a distance is the
    length of (level - centre) @ factor within a unit; `limits` (s, u), infinite where there is
    nothing to hold a distance against; `usual` (s, u), medians of the ratios to the limits, which
    such a statistic has instead.
    """

    whitening: FloatArray
    change_sds: FloatArray
    quantities: NDArray[np.int64]
    rates: FloatArray
    starts: NDArray[np.int64]
    centres: FloatArray
    factors: FloatArray
    limits: FloatArray
    usual: FloatArray

    def begin(self) -> FloatArray:
        """Levels of all means, (s, n), where a recording begins."""
        return np.zeros(self.centres.shape)

    def ratios(
        self,
        innovations: FloatArray,
        values: FloatArray,
        levels: FloatArray,
        filled: NDArray[np.bool_] | None = None,
    ) -> FloatArray:
        """Distances by their limits, `RATIO_MAX` at most.

        Args:
            innovations: (ticks, n).
            values: (ticks + 1, n), standardised, from the tick before on.
            levels: as `begin` gives them or a call before left them; changed.
            filled: (ticks, n), where a value is but what was expected: that is too quiet to be
                counted among energies.

        Returns:
            (ticks, u, s)
        """
        shape = (len(innovations), len(self.starts) - 1, len(self.rates))
        ratios = np.empty(shape)
        if filled is None:
            filled = np.zeros(innovations.shape, dtype=np.bool_)
        _advance(self, innovations, values, filled, levels, ratios)
        return ratios


def scales_for(ticks: int, *, has_valves: bool) -> list[Scale]:
    """The statistics that a baseline of so many ticks can tell something about.

    Changes only without manipulated variables: with them there is nothing to gain, and alarms would
    last an hour longer.
    """
    return [
        Scale(quantity, rate)
        for quantity, rates in _RATES.items()
        if not (has_valves and quantity is Quantity.CHANGES)
        for rate in rates
        if rate == 1.0 or ticks * rate >= _MEMORIES[quantity]
    ]


def fit(
    innovations: Sequence[FloatArray],
    values: Sequence[FloatArray],
    used: Sequence[NDArray[np.bool_]],
    units: Sequence[Unit],
    scales: Sequence[Scale],
) -> Statistics:
    """The statistics of normal operation.

    Args:
        innovations: (ticks, n) of each recording, by a predictor that has not seen the tick.
        values: (ticks + 1, n) of the same ticks and the one before, standardised.
        used: (ticks,), which ticks count; the others only keep the means going.
        units: the channels' process units.
        scales: what to compute.
    """
    chosen = np.concatenate([each[use] for each, use in zip(innovations, used, strict=True)])
    changes = np.concatenate(
        [np.diff(each, axis=0)[use] for each, use in zip(values, used, strict=True)]
    )
    count = chosen.shape[1]
    starts = np.array([units[0].first, *(unit.end for unit in units)])
    empty = Statistics(
        inverse_root(_covariance(chosen)),
        _root_mean_squares(changes),
        np.array([scale.quantity for scale in scales], dtype=np.int64),
        np.array([scale.rate for scale in scales]),
        starts,
        np.zeros((len(scales), count)),
        np.zeros((len(scales), count, count)),
        np.full((len(scales), len(units)), np.inf),
        np.zeros((len(scales), len(units))),
    )
    levels = np.concatenate(
        [
            levels_of(empty, innovation, value)[use]
            for innovation, value, use in zip(innovations, values, used, strict=True)
        ]
    )
    centres = levels.mean(axis=0)
    factors, limits, usual = empty.factors, empty.limits, empty.usual
    for number in range(len(scales)):
        for place, unit in enumerate(units):
            mine = slice(unit.first, unit.end)
            away = levels[:, number, mine] - centres[number, mine]
            factor = factor_of(_covariance(away))
            factors[number, mine, mine] = factor
            distances = ((away @ factor) ** 2).sum(axis=1)
            limits[number, place] = np.quantile(distances, LIMIT_QUANTILE)
            usual[number, place] = np.median(distances) / limits[number, place]
    return empty._replace(centres=centres, factors=factors, limits=limits)


def factor_of(covariance: FloatArray) -> FloatArray:
    """What makes distances of deviations, by their covariance."""
    factor: FloatArray = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return factor


def _covariance(rows: FloatArray) -> FloatArray:
    covariance: FloatArray = np.atleast_2d(np.cov(rows.T))
    covariance[np.diag_indices_from(covariance)] += _NUGGET * np.trace(covariance) / len(covariance)
    return covariance


def _root_mean_squares(rows: FloatArray) -> FloatArray:
    squares = (rows**2).mean(axis=0)
    roots: FloatArray = np.sqrt(squares + _NUGGET * squares.mean())
    return roots


def inverse_root(covariance: FloatArray) -> FloatArray:
    """What whitens deviations and changes them least, by their covariance."""
    variances, directions = np.linalg.eigh(covariance)
    root: FloatArray = (directions / np.sqrt(variances)) @ directions.T
    return root


def levels_of(statistics: Statistics, innovations: FloatArray, values: FloatArray) -> FloatArray:
    """What the distances are of, (ticks, s, n), with unbounded memory."""
    levels = np.empty((len(innovations), *statistics.centres.shape))
    _follow(statistics, innovations, values, levels)
    return levels


@kernel
def _follow(
    statistics: Statistics, innovations: FloatArray, values: FloatArray, found: FloatArray
) -> None:
    count = values.shape[1]
    whitened, changes = np.empty(count), np.empty(count)
    levels = np.zeros(statistics.centres.shape)
    nothing = np.zeros(count, dtype=np.bool_)
    for tick in range(len(innovations)):
        _whiten(statistics.whitening, innovations[tick], whitened)
        now = values[tick + 1]
        changes[:] = (now - values[tick]) / statistics.change_sds
        for number in range(len(statistics.rates)):
            quantity, rate = statistics.quantities[number], statistics.rates[number]
            _update(quantity, rate, whitened, now, changes, nothing, levels[number])
            for channel in range(count):
                found[tick, number, channel] = seen(quantity, levels[number, channel])


@kernel
def _advance(
    statistics: Statistics,
    innovations: FloatArray,
    values: FloatArray,
    filled: NDArray[np.bool_],
    levels: FloatArray,
    ratios: FloatArray,
) -> None:
    count = values.shape[1]
    whitened, changes = np.empty(count), np.empty(count)
    away, along = np.empty(count), np.empty(count)
    for tick in range(len(innovations)):
        _whiten(statistics.whitening, innovations[tick], whitened)
        now = values[tick + 1]
        changes[:] = (now - values[tick]) / statistics.change_sds
        for number in range(len(statistics.rates)):
            quantity, rate = statistics.quantities[number], statistics.rates[number]
            _update(quantity, rate, whitened, now, changes, filled[tick], levels[number])
            for unit in range(len(statistics.starts) - 1):
                first, end = statistics.starts[unit], statistics.starts[unit + 1]
                limit = statistics.limits[number, unit]
                if np.isinf(limit):
                    ratios[tick, unit, number] = statistics.usual[number, unit]
                    continue
                for channel in range(first, end):
                    level = seen(quantity, levels[number, channel])
                    away[channel] = level - statistics.centres[number, channel]
                distance = _distance(away, statistics.factors[number], first, end, along)
                ratios[tick, unit, number] = min(distance / limit, RATIO_MAX)
                beyond = _beyond(quantity, rate)
                if rate < 1.0 and distance > beyond * limit:
                    less = np.sqrt(beyond * limit / distance)
                    for channel in range(first, end):
                        nearer = statistics.centres[number, channel] + less * away[channel]
                        levels[number, channel] = _unseen(quantity, nearer)


@part
def _beyond(quantity: int, rate: float) -> float:
    if quantity == Quantity.CHANGES:
        # So slow that there would be nothing left.
        return _BEYOND
    return min(_BEYOND, math.exp(2.0 * rate * _FORGOTTEN))


@part
def _whiten(whitening: FloatArray, innovations: FloatArray, whitened: FloatArray) -> None:
    whitened[:] = 0.0
    for source in range(len(innovations)):
        for target in range(len(innovations)):
            whitened[target] += whitening[source, target] * innovations[source]


@part
def _update(
    quantity: int,
    rate: float,
    whitened: FloatArray,
    values: FloatArray,
    changes: FloatArray,
    filled: NDArray[np.bool_],
    levels: FloatArray,
) -> None:
    """Let a mean take in a tick."""
    for channel in range(len(levels)):
        if filled[channel] and quantity in _ENERGIES:
            continue
        if quantity == Quantity.VALUES:
            newest = values[channel]
        elif quantity == Quantity.ENERGY:
            newest = whitened[channel] ** 2 - 1.0
        elif quantity == Quantity.CHANGES:
            newest = changes[channel] ** 2 - 1.0
        else:
            newest = whitened[channel]
        levels[channel] += rate * (newest - levels[channel])


@part
def seen(quantity: int, level: float) -> float:
    """What a distance is of, by a mean of a quantity."""
    return np.log(level + _ENERGY_OFFSET) if quantity in _ENERGIES else level


@part
def _unseen(quantity: int, seen: float) -> float:
    """The mean of which that is so."""
    return np.exp(seen) - _ENERGY_OFFSET if quantity in _ENERGIES else seen


@part
def _distance(
    away: FloatArray, factor: FloatArray, first: int, end: int, along: FloatArray
) -> float:
    along[first:end] = 0.0
    for source in range(first, end):
        for target in range(first, end):
            along[target] += away[source] * factor[source, target]
    distance = 0.0
    for target in range(first, end):
        distance += along[target] ** 2
    return distance
