"""Steps that walks through a tree are made of."""

from __future__ import annotations

import math

from detection.trees.lanes import LANES, Singles, at, prefetch, word
from detection.trees.layout import CUT, LEFT, MASS, NONE, PARENT, PLACE, RIGHT, SIZE
from tepwatch.kernels import kernel, part


@part
def next_node(forest: Singles, node: int, points: Singles, point: int) -> int:
    """The child on whose side of the cut a point is; a leaf is its own child."""
    is_left = at(points, point + word(forest, node + PLACE)) <= at(forest, node + CUT)
    return word(forest, node + LEFT) if is_left else word(forest, node + RIGHT)


@part
def ahead(forest: Singles, node: int, points: Singles, point: int, width: int) -> int:
    """The same, for a walk that comes back to it later: the child is fetched meanwhile."""
    child = next_node(forest, node, points, point)
    prefetch(forest, child)
    if width > LANES:
        prefetch(forest, child + 2 * LANES)
    return child


@kernel
def depth_of(forest: Singles, node: int) -> int:
    """Nodes above a node."""
    depth = 0
    while word(forest, node + PARENT) != NONE:
        node = word(forest, node + PARENT)
        depth += 1
    return depth


@kernel
def known_score(forest: Singles, block: int, leaf: int) -> float:
    """The score, before it is multiplied, of a point that is a leaf."""
    mass = float(word(forest, leaf + MASS))
    share = mass / (2.0 * word(forest, block + SIZE))
    return (1.0 - share) / (depth_of(forest, leaf) + math.log2(1.0 + mass))
