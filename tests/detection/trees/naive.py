"""A forest as simple as can be: the naive twin of the kernels.

Trees are nested objects, boxes are made from the points whenever they are asked for, the sample is
a sorted list, all in double precision. Only the random numbers are the kernels' own, so that on
points whose sums are exact in single precision both must build the very same trees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15

Point = tuple[float, ...]


def mixed(number: int) -> int:
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def uniform(bits: int) -> float:
    return ((bits >> 11) + 0.5) * 2.0**-53


@dataclass
class Node:
    """A leaf has a point, an inner node a cut and two children."""

    point: Point | None = None
    mass: int = 1
    dimension: int = 0
    cut: float = 0.0
    left: Node | None = None
    right: Node | None = None

    def points(self) -> list[Point]:
        if self.point is not None:
            return [self.point]
        assert self.left is not None and self.right is not None
        return self.left.points() + self.right.points()

    def count(self) -> int:
        if self.point is not None:
            return self.mass
        assert self.left is not None and self.right is not None
        return self.left.count() + self.right.count()

    def side(self, point: Point) -> Node:
        assert self.left is not None and self.right is not None
        return self.left if point[self.dimension] <= self.cut else self.right

    def gaps(self, point: Point) -> list[tuple[float, float]]:
        """Of each dimension: how far the point is below and above the box."""
        columns = list(zip(*self.points(), strict=True))
        return [
            (max(min(column) - value, 0.0), max(value - max(column), 0.0))
            for column, value in zip(columns, point, strict=True)
        ]

    def extent(self) -> float:
        columns = zip(*self.points(), strict=True)
        return float(sum(max(column) - min(column) for column in columns))

    def separation(self, point: Point) -> float:
        """The probability that a cut separates the point from the node."""
        outside = sum(below + above for below, above in self.gaps(point))
        return float(outside / (self.extent() + outside)) if outside else 0.0


class NaiveTree:
    def __init__(self, sample_size: int, decay: float, accept: float, start: int) -> None:
        self.root: Node | None = None
        self.sample: list[tuple[float, Point]] = []
        self._sample_size, self._decay, self._accept, self._start = (
            sample_size, decay, accept, start,
        )  # fmt: skip

    def learn(self, number: int, point: Point) -> None:
        bits = mixed((self._start + number * _STEP) & _MASK)
        weight = math.log(-math.log(uniform(bits))) - self._decay * number
        bits = mixed(bits)
        if uniform(bits) >= self._chance():
            if weight >= self.sample[-1][0]:
                return
            _, gone = self.sample.pop()
            self.root = self._without(self.root, gone)
        self.sample = sorted([*self.sample, (weight, point)])
        self._bits = bits
        self.root = self._with(self.root, point)

    def _chance(self) -> float:
        """The probability that a point is let in without taking another's place."""
        filled = len(self.sample) / self._sample_size
        if filled < self._accept:
            return 1.0
        return 0.0 if filled == 1.0 else 1.0 - (filled - self._accept) / (1.0 - self._accept)

    def _with(self, node: Node | None, point: Point) -> Node:
        if node is None:
            return Node(point)
        gaps = node.gaps(point)
        outside = sum(below + above for below, above in gaps)
        if outside == 0.0 and node.point is not None:
            node.mass += 1
            return node
        if outside > 0.0:
            self._bits = (self._bits + _STEP) & _MASK
            position = uniform(mixed(self._bits)) * (node.extent() + outside)
            if position < outside:
                return _cut_off(node, point, gaps, position)
        if point[node.dimension] <= node.cut:
            node.left = self._with(node.left, point)
        else:
            node.right = self._with(node.right, point)
        return node

    def _without(self, node: Node | None, point: Point) -> Node | None:
        assert node is not None
        if node.point is not None:
            node.mass -= 1
            return node if node.mass else None
        if point[node.dimension] <= node.cut:
            node.left = self._without(node.left, point)
        else:
            node.right = self._without(node.right, point)
        return node if node.left is not None and node.right is not None else node.left or node.right

    def score(self, point: Point) -> float:
        """The definition: expected 1 / (k + 1), k the depth at which a cut separates the point."""
        assert self.root is not None
        node, depth, together, score = self.root, 0, 1.0, 0.0
        total = len(self.sample)
        while True:
            separated = together * node.separation(point)
            score += separated / (depth + 1)
            together -= separated
            if node.point is not None:
                break
            node, depth = node.side(point), depth + 1
        if node.point == point:
            score = (1 - node.mass / (2 * total)) / (depth + math.log2(1 + node.mass))
        return score * math.log2(1 + total)

    def imputed(self, point: Point, missing: set[int]) -> Point:
        """By AWS's recursion: both ways where the cut's dimension is missing, the better one up."""
        assert self.root is not None
        return self._impute(self.root, 0, point, missing)[1]

    def _impute(
        self, node: Node, depth: int, point: Point, missing: set[int]
    ) -> tuple[float, Point]:
        if node.point is not None:
            here = node.point
            away = any(
                here[number] != value for number, value in enumerate(point) if number not in missing
            )
            seen = 1.0 / (depth + math.log2(1 + node.mass)) if depth else 0.0
            return (1.0 / (depth + 1) if away else seen), here
        assert node.left is not None and node.right is not None
        sides = (node.left, node.right) if node.dimension in missing else (node.side(point),)
        rank, found = min(
            (self._impute(side, depth + 1, point, missing) for side in sides),
            key=lambda ranked: ranked[0],
        )
        as_found = tuple(
            found[number] if number in missing else value for number, value in enumerate(point)
        )
        separated = node.separation(as_found)
        return separated / (depth + 1) + (1 - separated) * rank, found


def _cut_off(node: Node, point: Point, gaps: list[tuple[float, float]], position: float) -> Node:
    columns = list(zip(*node.points(), strict=True))
    dimension = 0
    while position >= sum(gaps[dimension]):
        position -= sum(gaps[dimension])
        dimension += 1
    below, _above = gaps[dimension]
    low = point[dimension] if below else max(columns[dimension])
    high = min(columns[dimension]) if below else point[dimension]
    cut = float(np.float32(low + position))
    leaf = Node(point)
    return Node(
        dimension=dimension,
        cut=cut if cut < high else low,
        left=leaf if below else node,
        right=node if below else leaf,
    )


class NaiveForest:
    def __init__(
        self, trees: int, sample_size: int, decay: float, accept: float, seed: int
    ) -> None:
        number, starts = mixed(seed), []
        for _ in range(trees):
            number = (number + _STEP) & _MASK
            starts.append(mixed(number))
        self.trees = [NaiveTree(sample_size, decay, accept, start) for start in starts]
        self._learned = 0

    def learn(self, point: Point) -> None:
        for tree in self.trees:
            tree.learn(self._learned, point)
        self._learned += 1

    def score(self, point: Point) -> float:
        return sum(tree.score(point) for tree in self.trees) / len(self.trees)

    def imputed(self, point: Point, missing: set[int]) -> Point:
        found = [tree.imputed(point, missing) for tree in self.trees]
        middle = (len(found) - 1) // 2
        return tuple(
            sorted(one[number] for one in found)[middle] if number in missing else value
            for number, value in enumerate(point)
        )
