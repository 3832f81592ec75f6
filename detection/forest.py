"""Random Cut Forest: the face behind which an engine does the work.

Guha, Mishra, Roy, Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on Streams", ICML
2016, with the time-decayed sampling of AWS's library. The engine is krcf, the Rust implementation
of AWS's library; nothing outside this module knows it.

>>> import numpy as np
>>> forest = RandomCutForest(2, trees=30, sample_size=64, output_after=32, seed=7)
>>> usual = np.random.default_rng(7).normal(size=(200, 2))
>>> scores = forest.score_and_update(usual)
>>> int(np.isnan(scores).sum())
32
>>> far = forest.score(np.array([[9.0, -9.0]]))
>>> bool(far[0] > 2 * np.nanmean(scores))
True
"""

from __future__ import annotations

from typing import Any, Final

import krcf
import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tepwatch.errors import StateError
from tepwatch.sealed import seal, unseal

MAGNITUDE_MAX: Final = 1e30
"""Largest absolute value a point may hold: the engine computes extents in single precision."""

_KIND: Final = b"RCFo"
_VERSION: Final = 1
_ENGINE: Final = "krcf"

FloatArray = NDArray[np.float64]


class ForestParameters(msgspec.Struct, frozen=True, array_like=True):
    """What a forest is made with; see `RandomCutForest`."""

    dimensions: int
    trees: int
    sample_size: int
    time_decay: float
    shingle_size: int
    cyclic_shingle: bool
    initial_accept_fraction: float
    output_after: int
    seed: int


class _State(msgspec.Struct, array_like=True):
    engine: str
    parameters: ForestParameters
    seen: int
    window: list[tuple[float, ...]]
    forest: bytes


class RandomCutForest:
    """A forest over points of `dimensions` values.

    Args:
        dimensions: values in a point.
        trees: number of trees.
        sample_size: points each tree holds, 2 to 8192.
        time_decay: lambda of the sampler; None for 0.1 / sample_size.
        shingle_size: consecutive points that together are one point of the forest.
        cyclic_shingle: a point keeps its place in the shingle (place = number modulo
            shingle_size) instead of moving from newest to oldest.
        initial_accept_fraction: share of the sample that is filled without sampling.
        output_after: points to see before scores are given; None for sample_size / 4.
        seed: of all random choices.

    Raises:
        ValueError: an argument out of range; the text names it.
    """

    def __init__(
        self,
        dimensions: int,
        *,
        trees: int = 50,
        sample_size: int = 256,
        time_decay: float | None = None,
        shingle_size: int = 1,
        cyclic_shingle: bool = False,
        initial_accept_fraction: float = 0.125,
        output_after: int | None = None,
        seed: int = 42,
    ) -> None:
        self._initialise(
            ForestParameters(
                dimensions=_at_least("dimensions", dimensions, 1),
                trees=_at_least("trees", trees, 1),
                sample_size=_at_least("sample_size", sample_size, 2),
                time_decay=0.1 / sample_size if time_decay is None else time_decay,
                shingle_size=_at_least("shingle_size", shingle_size, 1),
                cyclic_shingle=cyclic_shingle,
                initial_accept_fraction=initial_accept_fraction,
                output_after=_at_least(
                    "output_after",
                    max(1, sample_size // 4) if output_after is None else output_after,
                    1,
                ),
                seed=_at_least("seed", seed, 0),
            )
        )

    def _initialise(self, parameters: ForestParameters) -> None:
        if not 0 <= parameters.time_decay < 1:
            raise ValueError(f"time_decay is in [0, 1), not {parameters.time_decay}")
        if not 0 < parameters.initial_accept_fraction <= 1:
            raise ValueError(
                f"initial_accept_fraction is in (0, 1], not {parameters.initial_accept_fraction}"
            )
        self.parameters = parameters
        self.seen = 0
        self._window: list[tuple[float, ...]] = []
        options: Any = {
            "dimensions": parameters.dimensions * parameters.shingle_size,
            # Shingles are made here: to the engine they are plain points.
            "shingle_size": 1,
            "num_trees": parameters.trees,
            "sample_size": parameters.sample_size,
            "lambda": parameters.time_decay,
            "initial_accept_fraction": parameters.initial_accept_fraction,
            # Warm-up is kept here: the engine would give a score of zero instead of none.
            "output_after": 1,
            "random_seed": parameters.seed,
            "parallel_execution_enabled": False,
            "internal_shingling": False,
        }
        self._forest = krcf.RandomCutForest(options)

    def score(self, points: ArrayLike) -> FloatArray:
        """Anomaly scores, nothing learned.

        Args:
            points: (n, dimensions), finite. Each is scored as the one to come next.

        Returns:
            (n,) scores, above 0, about 1 for the usual; NaN before `output_after` points were
            learned or while the shingle is not full.
        """
        rows = self._checked(points)
        return np.array([self._score(self._shingled(row)) for row in rows], dtype=np.float64)

    def update(self, points: ArrayLike) -> None:
        """Learn points, (n, dimensions), in order."""
        for row in self._checked(points):
            self._learn(row, self._shingled(row))

    def score_and_update(self, points: ArrayLike) -> FloatArray:
        """Score each point, then learn it, in order; points and result as in `score`."""
        scores = []
        for row in self._checked(points):
            shingled = self._shingled(row)
            scores.append(self._score(shingled))
            self._learn(row, shingled)
        return np.array(scores, dtype=np.float64)

    def break_shingle(self) -> None:
        """Begin a new shingle: what comes next does not follow what came before."""
        self._window.clear()

    def to_bytes(self) -> bytes:
        """The whole state; the same scores follow from `from_bytes` of it, to the last bit."""
        state = _State(_ENGINE, self.parameters, self.seen, self._window, self._forest.to_msgpack())
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(state))

    @classmethod
    def from_bytes(cls, data: bytes) -> RandomCutForest:
        """The forest that `to_bytes` wrote.

        Raises:
            NewerStateError: written by a newer version.
            StateError: damaged, or of another engine.
        """
        payload = unseal(_KIND, _VERSION, data)
        try:
            state = msgspec.msgpack.decode(payload, type=_State)
        except msgspec.DecodeError as error:
            raise StateError(f"forest state is not readable: {error}") from error
        if state.engine != _ENGINE:
            raise StateError(f"forest state of engine {state.engine}, this one is {_ENGINE}")
        forest = cls.__new__(cls)
        forest._initialise(state.parameters)
        forest.seen = state.seen
        forest._window = state.window
        forest._forest = krcf.RandomCutForest.from_msgpack(state.forest)
        return forest

    def _checked(self, points: ArrayLike) -> list[tuple[float, ...]]:
        array = np.asarray(points, dtype=np.float64)
        dimensions = self.parameters.dimensions
        if array.ndim != 2 or array.shape[1] != dimensions:  # noqa: PLR2004 - rows and columns
            raise ValueError(f"points has shape {array.shape}, expected (n, {dimensions})")
        if not (np.abs(array) <= MAGNITUDE_MAX).all():
            raise ValueError(f"points holds a value that is not finite or beyond {MAGNITUDE_MAX:g}")
        return [tuple(row) for row in array.tolist()]

    def _shingled(self, row: tuple[float, ...]) -> list[float] | None:
        """The point of the forest that ends with `row`; None while the shingle is not full."""
        size = self.parameters.shingle_size
        if size == 1:
            return list(row)
        if len(self._window) < size - 1:
            return None
        shingle = [*self._window, row]
        if self.parameters.cyclic_shingle:
            # The newest row has number `seen` and the place seen % size; the others lie before it.
            turn = (self.seen + 1) % size
            shingle = shingle[size - turn :] + shingle[: size - turn]
        return [value for part in shingle for value in part]

    def _score(self, shingled: list[float] | None) -> float:
        if shingled is None or self.seen < self.parameters.output_after:
            return float("nan")
        return float(self._forest.score(shingled))

    def _learn(self, row: tuple[float, ...], shingled: list[float] | None) -> None:
        if shingled is not None:
            self._forest.update(shingled)
        self.seen += 1
        if self.parameters.shingle_size > 1:
            self._window = [*self._window, row][1 - self.parameters.shingle_size :]


def _at_least(name: str, value: int, least: int) -> int:
    if value < least:
        raise ValueError(f"{name} is at least {least}, not {value}")
    return value
