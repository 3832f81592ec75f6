"""Instruments that fail, as far as their own values tell: stuck, silent, out of range.

Kept apart from alarms of the process: what a failed instrument shows is taken for missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from detection.ticks import VARIABLES
from tepwatch.records import SensorFailure
from tepwatch.tags import TAGS, XMEAS

INSTRUMENTS: Final = len(XMEAS)

_SILENT_TICKS: Final = 5
_STILL_TIMES: Final = 3
_STILL_MORE: Final = 5
_NEVER: Final = 2**31
_MOVED: Final = 1e-6
_TAGS: Final = tuple(TAGS)
_LOWEST, _HIGHEST = np.array([tag.span for tag in TAGS.values()]).T


class SensorState(msgspec.Struct, array_like=True):
    """For each variable: ticks for which it has not changed, and was missing; how it fails."""

    last: list[float | None]
    still: list[int]
    silent: list[int]
    failures: dict[int, SensorFailure]


class FlagChange(NamedTuple):
    """A variable, by its place in the catalogue, begins or ends to fail."""

    variable: int
    failure: SensorFailure
    active: bool


def longest_still(recordings: Sequence[FloatArray]) -> list[int]:
    """For how many ticks each instrument has shown the same in normal operation, at the longest.

    Args:
        recordings: (ticks, 41 or more) each, NaN for missing.
    """
    longest = np.zeros(INSTRUMENTS, dtype=np.int64)
    for recording in recordings:
        same = recording[1:, :INSTRUMENTS] == recording[:-1, :INSTRUMENTS]
        ticks = np.zeros(INSTRUMENTS, dtype=np.int64)
        for row in same:
            ticks = (ticks + 1) * row
            np.maximum(longest, ticks, out=longest)
    return [int(ticks) for ticks in longest]


class SensorWatch:
    """Follows the instruments of one plant.

    Args:
        still: what `longest_still` has found; None where it is not known yet.
        constants: variables that stand still in normal operation and their values, by place.
    """

    def __init__(
        self,
        still: Sequence[int] | None,
        constants: dict[int, float],
        state: SensorState | None = None,
    ) -> None:
        self._limits = np.full(VARIABLES, _NEVER)
        if still is not None:
            self._limits[:INSTRUMENTS] = np.array(still) * _STILL_TIMES + _STILL_MORE
        self._constant = np.full(VARIABLES, np.nan)
        for place, value in constants.items():
            self._constant[place] = value
            self._limits[place] = _NEVER
        if state is None:
            state = SensorState([None] * VARIABLES, [0] * VARIABLES, [0] * VARIABLES, {})
        self._last = np.array(state.last, dtype=np.float64)
        self._still = np.array(state.still)
        self._silent = np.array(state.silent)
        self._failures = state.failures

    @property
    def state(self) -> SensorState:
        """Where it stands."""
        return SensorState(
            [None if np.isnan(value) else value for value in self._last.tolist()],
            self._still.tolist(),
            self._silent.tolist(),
            self._failures,
        )

    @property
    def never_seen(self) -> list[str]:
        """Variables that never had a value."""
        unseen = np.isnan(self._last)
        return [_TAGS[place] for place in np.flatnonzero(unseen)] if unseen.any() else []

    @property
    def failed(self) -> list[int]:
        """Variables whose values are not to be believed."""
        return [
            variable
            for variable, failure in self._failures.items()
            if failure is not SensorFailure.NOT_CONSTANT
        ]

    def advance(self, last: FloatArray) -> list[FlagChange]:
        """Take a tick's last values in, (53,), NaN for missing."""
        missing = np.isnan(last)
        self._still = np.where(last == self._last, self._still + 1, self._still * missing)
        self._silent = (self._silent + 1) * missing
        self._last = np.where(missing, self._last, last)
        # What was never there is no instrument.
        silent = (self._silent >= _SILENT_TICKS) & ~np.isnan(self._last)
        stuck = self._still >= self._limits
        outside = (last < _LOWEST) | (last > _HIGHEST)
        moved = np.abs(last - self._constant) > _MOVED * np.maximum(1.0, np.abs(self._constant))
        failing = silent | stuck | outside | moved
        if not failing.any() and not self._failures:
            return []
        now = {
            int(place): _failure(place, silent, stuck, outside) for place in np.flatnonzero(failing)
        }
        before, self._failures = self._failures, now
        ended = [
            FlagChange(variable, failure, False)
            for variable, failure in before.items()
            if now.get(variable) != failure
        ]
        begun = [
            FlagChange(variable, failure, True)
            for variable, failure in now.items()
            if before.get(variable) != failure
        ]
        return ended + begun


def _failure(
    place: np.intp,
    silent: NDArray[np.bool_],
    stuck: NDArray[np.bool_],
    outside: NDArray[np.bool_],
) -> SensorFailure:
    if silent[place]:
        return SensorFailure.SILENT
    if outside[place]:
        return SensorFailure.OUT_OF_RANGE
    return SensorFailure.STUCK if stuck[place] else SensorFailure.NOT_CONSTANT
