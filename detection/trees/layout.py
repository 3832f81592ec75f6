"""Where what lies: a forest is one buffer of 32-bit words, one block a tree.

A word holds a single-precision number or an integer, two of them a double-precision number. The
forest's head has its shape; a block begins on a cache line and holds a head, the records of inner
nodes, those of leaves, and the heap of the sampler. A record is named by the word at which it
begins; a link is that of an inner node, the negative of that of a leaf, or `NONE`.

A box is the least and the largest of each dimension, four dimensions to eight lanes: four lows,
then the four highs, negated. So one comparison does both sides: a point, laid out as a box of its
own, is outside where the box's number is larger, and boxes unite to the smaller numbers. Dimensions
are padded to fours with zeros. `place` is where the low of a dimension lies. A leaf has only its
point, dimension after dimension.

Walks read no leaves: a point that has come to one is separated from it for certain, unless it is
the leaf. So they end, all of them, in one record of the forest's, `END`, which is its own child on
both sides, has no extent, and is far from every point. What a walk touches is half of a tree.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.trees.draws import starts_of
from detection.trees.lanes import LANES, Singles, put_real, put_word, word
from tepwatch.kernels import kernel

Reals = NDArray[np.float64]

NONE: Final = 0
"""No link."""

END: Final = 32
"""The record in which walks end."""

TREE_HEAD: Final = 16
ROOT: Final = 0
SIZE: Final = 1
FREE_NODE: Final = 2
FREE_LEAF: Final = 3
LIMIT: Final = 8
START: Final = 10
LOG: Final = 12
"""Words of a block's head: the link to the root, points in the sample, first free records; of two
words each, the weight that the next point must stay below, as the sampler compares it, where the
tree's random numbers begin, and log2(1 + points in the sample)."""

PARENT: Final = 0
"""Of every record: the inner node above, or the next free record where this one is free."""

CUT: Final = 1
PLACE: Final = 2
LEFT: Final = 3
RIGHT: Final = 4
EXTENT: Final = 5
BOX: Final = 8
"""Of inner nodes: the cut and the place of its dimension, links to the children, high less low
summed over the dimensions, the box."""

MASS: Final = 1
POINT: Final = 2
"""Of leaves: how many times the point is in the sample, the point."""

TREES: Final = 0
SAMPLE_SIZE: Final = 1
DIMENSIONS: Final = 2
WIDTH: Final = 3
RECORD: Final = 4
LEAVES: Final = 5
WEIGHTS: Final = 6
ENTRIES: Final = 7
BLOCK: Final = 8
FIRST: Final = 9
LEAF_RECORD: Final = 16
DECAY: Final = 10
GROWTH: Final = 12
ACCEPT: Final = 14
"""Words of the forest's head: its shape as `Shape` says it; of two words each, lambda, e^lambda and
the share of the sample that is filled without sampling."""

MAGNITUDE_MAX: Final = float(np.float32(1e30))
"""Largest absolute value a point may hold: extents are summed in single precision."""

LINE: Final = 16
"""Words of a cache line."""

_FAR: Final = np.float32(1e38)
_WORDS_MAX: Final = 2**31 - 1


class Shape(NamedTuple):
    """Sizes of a forest's parts, in words, from the start of a block where they are places."""

    trees: int
    sample_size: int
    dimensions: int
    width: int
    record: int
    leaves: int
    weights: int
    entries: int
    block: int
    first: int
    leaf_record: int


def shape_of(trees: int, sample_size: int, dimensions: int) -> Shape:
    """The shape of a forest.

    Raises:
        ValueError: larger than 2^31 words.
    """
    padded = _up(dimensions, LANES // 2)
    width = 2 * padded
    record, leaf_record = BOX + width, POINT + padded
    leaves = TREE_HEAD + (sample_size - 1) * record
    weights = _up(leaves + sample_size * leaf_record, 2)
    entries = weights + 2 * sample_size
    block = _up(entries + sample_size, LINE)
    first = _up(END + record, LINE)
    if first + trees * block > _WORDS_MAX:
        raise ValueError(
            f"trees, sample_size and dimensions are too many together: {trees} x {sample_size} x "
            f"{dimensions} take more than 8 GiB"
        )
    return Shape(
        trees, sample_size, dimensions, width, record, leaves, weights, entries, block, first,
        leaf_record,
    )  # fmt: skip


def _up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


def empty(shape: Shape, *, seed: int, decay: float, accept: float) -> Singles:
    """A forest without points, aligned to cache lines."""
    size = shape.first + shape.trees * shape.block
    raw = np.zeros(size + LINE, np.float32)
    start = (-raw.ctypes.data // raw.itemsize) % LINE
    forest = raw[start : start + size]
    for index, value in enumerate(shape[:-1]):
        put_word(forest, index, value)
    put_word(forest, LEAF_RECORD, shape.leaf_record)
    forest[END + BOX] = _FAR
    put_real(forest, DECAY, decay)
    put_real(forest, GROWTH, math.exp(decay))
    put_real(forest, ACCEPT, accept)
    starts = starts_of(np.uint64(seed), shape.trees)
    for tree in range(shape.trees):
        start = block_of(forest, tree) + START
        forest[start : start + 2].view(np.uint64)[0] = starts[tree]
    _free_all(forest)
    return forest


@kernel
def _free_all(forest: Singles) -> None:
    """Chain all records of all trees as free ones."""
    record, leaf_record = word(forest, RECORD), word(forest, LEAF_RECORD)
    for tree in range(word(forest, TREES)):
        block = block_of(forest, tree)
        node, leaf = block + TREE_HEAD, block + word(forest, LEAVES)
        put_word(forest, block + FREE_NODE, node)
        put_word(forest, block + FREE_LEAF, leaf)
        for _ in range(word(forest, SAMPLE_SIZE)):
            if node < block + word(forest, LEAVES):
                put_word(forest, node + PARENT, node + record)
                node += record
            put_word(forest, leaf + PARENT, leaf + leaf_record)
            leaf += leaf_record


@kernel
def block_of(forest: Singles, tree: int) -> int:
    """The word at which a tree's block begins."""
    return word(forest, FIRST) + tree * word(forest, BLOCK)


@kernel
def number_of(forest: Singles, block: int, link: int) -> int:
    """The number of a record in its block: inner nodes come first, then leaves."""
    if link > 0:
        return (link - block - TREE_HEAD) // word(forest, RECORD)
    leaf = (-link - block - word(forest, LEAVES)) // word(forest, LEAF_RECORD)
    return word(forest, SAMPLE_SIZE) + leaf


@kernel
def place(dimension: int) -> int:
    """Where a dimension's low lies in a box, and its value in a point; the high is four further."""
    return 2 * dimension - dimension % 4


@kernel
def dimension_at(place: int) -> int:
    """The dimension whose low lies at a place."""
    return (place + place % 4) // 2


@kernel
def lay_out(points: Reals, width: int, laid: Singles) -> int:
    """Lay points out as boxes, one after the other, in `laid`, which is zero.

    Returns:
        -1, or the number of the first point that holds a value that is not finite or is too large.
    """
    for number in range(points.shape[0]):
        start = number * width
        for dimension in range(points.shape[1]):
            value = points[number, dimension]
            if not abs(value) <= MAGNITUDE_MAX:
                return number
            low = start + place(dimension)
            laid[low] = value
            laid[low + LANES // 2] = -value
    return -1
