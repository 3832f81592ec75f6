"""Co-displacement: how many points a point would displace, for each that goes with it.

Guha et al. 2016, definition 4, as the package rrcf computes it: insert the point, and take the
largest ratio, over the nodes above it, of the points beside the node to the points in it. Where it
would be inserted is random; here it is the expectation over that, exactly, and nothing is inserted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.trees.boxes import gap
from detection.trees.lanes import Singles, at, bare, word
from detection.trees.layout import (
    ENTRIES,
    EXTENT,
    LEFT,
    NONE,
    PARENT,
    RIGHT,
    ROOT,
    SAMPLE_SIZE,
    SIZE,
    TREES,
    WIDTH,
    Reals,
    block_of,
    lay_out,
    number_of,
)
from detection.trees.walks import next_link
from tepwatch.kernels import kernel

Integers = NDArray[np.int64]

_NONE: Final = np.float32(0.0)


@kernel
def displace(forest: Singles, points: Reals, means: Reals) -> int:
    """Co-displacements.

    Args:
        forest: the forest; no tree is empty.
        points: (n, dimensions).
        means: (n,), where the means over the trees go.

    Returns:
        -1, or the number of the first point with a bad value.
    """
    width, count, trees = word(forest, WIDTH), points.shape[0], word(forest, TREES)
    laid = np.zeros(count * width, np.float32)
    bad = lay_out(points, width, laid)
    if bad >= 0:
        return bad
    masses = np.empty(2 * word(forest, SAMPLE_SIZE), np.int64)
    means[:] = 0.0
    for tree in range(trees):
        block = block_of(forest, tree)
        _count(forest, block, masses)
        for number in range(count):
            means[number] += _expected(forest, block, masses, laid, number * width)
    means /= trees
    return -1


@kernel
def _count(forest: Singles, block: int, masses: Integers) -> None:
    """How many points there are below each node; trees do not keep it, scores do not need it."""
    masses[:] = 0
    for slot in range(word(forest, block + SIZE)):
        leaf = word(forest, block + word(forest, ENTRIES) + slot)
        masses[number_of(forest, block, -leaf)] += 1
        node = word(forest, leaf + PARENT)
        while node != NONE:
            masses[number_of(forest, block, node)] += 1
            node = word(forest, node + PARENT)


@kernel
def _expected(forest: Singles, block: int, masses: Integers, points: Singles, point: int) -> float:
    forest, points = bare(forest), bare(points)
    expected, together, above = 0.0, 1.0, 0.0
    link = word(forest, block + ROOT)
    while True:
        outside = gap(forest, link, points, point)
        if outside > _NONE:
            # Cut off here, all of the node is beside it.
            here = float(masses[number_of(forest, block, link)])
            extent = at(forest, link + EXTENT) if link > 0 else _NONE
            separated = together * float(outside / (extent + outside))
            expected += separated * max(here, above)
            together -= separated
        if link < 0:
            # What is left of the probability is that of a point which the tree holds.
            return expected + together * above
        left, right = word(forest, link + LEFT), word(forest, link + RIGHT)
        child = next_link(forest, link, points, point)
        beside = masses[number_of(forest, block, right if child == left else left)]
        above = max(above, beside / (masses[number_of(forest, block, child)] + 1))
        link = child
