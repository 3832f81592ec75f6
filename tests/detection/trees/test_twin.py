"""The kernels against the naive twin, and what must hold after every operation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from numpy.typing import NDArray

from detection.forest import RandomCutForest
from tests.detection.trees import inside, naive

Array = NDArray[np.float64]


def grid(count: int, dimensions: int, seed: int, *, steps: int = 4000) -> Array:
    """Points whose sums and differences are exact in single precision."""
    generator = np.random.default_rng(seed)
    points: Array = generator.integers(-steps, steps, size=(count, dimensions)) / 8.0
    return points


def same(ours: inside.Node | None, theirs: naive.Node | None) -> None:
    if ours is None or theirs is None:
        assert ours is None and theirs is None
    elif isinstance(ours, inside.Leaf):
        assert (ours.point, ours.mass) == (theirs.point, theirs.mass)
    else:
        assert (ours.dimension, ours.cut) == (theirs.dimension, theirs.cut)
        same(ours.left, theirs.left)
        same(ours.right, theirs.right)


@pytest.mark.parametrize(
    ("dimensions", "sample_size", "steps", "decay", "accept"),
    [
        (1, 8, 4000, 0.01, 0.125),
        (3, 16, 4000, 0.05, 1.0),
        (5, 32, 4000, 0.1 / 32, 0.125),
        (2, 16, 3, 0.02, 0.5),  # many duplicates
        (9, 24, 2, 0.0, 0.125),
    ],
)
def test_trees_scores_and_imputed_values_are_those_of_the_twin(
    dimensions: int, sample_size: int, steps: int, decay: float, accept: float
) -> None:
    points = grid(220, dimensions, seed=dimensions, steps=steps)
    ours = RandomCutForest(
        dimensions, trees=6, sample_size=sample_size, time_decay=decay, output_after=1,
        initial_accept_fraction=accept, seed=99,
    )  # fmt: skip
    theirs = naive.NaiveForest(6, sample_size, decay, accept, seed=99)
    probes = grid(12, dimensions, seed=7, steps=2 * steps)
    for start in range(0, len(points), 20):
        ours.update(points[start : start + 20])
        for row in points[start : start + 20].tolist():
            theirs.learn(tuple(row))
        for tree in range(6):
            same(inside.tree_of(ours, tree), theirs.trees[tree].root)
        known = points[start : start + 3]
        both = np.vstack([probes, known])
        np.testing.assert_allclose(
            ours.score(both), [theirs.score(tuple(row)) for row in both.tolist()], rtol=2e-6
        )
        for missing in ({0}, {0, dimensions - 1}):
            np.testing.assert_array_equal(
                ours.expected_values(both, sorted(missing)),
                [theirs.imputed(tuple(row), missing) for row in both.tolist()],
            )


def _constant_columns(points: Array) -> Array:
    points = points.copy()
    points[:, ::2] = 2.5
    return points


_SHAPES: dict[str, Callable[[Array], Array]] = {
    "plain": lambda points: points,
    "duplicates": np.round,
    "constant columns": _constant_columns,
    "all the same": np.ones_like,
    "huge offset": lambda points: points + 1e7,
    "huge and tiny": lambda points: points * 10.0 ** np.arange(-20, -20 + 8 * points.shape[1], 8),
    "largest": lambda points: np.sign(points) * 1e30,
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_inside_is_whole_after_every_operation(data: DataObject) -> None:
    dimensions = data.draw(st.sampled_from([1, 3, 4, 6]))
    sample_size = data.draw(st.sampled_from([2, 3, 16]))
    forest = RandomCutForest(
        dimensions,
        trees=data.draw(st.sampled_from([1, 3, 9])),
        sample_size=sample_size,
        time_decay=data.draw(st.sampled_from([None, 0.0, 0.3])),
        initial_accept_fraction=data.draw(st.sampled_from([0.125, 1.0])),
        output_after=1,
        seed=data.draw(st.integers(0, 2**64 - 1)),
    )
    for _ in range(data.draw(st.integers(1, 8))):
        shape = _SHAPES[data.draw(st.sampled_from(sorted(_SHAPES)))]
        count = data.draw(st.integers(0, 40))
        seed = data.draw(st.integers(0, 1000))
        points = shape(np.random.default_rng(seed).normal(size=(count, dimensions)))
        before = forest.to_bytes()
        learned = forest.seen > 0
        match data.draw(st.sampled_from(["update", "both", "ask", "restore"])):
            case "update":
                forest.update(points)
            case "both":
                assert np.isfinite(forest.score_and_update(points)[1:]).all()
            case "ask":
                scores = forest.score(points)
                low, high = forest.attribution(points)
                displaced = forest.displacement(points)
                assert forest.to_bytes() == before
                if learned:
                    np.testing.assert_allclose((low + high).sum(axis=1), scores, rtol=1e-4)
                    assert (scores > 0).all() and (displaced >= 0).all()
                    assert (low >= 0).all() and (high >= 0).all()
            case "restore":
                forest = RandomCutForest.from_bytes(before)
                assert forest.to_bytes() == before
        inside.check(forest)
