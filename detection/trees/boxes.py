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
    mirrored,
    put,
    spread,
    store,
    total,
    word,
)
from detection.trees.layout import BOX, EXTENT, LEFT, POINT, RIGHT, WIDTH
from tepwatch.kernels import part


@part
def box_lanes(forest: Singles, link: int, lane: int) -> Singles:
    """Eight lanes of the box of an inner node or a leaf."""
    if link > 0:
        return load(forest, link + BOX + lane)
    return mirrored(forest, POINT - link + lane // 2)


@part
def gaps(forest: Singles, box: int, points: Singles, point: int, width: int) -> Singles:
    """How far a point is outside a box: the sum over the dimensions, still spread over lanes."""
    none = spread(np.float32(0.0))
    outside = none
    for lane in range(0, width, LANES):
        outside = outside + maximum(load(forest, box + lane) - load(points, point + lane), none)
    return outside


@part
def gap(forest: Singles, link: int, points: Singles, point: int) -> np.float32:
    """How far a point is outside the box of a node or leaf, summed over the dimensions."""
    none = spread(np.float32(0.0))
    outside = none
    for lane in range(0, word(forest, WIDTH), LANES):
        away = box_lanes(forest, link, lane) - load(points, point + lane)
        outside = outside + maximum(away, none)
    return total(outside)


@part
def extent_of(boxes: Singles, box: int, width: int) -> np.float32:
    """High less low of a box, summed over the dimensions.

    Each difference is taken before the sum: large offsets cost nothing that the numbers have.
    """
    sums = spread(np.float32(0.0))
    for lane in range(box, box + width, LANES):
        sums = sums - folded(load(boxes, lane))
    # Both halves of a folded vector hold the same.
    return np.float32(np.float32(0.5) * total(sums))


@part
def set_extent(forest: Singles, node: int) -> None:
    """Set a node's extent by its box."""
    put(forest, node + EXTENT, extent_of(forest, node + BOX, word(forest, WIDTH)))


@part
def grow(forest: Singles, node: int, points: Singles, point: int) -> None:
    """Let a node's box hold a point too."""
    for lane in range(0, word(forest, WIDTH), LANES):
        grown = minimum(load(forest, node + BOX + lane), load(points, point + lane))
        store(forest, node + BOX + lane, grown)
    set_extent(forest, node)


@part
def unite_children(forest: Singles, node: int) -> bool:
    """Make a node's box that of its children; whether it changed."""
    left, right = word(forest, node + LEFT), word(forest, node + RIGHT)
    changed = False
    for lane in range(0, word(forest, WIDTH), LANES):
        united = minimum(box_lanes(forest, left, lane), box_lanes(forest, right, lane))
        if differ(united, load(forest, node + BOX + lane)):
            changed = True
            store(forest, node + BOX + lane, united)
    if changed:
        set_extent(forest, node)
    return changed
