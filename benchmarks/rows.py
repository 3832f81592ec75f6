"""Plant data that do not repeat: the recorded run, stretched and shifted anew for every pass.

Where every reading is to bring new values, measuring noise is added to each: a forest that learns
at every reading must not be fed with copies, which cost it less and tell it nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aws.kinesis import OutgoingRecord
from simulator.recordings import load
from tepwatch.records import Origin, Reading
from tepwatch.wire import encode

_GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden" / "normal.npz"
_XMEAS = 41
# Stores take times near to now: an hour ago, at 100 readings a second.
_FIRST_MS = time.time_ns() // 1_000_000 - 3_600_000
_STEP_MS = 10
# Noise of values that are measured anew, against the deviation of the recorded ones.
_NOISE = 0.2


class PlantRows:
    """An endless run of one plant; no pass repeats.

    Args:
        plant: its name.
        seed: of all random choices.
        held: analysers hold their values between samples, as recorded; otherwise every reading
            measures anew, and no stage's values come twice.
    """

    def __init__(self, plant: str, seed: int, *, held: bool = True) -> None:
        rows = [item for item in load(_GOLDEN).items if isinstance(item, Reading)]
        self._table: NDArray[np.float64] = np.array([[*row.xmeas, *row.xmv] for row in rows])
        self._plant = plant
        self._held = held
        self._generator = np.random.default_rng(seed)
        self._records = self._endless()

    def take(self, count: int) -> list[OutgoingRecord]:
        """The next records."""
        return [record for _, record in zip(range(count), self._records, strict=False)]

    def _endless(self) -> Iterator[OutgoingRecord]:
        mean, deviation = self._table.mean(axis=0), self._table.std(axis=0)
        seq = 0
        while True:
            stretch = 1 + 0.1 * self._generator.normal(size=mean.shape)
            shift = 0.2 * deviation * self._generator.normal(size=mean.shape)
            table = mean + shift + (self._table - mean) * stretch
            if not self._held:
                table += _NOISE * deviation * self._generator.normal(size=table.shape)
            for row in table.tolist():
                yield OutgoingRecord(self._plant, self._encoded(seq, row))
                seq += 1

    def _encoded(self, seq: int, row: list[float]) -> bytes:
        return encode(
            Reading(
                self._plant,
                "20260101T000000Z",
                seq,
                _FIRST_MS + seq * _STEP_MS,
                seq * 0.05,
                tuple(row[:_XMEAS]),
                tuple(row[_XMEAS:]),
                None,
                Origin("", "0", 0, 0),
            )
        )


def interleaved(plants: Sequence[PlantRows], count: int) -> list[OutgoingRecord]:
    """`count` records in all, the plants in turn."""
    of_each = [plant.take(-(-count // len(plants))) for plant in plants]
    return [record for turn in zip(*of_each, strict=True) for record in turn][:count]
