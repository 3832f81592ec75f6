"""The inside of a forest, read word by word, and what must always hold there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import RandomCutForest
from detection.trees import layout
from detection.trees.lanes import real, word


class Leaf(NamedTuple):
    at: int
    point: tuple[float, ...]
    mass: int


class Inner(NamedTuple):
    at: int
    dimension: int
    cut: float
    left: Node
    right: Node


Node = Leaf | Inner


def tree_of(forest: RandomCutForest, tree: int) -> Node | None:
    """A tree as nested tuples."""
    buffer = forest._trees
    root = word(buffer, layout.block_of(buffer, tree) + layout.ROOT)
    return None if root == layout.NONE else _node(buffer, root)


def _node(buffer: NDArray[np.float32], at: int) -> Node:
    left, right = word(buffer, at + layout.LEFT), word(buffer, at + layout.RIGHT)
    if left == at:
        lows, _ = _box(buffer, at)
        return Leaf(at, tuple(lows.tolist()), word(buffer, at + layout.MASS))
    return Inner(
        at,
        layout.dimension_at(word(buffer, at + layout.PLACE)),
        float(buffer[at + layout.CUT]),
        _node(buffer, left),
        _node(buffer, right),
    )


def _box(buffer: NDArray[np.float32], at: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    places = [layout.place(number) for number in range(word(buffer, layout.DIMENSIONS))]
    box = buffer[at + layout.BOX : at + layout.BOX + word(buffer, layout.WIDTH)]
    return box[places], -box[[place + 4 for place in places]]


def leaves_of(node: Node | None) -> list[Leaf]:
    if node is None:
        return []
    if isinstance(node, Leaf):
        return [node]
    return leaves_of(node.left) + leaves_of(node.right)


def check(forest: RandomCutForest) -> None:
    """All that must hold after any operation."""
    for tree in range(forest.parameters.trees):
        _check_tree(forest, tree)


def _check_tree(forest: RandomCutForest, tree: int) -> None:
    buffer = forest._trees
    block = layout.block_of(buffer, tree)
    root = tree_of(forest, tree)
    leaves = leaves_of(root)
    points = [leaf.point for leaf in leaves]
    assert len(set(points)) == len(points), "two leaves hold the same point"
    size = word(buffer, block + layout.SIZE)
    assert sum(leaf.mass for leaf in leaves) == size <= forest.parameters.sample_size
    assert real(buffer, block + layout.LOG) == np.log2(1.0 + size) or size == 0
    used: list[int] = []
    if root is not None:
        _check_node(buffer, root, layout.NONE, used)
    _check_records(forest, block, used)
    _check_heap(forest, block, leaves)


def _check_node(buffer: NDArray[np.float32], node: Node, parent: int, used: list[int]) -> None:
    used.append(node.at)
    assert word(buffer, node.at + layout.PARENT) == parent
    points = np.array([leaf.point for leaf in leaves_of(node)], np.float32)
    lows, highs = _box(buffer, node.at)
    np.testing.assert_array_equal(lows, points.min(axis=0))
    np.testing.assert_array_equal(highs, points.max(axis=0))
    extent = float((highs.astype(np.float64) - lows).sum())
    assert np.isclose(buffer[node.at + layout.EXTENT], extent, rtol=1e-5)
    if isinstance(node, Inner):
        assert buffer[node.at + layout.EXTENT] > 0
        left = [leaf.point[node.dimension] for leaf in leaves_of(node.left)]
        right = [leaf.point[node.dimension] for leaf in leaves_of(node.right)]
        assert max(left) <= node.cut < min(right)
        _check_node(buffer, node.left, node.at, used)
        _check_node(buffer, node.right, node.at, used)
    else:
        assert buffer[node.at + layout.EXTENT] == 0
        assert word(buffer, node.at + layout.RIGHT) == node.at
        assert node.mass > 0


def _check_records(forest: RandomCutForest, block: int, used: list[int]) -> None:
    """Each record is in use or free, once."""
    buffer, size = forest._trees, forest.parameters.sample_size
    first, record = block + layout.TREE_HEAD, word(buffer, layout.RECORD)
    first_leaf = block + word(buffer, layout.LEAVES)
    chains = (
        (layout.FREE_NODE, first, size - 1, [at for at in used if at < first_leaf]),
        (layout.FREE_LEAF, first_leaf, size, [at for at in used if at >= first_leaf]),
    )
    for head, start, count, in_use in chains:
        every = {start + number * record for number in range(count)}
        free: set[int] = set()
        at = word(buffer, block + head)
        while len(free) < count - len(in_use):
            assert at not in free
            free.add(at)
            at = word(buffer, at + layout.PARENT)
        assert free | set(in_use) == every


def _check_heap(forest: RandomCutForest, block: int, leaves: list[Leaf]) -> None:
    buffer = forest._trees
    size = word(buffer, block + layout.SIZE)
    weights = [real(buffer, block + word(buffer, layout.WEIGHTS) + 2 * n) for n in range(size)]
    entries = [word(buffer, block + word(buffer, layout.ENTRIES) + n) for n in range(size)]
    assert all(weights[(n - 1) // 2] >= weights[n] for n in range(1, size))
    assert sorted(entries) == sorted(leaf.at for leaf in leaves for _ in range(leaf.mass))
