"""What is asked of boxes and done with them; `layout` says what a box is."""

from __future__ import annotations

import numpy as np

from detection.trees.lanes import (
    LANES,
    Singles,
    differ,
    folded,
    load,
    maximum,
    minimum,
    put,
    spread,
    store,
    total,
    word,
)
from detection.trees.layout import BOX, EXTENT, LEFT, RIGHT, WIDTH
from tepwatch.kernels import part


@part
def gaps(forest: Singles, box: int, points: Singles, point: int, width: int) -> Singles:
    """How far a point is outside a box: the sum over the dimensions, still spread over lanes."""
    none = spread(np.float32(0.0))
    outside = none
    for lane in range(0, width, LANES):
        outside = outside + maximum(load(forest, box + lane) - load(points, point + lane), none)
    return outside


@part
def gap(forest: Singles, node: int, points: Singles, point: int) -> np.float32:
    """How far a point is outside a node's box, summed over the dimensions."""
    return total(gaps(forest, node + BOX, points, point, word(forest, WIDTH)))


@part
def extent(forest: Singles, node: int) -> np.float32:
    """High less low of a node's box, summed over the dimensions."""
    return extent_of(forest, node + BOX, word(forest, WIDTH))


@part
def extent_of(boxes: Singles, box: int, width: int) -> np.float32:
    """The same of a box anywhere.

    Each difference is taken before the sum: large offsets cost nothing that the numbers have.
    """
    sums = spread(np.float32(0.0))
    for lane in range(box, box + width, LANES):
        sums = sums - folded(load(boxes, lane))
    # Both halves of a folded vector hold the same.
    return np.float32(np.float32(0.5) * total(sums))


@part
def grow(forest: Singles, node: int, points: Singles, point: int) -> None:
    """Let a node's box hold a point too."""
    for lane in range(0, word(forest, WIDTH), LANES):
        grown = minimum(load(forest, node + BOX + lane), load(points, point + lane))
        store(forest, node + BOX + lane, grown)
    put(forest, node + EXTENT, extent(forest, node))


@part
def unite_children(forest: Singles, node: int) -> bool:
    """Make a node's box that of its children; whether it changed."""
    left, right = word(forest, node + LEFT), word(forest, node + RIGHT)
    changed = False
    for lane in range(BOX, BOX + word(forest, WIDTH), LANES):
        united = minimum(load(forest, left + lane), load(forest, right + lane))
        if differ(united, load(forest, node + lane)):
            changed = True
            store(forest, node + lane, united)
    if changed:
        put(forest, node + EXTENT, extent(forest, node))
    return changed
