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
from tepwatch.kernels import kernel
from tepwatch.records import SensorFailure
from tepwatch.tags import TAG_IDS, TAGS, XMEAS

INSTRUMENTS: Final = len(XMEAS)

_SILENT_TICKS: Final = 5
_STILL_TIMES: Final = 3
_STILL_MORE: Final = 5
_NEVER: Final = 2**31
_MOVED: Final = 1e-6
_FAILURES: Final = (
    SensorFailure.SILENT,
    SensorFailure.OUT_OF_RANGE,
    SensorFailure.STUCK,
    SensorFailure.NOT_CONSTANT,
)
_LOWEST: Final = np.array([tag.span[0] for tag in TAGS.values()])
_HIGHEST: Final = np.array([tag.span[1] for tag in TAGS.values()])


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
        self._limits = np.full(VARIABLES, _NEVER, dtype=np.int64)
        if still is not None:
            self._limits[:INSTRUMENTS] = np.array(still) * _STILL_TIMES + _STILL_MORE
        self._constant = np.full(VARIABLES, np.nan)
        for place, value in constants.items():
            self._constant[place] = value
            self._limits[place] = _NEVER
        if state is None:
            state = SensorState([None] * VARIABLES, [0] * VARIABLES, [0] * VARIABLES, {})
        self._last = np.array(state.last, dtype=np.float64)
        self._still = np.array(state.still, dtype=np.int64)
        self._silent = np.array(state.silent, dtype=np.int64)
        self._failures = state.failures
        self._found = np.zeros(VARIABLES, dtype=np.int64)

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
        return [TAG_IDS[place] for place in np.flatnonzero(unseen)] if unseen.any() else []

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
        failing = _look(
            last,
            self._last,
            self._still,
            self._silent,
            self._limits,
            self._constant,
            _LOWEST,
            _HIGHEST,
            self._found,
        )
        if not failing and not self._failures:
            return []
        now = {
            int(place): _FAILURES[self._found[place] - 1] for place in np.flatnonzero(self._found)
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


@kernel
def _look(
    values: FloatArray,
    last: FloatArray,
    still: NDArray[np.int64],
    silent: NDArray[np.int64],
    limits: NDArray[np.int64],
    constants: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    found: NDArray[np.int64],
) -> bool:
    """Take a tick in; how each variable fails, by place in `_FAILURES` from 1 on, 0 if not."""
    failing = False
    for variable in range(len(values)):
        value = values[variable]
        found[variable] = 0
        if np.isnan(value):
            silent[variable] += 1
            # What was never there is no instrument.
            if silent[variable] >= _SILENT_TICKS and not np.isnan(last[variable]):
                found[variable] = 1
        else:
            silent[variable] = 0
            still[variable] = still[variable] + 1 if value == last[variable] else 0
            last[variable] = value
            constant = constants[variable]
            if not lowest[variable] <= value <= highest[variable]:
                found[variable] = 2
            elif abs(value - constant) > _MOVED * max(1.0, abs(constant)):
                found[variable] = 4
        if found[variable] in (0, 4) and still[variable] >= limits[variable]:
            found[variable] = 3
        failing = failing or found[variable] > 0
    return failing
