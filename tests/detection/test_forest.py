from __future__ import annotations

import math

import numpy as np
import pytest
import rrcf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.forest import MAGNITUDE_MAX, ForestParameters, RandomCutForest
from tepwatch.errors import NewerStateError, StateError
from tepwatch.sealed import seal

Array = NDArray[np.float64]


def walk(count: int, dimensions: int, seed: int = 3) -> Array:
    """A slow cycle with noise, as a process has."""
    generator = np.random.default_rng(seed)
    phase = np.linspace(0, 12, count)[:, None] + np.arange(dimensions)
    noise: Array = 0.1 * generator.normal(size=(count, dimensions))
    return np.sin(phase) + noise


def small_forest(dimensions: int = 3, *, seed: int = 5, shingle_size: int = 1) -> RandomCutForest:
    return RandomCutForest(
        dimensions,
        trees=20,
        sample_size=64,
        output_after=10,
        seed=seed,
        shingle_size=shingle_size,
        cyclic_shingle=False,
    )


def rrcf_codisplacement(sample: Array, probes: Array, trees: int) -> Array:
    """Co-displacement of each probe inserted into trees of the sample, by the package rrcf."""
    generator = np.random.RandomState(11)
    totals = np.zeros(len(probes))
    for _ in range(trees):
        tree = rrcf.RCTree(sample, random_state=generator)
        for place, probe in enumerate(probes):
            tree.insert_point(probe, index="probe")
            totals[place] += tree.codisp("probe")
            tree.forget_point("probe")
    return totals / trees


def test_it_ranks_points_as_an_independent_forest_does() -> None:
    sample = walk(256, 4)
    generator = np.random.default_rng(17)
    usual = walk(40, 4, seed=8)
    far = usual + generator.choice([-1.0, 1.0], size=usual.shape) * np.linspace(0, 4, 40)[:, None]
    probes = np.vstack([usual, far])
    forest = RandomCutForest(4, trees=50, sample_size=256, initial_accept_fraction=1.0)
    forest.update(sample)
    ours = forest.score(probes)
    theirs = rrcf_codisplacement(sample, probes, trees=30)
    ranks = [np.argsort(np.argsort(values)) for values in (ours, theirs)]
    spearman = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
    assert spearman > 0.9
    assert ours[40 + 30 :].min() > np.median(ours[:40])


def test_scores_do_not_depend_on_how_points_are_cut_into_calls() -> None:
    points = walk(300, 3)
    whole = small_forest().score_and_update(points)
    forest = small_forest()
    pieces = [forest.score_and_update(part) for part in np.array_split(points, [1, 7, 8, 120])]
    single = small_forest()
    by_hand = []
    for point in points:
        by_hand.append(single.score([point])[0])
        single.update([point])
    np.testing.assert_array_equal(whole, np.concatenate(pieces))
    np.testing.assert_array_equal(whole, by_hand)


@settings(max_examples=20)
@given(st.integers(0, 200), st.sampled_from([1, 4]))
def test_a_restored_forest_goes_on_to_the_last_bit(cut: int, shingle_size: int) -> None:
    points = walk(260, 3)
    forest = small_forest(shingle_size=shingle_size)
    forest.update(points[:cut])
    restored = RandomCutForest.from_bytes(forest.to_bytes())
    np.testing.assert_array_equal(
        forest.score_and_update(points[cut:]), restored.score_and_update(points[cut:])
    )


def test_the_seed_decides() -> None:
    points = walk(200, 3)
    first, again, other = (
        small_forest(seed=seed).score_and_update(points)[50:] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_score_learns_nothing_and_comes_before_learning() -> None:
    points = walk(120, 3)
    forest = small_forest()
    forest.update(points)
    outlier = np.array([[8.0, -8.0, 8.0]])
    before = forest.score(outlier)
    np.testing.assert_array_equal(before, forest.score(outlier))
    np.testing.assert_array_equal(before, forest.score_and_update(outlier))
    assert forest.score(outlier)[0] < before[0]


def test_warm_up_is_none_not_zero() -> None:
    scores = small_forest().score_and_update(walk(30, 3))
    assert np.isnan(scores[:10]).all()
    assert (scores[10:] > 0).all()


def test_a_shingle_sees_a_break_of_rhythm_that_single_points_do_not() -> None:
    rhythm = np.tile([0.0, 1.0, 2.0, 1.0], 100)[:, None]
    rhythm = rhythm + 0.01 * np.random.default_rng(1).normal(size=rhythm.shape)
    broken = rhythm[-1:]
    scores = {}
    for size in (1, 4):
        forest = RandomCutForest(1, trees=50, sample_size=128, shingle_size=size)
        usual = forest.score_and_update(rhythm)[-50:]
        scores[size] = forest.score(broken)[0] / np.nanmean(usual)
    assert scores[4] > 1.5 > scores[1]


def test_a_cyclic_shingle_keeps_each_point_at_its_place() -> None:
    forest = RandomCutForest(1, shingle_size=3, cyclic_shingle=True)
    shingles = []
    for number in range(7):
        shingled = forest._shingled((float(number),))
        shingles.append(shingled)
        forest._learn((float(number),), shingled)
    assert shingles == [
        None, None, [0.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, 4.0, 2.0], [3.0, 4.0, 5.0],
        [6.0, 4.0, 5.0],
    ]  # fmt: skip


def test_a_broken_shingle_gives_no_score_until_it_is_full_again() -> None:
    forest = small_forest(shingle_size=3)
    forest.update(walk(50, 3))
    forest.break_shingle()
    assert [math.isnan(score) for score in forest.score_and_update(walk(4, 3))] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trees", 0),
        ("sample_size", 1),
        ("shingle_size", 0),
        ("output_after", 0),
        ("seed", -1),
        ("time_decay", 1.0),
        ("time_decay", -0.1),
        ("initial_accept_fraction", 0.0),
        ("initial_accept_fraction", 1.5),
    ],
)
def test_a_bad_argument_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        RandomCutForest(3, **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "points",
    [
        [1.0, 2.0, 3.0],
        [[1.0, 2.0]],
        [[1.0, 2.0, math.nan]],
        [[1.0, 2.0, math.inf]],
        [[1.0, 2.0, 2 * MAGNITUDE_MAX]],
    ],
)
def test_bad_points_are_refused_before_they_reach_the_engine(points: list[object]) -> None:
    forest = small_forest()
    forest.update(walk(50, 3))
    before = forest.score(walk(5, 3))
    with pytest.raises(ValueError, match="points"):
        forest.score_and_update(points)  # type: ignore[arg-type]
    np.testing.assert_array_equal(before, forest.score(walk(5, 3)))


def test_state_that_cannot_be_used_is_refused() -> None:
    data = small_forest().to_bytes()
    with pytest.raises(StateError, match="damaged"):
        RandomCutForest.from_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(NewerStateError):
        RandomCutForest.from_bytes(seal(b"RCFo", 999, b""))
    with pytest.raises(StateError, match="not readable"):
        RandomCutForest.from_bytes(seal(b"RCFo", 1, b"\x00"))


def test_defaults_are_the_design() -> None:
    assert RandomCutForest(6).parameters == ForestParameters(
        6, 50, 256, 0.1 / 256, 1, False, 0.125, 64, 42
    )
