"""Forests beside each other: ours, AWS's Rust library (krcf) and rrcf, asked and timed alike.

All are timed in their samplers' steady state, on points that were never learned before: a point
that comes again is a copy, which is less work. What a call takes, arrays or lists, is made before
the clock starts.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import krcf
import numpy as np
from numpy.typing import NDArray

from detection.forest import RandomCutForest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # rrcf imports pkg_resources, which warns
    import rrcf

TREES: Final = 50
RATES: Final = ("score", "update", "both")
"""What is timed at every batch size; `both` scores each point, then learns it."""
CALLS: Final = (*RATES, "attribution")

_STEADY: Final = 20
"""Points that are fed before anything is timed, in sizes of the sample."""
_FED_AT_ONCE: Final = 256
_RRCF_PROBES: Final = 10
_RRCF_ROUNDS: Final = 3

Array = NDArray[np.float64]


class Contender(NamedTuple):
    """A forest: its calls, by what they do, and what cuts points into what a call takes."""

    calls: Mapping[str, Callable[[Any], object]]
    cut: Callable[[Array, int], Sequence[object]]

    def microseconds(self, call: str, points: Array, batch: int = 1) -> float:
        """CPU of this process for a point, points given in batches where the forest takes them."""
        given, ask = self.cut(points, batch), self.calls[call]
        before = time.process_time()
        for some in given:
            ask(some)
        return (time.process_time() - before) / len(points) * 1e6


class Points:
    """Noise without end, in which no point comes twice."""

    def __init__(self, dimensions: int, seed: int) -> None:
        self._dimensions = dimensions
        self._generator = np.random.default_rng(seed)

    def take(self, count: int) -> Array:
        """The next points."""
        return self._generator.normal(size=(count, self._dimensions))


class Pair:
    """Ours and AWS's with the same parameters, fed with the same points into their steady state."""

    def __init__(self, dimensions: int, sample_size: int, *, seed: int = 1) -> None:
        self.points = Points(dimensions, seed)
        self.forest = RandomCutForest(
            dimensions, trees=TREES, sample_size=sample_size, output_after=1, seed=seed
        )
        self.ours = _ours(self.forest)
        self.aws = _aws(dimensions, sample_size, seed)
        for _ in range(0, _STEADY * sample_size, _FED_AT_ONCE):
            fed = self.points.take(_FED_AT_ONCE)
            self.ours.microseconds("update", fed, _FED_AT_ONCE)
            self.aws.microseconds("update", fed)
        # The first calls compile what is not in the cache.
        for call in self.ours.calls:
            self.ours.microseconds(call, self.points.take(2))


def _ours(forest: RandomCutForest) -> Contender:
    calls = {
        "score": forest.score,
        "update": forest.update,
        "both": forest.score_and_update,
        "attribution": forest.attribution,
    }
    return Contender(calls, _batches)


def _batches(points: Array, size: int) -> list[Array]:
    return [points[start : start + size] for start in range(0, len(points), size)]


def _aws(dimensions: int, sample_size: int, seed: int) -> Contender:
    options: Any = {
        "dimensions": dimensions, "shingle_size": 1, "num_trees": TREES,
        "sample_size": sample_size, "lambda": 0.1 / sample_size,
        "initial_accept_fraction": 0.125, "output_after": 1, "random_seed": seed,
        "parallel_execution_enabled": False, "internal_shingling": False,
    }  # fmt: skip
    forest = krcf.RandomCutForest(options)

    def both(point: list[float]) -> None:
        forest.score(point)
        forest.update(point)

    calls = {
        "score": forest.score,
        "update": forest.update,
        "both": both,
        "attribution": forest.attribution,
    }
    # It takes no batches, and plain lists faster than arrays.
    return Contender(calls, lambda points, _batch: points.tolist())


def rrcf_score(dimensions: int, sample_size: int, *, seed: int = 1) -> float:
    """Microseconds that rrcf takes for a score: the point inserted, asked for and forgotten."""
    points = Points(dimensions, seed)
    state = np.random.RandomState(seed)
    trees = [rrcf.RCTree(points.take(sample_size), random_state=state) for _ in range(TREES)]

    def score(point: Array) -> float:
        total = 0.0
        for tree in trees:
            tree.insert_point(point, index="probe")
            total += tree.codisp("probe")
            tree.forget_point("probe")
        return total / TREES

    contender = Contender({"score": score}, lambda given, _batch: list(given))
    return min(
        contender.microseconds("score", points.take(_RRCF_PROBES)) for _ in range(_RRCF_ROUNDS)
    )
