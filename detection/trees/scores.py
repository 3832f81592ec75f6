"""Anomaly scores, and learning between them.

Guha et al. 2016: how early random cuts would separate a point from those that a tree holds, as an
expectation over the cuts. Walking down, at depth k, with the point outside the box by D and the
box's extent R, a cut separates with probability p = D / (R + D); the score is the sum of
p / (k + 1), each times the probability that no cut above did. At a leaf that is not the point p is
1. A point that is the leaf, m times in a tree of M, has (1 - m / 2M) / (k + log2(1 + m)) instead.
All is multiplied by log2(1 + M) and averaged over the trees.

Eight walks go side by side, each in a tree of its own: while one waits for memory, the others go
on. A walk that has come to its end stays there until its result is collected, every few steps: that
costs a few steps in vain and saves the processor most wrong guesses. A lane goes through all points
of a batch in its tree, scoring and learning in order, then takes the next tree. So what a tree does
depends neither on the other lanes nor on how points are cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from detection.trees.boxes import gaps
from detection.trees.lanes import (
    LANES,
    Singles,
    at,
    bare,
    choose,
    integer,
    load,
    lowest_bit,
    nearest,
    pack,
    prefetch,
    put,
    put_real,
    put_word,
    real,
    spread,
    store,
    totals,
    word,
    zeros,
)
from detection.trees.layout import (
    BLOCK,
    BOX,
    END,
    EXTENT,
    LOG,
    NONE,
    ROOT,
    TREES,
    WIDTH,
    Reals,
    block_of,
    lay_out,
)
from detection.trees.sampler import fetch_next_out, fetch_parent_out, next_taken, take
from detection.trees.walks import fetch_tree, known_score, leaf_of, next_node
from tepwatch.kernels import kernel, part

SCORE: Final = 1
LEARN: Final = 2


Run = Callable[[Singles, Reals, int, int, int, int, Reals], int]
"""See `runner`."""

_STEPS: Final = 4
"""Steps of all walks before results are collected."""

_NODES: Final = 0
_STARTS: Final = 8
_NUMBERS: Final = 16
_TREES: Final = 24
_DUE: Final = 32
_WEIGHTS: Final = 40
_SCORES: Final = 56
_BEFORE: Final = 64
_COUNT: Final = 72
_LEARNS: Final = 73
_NEXT_TREE: Final = 74
_END: Final = 75
_LEARNED: Final = 76
_LANES_WORDS: Final = 78
"""Words of what the lanes are at. Of each lane: the node, where the point begins in the points, its
number in the batch, the tree, the next point that the tree takes and (two words) its weight, the
score, the node some steps ago. Of all: points in the batch, whether they are learned, the next tree
not yet begun, the tree after the last, points learned before the batch (two words)."""

_ONE: Final = np.float32(1.0)
_NONE: Final = np.float32(0.0)


@cache
def runner(width: int) -> Run:
    """The kernel for boxes of `width` lanes, which is a constant to the compiler.

    It is called with the forest; points (n, dimensions); the number of points learned before; what
    to do, `SCORE` or `LEARN` or, each point after its score, both; the first tree and the one after
    the last; and where scores go: their means over all trees, (n,), or those by tree, (trees x n,).
    It returns -1, or the number of the first point with a bad value; then nothing was changed.
    """

    @kernel
    def run(
        forest: Singles,
        points: Reals,
        learned: int,
        what: int,
        first: int,
        end: int,
        scores: Reals,
    ) -> int:
        count = points.shape[0]
        if count == 0:
            return -1
        laid = np.zeros(count * width, np.float32)
        bad = lay_out(points, width, laid)
        if bad >= 0:
            return bad
        if not what & SCORE:
            _learn(forest, laid, count, learned, first, end)
            return -1
        lanes = np.zeros(_LANES_WORDS, np.float32)
        trees = word(forest, TREES)
        by_tree = scores if len(scores) > count else np.empty(trees * count)
        _walk(forest, laid, count, learned, what & LEARN, first, end, by_tree, lanes, width)
        if len(scores) == count:
            average(by_tree, trees, scores)
        return -1

    return run


@kernel
def average(by_tree: Reals, trees: int, means: Reals) -> None:
    """Means over the trees, added in the order of the trees."""
    count = len(means)
    for number in range(count):
        summed = 0.0
        for tree in range(trees):
            summed += at(by_tree, tree * count + number)
        means[number] = summed / trees


@kernel
def _learn(
    forest: Singles, points: Singles, count: int, learned: int, first: int, end: int
) -> None:
    """Learn points in some of the trees, without scores."""
    forest, points = bare(forest), bare(points)
    for tree in range(first, end):
        block = block_of(forest, tree)
        prefetch(forest, block + LANES * word(forest, BLOCK))
        number, weight = next_taken(forest, block, learned, 0, count)
        while number < count:
            take(forest, block, learned + number, weight, points, number * word(forest, WIDTH))
            number, weight = next_taken(forest, block, learned, number + 1, count)


@part
def _walk(
    forest: Singles,
    points: Singles,
    count: int,
    learned: int,
    learns: int,
    first: int,
    end: int,
    by_tree: Reals,
    lanes: Singles,
    width: int,
) -> None:
    """Score points in some of the trees, and learn each after its score where `learns`."""
    forest, points, by_tree, lanes = bare(forest), bare(points), bare(by_tree), bare(lanes)
    put_word(lanes, _COUNT, count)
    put_word(lanes, _LEARNS, learns)
    put_word(lanes, _END, end)
    put_real(lanes, _LEARNED, learned)
    begun = min(end - first, LANES)
    put_word(lanes, _NEXT_TREE, first + begun)
    for lane in range(LANES):
        put_word(lanes, _NODES + lane, END)
        if lane < begun:
            _begin(forest, lanes, lane, first + lane)
    running = (1 << begun) - 1

    ones, none = spread(_ONE), spread(_NONE)
    # The probability that no cut so far separates the point, the score so far, the depth from 1.
    together, sums, depths = ones, none, ones
    while running != 0:
        n0, n1 = word(lanes, _NODES), word(lanes, _NODES + 1)
        n2, n3 = word(lanes, _NODES + 2), word(lanes, _NODES + 3)
        n4, n5 = word(lanes, _NODES + 4), word(lanes, _NODES + 5)
        n6, n7 = word(lanes, _NODES + 6), word(lanes, _NODES + 7)
        p0, p1 = word(lanes, _STARTS), word(lanes, _STARTS + 1)
        p2, p3 = word(lanes, _STARTS + 2), word(lanes, _STARTS + 3)
        p4, p5 = word(lanes, _STARTS + 4), word(lanes, _STARTS + 5)
        p6, p7 = word(lanes, _STARTS + 6), word(lanes, _STARTS + 7)
        for _ in range(_STEPS):
            c0 = next_node(forest, n0, points, p0, width)
            c1 = next_node(forest, n1, points, p1, width)
            c2 = next_node(forest, n2, points, p2, width)
            c3 = next_node(forest, n3, points, p3, width)
            c4 = next_node(forest, n4, points, p4, width)
            c5 = next_node(forest, n5, points, p5, width)
            c6 = next_node(forest, n6, points, p6, width)
            c7 = next_node(forest, n7, points, p7, width)
            outside = totals(
                gaps(forest, n0 + BOX, points, p0, width),
                gaps(forest, n1 + BOX, points, p1, width),
                gaps(forest, n2 + BOX, points, p2, width),
                gaps(forest, n3 + BOX, points, p3, width),
                gaps(forest, n4 + BOX, points, p4, width),
                gaps(forest, n5 + BOX, points, p5, width),
                gaps(forest, n6 + BOX, points, p6, width),
                gaps(forest, n7 + BOX, points, p7, width),
            )
            extents = pack(
                at(forest, n0 + EXTENT),
                at(forest, n1 + EXTENT),
                at(forest, n2 + EXTENT),
                at(forest, n3 + EXTENT),
                at(forest, n4 + EXTENT),
                at(forest, n5 + EXTENT),
                at(forest, n6 + EXTENT),
                at(forest, n7 + EXTENT),
            )
            separated = together * (outside / (extents + outside))
            sums = sums + separated / depths
            together = together - separated
            depths = depths + ones
            n0, n1, n2, n3, n4, n5, n6, n7 = c0, c1, c2, c3, c4, c5, c6, c7
        # Separated for certain: at its end, or so far outside that the rest is rounded away.
        arrived = zeros(together) & running
        if arrived != 0:
            store(lanes, _SCORES, sums)
            store(lanes, _BEFORE, load(lanes, _NODES))
            _put_nodes(lanes, n0, n1, n2, n3, n4, n5, n6, n7)
            whole = _never_separated(choose(arrived, sums, ones))
            running &= ~_collect(forest, points, by_tree, lanes, arrived, whole)
            together = choose(arrived, ones, together)
            sums = choose(arrived, none, sums)
            depths = choose(arrived, ones, depths)
        else:
            _put_nodes(lanes, n0, n1, n2, n3, n4, n5, n6, n7)


@part
def _never_separated(sums: Singles) -> int:
    """The lanes, as bits, whose walk met no cut that could separate: a score is 1 / depth.

    At whatever depth that was, such a point may be the leaf it came to.
    """
    ones = spread(_ONE)
    return zeros(sums - ones / nearest(ones / sums))


@part
def _put_nodes(
    lanes: Singles, a: int, b: int, c: int, d: int, e: int, f: int, g: int, h: int
) -> None:
    put_word(lanes, _NODES, a)
    put_word(lanes, _NODES + 1, b)
    put_word(lanes, _NODES + 2, c)
    put_word(lanes, _NODES + 3, d)
    put_word(lanes, _NODES + 4, e)
    put_word(lanes, _NODES + 5, f)
    put_word(lanes, _NODES + 6, g)
    put_word(lanes, _NODES + 7, h)


@part
def _begin(forest: Singles, lanes: Singles, lane: int, tree: int) -> None:
    """Begin with the first point of the batch in a tree."""
    block, count = block_of(forest, tree), word(lanes, _COUNT)
    put_word(lanes, _TREES + lane, tree)
    put_word(lanes, _NUMBERS + lane, 0)
    put_word(lanes, _STARTS + lane, 0)
    root = max(word(forest, block + ROOT), END)
    put_word(lanes, _NODES + lane, root)
    put_word(lanes, _DUE + lane, count)
    # What this lane reads next, and what the tree holds that is likely to be its next one.
    prefetch(forest, root)
    prefetch(forest, root + 2 * LANES)
    if tree + LANES < word(lanes, _END):
        fetch_tree(forest, block_of(forest, tree + LANES), count)
    if word(lanes, _LEARNS):
        learned = integer(real(lanes, _LEARNED))
        number, weight = next_taken(forest, block, learned, 0, count)
        put_word(lanes, _DUE + lane, number)
        put_real(lanes, _WEIGHTS + 2 * lane, weight)
        if number < count:
            fetch_next_out(forest, block)


@part
def _collect(
    forest: Singles, points: Singles, by_tree: Reals, lanes: Singles, arrived: int, whole: int
) -> int:
    """Write scores of the lanes that arrived, learn, and go on to the next point or tree.

    `arrived` and `whole` are lanes as bits; see `_never_separated` for the latter.

    Returns:
        The lanes for which there is nothing more, as bits.
    """
    stopped = 0
    count, learned = word(lanes, _COUNT), integer(real(lanes, _LEARNED))
    while arrived != 0:
        lane = lowest_bit(arrived)
        arrived &= arrived - 1
        tree, number = word(lanes, _TREES + lane), word(lanes, _NUMBERS + lane)
        block = block_of(forest, tree)
        score = float(at(lanes, _SCORES + lane))
        if whole >> lane & 1:
            before = word(lanes, _BEFORE + lane)
            link = before if before != END else word(forest, block + ROOT)
            leaf = leaf_of(forest, link, points, word(lanes, _STARTS + lane))
            if leaf != NONE:
                score = known_score(forest, block, leaf)
        put(by_tree, tree * count + number, score * real(forest, block + LOG))
        if number == word(lanes, _DUE + lane):
            weight, start = real(lanes, _WEIGHTS + 2 * lane), word(lanes, _STARTS + lane)
            take(forest, block, learned + number, weight, points, start)
            due, weight = next_taken(forest, block, learned, number + 1, count)
            put_word(lanes, _DUE + lane, due)
            put_real(lanes, _WEIGHTS + 2 * lane, weight)
            if due < count:
                fetch_next_out(forest, block)
        number += 1
        if number == word(lanes, _DUE + lane):
            fetch_parent_out(forest, block)
        next_tree = word(lanes, _NEXT_TREE)
        if number < count:
            put_word(lanes, _NUMBERS + lane, number)
            put_word(lanes, _STARTS + lane, number * word(forest, WIDTH))
            put_word(lanes, _NODES + lane, max(word(forest, block + ROOT), END))
        elif next_tree < word(lanes, _END):
            _begin(forest, lanes, lane, next_tree)
            put_word(lanes, _NEXT_TREE, next_tree + 1)
        else:
            stopped |= 1 << lane
    return stopped
