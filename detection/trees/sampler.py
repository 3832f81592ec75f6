"""Which points a tree holds: a weighted sample in which old points fade.

Each point has the weight ln(-ln u) - decay t, u uniform, t its number; the tree holds those of
least weight (Efraimidis and Spirakis 2006; Guha et al. 2016, section 4). The weights are a binary
heap with the largest on top: the one to go next.
Until the sample is full a point is let in with a probability that falls from 1, as AWS's library
does it; one that is not let in may still take another's place.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from detection.trees.draws import mixed, of_point, uniform
from detection.trees.edits import delete, insert
from detection.trees.lanes import LANES, Singles, long, prefetch, put_real, put_word, real, word
from detection.trees.layout import (
    ACCEPT,
    DECAY,
    ENTRIES,
    GROWTH,
    LIMIT,
    LINE,
    LOG,
    PARENT,
    SAMPLE_SIZE,
    SIZE,
    START,
    WEIGHTS,
)
from tepwatch.kernels import kernel, part

_MARGIN: Final = 1.0 + 1e-9


@kernel
def next_taken(
    forest: Singles, block: int, learned: int, first: int, count: int
) -> tuple[int, float]:
    """The next point that a tree takes, and its weight.

    Args:
        forest: the forest.
        block: of the tree.
        learned: points that the forest had learned before this batch.
        first: the first point of the batch that is asked about.
        count: points in the batch.

    Returns:
        The point's number in the batch, `count` for none.
    """
    start = long(forest, block + START)
    size = word(forest, block + SIZE)
    heap = block + word(forest, WEIGHTS)
    if size < word(forest, SAMPLE_SIZE):
        chance = _chance(forest, size)
        for number in range(first, count):
            bits = of_point(start, learned + number)
            weight = _weight(forest, bits, learned + number)
            if uniform(mixed(bits)) < chance or weight < real(forest, heap):
                return number, weight
        return count, 0.0
    # -ln u is at least 1 - u: most points are refused without a logarithm. What decides is the
    # weight alone, so the limit may be a little too large, and its rounding does not matter.
    place = block + LIMIT
    limit, growth = real(forest, place), real(forest, GROWTH)
    for number in range(first, count):
        bits = of_point(start, learned + number)
        if 1.0 - uniform(bits) < limit:
            weight = _weight(forest, bits, learned + number)
            if weight < real(forest, heap):
                return number, weight
        limit *= growth
    put_real(forest, place, limit)
    return count, 0.0


@kernel
def take(
    forest: Singles,
    block: int,
    number: int,
    weight: float,
    points: Singles,
    point: int,
) -> None:
    """Take a point that `next_taken` gave into the sample and the tree.

    Args:
        forest: the forest.
        block: of the tree.
        number: of the point, counted from the first that the forest learned.
        weight: as `next_taken` gave it.
        points: laid out as boxes.
        point: where the point begins in `points`.
    """
    size = word(forest, block + SIZE)
    bits = mixed(of_point(long(forest, block + START), number))
    if size < word(forest, SAMPLE_SIZE) and uniform(bits) < _chance(forest, size):
        leaf = insert(forest, block, points, point, bits)
        _push(forest, block, size, weight, leaf)
        set_size(forest, block, size + 1)
    else:
        delete(forest, block, word(forest, block + word(forest, ENTRIES)))
        leaf = insert(forest, block, points, point, bits)
        _replace_top(forest, block, size, weight, leaf)
    set_limit(forest, block, number + 1)


@part
def fetch_next_out(forest: Singles, block: int) -> None:
    """Fetch what `take` reads first: the leaf that goes next, and the top of the heap."""
    prefetch(forest, word(forest, block + word(forest, ENTRIES)))
    heap = block + word(forest, WEIGHTS)
    for line in range(heap, heap + 4 * LINE, LINE):
        prefetch(forest, line)


@part
def fetch_parent_out(forest: Singles, block: int) -> None:
    """Fetch what `take` reads then: the node above that leaf, and its box."""
    parent = word(forest, word(forest, block + word(forest, ENTRIES)) + PARENT)
    prefetch(forest, parent)
    prefetch(forest, parent + 2 * LANES)


@kernel
def set_size(forest: Singles, block: int, size: int) -> None:
    """Set the number of points in a tree's sample."""
    put_word(forest, block + SIZE, size)
    put_real(forest, block + LOG, math.log2(1.0 + size))


@kernel
def set_limit(forest: Singles, block: int, number: int) -> None:
    """Set what `next_taken` compares with, for the point of a number."""
    heap = block + word(forest, WEIGHTS)
    limit = math.exp(real(forest, heap) + real(forest, DECAY) * number) * _MARGIN
    put_real(forest, block + LIMIT, limit)


@part
def _weight(forest: Singles, bits: np.uint64, number: int) -> float:
    return math.log(-math.log(uniform(bits))) - real(forest, DECAY) * number


@kernel
def _chance(forest: Singles, size: int) -> float:
    """The probability that a point is let into a sample that is not full."""
    filled = size / word(forest, SAMPLE_SIZE)
    if filled < real(forest, ACCEPT):
        return 1.0
    return 1.0 - (filled - real(forest, ACCEPT)) / (1.0 - real(forest, ACCEPT))


@part
def _push(forest: Singles, block: int, size: int, weight: float, leaf: int) -> None:
    heap, entries = block + word(forest, WEIGHTS), block + word(forest, ENTRIES)
    slot = size
    while slot > 0:
        above = (slot - 1) // 2
        if real(forest, heap + 2 * above) >= weight:
            break
        put_real(forest, heap + 2 * slot, real(forest, heap + 2 * above))
        put_word(forest, entries + slot, word(forest, entries + above))
        slot = above
    put_real(forest, heap + 2 * slot, weight)
    put_word(forest, entries + slot, leaf)


@part
def _replace_top(forest: Singles, block: int, size: int, weight: float, leaf: int) -> None:
    heap, entries = block + word(forest, WEIGHTS), block + word(forest, ENTRIES)
    slot = 0
    while 2 * slot + 1 < size:
        below = 2 * slot + 1
        if below + 1 < size and real(forest, heap + 2 * (below + 1)) > real(
            forest, heap + 2 * below
        ):
            below += 1
        if real(forest, heap + 2 * below) <= weight:
            break
        put_real(forest, heap + 2 * slot, real(forest, heap + 2 * below))
        put_word(forest, entries + slot, word(forest, entries + below))
        slot = below
    put_real(forest, heap + 2 * slot, weight)
    put_word(forest, entries + slot, leaf)
