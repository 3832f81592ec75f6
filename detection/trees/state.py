"""Trees to arrays and back.

What is kept of a tree is what it is, not how it came to be: inner nodes from the root on, left
before right (cut, dimension, leaves on the left), leaves from left to right (point, points in it),
and the sampler's heap. Boxes, extents and links follow from that. So two forests that hold the same
trees give the same bytes, wherever their records lie, and what is read is checked as it is built:
bytes that do not make a forest are refused.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from detection.trees.boxes import box_lanes, set_extent, unite_children
from detection.trees.lanes import (
    LANES,
    Singles,
    at,
    integer,
    put,
    put_real,
    put_word,
    real,
    store,
    word,
)
from detection.trees.layout import (
    CUT,
    DIMENSIONS,
    ENTRIES,
    FREE_LEAF,
    FREE_NODE,
    LEAF_RECORD,
    LEAVES,
    LEFT,
    MAGNITUDE_MAX,
    MASS,
    NONE,
    PARENT,
    PLACE,
    POINT,
    RECORD,
    RIGHT,
    ROOT,
    SAMPLE_SIZE,
    SIZE,
    TREE_HEAD,
    TREES,
    WEIGHTS,
    Reals,
    block_of,
    dimension_at,
    number_of,
    place,
)
from detection.trees.sampler import set_limit, set_size
from tepwatch.errors import StateError
from tepwatch.kernels import kernel

Shorts = NDArray[np.uint16]

_GOOD: Final = 0
_BAD_COUNTS: Final = 1
_BAD_NODE: Final = 2
_BAD_LEAF: Final = 3
_BAD_HEAP: Final = 4
_WHAT: Final = {
    _BAD_COUNTS: "its counts do not fit together",
    _BAD_NODE: "a cut does not separate its sides",
    _BAD_LEAF: "a leaf holds no point, or one that is not finite",
    _BAD_HEAP: "the sampler's heap is out of order",
}


class TreeArrays(msgspec.Struct, array_like=True):
    """The trees of a forest, one after the other, as little-endian arrays."""

    leaves: bytes
    """Leaves of each tree; as all integers, of 16 bits."""
    sizes: bytes
    """Points in the sample of each tree."""
    cuts: bytes
    """Of inner nodes, single precision."""
    cut_dimensions: bytes
    lefts: bytes
    """Leaves on the left of inner nodes."""
    masses: bytes
    """Points in each leaf."""
    points: bytes
    """Of leaves, single precision."""
    weights: bytes
    """Of the sampler's heaps, double precision."""
    slots: bytes
    """The leaf, by its number from the left, of each entry of the heaps."""


class _Numbers(NamedTuple):
    """What `TreeArrays` holds, as numbers."""

    leaves: Shorts
    sizes: Shorts
    cuts: Singles
    cut_dimensions: Shorts
    lefts: Shorts
    masses: Shorts
    points: Singles
    weights: Reals
    slots: Shorts


def dump(forest: Singles) -> TreeArrays:
    """The trees of a forest."""
    trees, size, dimensions = (word(forest, at) for at in (TREES, SAMPLE_SIZE, DIMENSIONS))
    numbers = _Numbers(
        leaves=np.empty(trees, "<u2"),
        sizes=np.empty(trees, "<u2"),
        cuts=np.empty(trees * size, "<f4"),
        cut_dimensions=np.empty(trees * size, "<u2"),
        lefts=np.empty(trees * size, "<u2"),
        masses=np.empty(trees * size, "<u2"),
        points=np.empty((trees * size, dimensions), "<f4"),
        weights=np.empty(trees * size, "<f8"),
        slots=np.empty(trees * size, "<u2"),
    )
    _dump(forest, numbers)
    lengths = _lengths(numbers.leaves, numbers.sizes)
    arrays: tuple[NDArray[Any], ...] = numbers
    held = zip(arrays, lengths, strict=True)
    return TreeArrays(*[array[:length].tobytes() for array, length in held])


def load(forest: Singles, arrays: TreeArrays, learned: int) -> None:
    """Build trees in an empty forest.

    Args:
        forest: empty, of the shape that the trees had.
        arrays: as `dump` gave them.
        learned: points that the forest has learned.

    Raises:
        StateError: the arrays are not those of a forest of this shape.
    """
    trees, dimensions = word(forest, TREES), word(forest, DIMENSIONS)
    leaves, sizes = _array(arrays.leaves, "<u2", trees), _array(arrays.sizes, "<u2", trees)
    lengths = _lengths(leaves, sizes)
    numbers = _Numbers(
        leaves,
        sizes,
        _array(arrays.cuts, "<f4", lengths.cuts),
        _array(arrays.cut_dimensions, "<u2", lengths.cut_dimensions),
        _array(arrays.lefts, "<u2", lengths.lefts),
        _array(arrays.masses, "<u2", lengths.masses),
        _array(arrays.points, "<f4", lengths.points * dimensions).reshape(-1, dimensions),
        _array(arrays.weights, "<f8", lengths.weights),
        _array(arrays.slots, "<u2", lengths.slots),
    )
    found = _load(forest, numbers, learned)
    if found != _GOOD:
        raise StateError(f"forest state is no forest: {_WHAT[found]}")


class _Lengths(NamedTuple):
    """Of the arrays in `_Numbers`."""

    leaves: int
    sizes: int
    cuts: int
    cut_dimensions: int
    lefts: int
    masses: int
    points: int
    weights: int
    slots: int


def _lengths(leaves: Shorts, sizes: Shorts) -> _Lengths:
    trees, held, entries = len(leaves), int(leaves.sum()), int(sizes.sum())
    inner = held - int(np.count_nonzero(leaves))
    return _Lengths(trees, trees, inner, inner, inner, held, held, entries, entries)


def _array(data: bytes, kind: DTypeLike, count: int) -> NDArray[Any]:
    array = np.frombuffer(data, kind) if len(data) % np.dtype(kind).itemsize == 0 else None
    if array is None or len(array) != count:
        raise StateError("forest state has another shape than its parameters say")
    return array.copy()


@kernel
def _dump(forest: Singles, numbers: _Numbers) -> None:
    leaves, sizes, cuts, cut_dimensions, lefts, masses, points, weights, slots = numbers
    sample_size = word(forest, SAMPLE_SIZE)
    waiting = np.empty(sample_size, np.int64)
    nodes = np.empty(sample_size, np.int64)
    below = np.empty(2 * sample_size, np.int64)
    order = np.empty(2 * sample_size, np.int64)
    first_leaf = first_inner = first_entry = 0
    for tree in range(word(forest, TREES)):
        block = block_of(forest, tree)
        link, left_over = word(forest, block + ROOT), 0
        leaf = inner = 0
        while link != NONE:
            number = number_of(forest, block, link)
            if link < 0:
                order[number], below[number] = leaf, 1
                masses[first_leaf + leaf] = word(forest, MASS - link)
                for dimension in range(points.shape[1]):
                    points[first_leaf + leaf, dimension] = at(forest, POINT - link + dimension)
                leaf += 1
                left_over -= 1
                link = waiting[left_over] if left_over >= 0 else NONE
            else:
                nodes[inner] = link
                cuts[first_inner + inner] = at(forest, link + CUT)
                cut_dimensions[first_inner + inner] = dimension_at(word(forest, link + PLACE))
                inner += 1
                waiting[left_over] = word(forest, link + RIGHT)
                left_over += 1
                link = word(forest, link + LEFT)
        for index in range(inner - 1, -1, -1):
            node = nodes[index]
            left = below[number_of(forest, block, word(forest, node + LEFT))]
            right = below[number_of(forest, block, word(forest, node + RIGHT))]
            lefts[first_inner + index] = left
            below[number_of(forest, block, node)] = left + right
        size = word(forest, block + SIZE)
        for slot in range(size):
            weights[first_entry + slot] = real(forest, block + word(forest, WEIGHTS) + 2 * slot)
            entry = word(forest, block + word(forest, ENTRIES) + slot)
            slots[first_entry + slot] = order[number_of(forest, block, -entry)]
        leaves[tree], sizes[tree] = leaf, size
        first_leaf += leaf
        first_inner += inner
        first_entry += size


@kernel
def _load(forest: Singles, numbers: _Numbers, learned: int) -> int:
    leaves, sizes, cuts, cut_dimensions, lefts, masses, points, weights, slots = numbers
    first_leaf = first_inner = first_entry = 0
    for tree in range(word(forest, TREES)):
        held, size = integer(leaves[tree]), integer(sizes[tree])
        if held > size or size > word(forest, SAMPLE_SIZE) or (held == 0 and size > 0):
            return _BAD_COUNTS
        if held == 0:
            continue
        block = block_of(forest, tree)
        leaf_end, inner_end = first_leaf + held, first_inner + held - 1
        entry_end = first_entry + size
        leaf_masses = masses[first_leaf:leaf_end]
        if not _leaves(forest, block, leaf_masses, points[first_leaf:leaf_end]):
            return _BAD_LEAF
        found = _nodes(
            forest,
            block,
            held,
            cuts[first_inner:inner_end],
            cut_dimensions[first_inner:inner_end],
            lefts[first_inner:inner_end],
        )
        if found != _GOOD:
            return found
        entries = slots[first_entry:entry_end]
        if not _heap(forest, block, weights[first_entry:entry_end], entries, leaf_masses):
            return _BAD_HEAP
        set_limit(forest, block, learned)
        first_leaf, first_inner, first_entry = leaf_end, inner_end, entry_end
    return _GOOD


@kernel
def _leaves(forest: Singles, block: int, masses: Shorts, points: Singles) -> bool:
    """Make the leaves, in the first records for leaves."""
    leaf = block + word(forest, LEAVES)
    put_word(forest, block + ROOT, -leaf)
    for number in range(len(masses)):
        if masses[number] == 0:
            return False
        put_word(forest, leaf + MASS, masses[number])
        put_word(forest, leaf + PARENT, NONE)
        for dimension in range(points.shape[1]):
            value = points[number, dimension]
            if not abs(value) <= MAGNITUDE_MAX:
                return False
            put(forest, leaf + POINT + dimension, value)
        leaf += word(forest, LEAF_RECORD)
    put_word(forest, block + FREE_LEAF, leaf)
    return True


@kernel
def _nodes(
    forest: Singles, block: int, held: int, cuts: Singles, cut_dimensions: Shorts, lefts: Shorts
) -> int:
    """Make the inner nodes above the leaves, in the first records for inner nodes."""
    record, leaf_record = word(forest, RECORD), word(forest, LEAF_RECORD)
    leaves = block + word(forest, LEAVES)
    count = held - 1
    # The leaves below each node: the first and how many. Below the left child lie the first of
    # them; it and its nodes come right after the node, then the right child.
    starts = np.zeros(held, np.int64)
    counts = np.full(held, held)
    for number in range(count):
        node = block + TREE_HEAD + number * record
        start, below, left = starts[number], counts[number], integer(lefts[number])
        right = below - left
        if left < 1 or right < 1 or cut_dimensions[number] >= word(forest, DIMENSIONS):
            return _BAD_COUNTS
        left_child = -(leaves + start * leaf_record)
        right_child = -(leaves + (start + left) * leaf_record)
        if left > 1:
            left_child = node + record
            starts[number + 1], counts[number + 1] = start, left
        if right > 1:
            right_child = node + left * record
            starts[number + left], counts[number + left] = start + left, right
        put(forest, node + CUT, cuts[number])
        put_word(forest, node + PLACE, place(integer(cut_dimensions[number])))
        put_word(forest, node + LEFT, left_child)
        put_word(forest, node + RIGHT, right_child)
        put_word(forest, abs(left_child) + PARENT, node)
        put_word(forest, abs(right_child) + PARENT, node)
    if count > 0:
        put_word(forest, block + ROOT, block + TREE_HEAD)
        put_word(forest, block + TREE_HEAD + PARENT, NONE)
    put_word(forest, block + FREE_NODE, block + TREE_HEAD + count * record)
    sides = np.empty(2 * LANES, np.float32)
    for number in range(count - 1, -1, -1):
        node = block + TREE_HEAD + number * record
        unite_children(forest, node)
        set_extent(forest, node)
        low = word(forest, node + PLACE)
        left_box = box_lanes(forest, word(forest, node + LEFT), low - low % LANES)
        right_box = box_lanes(forest, word(forest, node + RIGHT), low - low % LANES)
        store(sides, 0, left_box)
        store(sides, LANES, right_box)
        last_left = -at(sides, low % LANES + LANES // 2)
        first_right = at(sides, LANES + low % LANES)
        if not (last_left <= at(forest, node + CUT) < first_right):
            return _BAD_NODE
    return _GOOD


@kernel
def _heap(forest: Singles, block: int, weights: Reals, slots: Shorts, masses: Shorts) -> bool:
    """Make the sampler's heap."""
    left_over = masses.astype(np.int64)
    for slot in range(len(weights)):
        leaf = integer(slots[slot])
        if leaf >= len(masses) or not np.isfinite(weights[slot]):
            return False
        if slot > 0 and not weights[(slot - 1) // 2] >= weights[slot]:
            return False
        left_over[leaf] -= 1
        put_real(forest, block + word(forest, WEIGHTS) + 2 * slot, weights[slot])
        entry = block + word(forest, LEAVES) + leaf * word(forest, LEAF_RECORD)
        put_word(forest, block + word(forest, ENTRIES) + slot, entry)
    set_size(forest, block, len(weights))
    return bool(np.all(left_over == 0))
