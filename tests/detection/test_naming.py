from __future__ import annotations

import math

import numpy as np
import pytest

from detection.forest import FloatArray
from detection.naming import LEAF, Axes, Features, Namer, Trees, describe
from tepwatch.records import Suspect


def window(ticks: int = 20, channels: int = 3, seed: int = 1) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return 3.0 * rng.normal(size=(ticks, channels)), rng.normal(size=(ticks, channels))


def axes(channels: int = 3, directions: int = 2) -> Axes:
    half = np.random.default_rng(2).normal(size=(channels, channels))
    return Axes(half + half.T, np.random.default_rng(3).normal(size=(directions, channels)))


NOTHING = np.empty((0, 3))
PLAIN = Axes(np.eye(1), np.empty((0, 1)))
"""Of one channel and no fault."""


def signed_log(value: float) -> float:
    return math.copysign(math.log(1.0 + abs(value)), value)


def trees() -> Trees:
    """Two trees on one channel: by its mean and then its trend, and by its mean alone."""
    return Trees(
        faults=(3, 8, 13),
        features=np.array([0, LEAF, 4, LEAF, LEAF, 0, LEAF, LEAF], dtype=np.int16),
        thresholds=np.array([0.0, 0.0, 0.5, 0.0, 0.0, -1.0, 0.0, 0.0], dtype=np.float32),
        links=np.array([2, 0, 4, 1, 2, 2, 0, 1], dtype=np.uint16),
        roots=np.array([0, 5], dtype=np.int32),
    )


def naive_votes(trees: Trees, features: Features) -> list[float]:
    votes = [0.0] * len(trees.faults)
    for root in trees.roots:
        node = int(root)
        while trees.features[node] != LEAF:
            left = features[trees.features[node]] <= trees.thresholds[node]
            node = node + 1 if left else int(root) + int(trees.links[node])
        votes[trees.links[node]] += 1.0 / len(trees.roots)
    return votes


def test_a_window_is_described_channel_by_channel() -> None:
    values, innovations = window(21)
    features = describe(values, innovations, NOTHING, axes())[:15].reshape(5, 3)
    whitened = innovations @ axes().whitening
    for channel in range(3):
        value, innovation = values[:, channel], whitened[:, channel]
        assert features[:, channel] == pytest.approx(
            [
                signed_log(value.mean()),
                signed_log(math.sqrt(21) * innovation.mean()),
                math.log((innovation**2).mean() + 1e-3),
                math.log(value.std() + 1e-2),
                signed_log(value[-5:].mean() - value[:5].mean()),
            ],
            rel=1e-5,
        )


def test_a_window_is_described_along_what_the_faults_do() -> None:
    values, innovations = window(23)
    before = np.random.default_rng(5).normal(size=(52, 3))
    before[:17] = np.nan
    features = describe(values, innovations, before, axes())
    assert len(features) == axes().features == 39
    along, earlier = (
        each @ axes().whitening @ axes().directions.T for each in (innovations, before)
    )
    for direction in range(2):
        path = along[:, direction]
        fifths = 2.0 * path[:20].reshape(5, 4).mean(axis=1)
        blocks = math.sqrt(5) * earlier[17:, direction].reshape(7, 5).mean(axis=1)
        assert features[15:].reshape(12, 2)[:, direction] == pytest.approx(
            [
                signed_log(math.sqrt(23) * path.mean()),
                signed_log(fifths.min()),
                signed_log(fifths.max()),
                math.log(fifths.std() + 1e-2),
                # Not known, or further back than is looked.
                0.0,
                *map(signed_log, blocks),
            ],
            rel=1e-5,
        )
    short = describe(values, innovations, before[-35:], axes())
    assert short.tolist() == features.tolist()


def test_what_stands_still_can_be_described_too() -> None:
    assert np.isfinite(describe(np.zeros((10, 3)), np.zeros((10, 3)), NOTHING, axes())).all()


@pytest.mark.parametrize("shape", [(4, 3), (10, 2)])
def test_what_is_no_window_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no window of 3 channels"):
        describe(np.zeros(shape), np.zeros(shape), NOTHING, axes())


@pytest.mark.parametrize("mean", [-3.0, -0.5, 0.5, 3.0])
@pytest.mark.parametrize("trend", [-2.0, 2.0])
def test_trees_vote_as_they_are_read(mean: float, trend: float) -> None:
    values = mean + trend * np.linspace(-0.5, 0.5, 12)[:, None]
    features = describe(values, values, NOTHING[:, :1], PLAIN)
    votes = trees().votes(features)
    assert votes.tolist() == naive_votes(trees(), features)
    assert votes.sum() == pytest.approx(1.0)


def test_suspects_come_likeliest_first_and_only_with_a_vote() -> None:
    namer = Namer(PLAIN, {12: trees(), 5: trees()})
    assert namer.windows == [5, 12]
    assert namer.faults == [3, 8, 13]
    low, high = np.full((12, 1), -9.0), np.linspace(0.1, 9.0, 12)[:, None]
    assert namer.suspects(low, low, NOTHING[:, :1]) == [Suspect(3, 1.0)]
    assert namer.suspects(high, high, NOTHING[:, :1]) == [Suspect(8, 0.5), Suspect(13, 0.5)]
    with pytest.raises(ValueError, match=r"of \[5, 12\] ticks, not of 11"):
        namer.suspects(low[1:], low[1:], NOTHING[:, :1])


def test_trees_that_lead_nowhere_do_not_fit() -> None:
    assert Namer(PLAIN, {12: trees()}).fits(1)
    assert not Namer(PLAIN._replace(whitening=np.eye(2)), {12: trees()}).fits(1)
    assert not Namer(PLAIN._replace(directions=np.ones((1, 2))), {12: trees()}).fits(1)
    assert not Namer(PLAIN, {}).fits(1)
    assert not Namer(PLAIN, {4: trees()}).fits(1)
    sound = trees()
    wrong = {
        "features": [(0, 5), (0, -2), (3, 0), (7, 0)],
        # Back to the root, to itself, to its left child, out of the tree; a fourth fault.
        "links": [(0, 0), (0, 1), (2, 3), (2, 5), (2, 9), (1, 3)],
        "roots": [(0, 1), (1, 0), (1, 8), (1, -1)],
    }
    for name, changes in wrong.items():
        for place, number in changes:
            array = getattr(sound, name).copy()
            array[place] = number
            assert not sound._replace(**{name: array}).fit(5), (name, place, number)
        assert not sound._replace(**{name: getattr(sound, name)[:-1]}).fit(5), name
    assert not sound._replace(faults=(3, 8)).fit(5)
    assert not sound._replace(thresholds=sound.thresholds[:-1]).fit(5)
