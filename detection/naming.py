"""Names for what raised an alarm: which disturbance the ticks since then look most like.

Asked once a window of ticks is full, counted from the alarm on. What is looked at are five features
a channel, and the path along the direction into which each of the faults moves whitened
innovations, from two hours before the alarm on: weak traces in many channels are a clear one there.
Extremely randomised trees (Geurts, Ernst and
Wehenkel, Machine Learning 63, 2006), taught elsewhere on runs whose disturbance is known, vote on
them. The votes say what it is like among the disturbances that were taught, not whether it is one
of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from tepwatch.kernels import kernel, part
from tepwatch.records import Suspect

Features = NDArray[np.float32]

WINDOW_MIN: Final = 5
"""Ticks of the shortest window: fifths of it are held against each other."""

BEFORE_TICKS: Final = 40
"""Before the alarm that are looked at too: what is weak has begun long before it is an alarm."""

_BLOCK: Final = 5
_FEATURES_A_CHANNEL: Final = 5
_FEATURES_A_DIRECTION: Final = 4 + BEFORE_TICKS // _BLOCK
_FIFTHS: Final = 5

LEAF: Final = -1
"""What a leaf has in the place of a feature."""

# What a window of no spread, and of no surprise at all, has in the place of minus infinity.
_SPREAD_LEAST: Final = 1e-2
_ENERGY_LEAST: Final = 1e-3


class Trees(NamedTuple):
    """Trees that vote on windows of one length: k nodes, t trees.

    A tree's nodes are in preorder: the left child of a node is the next one. `features` (k,): what
    a node asks for, `LEAF` at a leaf; `thresholds` (k,): up to it the way goes left; `links` (k,):
    the right child counted from the root, of a leaf the place of its fault in `faults`; `roots`
    (t,): where the trees begin.
    """

    faults: tuple[int, ...]
    features: NDArray[np.int16]
    thresholds: NDArray[np.float32]
    links: NDArray[np.uint16]
    roots: NDArray[np.int32]

    def votes(self, features: Features) -> FloatArray:
        """The share of the trees that vote for each fault, (faults,), by (features,)."""
        votes = np.zeros(len(self.faults))
        _vote(self.features, self.thresholds, self.links, self.roots, features, votes)
        return votes

    def fit(self, features: int) -> bool:
        """Whether every way through the trees ends at a fault, for so many features of a window.

        Kernels do not look at bounds.
        """
        nodes = len(self.features)
        if not (len(self.thresholds) == len(self.links) == nodes and self.faults and nodes):
            return False
        ends = np.append(self.roots[1:], nodes)
        if not len(self.roots) or self.roots[0] != 0 or not (ends > self.roots).all():
            return False
        tree = np.repeat(np.arange(len(self.roots)), ends - self.roots)
        places = np.arange(nodes) - self.roots[tree]
        leaf = self.features == LEAF
        # Children come after their parent, so that no way goes round in a circle.
        inner = (self.links > places + 1) & (self.links < (ends - self.roots)[tree])
        asked = (self.features >= 0) & (self.features < features)
        return bool(np.where(leaf, self.links < len(self.faults), inner & asked).all())


class Axes(NamedTuple):
    """Along which windows are described: n channels, d directions.

    `whitening` (n, n) is that of the baseline's statistics, symmetric; `directions` (d, n) are of
    whitened innovations, each of length 1.
    """

    whitening: FloatArray
    directions: FloatArray

    @property
    def features(self) -> int:
        """How many features a window has."""
        channels, count = len(self.whitening), len(self.directions)
        return _FEATURES_A_CHANNEL * channels + _FEATURES_A_DIRECTION * count


class Namer(NamedTuple):
    """Trees by the length of the window, in ticks, that they vote on."""

    axes: Axes
    trees: Mapping[int, Trees]

    @property
    def windows(self) -> list[int]:
        """After how many ticks to ask, counted from the one at which the alarm was raised."""
        return sorted(self.trees)

    @property
    def faults(self) -> list[int]:
        """The faults that it can name."""
        return sorted({fault for trees in self.trees.values() for fault in trees.faults})

    def suspects(
        self, values: FloatArray, innovations: FloatArray, before: FloatArray
    ) -> list[Suspect]:
        """The disturbances by their share of the votes, the likeliest first; none without a vote.

        Args:
            values: (ticks, n) from the alarm's tick on, standardised, as `Tracker` gives them.
            innovations: (ticks, n) of the same ticks.
            before: innovations, (`BEFORE_TICKS` or less, n), of the ticks before the alarm's.

        Raises:
            ValueError: no trees vote on windows of so many ticks.
        """
        if len(values) not in self.trees:
            raise ValueError(f"a window is of {self.windows} ticks, not of {len(values)}")
        trees = self.trees[len(values)]
        votes = trees.votes(describe(values, innovations, before, self.axes))
        suspects = map(Suspect, trees.faults, votes.tolist())
        # The lower number first where votes are equal.
        return sorted(
            (each for each in suspects if each.probability), key=lambda each: -each.probability
        )

    def fits(self, channels: int) -> bool:
        """Whether windows of so many channels can be asked about."""
        return (
            self.axes.whitening.shape == (channels, channels)
            and self.axes.directions.shape == (len(self.axes.directions), channels)
            and min(self.trees, default=0) >= WINDOW_MIN
            and all(trees.fit(self.axes.features) for trees in self.trees.values())
        )


def describe(
    values: FloatArray, innovations: FloatArray, before: FloatArray, axes: Axes
) -> Features:
    """What trees are asked of a window, (5 n + 12 d,).

    For each feature the n channels: signed logarithms of the mean value and of the mean whitened
    innovation times the root of the ticks; logarithms of the mean squared whitened innovation and
    of the standard deviation of values; signed logarithm of the last quarter's mean value less that
    of the first one. Then for each feature the d directions, of whitened innovations along them:
    signed logarithms of the mean times the root of the ticks, and of the least and the greatest of
    the means of five fifths times the root of theirs; logarithm of those means' standard deviation;
    signed logarithms of such means of each five ticks before the window, 0 where nothing is known.

    Args:
        values: (ticks, n), standardised; at least `WINDOW_MIN` ticks.
        innovations: (ticks, n).
        before: innovations of the ticks before the window, (`BEFORE_TICKS` or less, n).
        axes: of n channels.
    """
    channels = len(axes.whitening)
    if not values.shape == innovations.shape == (len(values), channels) or len(values) < WINDOW_MIN:
        raise ValueError(
            f"values {values.shape} and innovations {innovations.shape} are no window of "
            f"{channels} channels"
        )
    whitened, along = _projected(innovations, axes)
    _, earlier = _projected(before[-BEFORE_TICKS:], axes)
    path = np.zeros((BEFORE_TICKS, along.shape[1]))
    path[BEFORE_TICKS - len(earlier) :] = np.nan_to_num(earlier)
    features = np.empty(axes.features)
    split = _FEATURES_A_CHANNEL * channels
    by_channel = features[:split].reshape(_FEATURES_A_CHANNEL, channels)
    _describe(np.ascontiguousarray(values), whitened, by_channel)
    _follow(along, path, features[split:].reshape(_FEATURES_A_DIRECTION, along.shape[1]))
    return features.astype(np.float32)


def _projected(innovations: FloatArray, axes: Axes) -> tuple[FloatArray, FloatArray]:
    """Innovations, whitened, and along each of the directions."""
    whitened = np.zeros(innovations.shape)
    _project(np.ascontiguousarray(innovations), axes.whitening, whitened)
    along = np.zeros((len(innovations), len(axes.directions)))
    _project(whitened, np.ascontiguousarray(axes.directions.T), along)
    return whitened, along


@kernel
def _project(rows: FloatArray, onto: FloatArray, found: FloatArray) -> None:
    for tick in range(len(rows)):
        for source in range(rows.shape[1]):
            for target in range(onto.shape[1]):
                found[tick, target] += rows[tick, source] * onto[source, target]


@kernel
def _describe(values: FloatArray, whitened: FloatArray, features: FloatArray) -> None:
    ticks = len(values)
    quarter = ticks // 4
    for channel in range(values.shape[1]):
        mean = innovation = energy = start = end = 0.0
        for tick in range(ticks):
            mean += values[tick, channel] / ticks
            innovation += whitened[tick, channel] / ticks
            energy += whitened[tick, channel] ** 2 / ticks
            if tick < quarter:
                start += values[tick, channel] / quarter
            if tick >= ticks - quarter:
                end += values[tick, channel] / quarter
        variance = 0.0
        for tick in range(ticks):
            variance += (values[tick, channel] - mean) ** 2 / ticks
        features[0, channel] = _signed_log(mean)
        features[1, channel] = _signed_log(math.sqrt(ticks) * innovation)
        features[2, channel] = math.log(energy + _ENERGY_LEAST)
        features[3, channel] = math.log(math.sqrt(variance) + _SPREAD_LEAST)
        features[4, channel] = _signed_log(end - start)


@kernel
def _follow(along: FloatArray, path: FloatArray, features: FloatArray) -> None:
    ticks = len(along)
    fifth = ticks // _FIFTHS
    for direction in range(along.shape[1]):
        mean = 0.0
        for tick in range(ticks):
            mean += along[tick, direction] / ticks
        least, greatest, total, squares = np.inf, -np.inf, 0.0, 0.0
        for number in range(_FIFTHS):
            part_mean = _mean_of(along, direction, number * fifth, fifth)
            least, greatest = min(least, part_mean), max(greatest, part_mean)
            total += part_mean / _FIFTHS
            squares += part_mean**2 / _FIFTHS
        spread = math.sqrt(max(0.0, squares - total**2))
        features[0, direction] = _signed_log(math.sqrt(ticks) * mean)
        features[1, direction] = _signed_log(least)
        features[2, direction] = _signed_log(greatest)
        features[3, direction] = math.log(spread + _SPREAD_LEAST)
        for number in range(len(path) // _BLOCK):
            block = _mean_of(path, direction, number * _BLOCK, _BLOCK)
            features[4 + number, direction] = _signed_log(block)


@part
def _mean_of(path: FloatArray, direction: int, first: int, ticks: int) -> float:
    """The mean of so many ticks times their root, as noise is of the size of 1."""
    total = 0.0
    for tick in range(first, first + ticks):
        total += path[tick, direction]
    return total / math.sqrt(ticks)


@part
def _signed_log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


@kernel
def _vote(
    asked: NDArray[np.int16],
    thresholds: NDArray[np.float32],
    links: NDArray[np.uint16],
    roots: NDArray[np.int32],
    features: Features,
    votes: FloatArray,
) -> None:
    for root in roots:
        node = root
        while asked[node] != LEAF:
            if features[asked[node]] <= thresholds[node]:
                node += 1
            else:
                node = root + links[node]
        votes[links[node]] += 1.0
    for place in range(len(votes)):
        votes[place] /= len(roots)
