from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from numpy.typing import NDArray

from detection.forest import MAGNITUDE_MAX, ForestParameters, RandomCutForest
from tepwatch.errors import NewerStateError, StateError
from tepwatch.sealed import seal, unseal
from tests.detection.trees import inside

Array = NDArray[np.float64]


def walk(count: int, dimensions: int, seed: int = 3) -> Array:
    """A slow cycle with noise, as a process has."""
    generator = np.random.default_rng(seed)
    phase = np.linspace(0, 12, count)[:, None] + np.arange(dimensions)
    noise: Array = 0.1 * generator.normal(size=(count, dimensions))
    return np.sin(phase) + noise


def small_forest(
    dimensions: int = 3,
    *,
    seed: int = 5,
    shingle_size: int = 1,
    cyclic_shingle: bool = False,
    threads: int = 1,
) -> RandomCutForest:
    return RandomCutForest(
        dimensions,
        trees=20,
        sample_size=64,
        output_after=10,
        seed=seed,
        shingle_size=shingle_size,
        cyclic_shingle=cyclic_shingle,
        threads=threads,
    )


def test_the_past_alone_decides_not_how_it_was_given() -> None:
    points = np.vstack([walk(280, 3), np.ones((10, 3)), walk(10, 3)])
    whole, single, threaded = small_forest(), small_forest(), small_forest(threads=3)
    scores = whole.score_and_update(points)
    for cut in ([1, 7, 8, 120], list(range(1, 300)), [64, 128, 192, 256]):
        forest = small_forest()
        pieces = [forest.score_and_update(part) for part in np.split(points, cut)]
        np.testing.assert_array_equal(scores, np.concatenate(pieces))
        assert forest.to_bytes() == whole.to_bytes()
    by_hand = []
    for point in points:
        by_hand.append(single.score([point])[0])
        single.update([point])
    np.testing.assert_array_equal(scores, by_hand)
    np.testing.assert_array_equal(scores, threaded.score_and_update(points))
    np.testing.assert_array_equal(single.score(points), threaded.score(points))
    assert whole.to_bytes() == single.to_bytes() == threaded.to_bytes()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 200), st.sampled_from([1, 4]), st.booleans())
def test_a_restored_forest_goes_on_to_the_last_bit(
    cut: int, shingle_size: int, cyclic: bool
) -> None:
    points = walk(260, 3)
    forest = small_forest(shingle_size=shingle_size, cyclic_shingle=cyclic)
    forest.update(points[:cut])
    restored = RandomCutForest.from_bytes(forest.to_bytes())
    assert restored.to_bytes() == forest.to_bytes()
    np.testing.assert_array_equal(
        forest.score_and_update(points[cut:]), restored.score_and_update(points[cut:])
    )
    assert restored.to_bytes() == forest.to_bytes()


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


@pytest.mark.parametrize("cyclic", [False, True])
def test_a_shingled_forest_is_a_forest_over_shingles(cyclic: bool) -> None:
    points, size = walk(150, 2), 3
    numbers = np.arange(len(points))
    shingles = []
    for last in numbers[size - 1 :]:
        members = numbers[last - size + 1 : last + 1]
        if cyclic:
            members = members[np.argsort(members % size)]
        shingles.append(points[members].ravel())
    shingled = small_forest(2, shingle_size=size, cyclic_shingle=cyclic)
    plain = small_forest(2 * size)
    scores = np.concatenate([shingled.score_and_update(part) for part in np.split(points, [70])])
    assert np.isnan(scores[: size - 1]).all()
    np.testing.assert_array_equal(scores[size - 1 :], plain.score_and_update(shingles))
    probe = np.array([[0.3, 4.0]])
    members = np.array([148, 149, 150])
    place = np.argsort(members % size) if cyclic else np.arange(size)
    next_shingle = np.vstack([points[148:], probe])[place].ravel()[None]
    np.testing.assert_array_equal(shingled.score(probe), plain.score(next_shingle))
    for ours, theirs in zip(
        shingled.attribution(probe), plain.attribution(next_shingle), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    newest = int(np.argmax(place == size - 1))
    np.testing.assert_array_equal(
        shingled.expected_values(probe, [1])[:, 1],
        plain.expected_values(next_shingle, [2 * newest + 1])[:, 2 * newest + 1],
    )


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
        ("dimensions", 0),
        ("dimensions", 70_000),
        ("trees", 0),
        ("trees", 2.5),
        ("sample_size", 1),
        ("sample_size", 8193),
        ("shingle_size", 0),
        ("shingle_size", 30_000),
        ("output_after", 0),
        ("seed", -1),
        ("seed", 2**64),
        ("threads", 0),
        ("time_decay", 1.0),
        ("time_decay", -0.1),
        ("time_decay", math.nan),
        ("initial_accept_fraction", 0.0),
        ("initial_accept_fraction", 1.5),
    ],
)
def test_a_bad_argument_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        RandomCutForest(**{"dimensions": 3, name: value})  # type: ignore[arg-type]


def test_a_forest_that_no_machine_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="trees, sample_size and dimensions"):
        RandomCutForest(60_000, trees=60_000, sample_size=8192)


_BAD_POINTS: list[object] = [
    [1.0, 2.0, 3.0],
    [[1.0, 2.0]],
    [[[1.0, 2.0, 3.0]]],
    [[1.0, 2.0, math.nan]],
    [[1.0, 2.0, 3.0], [1.0, 2.0, math.inf]],
    [[1.0, 2.0, -2 * MAGNITUDE_MAX]],
    [["one", 2.0, 3.0]],
]


@pytest.mark.parametrize("learned", [0, 50])
@pytest.mark.parametrize("shingle_size", [1, 3])
@pytest.mark.parametrize("points", _BAD_POINTS)
def test_bad_points_are_refused_and_change_nothing(
    points: Any, shingle_size: int, learned: int
) -> None:
    forest = small_forest(shingle_size=shingle_size)
    forest.update(walk(learned, 3))
    before = forest.to_bytes()
    asked = (
        forest.score, forest.update, forest.score_and_update, forest.attribution,
        forest.displacement, lambda points: forest.expected_values(points, [0]),
    )  # fmt: skip
    for ask in asked:
        with pytest.raises(ValueError, match=r"points|float"):
            ask(points)
        assert forest.to_bytes() == before


def test_a_dimension_that_is_not_there_is_not_imputed() -> None:
    forest = small_forest()
    with pytest.raises(ValueError, match="dimensions"):
        forest.expected_values(walk(1, 3), [3])


def test_no_points_give_no_answers() -> None:
    none = np.empty((0, 3))
    for learned in (0, 50):
        forest = small_forest()
        forest.update(walk(learned, 3))
        forest.update(none)
        assert forest.score(none).shape == forest.score_and_update(none).shape == (0,)
        assert forest.attribution(none).low.shape == (0, 3)
        assert forest.displacement(none).shape == (0,)
        assert forest.expected_values(none).shape == (0, 3)


def test_before_it_knows_anything_a_forest_says_so() -> None:
    forest = small_forest()
    forest.update(walk(9, 3))
    points = walk(2, 3)
    assert np.isnan(forest.score(points)).all()
    assert np.isnan(forest.attribution(points).high).all()
    assert np.isnan(forest.displacement(points)).all()
    expected = forest.expected_values(points, [1])
    assert np.isnan(expected[:, 1]).all()
    np.testing.assert_array_equal(expected[:, [0, 2]], points[:, [0, 2]])


def test_attribution_says_where_and_to_which_side() -> None:
    forest = RandomCutForest(5, trees=50, sample_size=128)
    forest.update(walk(1000, 5))
    probes = walk(4, 5, seed=9)
    probes[0, 3] += 9.0
    probes[1, 1] -= 9.0
    low, high = forest.attribution(probes)
    np.testing.assert_allclose((low + high).sum(axis=1), forest.score(probes), rtol=1e-5)
    assert high[0, 3] > 0.8 * high[0].sum() + 0.8 * low[0].sum() - low[0, 3]
    assert low[1, 1] > 0.8 * (high[1].sum() + low[1].sum())


def test_attribution_of_a_point_that_all_trees_hold_is_its_score() -> None:
    forest = RandomCutForest(3, trees=20, sample_size=32, output_after=1)
    forest.update(np.vstack([np.zeros((40, 3)), walk(30, 3)]))
    probes = np.zeros((1, 3))
    low, high = forest.attribution(probes)
    np.testing.assert_allclose((low + high).sum(axis=1), forest.score(probes), rtol=1e-5)
    assert (low >= 0).all() and (high >= 0).all()


def test_a_missing_value_is_expected_where_it_belongs() -> None:
    generator = np.random.default_rng(8)
    first = generator.uniform(-1, 1, size=4000)
    points = np.column_stack([first, 3 * first, -first]) + 0.02 * generator.normal(size=(4000, 3))
    forest = RandomCutForest(3, trees=50, sample_size=256)
    forest.update(points[:-50])
    gaps = points[-50:].copy()
    gaps[:, 1] = np.nan
    expected = forest.expected_values(gaps)
    assert np.median(np.abs(expected[:, 1] - points[-50:, 1])) < 0.15
    np.testing.assert_array_equal(expected[:, [0, 2]], points[-50:][:, [0, 2]])


@pytest.mark.parametrize(
    ("dimensions", "sample_size", "count"), [(128, 64, 300), (8, 8192, 12_000), (1, 2, 50)]
)
def test_the_largest_and_the_smallest(dimensions: int, sample_size: int, count: int) -> None:
    points = np.random.default_rng(4).normal(size=(count, dimensions))
    forest = RandomCutForest(dimensions, trees=5, sample_size=sample_size, output_after=10)
    scores = forest.score_and_update(points)
    assert np.isfinite(scores[10:]).all()
    inside.check(forest)
    restored = RandomCutForest.from_bytes(forest.to_bytes())
    np.testing.assert_array_equal(forest.score(points[:50]), restored.score(points[:50]))
    far = np.full((1, dimensions), 20.0)
    assert forest.score(far)[0] > np.nanmax(scores[-50:])


def test_the_sample_fades_as_lambda_says() -> None:
    numbers = np.arange(4000.0)[:, None]
    ages = {}
    for decay in (0.0, 0.01, 0.1):
        forest = RandomCutForest(1, trees=50, sample_size=64, time_decay=decay)
        forest.update(numbers)
        held = [
            leaf.point[0]
            for tree in range(50)
            for leaf in inside.leaves_of(inside.tree_of(forest, tree))
        ]
        ages[decay] = float(4000 - np.mean(held))
    # Without decay the sample is uniform over all points; with it, the age of those held is that
    # of a queue of the most likely: exponential beyond the sample's own length.
    assert abs(ages[0.0] - 2000) < 100
    assert 100 < ages[0.01] < 250
    assert 31 < ages[0.1] < 60


def test_state_is_small() -> None:
    forest = RandomCutForest(8)
    forest.update(np.random.default_rng(2).normal(size=(4000, 8)))
    assert len(forest.to_bytes()) < 1_200_000


def test_state_that_cannot_be_used_is_refused() -> None:
    forest = small_forest()
    forest.update(walk(100, 3))
    data = forest.to_bytes()
    with pytest.raises(ValueError, match="state is cut short"):
        RandomCutForest.from_bytes(b"")
    with pytest.raises(StateError, match="damaged"):
        RandomCutForest.from_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(NewerStateError):
        RandomCutForest.from_bytes(seal(b"RCFo", 999, b""))
    with pytest.raises(StateError, match="not readable"):
        RandomCutForest.from_bytes(seal(b"RCFo", 2, b"\x00"))
    with pytest.raises(StateError, match="old version 1"):
        RandomCutForest.from_bytes(seal(b"RCFo", 1, msgspec.msgpack.encode(["krcf"])))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_bytes_with_a_good_checksum_make_a_bad_forest(data: DataObject) -> None:
    forest = small_forest(2)
    forest.update(walk(90, 2))
    payload = bytearray(unseal(b"RCFo", 2, forest.to_bytes()))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = RandomCutForest.from_bytes(seal(b"RCFo", 2, bytes(payload)))
    except StateError:
        return
    if found.parameters.trees * found.parameters.sample_size < 10_000:
        inside.check(found)
    found.score_and_update(np.zeros((20, found.parameters.dimensions)))


def test_defaults_are_the_design() -> None:
    assert RandomCutForest(6).parameters == ForestParameters(
        6, 50, 256, 0.1 / 256, 1, False, 0.125, 64, 42
    )
