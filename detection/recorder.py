"""What a plant's monitor learns from: its ticks while operation counts as normal."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from detection.baseline import RUN_TICKS_MIN
from detection.forest import FloatArray
from detection.ticks import VARIABLES, Tick

TICKS_MAX: Final = 2000


class RecorderState(msgspec.Struct, array_like=True):
    """Stretches of ticks without a break, single precision, and readings and phases of ticks."""

    stretches: list[bytes] = []
    readings: list[int] = []
    phases: list[float] = []


class Recorder:
    """Keeps up to `TICKS_MAX` ticks."""

    def __init__(self, state: RecorderState | None = None) -> None:
        state = state or RecorderState()
        self._stretches = [
            list(np.frombuffer(data, "<f4").reshape(-1, 2 * VARIABLES)) for data in state.stretches
        ]
        self._readings, self._phases = state.readings, state.phases

    @property
    def state(self) -> RecorderState:
        """All that is kept."""
        stretches = [np.array(rows, "<f4").tobytes() for rows in self._stretches if rows]
        return RecorderState(stretches, self._readings, self._phases)

    @property
    def ticks(self) -> int:
        """How many can be learned from."""
        return sum(len(rows) for rows in self._stretches if len(rows) >= RUN_TICKS_MIN)

    @property
    def readings(self) -> float:
        """Of a tick, in the middle."""
        return float(np.median(self._readings))

    @property
    def phase(self) -> float:
        """Of a tick, in the middle."""
        return float(np.median(self._phases))

    def add(self, tick: Tick) -> None:
        """Keep a tick that follows the one before."""
        if not self._stretches:
            self.interrupt()
        if len(self._readings) < TICKS_MAX:
            self._stretches[-1].append(np.concatenate([tick.last, tick.mean]).astype("<f4"))
            self._readings.append(tick.readings)
            self._phases.append(tick.phase)

    def interrupt(self) -> None:
        """What comes next does not follow; a stretch too short to learn from is dropped."""
        if not self._stretches or len(self._stretches[-1]) >= RUN_TICKS_MIN:
            self._stretches.append([])
        else:
            self._drop(len(self._stretches[-1]))
            self._stretches[-1] = []

    def forget_half(self) -> None:
        """Forget the older half of the ticks."""
        kept = sum(map(len, self._stretches)) // 2
        left = []
        for rows in reversed(self._stretches):
            left.append(rows[-kept:] if kept > 0 else [])
            kept -= len(left[-1])
        self._stretches = [rows for rows in reversed(left) if rows]
        count = sum(map(len, self._stretches))
        self._readings, self._phases = self._readings[-count:], self._phases[-count:]

    def recordings(self) -> list[FloatArray]:
        """The stretches that are long enough, (ticks, 106), or (ticks, 53) of a reading a tick."""
        columns = 2 * VARIABLES if self.readings > 1 else VARIABLES
        return [
            np.array(rows, dtype=np.float64)[:, :columns]
            for rows in self._stretches
            if len(rows) >= RUN_TICKS_MIN
        ]

    def _drop(self, ticks: int) -> None:
        if ticks:
            del self._readings[-ticks:], self._phases[-ticks:]
