"""What a delivery stream holds in memory: its bound, records that wait, an object in the making."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

RECORD_OVERHEAD_BYTES: Final = 256
"""What a waiting record costs besides its data: the objects that hold it."""


class KinesisOrigin(NamedTuple):
    """Where a record was read from, when the source is a Kinesis stream."""

    shard_id: str
    partition_key: str
    sequence_number: str


class Record(NamedTuple):
    """A record on its way; `arrival` in seconds since the epoch."""

    id: str
    arrival: float
    data: bytes
    origin: KinesisOrigin | None = None

    @property
    def cost_bytes(self) -> int:
        """What it takes of the bound."""
        return len(self.data) + RECORD_OVERHEAD_BYTES


class MemoryBound:
    """Bytes that all delivery streams together may hold; used by any thread."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._lock = threading.Lock()

    @property
    def free_bytes(self) -> int:
        """What is left; negative after `claim` went beyond the limit."""
        return self._limit_bytes - self._used_bytes

    def take(self, size_bytes: int) -> bool:
        """Take some if there is enough left."""
        with self._lock:
            if self._used_bytes + size_bytes > self._limit_bytes:
                return False
            self._used_bytes += size_bytes
            return True

    def claim(self, size_bytes: int) -> None:
        """Take in any case: what was accepted has to be kept, whatever it grew to."""
        with self._lock:
            self._used_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        """Give back."""
        with self._lock:
            self._used_bytes -= size_bytes


class Inbox:
    """Records that wait for the delivery thread; not thread-safe, its owner locks."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.size_bytes = 0
        self.since = 0.0

    def add(self, record: Record, now: float) -> None:
        """Append; `since` is the time of the first."""
        if not self.records:
            self.since = now
        self.records.append(record)
        self.size_bytes += len(record.data)

    def take(self) -> list[Record]:
        """Empty it."""
        records, self.records, self.size_bytes = self.records, [], 0
        return records


class ObjectBuffer:
    """An object in the making: records one behind the other."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.records = 0
        self.since = 0.0
        self.arrival = 0.0

    def add(self, data: bytes, arrival: float, since: float) -> None:
        """Append; `since` starts the buffer's interval, `arrival` of the oldest names the object.

        Args:
            data: to append as it is.
            arrival: of the record at Firehose or Kinesis, seconds since the epoch.
            since: when it came into this buffer.
        """
        if not self.records:
            self.since = since
            self.arrival = arrival
        self.arrival = min(self.arrival, arrival)
        self.body += data
        self.records += 1
