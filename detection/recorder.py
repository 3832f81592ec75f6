"""What a plant's monitor learns from: its ticks while operation counts as normal."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from detection.baseline import RUN_TICKS_MIN
from detection.forest import FloatArray
from detection.ticks import VARIABLES, MiddlePace, Pace, Tick, has_means, middle

TICKS_MAX: Final = 2000

_NOTHING: Final = np.full(2 * VARIABLES, np.nan, dtype="<f4")
_PACES_KEPT: Final = 500


class RecorderState(msgspec.Struct, array_like=True):
    """Stretches of ticks without a break, single precision, and their paces."""

    stretches: list[bytes] = []
    paces: list[Pace] = []


class Recorder:
    """Keeps up to `TICKS_MAX` ticks."""

    def __init__(self, state: RecorderState | None = None) -> None:
        state = state or RecorderState()
        self._stretches = [
            list(np.frombuffer(data, "<f4").reshape(-1, 2 * VARIABLES)) for data in state.stretches
        ]
        self._paces = state.paces

    @property
    def state(self) -> RecorderState:
        """All that is kept."""
        stretches = [np.array(rows, "<f4").tobytes() for rows in self._stretches if rows]
        return RecorderState(stretches, self._paces)

    @property
    def ticks(self) -> int:
        """How many can be learned from."""
        return sum(len(rows) for rows in self._stretches if len(rows) >= RUN_TICKS_MIN)

    @property
    def pace(self) -> MiddlePace:
        """That of its newest ticks."""
        return middle(self._paces)

    def add(self, tick: Tick) -> None:
        """Keep a tick that follows the one before."""
        if not self._stretches:
            self.interrupt()
        if self.ticks < TICKS_MAX:
            self._stretches[-1].append(np.concatenate([tick.last, tick.mean]).astype("<f4"))
            self._paces = [*self._paces, tick.pace][-_PACES_KEPT:]

    def skip(self, ticks: int) -> None:
        """Ticks that nobody has seen; those around them still follow each other."""
        if self._stretches and self._stretches[-1]:
            self._stretches[-1].extend([_NOTHING] * ticks)

    def interrupt(self) -> None:
        """What comes next does not follow; a stretch too short to learn from is dropped."""
        if not self._stretches or len(self._stretches[-1]) >= RUN_TICKS_MIN:
            self._stretches.append([])
        else:
            self._stretches[-1] = []

    def drop_last(self, ticks: int) -> None:
        """Forget the newest ticks."""
        if self._stretches:
            del self._stretches[-1][-ticks:]

    def forget_half(self) -> None:
        """Forget the older half of the ticks."""
        kept = sum(map(len, self._stretches)) // 2
        left = []
        for rows in reversed(self._stretches):
            left.append(rows[-kept:] if kept > 0 else [])
            kept -= len(left[-1])
        self._stretches = [rows for rows in reversed(left) if rows]

    def recordings(self) -> list[FloatArray]:
        """The stretches that are long enough, (ticks, 106), or (ticks, 53) of a reading a tick."""
        columns = 2 * VARIABLES if has_means(self.pace.readings) else VARIABLES
        return [
            np.array(rows, dtype=np.float64)[:, :columns]
            for rows in self._stretches
            if len(rows) >= RUN_TICKS_MIN
        ]

    def last(self, ticks: int) -> FloatArray:
        """The newest ticks of the stretch that goes on, in the same columns; few if it is new."""
        if len(self._stretches[-1]) < RUN_TICKS_MIN:
            return np.empty((0, 2 * VARIABLES))
        return self.recordings()[-1][-ticks:]
