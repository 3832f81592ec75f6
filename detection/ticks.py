"""Readings to ticks: one row for each stretch of process time, of however many readings.

A tick ends at a multiple of its length and holds what came after the tick before: the last value of
each variable, and its mean, which has less noise where there are several readings. What comes out
does not depend on how readings are cut into calls, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from tepwatch.kernels import kernel
from tepwatch.records import Reading
from tepwatch.tags import TAGS

VARIABLES: Final = len(TAGS)
SECONDS_AN_HOUR: Final = 3600.0

GAP_FILLED: Final = 5
"""Missing ticks in a row that are bridged; after more of them a new beginning is made."""

_TOLERANCE: Final = 1e-6
"""Of a tick: a time so little after its end still belongs to it."""


def seconds_of(
    readings: Sequence[Reading], *, process_clock: bool, before: float = 0.0
) -> list[float]:
    """The clock that ticks go by, in seconds: the plant's own, or event time.

    Args:
        readings: of one run, in order.
        process_clock: whether the run's first reading has process hours.
        before: time of the reading before these.
    """
    times = list[float]()
    for reading in readings:
        if not process_clock:
            before = reading.time_ms / 1000
        elif reading.process_hours is not None:
            before = reading.process_hours * SECONDS_AN_HOUR
        # Without a time of its own it goes with the one before.
        times.append(before)
    return times


def rows_of_ticks(rows: FloatArray, readings: int) -> FloatArray:
    """Recorded readings as rows of ticks: last values, then means where there are several.

    Args:
        rows: (ticks x readings, ..., 53), none missing; the last of a tick is at its end.
        readings: of a tick.

    Returns:
        (ticks, ..., 53) of one reading a tick, otherwise (ticks, ..., 106).
    """
    if readings == 1:
        return rows
    of_ticks = rows.reshape(-1, readings, *rows.shape[1:])
    # In the order in which `Ticker` adds them up.
    sums = of_ticks[:, 0].copy()
    for number in range(1, readings):
        sums += of_ticks[:, number]
    return np.concatenate([of_ticks[:, -1], sums / readings], axis=-1)


class Pace(NamedTuple):
    """Readings of a tick, and from the newest one to its end in tick lengths."""

    readings: int
    phase: float


class MiddlePace(NamedTuple):
    """Readings of a tick, and its phase, in the middle of several ticks."""

    readings: float
    phase: float


def middle(paces: Sequence[Pace]) -> MiddlePace:
    """The median pace of one or more ticks.

    >>> middle([Pace(3, 0.0), Pace(3, 0.1), Pace(1, 0.7)])
    MiddlePace(readings=3.0, phase=0.1)
    """
    return MiddlePace(
        float(median(pace.readings for pace in paces)), median(pace.phase for pace in paces)
    )


def has_means(readings: float) -> bool:
    """Whether ticks of so many readings are taken with their means, as 106 columns."""
    return readings > 1


class Tick(NamedTuple):
    """One tick.

    `number` is that of its end in tick lengths; `last` and `mean` are (53,), NaN where no reading
    had the variable; `reading` is the place, in the call that ended it, of the reading that is the
    newest of it, or -1 where that came in a call before.
    """

    number: int
    last: FloatArray
    mean: FloatArray
    reading: int
    pace: Pace


class TickState(msgspec.Struct, array_like=True):
    """The tick that is open: sums, counts and last values of its variables."""

    number: int | None
    readings: int
    newest: float
    sums: list[float]
    counts: list[int]
    last: list[float | None]


class Ticker:
    """Gathers readings of one run into ticks.

    Args:
        seconds: length of a tick.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.counted = -1
        """Place, in the last call, of its newest reading that counted; -1 where none did."""
        self.begin()

    def begin(self) -> None:
        """What comes next belongs to another run; an open tick is dropped."""
        self._number: int | None = None
        self._newest = 0.0
        self._open()

    def _open(self) -> None:
        self._readings = 0
        self._sums = np.zeros(VARIABLES)
        self._counts = np.zeros(VARIABLES, dtype=np.int64)
        self._last = np.full(VARIABLES, np.nan)

    def push(self, seconds: Sequence[float], rows: FloatArray) -> list[Tick]:
        """Take readings in, in order.

        Args:
            seconds: process time of each.
            rows: (readings, 53), NaN for missing.

        Returns:
            The ticks that they end: with its first reading beyond, or with one right at its end.
            A reading of a tick that is over counts for nothing.
        """
        # Mostly a few readings: plain numbers are faster than arrays of them.
        times = [second / self._seconds for second in seconds]
        numbers = [math.ceil(time - _TOLERANCE) for time in times]
        at_end = [time >= n - _TOLERANCE for time, n in zip(times, numbers, strict=True)]
        ticks = []
        newest_of_open = self.counted = -1
        start = 0
        while start < len(numbers):
            number = numbers[start]
            end = start + 1
            while end < len(numbers) and numbers[end] == number and not at_end[end - 1]:
                end += 1
            if self._number is None or number > self._number:
                if self._readings:
                    ticks.append(self._close(newest_of_open))
                self._number = number
            if number == self._number:
                _add(rows[start:end], self._sums, self._counts, self._last)
                self._readings += end - start
                self._newest, newest_of_open = times[end - 1], end - 1
                self.counted = newest_of_open
                if at_end[end - 1]:
                    ticks.append(self._close(newest_of_open))
                    # Whatever still comes of it is late.
                    self._number = number + 1
            start = end
        return ticks

    def _close(self, reading: int) -> Tick:
        assert self._number is not None
        mean = self._last
        if self._readings > 1:
            mean = np.where(self._counts, self._sums / np.maximum(self._counts, 1), np.nan)
        pace = Pace(self._readings, self._number - self._newest)
        tick = Tick(self._number, self._last, mean, reading, pace)
        self._open()
        return tick

    @property
    def state(self) -> TickState:
        """The open tick."""
        return TickState(
            self._number,
            self._readings,
            self._newest,
            self._sums.tolist(),
            self._counts.tolist(),
            [None if np.isnan(value) else value for value in self._last.tolist()],
        )

    def restore(self, state: TickState) -> None:
        """Go on from a state."""
        self._number, self._readings, self._newest = state.number, state.readings, state.newest
        self._sums = np.array(state.sums)
        self._counts = np.array(state.counts, dtype=np.int64)
        self._last = np.array(state.last, dtype=np.float64)


@kernel
def _add(rows: FloatArray, sums: FloatArray, counts: NDArray[np.int64], last: FloatArray) -> None:
    # One after the other: the sum of a tick must not depend on how its readings were cut.
    for row in range(len(rows)):
        for variable in range(len(sums)):
            value = rows[row, variable]
            if not np.isnan(value):
                sums[variable] += value
                counts[variable] += 1
                last[variable] = value
