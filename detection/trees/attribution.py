"""Which dimensions a score comes from, and to which side.

Each cut that would separate the point lies in one dimension's gap, below or above the box: the
score's terms are shared out in proportion to the gaps. A point that the tree holds is separated
from nothing; as AWS's library does, it is then compared with what the tree would be without it:
the shadow, the union of the siblings on the way up.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detection.trees.boxes import box_lanes, extent_of, gap, gaps
from detection.trees.lanes import (
    LANES,
    Singles,
    at,
    bare,
    load,
    maximum,
    minimum,
    put,
    real,
    spread,
    store,
    total,
    word,
)
from detection.trees.layout import (
    DIMENSIONS,
    EXTENT,
    LEFT,
    LOG,
    NONE,
    PARENT,
    RIGHT,
    ROOT,
    TREES,
    WIDTH,
    Reals,
    block_of,
    lay_out,
    place,
)
from detection.trees.walks import depth_of, known_score, next_link
from tepwatch.kernels import kernel, part

_NONE: Final = np.float32(0.0)
_ONE: Final = np.float32(1.0)


@kernel
def attribute(forest: Singles, points: Reals, low: Reals, high: Reals) -> int:
    """Attribute scores.

    Args:
        forest: the forest; no tree is empty.
        points: (n, dimensions).
        low: (n, dimensions), where the shares of what lies too low go.
        high: the same of what lies too high.

    Returns:
        -1, or the number of the first point with a bad value.
    """
    width, count = word(forest, WIDTH), points.shape[0]
    laid = np.zeros(count * width, np.float32)
    bad = lay_out(points, width, laid)
    if bad >= 0:
        return bad
    summed = np.zeros(count * width, np.float32)
    shares = np.empty(width, np.float32)
    shadow = np.empty(width, np.float32)
    for tree in range(word(forest, TREES)):
        block = block_of(forest, tree)
        scale = spread(np.float32(real(forest, block + LOG)))
        for number in range(count):
            point = number * width
            leaf = _share(forest, block, laid, point, shares)
            if leaf != NONE:
                _share_of_known(forest, block, leaf, laid, point, shares, shadow)
            for lane in range(0, width, LANES):
                more = load(summed, point + lane) + scale * load(shares, lane)
                store(summed, point + lane, more)
    trees = word(forest, TREES)
    for number in range(count):
        for dimension in range(points.shape[1]):
            where = number * width + place(dimension)
            low[number, dimension] = float(summed[where]) / trees
            high[number, dimension] = float(summed[where + LANES // 2]) / trees
    return -1


@kernel
def _share(forest: Singles, block: int, points: Singles, point: int, shares: Singles) -> int:
    """Share out the score of a point that is not in the tree.

    Returns:
        No node, or the leaf where the point is in the tree after all.
    """
    forest, points, shares = bare(forest), bare(points), bare(shares)
    width = word(forest, WIDTH)
    none = spread(_NONE)
    for lane in range(0, width, LANES):
        store(shares, lane, none)
    link = word(forest, block + ROOT)
    together, depth = _ONE, _ONE
    while True:
        outside = gap(forest, link, points, point)
        if link < 0:
            if outside == _NONE:
                return -link
            _add_gaps(forest, link, points, point, together / (outside * depth), shares)
            return NONE
        within = at(forest, link + EXTENT) + outside
        _add_gaps(forest, link, points, point, together / (within * depth), shares)
        together = together - together * (outside / within)
        link = next_link(forest, link, points, point)
        depth = np.float32(depth + _ONE)


@part
def _add_gaps(
    forest: Singles, link: int, points: Singles, point: int, factor: np.float32, shares: Singles
) -> None:
    """Add what a point is outside a box by, times a factor, to the shares."""
    none, factors = spread(_NONE), spread(factor)
    for lane in range(0, word(forest, WIDTH), LANES):
        away = box_lanes(forest, link, lane) - load(points, point + lane)
        store(shares, lane, load(shares, lane) + maximum(away, none) * factors)


@kernel
def _share_of_known(
    forest: Singles,
    block: int,
    leaf: int,
    points: Singles,
    point: int,
    shares: Singles,
    shadow: Singles,
) -> None:
    """Share out the score of a point that is a leaf."""
    forest, points = bare(forest), bare(points)
    shares, shadow = bare(shares), bare(shadow)
    width = word(forest, WIDTH)
    score = known_score(forest, block, leaf)
    # Nothing is known of where it lies but that it is there.
    for dimension in range(word(forest, DIMENSIONS)):
        equal = score / (2 * word(forest, DIMENSIONS))
        put(shares, place(dimension), equal)
        put(shares, place(dimension) + LANES // 2, equal)
    none = spread(_NONE)
    link, parent, depth = -leaf, word(forest, leaf + PARENT), depth_of(forest, leaf)
    while parent != NONE:
        left, right = word(forest, parent + LEFT), word(forest, parent + RIGHT)
        sibling = right if left == link else left
        for lane in range(0, width, LANES):
            box = box_lanes(forest, sibling, lane)
            store(shadow, lane, box if link < 0 else minimum(load(shadow, lane), box))
        depth -= 1
        outside = total(gaps(shadow, 0, points, point, width))
        if not outside > _NONE:
            break
        within = np.float32(extent_of(shadow, 0, width) + outside)
        stays = spread(np.float32(_ONE - outside / within))
        factors = spread(np.float32(_ONE / (within * np.float32(depth + 1))))
        for lane in range(0, width, LANES):
            away = maximum(load(shadow, lane) - load(points, point + lane), none)
            store(shares, lane, load(shares, lane) * stays + away * factors)
        link, parent = parent, word(forest, parent + PARENT)
    summed = 0.0
    for lane in range(width):
        summed += float(at(shares, lane))
    factors = spread(np.float32(score / summed))
    for lane in range(0, width, LANES):
        store(shares, lane, load(shares, lane) * factors)
