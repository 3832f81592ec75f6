"""The records of one shard: appended at the end, trimmed at the front, found by sequence number.

Positions are sequence numbers, never list indices, so that trimming under a live reader skips
nothing that is still there; no operation costs more as the log grows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, overload

# Trimmed entries are only cut off the list when they are many, which makes trimming cheap.
_COMPACT_AT: Final = 4096


class Entry(NamedTuple):
    """A stored record; `data` is base64 text, as it came and as it goes."""

    sequence: str
    arrival: float
    data: str
    partition_key: str

    @property
    def size(self) -> int:
        """Bytes of payload and partition key, as Kinesis counts."""
        return len(self.data) * 3 // 4 + len(self.partition_key)

    def as_dict(self) -> dict[str, str | float]:
        """The form in which ministack's other services expect a record."""
        return {
            "SequenceNumber": self.sequence,
            "ApproximateArrivalTimestamp": self.arrival,
            "Data": self.data,
            "PartitionKey": self.partition_key,
        }


class RecordLog(Sequence[dict[str, str | float]]):
    """A bounded log; as a sequence it looks like the list of dicts that ministack keeps."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._sequences: list[str] = []
        self._head = 0
        self.size_bytes = 0
        self.expired = 0
        self.dropped = 0

    def push(self, entry: Entry) -> None:
        """Append a record; its sequence number is the highest so far."""
        self._entries.append(entry)
        self._sequences.append(entry.sequence)
        self.size_bytes += entry.size

    def append(self, record: dict[str, str | float]) -> None:
        """Append a record in ministack's form."""
        self.push(
            Entry(
                str(record["SequenceNumber"]),
                float(record["ApproximateArrivalTimestamp"]),
                str(record["Data"]),
                str(record["PartitionKey"]),
            )
        )

    def after(self, sequence: str, limit: int, bytes_max: int) -> list[Entry]:
        """The records behind `sequence`, in order: at most `limit`, at most `bytes_max` in all."""
        start = bisect_right(self._sequences, sequence, lo=self._head)
        entries = self._entries[start : start + limit]
        size = 0
        for index, entry in enumerate(entries):
            size += entry.size
            if size > bytes_max and index:
                return entries[:index]
        return entries

    def first_after(self, sequence: str) -> Entry | None:
        """The next record behind `sequence`."""
        start = bisect_right(self._sequences, sequence, lo=self._head)
        return self._entries[start] if start < len(self._entries) else None

    def last_before(self, sequence: str) -> str:
        """Sequence number of the last record before `sequence`; empty when there is none."""
        index = bisect_left(self._sequences, sequence, lo=self._head) - 1
        return self._sequences[index] if index >= self._head else ""

    def last_before_time(self, arrival: float) -> str:
        """Sequence number of the last record that arrived before `arrival`; empty when none did."""
        index = bisect_left(self._entries, arrival, lo=self._head, key=lambda entry: entry.arrival)
        return self._sequences[index - 1] if index > self._head else ""

    @property
    def last(self) -> str:
        """Sequence number of the newest record; empty when there is none."""
        return self._sequences[-1] if len(self) else ""

    def expire(self, cutoff: float) -> None:
        """Forget the records that arrived before `cutoff`."""
        while self._head < len(self._entries) and self._entries[self._head].arrival < cutoff:
            self._forget_first()
            self.expired += 1
        self._compact()

    def drop_oldest(self, size_bytes: int) -> None:
        """Make room: forget the oldest records, at least `size_bytes` of them, and count them."""
        target = self.size_bytes - size_bytes
        while self._head < len(self._entries) and self.size_bytes > target:
            self._forget_first()
            self.dropped += 1
        self._compact()

    def _forget_first(self) -> None:
        self.size_bytes -= self._entries[self._head].size
        self._head += 1

    def _compact(self) -> None:
        if self._head > _COMPACT_AT and self._head * 2 > len(self._entries):
            del self._entries[: self._head]
            del self._sequences[: self._head]
            self._head = 0

    def __len__(self) -> int:
        return len(self._entries) - self._head

    def __iter__(self) -> Iterator[dict[str, str | float]]:
        for index in range(self._head, len(self._entries)):
            yield self._entries[index].as_dict()

    @overload
    def __getitem__(self, index: int) -> dict[str, str | float]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, str | float]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> dict[str, str | float] | list[dict[str, str | float]]:
        if isinstance(index, slice):
            return [
                self._entries[self._head + position].as_dict()
                for position in range(*index.indices(len(self)))
            ]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._entries[index if index < 0 else self._head + index].as_dict()
