"""Values that the trees expect where a point has none.

As AWS's library imputes: in each tree, among the leaves that can be reached when both sides of cuts
in missing dimensions are followed, the one at which the rest of the point scores least; of the
leaves of all trees the median in each missing dimension, the lower one of two.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.trees.lanes import LANES, Singles, at, bare, word
from detection.trees.layout import (
    BOX,
    EXTENT,
    LEFT,
    MASS,
    NONE,
    PLACE,
    POINT,
    RIGHT,
    ROOT,
    SAMPLE_SIZE,
    TREES,
    WIDTH,
    Reals,
    block_of,
    dimension_at,
    lay_out,
    place,
)
from detection.trees.walks import next_link
from tepwatch.kernels import kernel

Flags = NDArray[np.bool_]

_NONE: Final = np.float32(0.0)
_ONE: Final = np.float32(1.0)


@kernel
def impute(forest: Singles, points: Reals, missing: Flags, filled: Reals) -> int:
    """Fill in what is missing.

    Args:
        forest: the forest; no tree is empty.
        points: (n, dimensions), anything where a value is missing.
        missing: (n, dimensions).
        filled: (n, dimensions), where the points go, with expected values where they are missing.

    Returns:
        -1, or the number of the first point with a bad value.
    """
    width, trees = word(forest, WIDTH), word(forest, TREES)
    dimensions = points.shape[1]
    laid = np.empty(width, np.float32)
    candidates = np.empty((dimensions, trees), np.float64)
    # Right children that are still to be tried: link, then score, probability and depth.
    links = np.empty(word(forest, SAMPLE_SIZE), np.int64)
    states = np.empty((word(forest, SAMPLE_SIZE), 3), np.float32)
    for number in range(points.shape[0]):
        filled[number] = points[number]
        for dimension in range(dimensions):
            if missing[number, dimension]:
                filled[number, dimension] = 0.0
        laid[:] = 0.0
        if lay_out(filled[number : number + 1], width, laid) >= 0:
            return number
        for tree in range(trees):
            block = block_of(forest, tree)
            leaf = _best_leaf(forest, block, laid, missing[number], links, states)
            for dimension in range(dimensions):
                candidates[dimension, tree] = at(forest, leaf + POINT + dimension)
        for dimension in range(dimensions):
            if missing[number, dimension]:
                filled[number, dimension] = np.sort(candidates[dimension])[(trees - 1) // 2]
    return -1


@kernel
def _best_leaf(
    forest: Singles,
    block: int,
    points: Singles,
    missing: Flags,
    links: NDArray[np.int64],
    states: Singles,
) -> int:
    """The leaf of least score among those that can be reached; of equal ones the leftmost.

    The score of the other dimensions along a path is known before its end: what is beside the path
    does not count. So the first leaf of least score is the one that comparing at each fork gives.
    """
    forest, points = bare(forest), bare(points)
    best, least = NONE, np.float32(np.inf)
    link, waiting = word(forest, block + ROOT), 0
    score, together, depth = _NONE, _ONE, _ONE
    while True:
        outside = _gap_of_present(forest, link, points, missing)
        if link > 0:
            if outside > _NONE:
                separated = together * (outside / (at(forest, link + EXTENT) + outside))
                score = score + separated / depth
                together = together - separated
            depth = np.float32(depth + _ONE)
            if missing[dimension_at(word(forest, link + PLACE))]:
                links[waiting] = word(forest, link + RIGHT)
                states[waiting, 0], states[waiting, 1], states[waiting, 2] = score, together, depth
                waiting += 1
                link = word(forest, link + LEFT)
            else:
                link = next_link(forest, link, points, 0)
            continue
        at_leaf = _ONE / depth
        if outside == _NONE:
            mass = float(word(forest, MASS - link))
            at_leaf = np.float32(1.0 / (float(depth) - 1.0 + math.log2(1.0 + mass)))
        score = np.float32(score + together * at_leaf)
        if score < least:
            best, least = -link, score
        if waiting == 0:
            return best
        waiting -= 1
        link = links[waiting]
        score, together, depth = states[waiting, 0], states[waiting, 1], states[waiting, 2]


@kernel
def _gap_of_present(forest: Singles, link: int, points: Singles, missing: Flags) -> np.float32:
    """How far a point is outside a box in the dimensions that it has."""
    outside = _NONE
    for dimension in range(len(missing)):
        if not missing[dimension]:
            value = at(points, place(dimension))
            if link > 0:
                low = link + BOX + place(dimension)
                below, above = at(forest, low) - value, at(forest, low + LANES // 2) + value
                outside = np.float32(outside + max(below, above, _NONE))
            else:
                outside = np.float32(outside + abs(at(forest, POINT - link + dimension) - value))
    return outside
