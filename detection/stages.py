"""Process stages: groups of variables, each scored by a Random Cut Forest of its own.

Analysers hold their value between samples; most readings repeat the one before and would fill a
forest with copies. By default a stage therefore scores and learns when one of its values is new
and repeats its last score, flagged as held, otherwise.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detection import forest
from detection.forest import MAGNITUDE_MAX, FloatArray, RandomCutForest
from detection.operating import OperatingEvent
from tepwatch.errors import SettingsError, StateError
from tepwatch.records import ScoreState, StageScore
from tepwatch.sealed import seal, unseal
from tepwatch.settings import ScoreOn, Settings
from tepwatch.tags import PLACES, TAGS, XMEAS, XMV, Area, Sampling

_KIND: Final = b"STGo"
_VERSION: Final = 1

_log = logging.getLogger(__name__)

# Longer than this is worth a line in the log.
_WARM_UP_SECONDS: Final = 1.0

_ANALYSER_AREAS: Final = (
    Area.REACTOR_FEED_ANALYSIS,
    Area.PURGE_GAS_ANALYSIS,
    Area.PRODUCT_ANALYSIS,
)
_UNIT_AREAS: Final = (Area.FEED, Area.REACTOR, Area.SEPARATOR, Area.STRIPPER, Area.RECYCLE)


class Stage(msgspec.Struct, frozen=True, array_like=True):
    """A named group of variables, by tag id."""

    name: str
    tags: tuple[str, ...]


def _numbered(name: str, first: int, last: int) -> Stage:
    return Stage(name, tuple(tag.id for tag in XMEAS[first - 1 : last]))


PRESETS: Final[Mapping[str, tuple[Stage, ...]]] = {
    "default": tuple(
        Stage(area.value, tuple(tag.id for tag in XMEAS if tag.area is area))
        for area in _ANALYSER_AREAS
    ),
    "continuous": (
        _numbered("reactor", 6, 9),
        _numbered("separator", 10, 13),
        _numbered("stripper", 15, 19),
    ),
    "units": tuple(
        Stage(
            area.value,
            tuple(
                tag.id
                for tag in (*XMEAS, *XMV)
                if tag.area is area and tag.sampling is not Sampling.FIXED
            ),
        )
        for area in _UNIT_AREAS
    ),
    "none": (),
}
"""Groups by name; `none` switches the forests off."""


def parse_stages(text: str) -> tuple[Stage, ...]:
    """The stages that a setting names: a preset, or JSON `{"name": ["xmeas_1", ...], ...}`.

    >>> [stage.name for stage in parse_stages("default")]
    ['reactor_feed', 'purge_gas', 'product']
    >>> parse_stages('{"pressures": ["xmeas_7", "xmeas_13"]}')
    (Stage(name='pressures', tags=('xmeas_7', 'xmeas_13')),)

    Raises:
        SettingsError: neither, an unknown tag, or a group without one.
    """
    if text in PRESETS:
        return PRESETS[text]
    try:
        groups = msgspec.json.decode(text, type=dict[str, list[str]])
    except msgspec.DecodeError as error:
        raise SettingsError(
            f"setting stages: one of {', '.join(PRESETS)} or a JSON object of lists of tags: "
            f"{error}"
        ) from error
    for name, tags in groups.items():
        unknown = [tag for tag in tags if tag not in TAGS]
        if unknown or not tags or len(set(tags)) != len(tags):
            raise SettingsError(
                f"setting stages: group {name} needs tags, each once, of xmeas_1 to xmeas_41 and "
                f"xmv_1 to xmv_12; not known: {', '.join(unknown) or 'none'}"
            )
    return tuple(Stage(name, tuple(tags)) for name, tags in groups.items())


def warm_up(stages: Sequence[Stage], settings: Settings) -> None:
    """Have everything compiled that the stages need, so that no reading has to wait for it.

    That takes some 10 s after an update, and a fraction of a second once it is cached on disk.
    """
    started = time.monotonic()
    for dimensions in sorted({len(stage.tags) * settings.shingle_size for stage in stages}):
        forest.warm_up(dimensions)
    seconds = time.monotonic() - started
    if seconds > _WARM_UP_SECONDS:
        _log.info("the forests' kernels were compiled or loaded in %.1f s", seconds)


class _StageState(msgspec.Struct, array_like=True):
    stage: Stage
    score_on: ScoreOn
    forest: bytes
    last_values: list[float | None]
    last_score: float | None


class StageDetector:
    """One stage of one plant."""

    def __init__(self, stage: Stage, settings: Settings) -> None:
        self._stage = stage
        self._score_on = settings.score_on
        self._forest = RandomCutForest(
            len(stage.tags),
            trees=settings.trees,
            sample_size=settings.sample_size,
            time_decay=settings.time_decay,
            shingle_size=settings.shingle_size,
            cyclic_shingle=settings.cyclic_shingle,
            initial_accept_fraction=settings.initial_accept_fraction,
            output_after=settings.output_after,
            seed=settings.seed,
        )
        self._last_values = np.full(len(stage.tags), np.nan)
        self._last_score: float | None = None

    def score(self, values: FloatArray, missing: NDArray[np.bool_] | None) -> list[StageScore]:
        """Score, then learn, readings in order.

        Args:
            values: (n, tags of the stage), NaN where one is missing.
            missing: where that is; None where none is.
        """
        count = len(values)
        held = np.empty((count + 1, values.shape[1]))
        held[0], held[1:] = self._last_values, values
        if missing is not None:
            _fill_forward(held)
        points = held[1:]
        self._last_values = points[-1].copy()
        # A value that was never seen differs from itself.
        new = points != held[:-1]
        filled, complete = [0] * count, np.ones(count, np.bool_)
        if missing is not None:
            new &= ~missing
            filled = missing.sum(axis=1).tolist()
            complete = ~np.isnan(points).any(axis=1)
        due = complete if self._score_on is ScoreOn.EVERY else complete & new.any(axis=1)
        scores = self._scores(points, due)
        return [
            StageScore(self._stage.name, score, _state(score, was_due, was_complete), number)
            for score, was_due, was_complete, number in zip(
                scores, due.tolist(), complete.tolist(), filled, strict=True
            )
        ]

    def _scores(self, points: FloatArray, due: NDArray[np.bool_]) -> list[float | None]:
        """Scores of the points that are due; the others repeat the last one."""
        fresh = iter(self._forest.score_and_update(points[due]).tolist() if due.any() else ())
        scores: list[float | None] = []
        for is_due in due.tolist():
            if is_due:
                score = next(fresh)
                self._last_score = None if math.isnan(score) else score
            scores.append(self._last_score)
        return scores

    def begin_run(self) -> None:
        """What comes next does not follow what came before; what was learned stays."""
        self._forest.break_shingle()
        self._last_values.fill(np.nan)
        self._last_score = None

    def snapshot(self) -> _StageState:
        """The whole state."""
        return _StageState(
            self._stage,
            self._score_on,
            self._forest.to_bytes(),
            [None if math.isnan(value) else value for value in self._last_values.tolist()],
            self._last_score,
        )

    def restore(self, state: _StageState) -> None:
        """Go on from a state.

        Raises:
            StateError: of another group or of other parameters than this detector was made with.
        """
        forest = RandomCutForest.from_bytes(state.forest)
        if (state.stage, state.score_on, forest.parameters) != (
            self._stage,
            self._score_on,
            self._forest.parameters,
        ):
            raise StateError(f"stage {self._stage.name}: the settings are not those of the state")
        self._forest = forest
        self._last_values = np.array(state.last_values, dtype=np.float64)
        self._last_score = state.last_score


def _fill_forward(values: FloatArray) -> None:
    """Put the last value above it in place of each NaN."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, rows), axis=0)
    values[:] = np.take_along_axis(values, last, axis=0)


def _state(score: float | None, due: bool, complete: bool) -> ScoreState:
    if score is None:
        return ScoreState.WARMING_UP if complete else ScoreState.NO_DATA
    return ScoreState.SCORED if due else ScoreState.HELD


class StageDetectors:
    """All stages of one plant."""

    def __init__(self, stages: Sequence[Stage], settings: Settings) -> None:
        self._detectors = [StageDetector(stage, settings) for stage in stages]
        ends = list(accumulate(len(stage.tags) for stage in stages))
        self._parts = [slice(*ends) for ends in pairwise([0, *ends])]
        columns = [PLACES[tag] for stage in stages for tag in stage.tags]
        self._values_of = itemgetter(*columns) if columns else None

    def score(self, rows: Sequence[Sequence[float | None]]) -> list[tuple[StageScore, ...]]:
        """Score, then learn, consecutive readings of one run.

        Args:
            rows: one a reading: xmeas 1 to 41, then xmv 1 to 12; None is missing.

        Returns:
            The scores of all stages for each row. They do not depend on how rows are cut into
            calls.
        """
        if not rows or self._values_of is None:
            return [() for _ in rows]
        values = np.array([self._values_of(row) for row in rows], np.float64)
        values = values.reshape(len(rows), -1)
        missing = ~(np.abs(values) <= MAGNITUDE_MAX)
        gaps = bool(missing.any())
        if gaps:
            values[missing] = np.nan
        by_stage = [
            detector.score(values[:, part], missing[:, part] if gaps else None)
            for detector, part in zip(self._detectors, self._parts, strict=True)
        ]
        return list(zip(*by_stage, strict=True))

    def observe(self, event: OperatingEvent) -> None:
        """Take an intended change of operation into account."""
        if event in {OperatingEvent.RESTART, OperatingEvent.SHUTDOWN}:
            self.begin_run()

    def begin_run(self) -> None:
        """A new run of the plant begins: shingles and held values start anew."""
        for detector in self._detectors:
            detector.begin_run()

    def to_bytes(self) -> bytes:
        """The whole state."""
        states = [detector.snapshot() for detector in self._detectors]
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(states))

    def restore(self, data: bytes) -> None:
        """Go on from what `to_bytes` wrote.

        Raises:
            NewerStateError: written by a newer version.
            StateError: damaged, of an old version, or of other stages or parameters.
        """
        try:
            states = msgspec.msgpack.decode(unseal(_KIND, _VERSION, data), type=list[_StageState])
        except msgspec.DecodeError as error:
            raise StateError(f"stage state is not readable: {error}") from error
        if len(states) != len(self._detectors):
            raise StateError("the state holds other stages than the settings")
        for detector, state in zip(self._detectors, states, strict=True):
            detector.restore(state)
