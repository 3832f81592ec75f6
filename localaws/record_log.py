"""The records of one shard: appended at the end, trimmed at the front, found by sequence number.

Positions that leave this module are sequence numbers, never indices, so that trimming under a live
reader skips nothing that is still there; no operation costs more as the log grows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, overload

# A full segment is a tuple of tuples of strings and numbers, which Python's garbage collector
# forgets about; one long list, or an object a record, it would walk again and again.
_SEGMENT: Final = 1024

_Record = tuple[str, float, str, str]


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
        self._full: list[tuple[_Record, ...]] = []
        self._open: list[_Record] = []
        # Records of the first segment that are forgotten already.
        self._head = 0
        self.size_bytes = 0
        self.expired = 0
        self.dropped = 0

    def push(self, entry: Entry) -> None:
        """Append a record; its sequence number is the highest so far."""
        self._open.append((entry.sequence, entry.arrival, entry.data, entry.partition_key))
        self.size_bytes += entry.size
        if len(self._open) == _SEGMENT:
            self._full.append(tuple(self._open))
            self._open = []

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
        entries: list[Entry] = []
        size = 0
        for record in self._from(self._behind(sequence), limit):
            entry = Entry(*record)
            size += entry.size
            if size > bytes_max and entries:
                break
            entries.append(entry)
        return entries

    def first_after(self, sequence: str) -> Entry | None:
        """The next record behind `sequence`."""
        at = self._behind(sequence)
        return self._entry(at) if at < self._end else None

    def last_before(self, sequence: str) -> str:
        """Sequence number of the last record before `sequence`; empty when there is none."""
        at = bisect_left(self._places, sequence, key=lambda place: self._entry(place).sequence)
        return self._sequence_before(at)

    def last_before_time(self, arrival: float) -> str:
        """Sequence number of the last record that arrived before `arrival`; empty when none did."""
        at = bisect_left(self._places, arrival, key=lambda place: self._entry(place).arrival)
        return self._sequence_before(at)

    @property
    def last(self) -> str:
        """Sequence number of the newest record; empty when there is none."""
        return self._entry(self._end - 1).sequence if len(self) else ""

    def expire(self, cutoff: float) -> None:
        """Forget the records that arrived before `cutoff`."""
        while len(self) and self._entry(self._head).arrival < cutoff:
            self._forget_first()
            self.expired += 1

    def drop_oldest(self, size_bytes: int) -> None:
        """Make room: forget the oldest records, at least `size_bytes` of them, and count them."""
        target = self.size_bytes - size_bytes
        while len(self) and self.size_bytes > target:
            self._forget_first()
            self.dropped += 1

    # Places count from the start of the first segment: they are good until the next trimming.

    @property
    def _end(self) -> int:
        return len(self._full) * _SEGMENT + len(self._open)

    @property
    def _places(self) -> range:
        return range(self._head, self._end)

    def _segment(self, number: int) -> Sequence[_Record]:
        return self._full[number] if number < len(self._full) else self._open

    def _entry(self, at: int) -> Entry:
        number, offset = divmod(at, _SEGMENT)
        return Entry(*self._segment(number)[offset])

    def _from(self, at: int, limit: int) -> Iterator[_Record]:
        end = min(at + limit, self._end)
        while at < end:
            number, offset = divmod(at, _SEGMENT)
            part = self._segment(number)[offset : offset + end - at]
            yield from part
            at += len(part)

    def _behind(self, sequence: str) -> int:
        at = bisect_right(self._places, sequence, key=lambda place: self._entry(place).sequence)
        return self._head + at

    def _sequence_before(self, index: int) -> str:
        return self._entry(self._head + index - 1).sequence if index else ""

    def _forget_first(self) -> None:
        self.size_bytes -= self._entry(self._head).size
        self._head += 1
        if self._head == _SEGMENT and self._full:
            del self._full[0]
            self._head = 0

    def __len__(self) -> int:
        return self._end - self._head

    def __iter__(self) -> Iterator[dict[str, str | float]]:
        return (Entry(*record).as_dict() for record in self._from(self._head, len(self)))

    @overload
    def __getitem__(self, index: int) -> dict[str, str | float]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, str | float]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> dict[str, str | float] | list[dict[str, str | float]]:
        if isinstance(index, slice):
            return [self._entry(at).as_dict() for at in self._places[index]]
        return self._entry(self._places[index]).as_dict()
