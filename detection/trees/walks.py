"""Steps that walks through a tree are made of."""

from __future__ import annotations

import math
from typing import Final

from detection.trees.lanes import LANES, Singles, at, prefetch, word
from detection.trees.layout import (
    CUT,
    DIMENSIONS,
    END,
    LEAVES,
    LEFT,
    LINE,
    MASS,
    NONE,
    PARENT,
    PLACE,
    POINT,
    RIGHT,
    SIZE,
    place,
)
from tepwatch.kernels import kernel, part

_MANY_POINTS: Final = 16
_SMALL_TREE: Final = 16_384
"""Words: what a core's own cache holds of the eight trees walked at once and the next eight."""


@part
def next_link(forest: Singles, node: int, points: Singles, point: int) -> int:
    """The link on whose side of an inner node's cut a point is."""
    is_left = at(points, point + word(forest, node + PLACE)) <= at(forest, node + CUT)
    return word(forest, node + LEFT) if is_left else word(forest, node + RIGHT)


@part
def next_node(forest: Singles, node: int, points: Singles, point: int, width: int) -> int:
    """The same, for walks that end in `END`; what the next step reads is fetched meanwhile."""
    child = max(next_link(forest, node, points, point), END)
    prefetch(forest, child)
    if width > LANES:
        prefetch(forest, child + 2 * LANES)
    return child


@part
def fetch_tree(forest: Singles, block: int, count: int) -> None:
    """Fetch a tree that is walked soon by some points: all that they may touch, or its head.

    Many points touch most of a small tree, and it comes faster in one go than node by node.
    """
    end = word(forest, LEAVES)
    if count < _MANY_POINTS or end > _SMALL_TREE:
        end = 1
    for line in range(block, block + end, LINE):
        prefetch(forest, line)


@kernel
def leaf_of(forest: Singles, link: int, points: Singles, point: int) -> int:
    """The leaf that is a point, or no link; `link` is of the leaf or a node above it."""
    while link > 0:
        link = next_link(forest, link, points, point)
    for dimension in range(word(forest, DIMENSIONS)):
        if at(forest, POINT - link + dimension) != at(points, point + place(dimension)):
            return NONE
    return -link


@kernel
def depth_of(forest: Singles, record: int) -> int:
    """Inner nodes above a record."""
    depth = 0
    while word(forest, record + PARENT) != NONE:
        record = word(forest, record + PARENT)
        depth += 1
    return depth


@kernel
def known_score(forest: Singles, block: int, leaf: int) -> float:
    """The score, before it is multiplied, of a point that is a leaf."""
    mass = float(word(forest, leaf + MASS))
    share = mass / (2.0 * word(forest, block + SIZE))
    return (1.0 - share) / (depth_of(forest, leaf) + math.log2(1.0 + mass))
