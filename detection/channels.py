"""What the monitor watches: the variables of each process unit that move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from detection.stages import PRESETS, Stage
from tepwatch.errors import BaselineError
from tepwatch.tags import TAGS, XMV_IDS

_UNITS: Final = PRESETS["units"]
_ANALYSERS: Final = Stage(
    "analysers", tuple(tag for stream in PRESETS["default"] for tag in stream.tags)
)
"""A unit where no manipulated variable moves or is recorded: what controllers make up for would
show in those first, and shows in compositions next."""
# A controller's last digit still changes where nothing moves.
_STILL: Final = 1e-9
_MEAN: Final = ".mean"

COLUMNS: Final = (*TAGS, *(f"{tag}{_MEAN}" for tag in TAGS))
"""Columns of a tick: the last value of each variable and, where ticks have several readings, its
mean. Channels are named by them."""


def variable_of(column: str) -> str:
    """The variable that a column is of, by tag id.

    >>> variable_of("xmeas_9.mean")
    'xmeas_9'
    """
    return column.removesuffix(_MEAN)


class Constant(msgspec.Struct, frozen=True, array_like=True):
    """A variable that did not move, and its value."""

    tag: str
    value: float


class Unit(NamedTuple):
    """A process unit: its variables are the channels from `first` to before `end`."""

    name: str
    first: int
    end: int


class Channels(msgspec.Struct, frozen=True, array_like=True):
    """The channels, unit after unit, and what was left out of them."""

    stages: tuple[Stage, ...]
    constants: tuple[Constant, ...]

    @property
    def tags(self) -> list[str]:
        """The channels, by name of their column."""
        return [tag for stage in self.stages for tag in stage.tags]

    @property
    def columns(self) -> NDArray[np.intp]:
        """Where the channels are in a tick's row, in the order of `COLUMNS`."""
        places = {name: column for column, name in enumerate(COLUMNS)}
        return np.array([places[tag] for tag in self.tags], dtype=np.intp)

    @property
    def has_valves(self) -> bool:
        """Whether a manipulated variable is among them."""
        return any(variable_of(tag) in XMV_IDS for tag in self.tags)

    @property
    def units(self) -> list[Unit]:
        """The units that have a channel."""
        units, first = [], 0
        for stage in self.stages:
            units.append(Unit(stage.name, first, first + len(stage.tags)))
            first += len(stage.tags)
        return units


def choose_channels(recordings: Sequence[FloatArray]) -> Channels:
    """The channels of normal operation: all variables of the units but those that stand still.

    The units are the five process units; where no manipulated variable moves, also the analysers.

    Args:
        recordings: (ticks, 106 or less) each, in the order of `COLUMNS`, NaN for missing; what has
            no column is not there.

    Raises:
        BaselineError: nothing moves.
    """
    rows = np.concatenate(recordings)
    tags = list(COLUMNS)[: rows.shape[1]]
    there = ~np.isnan(rows).all(axis=0)
    least, most = (
        np.array([bound(rows[:, column]) if there[column] else 0.0 for column in range(len(tags))])
        for bound in (np.nanmin, np.nanmax)
    )
    moves = most - least > _STILL * np.maximum(np.abs(least), np.abs(most))
    moving = {tag for tag, does in zip(tags, moves, strict=True) if does}
    still = {tag: float(value) for tag, value in zip(tags, least, strict=True) if tag not in moving}
    units = _UNITS if moving & set(XMV_IDS) else (*_UNITS, _ANALYSERS)
    stages = [
        Stage(unit.name, tuple(name for name in (*unit.tags, *_means(unit)) if name in moving))
        for unit in units
    ]
    stages = [stage for stage in stages if stage.tags]
    if not stages:
        raise BaselineError("no variable of a process unit moves in this recording")
    constants = [
        Constant(tag, still[tag])
        for tag, is_there in zip(tags, there, strict=True)
        if is_there and tag in still and tag in TAGS
    ]
    return Channels(tuple(stages), tuple(constants))


def _means(unit: Stage) -> list[str]:
    return [f"{tag}{_MEAN}" for tag in unit.tags]
