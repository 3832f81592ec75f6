"""Points into a tree and out of it.

Guha et al. 2016, sections 2 and 3: a tree with a point inserted or deleted is distributed as one
that was grown from the points it then holds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detection.trees.boxes import box_lanes, gap, grow, unite_children
from detection.trees.draws import STEP, mixed, uniform
from detection.trees.lanes import LANES, Singles, at, put, put_word, store, word
from detection.trees.layout import (
    BOX,
    CUT,
    DIMENSIONS,
    EXTENT,
    FREE_LEAF,
    FREE_NODE,
    LEFT,
    MASS,
    NONE,
    PARENT,
    PLACE,
    POINT,
    RIGHT,
    ROOT,
    WIDTH,
    place,
)
from tepwatch.kernels import kernel, part

_HIGH: Final = LANES // 2


@kernel
def insert(forest: Singles, block: int, points: Singles, point: int, bits: np.uint64) -> int:
    """Insert a point in one walk down; returns its leaf.

    Args:
        forest: the forest.
        block: of the tree.
        points: laid out as boxes.
        point: where the point begins in `points`.
        bits: the number from which this insertion's random numbers follow.
    """
    link = word(forest, block + ROOT)
    if link == NONE:
        leaf = _new_leaf(forest, block, points, point, NONE)
        put_word(forest, block + ROOT, -leaf)
        return leaf
    parent = NONE
    while True:
        outside = float(gap(forest, link, points, point))
        if outside > 0.0:
            bits += STEP
            extent = float(at(forest, link + EXTENT)) if link > 0 else 0.0
            position = uniform(mixed(bits)) * (extent + outside)
            if position < outside or link < 0:
                return _split(forest, block, link, parent, points, point, position)
            grow(forest, link, points, point)
        elif link < 0:
            put_word(forest, MASS - link, word(forest, MASS - link) + 1)
            return -link
        parent = link
        is_left = at(points, point + word(forest, link + PLACE)) <= at(forest, link + CUT)
        link = word(forest, link + LEFT) if is_left else word(forest, link + RIGHT)


@kernel
def _split(
    forest: Singles,
    block: int,
    link: int,
    parent: int,
    points: Singles,
    point: int,
    position: float,
) -> int:
    """Cut a point off from a node or leaf, in one of the gaps between them; returns its leaf.

    `position` is that of the cut in the gaps laid end to end.
    """
    inner = word(forest, block + FREE_NODE)
    put_word(forest, block + FREE_NODE, word(forest, inner + PARENT))
    # The new node's box is first that of the other side alone.
    for lane in range(0, word(forest, WIDTH), LANES):
        store(forest, inner + BOX + lane, box_lanes(forest, link, lane))
    where, is_below, within = 0, False, 0.0
    for dimension in range(word(forest, DIMENSIONS)):
        low = place(dimension)
        value = at(points, point + low)
        below = at(forest, inner + BOX + low) - value
        above = value + at(forest, inner + BOX + low + _HIGH)
        size = float(max(below, above))
        if size > 0.0:
            # Should rounding carry the position past all gaps, it is in the last one.
            where, is_below, within = low, below > 0.0, position
            if position < size:
                break
            position -= size
    value = at(points, point + where)
    least = value if is_below else -at(forest, inner + BOX + where + _HIGH)
    least_right = at(forest, inner + BOX + where) if is_below else value
    cut = np.float32(float(least) + within)
    if not cut < least_right:
        cut = least

    leaf = _new_leaf(forest, block, points, point, inner)
    put_word(forest, abs(link) + PARENT, inner)
    put_word(forest, inner + PARENT, parent)
    put_word(forest, inner + LEFT, -leaf if is_below else link)
    put_word(forest, inner + RIGHT, link if is_below else -leaf)
    put_word(forest, inner + PLACE, where)
    put(forest, inner + CUT, cut)
    grow(forest, inner, points, point)
    _hang(forest, block, parent, link, inner)
    return leaf


@part
def _new_leaf(forest: Singles, block: int, points: Singles, point: int, parent: int) -> int:
    leaf = word(forest, block + FREE_LEAF)
    put_word(forest, block + FREE_LEAF, word(forest, leaf + PARENT))
    put_word(forest, leaf + PARENT, parent)
    put_word(forest, leaf + MASS, 1)
    for dimension in range(word(forest, DIMENSIONS)):
        put(forest, leaf + POINT + dimension, at(points, point + place(dimension)))
    return leaf


@part
def _hang(forest: Singles, block: int, parent: int, before: int, now: int) -> None:
    """Put a link in the place of another below a parent, or at the root."""
    if parent == NONE:
        put_word(forest, block + ROOT, now)
    elif word(forest, parent + LEFT) == before:
        put_word(forest, parent + LEFT, now)
    else:
        put_word(forest, parent + RIGHT, now)


@kernel
def delete(forest: Singles, block: int, leaf: int) -> None:
    """Take one point of a leaf out."""
    mass = word(forest, leaf + MASS)
    put_word(forest, leaf + MASS, mass - 1)
    if mass > 1:
        return
    parent = word(forest, leaf + PARENT)
    put_word(forest, leaf + PARENT, word(forest, block + FREE_LEAF))
    put_word(forest, block + FREE_LEAF, leaf)
    if parent == NONE:
        put_word(forest, block + ROOT, NONE)
        return
    left, right = word(forest, parent + LEFT), word(forest, parent + RIGHT)
    sibling = right if left == -leaf else left
    above = word(forest, parent + PARENT)
    put_word(forest, abs(sibling) + PARENT, above)
    _hang(forest, block, above, parent, sibling)
    put_word(forest, parent + PARENT, word(forest, block + FREE_NODE))
    put_word(forest, block + FREE_NODE, parent)
    # Where a box does not shrink, none above it does.
    while above != NONE and unite_children(forest, above):
        above = word(forest, above + PARENT)
