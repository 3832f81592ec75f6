"""Random Cut Forest: the face of `detection.trees`, which does the work.

Guha, Mishra, Roy, Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on Streams", ICML
2016, with the time-decayed sampling and the scores of AWS's library. What a forest answers and what
it holds follow from the points and the seed alone: not from how points are cut into calls, nor from
threads, nor from having been written to bytes and read again; all to the last bit.

Points are compared in single precision: standardise what varies little about a large offset.

>>> import numpy as np
>>> forest = RandomCutForest(2, trees=30, sample_size=64, output_after=32, seed=7)
>>> usual = np.random.default_rng(7).normal(size=(200, 2))
>>> scores = forest.score_and_update(usual)
>>> int(np.isnan(scores).sum())
32
>>> far = np.array([[9.0, 0.5]])
>>> bool(forest.score(far)[0] > 2 * np.nanmean(scores))
True
>>> low, high = forest.attribution(far)
>>> bool(high[0, 0] > 0.9 * forest.score(far)[0])
True
"""

from __future__ import annotations

import operator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from detection.trees import attribution, displacement, imputation, layout, scores, state
from detection.trees.scores import LEARN, SCORE
from tepwatch.errors import StateError
from tepwatch.sealed import seal, unseal

MAGNITUDE_MAX: Final = layout.MAGNITUDE_MAX
"""Largest absolute value a point may hold."""

SAMPLE_SIZE_MAX: Final = 8192

_KIND: Final = b"RCFo"
# 1 was another engine's.
_VERSION: Final = 2
_SHORT_MAX: Final = 2**16 - 1
_SEED_MAX: Final = 2**64 - 1

FloatArray = NDArray[np.float64]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_NOTHING: Final = np.empty(0)


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


class Attribution(NamedTuple):
    """The shares of scores that come from each dimension, (n, dimensions x shingle_size) each.

    Together the two sum up to the score. The dimensions of a shingle are those of its points, one
    after the other.
    """

    low: FloatArray
    """Because the value is too low."""
    high: FloatArray
    """Because it is too high."""


class _State(msgspec.Struct, array_like=True):
    parameters: ForestParameters
    seen: int
    learned: int
    window: bytes
    trees: state.TreeArrays


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
        output_after: points to learn before scores are given; None for sample_size / 4.
        seed: of all random choices.
        threads: that work at once in one call of `score`, `update` or `score_and_update`. Worth it
            for thousands of points a call.

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
        threads: int = 1,
    ) -> None:
        sample_size = _integer("sample_size", sample_size, 2, SAMPLE_SIZE_MAX)
        self._initialise(
            ForestParameters(
                dimensions=dimensions,
                trees=trees,
                sample_size=sample_size,
                time_decay=0.1 / sample_size if time_decay is None else time_decay,
                shingle_size=shingle_size,
                cyclic_shingle=cyclic_shingle,
                initial_accept_fraction=initial_accept_fraction,
                output_after=max(1, sample_size // 4) if output_after is None else output_after,
                seed=seed,
            ),
            threads,
        )

    def _initialise(self, parameters: ForestParameters, threads: int) -> None:
        dimensions = _integer("dimensions", parameters.dimensions, 1, _SHORT_MAX)
        size = _integer("shingle_size", parameters.shingle_size, 1, _SHORT_MAX)
        trees = _integer("trees", parameters.trees, 1, _SHORT_MAX)
        sample_size = _integer("sample_size", parameters.sample_size, 2, SAMPLE_SIZE_MAX)
        seed = _integer("seed", parameters.seed, 0, _SEED_MAX)
        _integer("output_after", parameters.output_after, 1, None)
        if dimensions * size > _SHORT_MAX:
            raise ValueError(f"dimensions x shingle_size is at most {_SHORT_MAX}")
        if not 0 <= parameters.time_decay < 1:
            raise ValueError(f"time_decay is in [0, 1), not {parameters.time_decay}")
        if not 0 < parameters.initial_accept_fraction <= 1:
            raise ValueError(
                f"initial_accept_fraction is in (0, 1], not {parameters.initial_accept_fraction}"
            )
        shape = layout.shape_of(trees, sample_size, dimensions * size)
        self.parameters = parameters
        self.seen = 0
        """Points that were given to be learned."""
        self._learned = 0
        self._window = np.empty((0, dimensions))
        self._threads = _integer("threads", threads, 1, None)
        self._run = scores.runner(shape.width)
        self._trees = layout.empty(
            shape,
            seed=seed,
            decay=float(parameters.time_decay),
            accept=float(parameters.initial_accept_fraction),
        )

    def score(self, points: ArrayLike) -> FloatArray:
        """Anomaly scores, nothing learned.

        Args:
            points: (n, dimensions), finite. Each is scored as the one to come next.

        Returns:
            (n,) scores, above 0, about 1 for the usual; NaN before `output_after` points were
            learned or while the shingle is not full.

        Raises:
            ValueError: points of another shape, not finite, or beyond `MAGNITUDE_MAX`.
        """
        rows = self._rows(points)
        shingles = self._answerable(rows)
        return _unknown(len(rows)) if shingles is None else self._scores(shingles, learns=False)

    def update(self, points: ArrayLike) -> None:
        """Learn points, (n, dimensions), in order; errors as in `score`."""
        rows = self._rows(points)
        if self.parameters.shingle_size > 1:
            _check_values(rows)
        self._learn(self._in_order(rows))
        self._remember(rows)

    def score_and_update(self, points: ArrayLike) -> FloatArray:
        """Score each point, then learn it, in order; points, result and errors as in `score`."""
        rows = self._rows(points)
        unscored = self.parameters.output_after - self._learned
        if unscored <= 0 and self.parameters.shingle_size == 1:
            given = self._scores(rows, learns=True)
            self.seen += len(rows)
            return given
        _check_values(rows)
        shingles = self._in_order(rows)
        self._learn(shingles[: max(0, unscored)])
        scored = self._scores(shingles[max(0, unscored) :], learns=True)
        self._remember(rows)
        return np.concatenate([_unknown(len(rows) - len(scored)), scored])

    def attribution(self, points: ArrayLike) -> Attribution:
        """Where scores come from, nothing learned; points and errors as in `score`.

        Values are NaN where the score is.
        """
        rows = self._rows(points)
        shape = (len(rows), self.parameters.dimensions * self.parameters.shingle_size)
        result = Attribution(_unknown(*shape), _unknown(*shape))
        shingles = self._answerable(rows)
        if shingles is not None:
            _refuse(attribution.attribute(self._trees, shingles, *result))
        return result

    def displacement(self, points: ArrayLike) -> FloatArray:
        """Co-displacements, nothing learned; points, shape of the result and errors as in `score`.

        The score of the package rrcf: 0 for a point like all others, up to sample_size.
        """
        rows = self._rows(points)
        result = _unknown(len(rows))
        shingles = self._answerable(rows)
        if shingles is not None:
            _refuse(displacement.displace(self._trees, shingles, result))
        return result

    def expected_values(self, points: ArrayLike, dimensions: ArrayLike | None = None) -> FloatArray:
        """The points, with the values that the forest expects in place of some.

        Args:
            points: (n, dimensions); each is taken as the one to come next.
            dimensions: those to impute, by number, in all points; None for those that are NaN.

        Returns:
            (n, dimensions); all expected values are NaN where there would be no score.

        Raises:
            ValueError: as in `score`, but for the values to impute; or no such dimension.
        """
        rows = self._rows(points)
        missing = np.isnan(rows)
        if dimensions is not None:
            chosen = np.asarray(dimensions, dtype=np.intp).reshape(-1)
            if not ((chosen >= 0) & (chosen < rows.shape[1])).all():
                raise ValueError(f"dimensions are from 0 to {rows.shape[1] - 1}, not {chosen}")
            missing = np.zeros(rows.shape, np.bool_)
            missing[:, chosen] = True
        result: FloatArray = np.where(missing, np.nan, rows)
        shingles = self._answerable(np.where(missing, 0.0, rows))
        if shingles is not None:
            filled = np.empty_like(shingles)
            flags = self._each_next(np.zeros(self._window.shape, np.bool_), missing)
            _refuse(imputation.impute(self._trees, shingles, flags, filled))
            result[missing] = filled[flags]
        return result

    def break_shingle(self) -> None:
        """Begin a new shingle: what comes next does not follow what came before."""
        self._window = self._window[:0]

    def to_bytes(self) -> bytes:
        """The whole state; the same scores and bytes follow from `from_bytes` of it."""
        held = _State(
            self.parameters,
            self.seen,
            self._learned,
            self._window.astype("<f8").tobytes(),
            state.dump(self._trees),
        )
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(held))

    @classmethod
    def from_bytes(cls, data: bytes, *, threads: int = 1) -> RandomCutForest:
        """The forest that `to_bytes` wrote.

        Raises:
            NewerStateError: written by a newer version.
            StateError: damaged, of an older version, or no forest.
        """
        payload = unseal(_KIND, _VERSION, data)
        forest = cls.__new__(cls)
        try:
            held = msgspec.msgpack.decode(payload, type=_State)
            forest._initialise(held.parameters, threads)
            window = np.frombuffer(held.window, "<f8").astype(np.float64)
            forest._window = window.reshape(-1, held.parameters.dimensions)
        except (msgspec.DecodeError, ValueError) as error:
            raise StateError(f"forest state is not readable: {error}") from error
        forest.seen = held.seen
        forest._learned = held.learned
        state.load(forest._trees, held.trees, held.learned)
        return forest

    def _rows(self, points: ArrayLike) -> FloatArray:
        rows = np.asarray(points, dtype=np.float64)
        if not rows.flags.carray:
            # To the kernels all arrays are of one type, whatever their layout.
            rows = np.array(rows, order="C")
        dimensions = self.parameters.dimensions
        if rows.shape[1:] != (dimensions,):
            raise ValueError(f"points has shape {rows.shape}, expected (n, {dimensions})")
        return rows

    def _answerable(self, rows: FloatArray) -> FloatArray | None:
        """The points of the forest that rows make, each the next; None while nothing is known.

        Raises:
            ValueError: nothing is known, and of a bad value nothing ever will be.
        """
        full = len(self._window) == self.parameters.shingle_size - 1
        if len(rows) and full and self._learned >= self.parameters.output_after:
            return self._each_next(self._window, rows)
        _check_values(rows)
        return None

    def _each_next(self, window: NDArray[_Scalar], rows: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Shingles, each of a full window and one of the rows."""
        if self.parameters.shingle_size == 1:
            return rows
        before = np.broadcast_to(window, (len(rows), *window.shape))
        shingles = np.concatenate([before, rows[:, None, :]], axis=1)
        return self._arranged(shingles, np.full(len(rows), self.seen))

    def _in_order(self, rows: FloatArray) -> FloatArray:
        """The shingles that end with the rows; the first rows have none while it is not full."""
        size = self.parameters.shingle_size
        if size == 1:
            return rows
        joined = np.concatenate([self._window, rows])
        if len(joined) < size:
            return np.empty((0, size * rows.shape[1]))
        shingles = sliding_window_view(joined, size, axis=0).transpose(0, 2, 1)
        return self._arranged(shingles, self.seen + len(rows) - np.arange(len(shingles), 0, -1))

    def _arranged(self, shingles: NDArray[_Scalar], newest: NDArray[np.int_]) -> NDArray[_Scalar]:
        """Shingles, (n, size, dimensions) from old to new, as points of the forest.

        In a cyclic shingle the point of number k has the place k modulo size; `newest` are the
        numbers of the last ones.
        """
        size = self.parameters.shingle_size
        if self.parameters.cyclic_shingle:
            places = (np.arange(size) - newest[:, None] - 1) % size
            shingles = shingles[np.arange(len(shingles))[:, None], places]
        return np.ascontiguousarray(shingles.reshape(len(shingles), -1))

    def _remember(self, rows: FloatArray) -> None:
        self.seen += len(rows)
        if self.parameters.shingle_size > 1:
            joined = np.concatenate([self._window, rows])
            self._window = joined[max(0, len(joined) - self.parameters.shingle_size + 1) :]

    def _scores(self, shingles: FloatArray, *, learns: bool) -> FloatArray:
        """Scores of points of the forest; there is a point in every tree, or no point is given."""
        means = np.empty(len(shingles))
        self._work(shingles, SCORE | LEARN if learns else SCORE, means)
        if learns:
            self._learned += len(shingles)
        return means

    def _learn(self, shingles: FloatArray) -> None:
        self._work(shingles, LEARN, _NOTHING)
        self._learned += len(shingles)

    def _work(self, shingles: FloatArray, what: int, means: FloatArray) -> None:
        if self._threads > 1:
            self._in_threads(shingles, what, means)
            return
        trees = self.parameters.trees
        bad = self._run(self._trees, shingles, self._learned, what, 0, trees, means)
        if bad >= 0:
            _refuse(bad)

    def _in_threads(self, shingles: FloatArray, what: int, means: FloatArray) -> None:
        """Run the kernel on parts of the trees at once."""
        _check_values(shingles)
        trees, threads = self.parameters.trees, self._threads
        by_tree = np.empty(trees * len(means))
        ends = [trees * part // threads for part in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            runs = [
                pool.submit(
                    self._run,
                    self._trees, shingles, self._learned, what, first, end, by_tree,
                )
                for first, end in pairwise(ends)
                if end > first
            ]  # fmt: skip
            for run in runs:
                run.result()
        scores.average(by_tree, trees, means)


def warm_up(dimensions: int) -> None:
    """Have the kernels compiled that a forest over points of `dimensions` values needs.

    That takes some 10 s, and a fraction of a second once they are in the cache.
    """
    forest = RandomCutForest(dimensions, trees=1, sample_size=2, output_after=1)
    forest.score_and_update(np.eye(3, dimensions))
    RandomCutForest.from_bytes(forest.to_bytes())


def _unknown(*shape: int) -> FloatArray:
    return np.full(shape, np.nan)


def _check_values(rows: FloatArray) -> None:
    good = (np.abs(rows) <= MAGNITUDE_MAX).all(axis=1)
    _refuse(-1 if good.all() else int(np.argmin(good)))


def _refuse(bad: int) -> None:
    """Raise for the point of a number, where a kernel has found one."""
    if bad >= 0:
        raise ValueError(
            f"points holds a value that is not finite or beyond {MAGNITUDE_MAX:g}, in row {bad}"
        )


def _integer(name: str, value: int, least: int, most: int | None) -> int:
    try:
        number = operator.index(value)
    except TypeError as error:
        raise ValueError(f"{name} is a whole number, not {value!r}") from error
    if number < least:
        raise ValueError(f"{name} is at least {least}, not {number}")
    if most is not None and number > most:
        raise ValueError(f"{name} is at most {most}, not {number}")
    return number
