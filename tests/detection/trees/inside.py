"""The inside of a forest, read word by word, and what must always hold there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import RandomCutForest
from detection.trees import layout
from detection.trees.lanes import real, word


class Leaf(NamedTuple):
    link: int
    point: tuple[float, ...]
    mass: int


class Inner(NamedTuple):
    link: int
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


def _node(buffer: NDArray[np.float32], link: int) -> Node:
    if link < 0:
        start = layout.POINT - link
        point = buffer[start : start + word(buffer, layout.DIMENSIONS)]
        return Leaf(link, tuple(point.tolist()), word(buffer, layout.MASS - link))
    return Inner(
        link,
        layout.dimension_at(word(buffer, link + layout.PLACE)),
        float(buffer[link + layout.CUT]),
        _node(buffer, word(buffer, link + layout.LEFT)),
        _node(buffer, word(buffer, link + layout.RIGHT)),
    )


def _box(buffer: NDArray[np.float32], node: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    places = [layout.place(number) for number in range(word(buffer, layout.DIMENSIONS))]
    box = buffer[node + layout.BOX : node + layout.BOX + word(buffer, layout.WIDTH)]
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
    used.append(abs(node.link))
    assert word(buffer, abs(node.link) + layout.PARENT) == parent
    if isinstance(node, Leaf):
        assert node.mass > 0
        return
    points = np.array([leaf.point for leaf in leaves_of(node)], np.float32)
    lows, highs = _box(buffer, node.link)
    np.testing.assert_array_equal(lows, points.min(axis=0))
    np.testing.assert_array_equal(highs, points.max(axis=0))
    extent = float((highs.astype(np.float64) - lows).sum())
    assert buffer[node.link + layout.EXTENT] > 0
    assert np.isclose(buffer[node.link + layout.EXTENT], extent, rtol=1e-5)
    left = [leaf.point[node.dimension] for leaf in leaves_of(node.left)]
    right = [leaf.point[node.dimension] for leaf in leaves_of(node.right)]
    assert max(left) <= node.cut < min(right)
    _check_node(buffer, node.left, node.link, used)
    _check_node(buffer, node.right, node.link, used)


def _check_records(forest: RandomCutForest, block: int, used: list[int]) -> None:
    """Each record is in use or free, once."""
    buffer, size = forest._trees, forest.parameters.sample_size
    first, record = block + layout.TREE_HEAD, word(buffer, layout.RECORD)
    first_leaf, leaf_record = block + word(buffer, layout.LEAVES), word(buffer, layout.LEAF_RECORD)
    chains = (
        (layout.FREE_NODE, range(first, first_leaf, record)),
        (layout.FREE_LEAF, range(first_leaf, first_leaf + size * leaf_record, leaf_record)),
    )
    for head, every in chains:
        in_use = [at for at in used if at in every]
        free: set[int] = set()
        at = word(buffer, block + head)
        while len(free) < len(every) - len(in_use):
            assert at not in free
            free.add(at)
            at = word(buffer, at + layout.PARENT)
        assert free | set(in_use) == set(every)


def _check_heap(forest: RandomCutForest, block: int, leaves: list[Leaf]) -> None:
    buffer = forest._trees
    size = word(buffer, block + layout.SIZE)
    weights = [real(buffer, block + word(buffer, layout.WEIGHTS) + 2 * n) for n in range(size)]
    entries = [word(buffer, block + word(buffer, layout.ENTRIES) + n) for n in range(size)]
    assert all(weights[(n - 1) // 2] >= weights[n] for n in range(1, size))
    assert sorted(entries) == sorted(-leaf.link for leaf in leaves for _ in range(leaf.mass))
