"""Plant data for tests: recorded readings and messages made of them."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import msgspec

from simulator.recordings import Recording, load
from tepwatch.records import Message, Origin, Reading
from tepwatch.wire import encode

GOLDEN = Path(__file__).parent / "golden"
ARRIVAL_MS = time.time_ns() // 1_000_000_000 * 1000
# Stores take times near to now: three days ago, and a step is three minutes.
START_MS = ARRIVAL_MS - 3 * 86_400_000
RUN = "20260101T000000Z"


@cache
def recording(name: str = "normal") -> Recording:
    return load(GOLDEN / f"{name}.npz")


def reading(seq: int | None, *, plant: str = "plant-1", run: str = RUN, row: int = 0) -> Reading:
    """A recorded row as the reading `seq` of a run; row defaults to seq."""
    rows = [item for item in recording().items if isinstance(item, Reading)]
    number = (row or (seq or 0)) % len(rows)
    return msgspec.structs.replace(
        rows[number],
        plant=plant,
        run=run,
        seq=seq,
        time_ms=START_MS + (seq or 0) * 180_000,
        process_hours=(seq or 0) * 0.05,
        origin=Origin("shard-0", str(seq or 0), 0, ARRIVAL_MS),
    )


def message(data: bytes, *, key: str = "plant-1", sequence: str = "0") -> Message:
    return Message(data, "shard-0", sequence, key, ARRIVAL_MS)


def messages(readings: list[Reading]) -> list[Message]:
    """One stream record a reading, with sequence numbers in order."""
    return [
        message(encode(item), key=item.plant, sequence=str(number))
        for number, item in enumerate(readings)
    ]
