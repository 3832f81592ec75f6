"""Process stages: groups of variables, each scored by a Random Cut Forest of its own.

Analysers hold their value between samples; most readings repeat the one before and would fill a
forest with copies. By default a stage therefore scores and learns when one of its values is new
and repeats its last score, flagged as held, otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from detection.forest import MAGNITUDE_MAX, RandomCutForest
from detection.operating import OperatingEvent
from tepwatch.errors import SettingsError, StateError
from tepwatch.records import ScoreState, StageScore
from tepwatch.sealed import seal, unseal
from tepwatch.settings import ScoreOn, Settings
from tepwatch.tags import TAGS, XMEAS, XMV, Area, Sampling

_KIND: Final = b"STGo"
_VERSION: Final = 1

_COLUMN: Final[Mapping[str, int]] = {tag: column for column, tag in enumerate(TAGS)}

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
        self._columns = tuple(_COLUMN[tag] for tag in stage.tags)
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
        self._last_values: list[float | None] = [None] * len(self._columns)
        self._last_score: float | None = None

    def score(self, rows: Sequence[Sequence[float | None]]) -> list[StageScore]:
        """Score, then learn, readings in order; rows hold all variables in the order of `tags`."""
        filled_counts: list[int] = []
        point_of_row: list[int | None] = []
        points: list[list[float]] = []
        for row in rows:
            point, filled, new = self._point(row)
            filled_counts.append(filled)
            if point is not None and (new or self._score_on is ScoreOn.EVERY):
                point_of_row.append(len(points))
                points.append(point)
            else:
                point_of_row.append(None)
        fresh = self._forest.score_and_update(points).tolist() if points else []
        return [
            self._stage_score(None if index is None else fresh[index], index is not None, filled)
            for index, filled in zip(point_of_row, filled_counts, strict=True)
        ]

    def _point(self, row: Sequence[float | None]) -> tuple[list[float] | None, int, bool]:
        """The stage's values, missing ones filled with the last seen; how many; any new one."""
        filled = 0
        new = False
        for index, column in enumerate(self._columns):
            value = row[column]
            if value is None or abs(value) > MAGNITUDE_MAX:
                filled += 1
            elif value != self._last_values[index]:
                self._last_values[index] = value
                new = True
        point = [value for value in self._last_values if value is not None]
        return (point if len(point) == len(self._columns) else None), filled, new

    def _stage_score(self, fresh: float | None, scored: bool, filled: int) -> StageScore:
        if scored:
            assert fresh is not None
            self._last_score = None if math.isnan(fresh) else fresh
            state = ScoreState.WARMING_UP if self._last_score is None else ScoreState.SCORED
        elif None in self._last_values:
            state = ScoreState.NO_DATA
        elif self._last_score is None:
            state = ScoreState.WARMING_UP
        else:
            state = ScoreState.HELD
        return StageScore(self._stage.name, self._last_score, state, filled)

    def begin_run(self) -> None:
        """What comes next does not follow what came before; what was learned stays."""
        self._forest.break_shingle()
        self._last_values = [None] * len(self._columns)
        self._last_score = None

    def snapshot(self) -> _StageState:
        """The whole state."""
        return _StageState(
            self._stage,
            self._score_on,
            self._forest.to_bytes(),
            self._last_values,
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
        self._last_values = state.last_values
        self._last_score = state.last_score


class StageDetectors:
    """All stages of one plant."""

    def __init__(self, stages: Sequence[Stage], settings: Settings) -> None:
        self._detectors = [StageDetector(stage, settings) for stage in stages]

    def score(self, rows: Sequence[Sequence[float | None]]) -> list[tuple[StageScore, ...]]:
        """Score, then learn, consecutive readings of one run.

        Args:
            rows: one a reading: xmeas 1 to 41, then xmv 1 to 12; None is missing.

        Returns:
            The scores of all stages for each row. They do not depend on how rows are cut into
            calls.
        """
        if not self._detectors:
            return [() for _ in rows]
        by_stage = [detector.score(rows) for detector in self._detectors]
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
