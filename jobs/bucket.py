"""A bucket of plants: the unit of the detect step's keyed state.

State is a snapshot of each plant, taken when it has seen so many records since its last, and a
journal of the batches since. A restore loads the snapshots and replays the journal, which leads to
the same state to the last bit: the plants are deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from detection.reference import Reference
from jobs.plant import Plant, PlantCounts
from jobs.results import Parsed, Result, decode_parsed, encode_parsed
from tepwatch.errors import NewerStateError, StateError
from tepwatch.records import DetectorEvent, Rejected, StreamRecord
from tepwatch.sealed import seal, unseal
from tepwatch.settings import Settings

_SNAPSHOT_KIND: Final = b"SNAP"
_JOURNAL_KIND: Final = b"JRNL"
_VERSION: Final = 1

# A quiet plant must not keep the journal of a busy bucket from being cut: past this many batches
# it gets a snapshot before its time.
JOURNAL_BATCHES_MAX: Final = 2000


class BucketStore(Protocol):
    """Where one bucket's state lives."""

    def snapshots(self) -> Iterable[tuple[str, bytes]]:
        """Every plant with its snapshot."""

    def put_snapshot(self, plant: str, data: bytes) -> None:
        """Keep a plant's snapshot in place of its last."""

    def journal(self) -> Iterable[tuple[int, bytes]]:
        """Every batch that is kept, with its number, in any order."""

    def append(self, number: int, data: bytes) -> None:
        """Keep a batch."""

    def forget(self, number: int) -> None:
        """Forget a batch."""


class _Snapshot(msgspec.Struct, array_like=True):
    buckets: int
    batch: int
    plant: bytes


class _Tracked:
    """A plant in memory, and what of it is only in the journal."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.records_since_snapshot = 0
        self.first_batch_since_snapshot: int | None = None


class BucketDetector:
    """Runs the plants of one bucket and keeps their state in a store.

    Args:
        settings: of the job.
        store: of the bucket.
        reference: what is normal, where an artefact says so.

    Raises (from the constructor, which restores):
        StateError: the state was written with another number of buckets.
        NewerStateError: the state was written by a newer version.
    """

    def __init__(
        self, settings: Settings, store: BucketStore, reference: Reference | None = None
    ) -> None:
        self._settings = settings
        self._reference = reference
        self._store = store
        self._plants: dict[str, _Tracked] = {}
        self._next_batch = 0
        self._journal_start = 0
        self.replayed_records = 0
        # Said during the replay, whose other results were stored before the restore.
        self._unsaid: list[Result] = []
        self._restore()

    def process(self, batch: bytes) -> list[Result]:
        """Take in one batch of parsed records and return what to store."""
        items = decode_parsed(batch)
        records: list[Parsed] = [item for item in items if not isinstance(item, Rejected)]
        results: list[Result] = [item for item in items if isinstance(item, Rejected)]
        results.extend(self._unsaid)
        self._unsaid.clear()
        if not records:
            return results
        # Rejected records change no state and need no replay.
        kept = batch if len(records) == len(items) else encode_parsed(records)
        number = self._next_batch
        self._store.append(number, seal(_JOURNAL_KIND, _VERSION, kept))
        self._next_batch += 1
        results.extend(self._run(number, by_plant(records)))
        self._take_snapshots()
        return results

    def counts(self) -> Iterable[PlantCounts]:
        """The counts of every plant."""
        return (tracked.plant.counts for tracked in self._plants.values())

    def _run(self, number: int, records: dict[str, list[StreamRecord]]) -> list[Result]:
        results: list[Result] = []
        for name, of_plant in records.items():
            tracked = self._plants.get(name)
            if tracked is None:
                tracked = self._plants[name] = _Tracked(
                    Plant(name, self._settings, self._reference)
                )
            results.extend(tracked.plant.process(of_plant))
            tracked.records_since_snapshot += len(of_plant)
            if tracked.first_batch_since_snapshot is None:
                tracked.first_batch_since_snapshot = number
        return results

    def _take_snapshots(self) -> None:
        oldest_allowed = self._next_batch - JOURNAL_BATCHES_MAX
        for name, tracked in self._plants.items():
            first = tracked.first_batch_since_snapshot
            if first is None:
                continue
            due = tracked.records_since_snapshot >= self._settings.snapshot_records
            if due or first < oldest_allowed:
                self._snapshot(name, tracked)
        starts = [
            tracked.first_batch_since_snapshot
            for tracked in self._plants.values()
            if tracked.first_batch_since_snapshot is not None
        ]
        needed_from = min(starts, default=self._next_batch)
        for number in range(self._journal_start, needed_from):
            self._store.forget(number)
        self._journal_start = needed_from

    def _snapshot(self, name: str, tracked: _Tracked) -> None:
        snapshot = _Snapshot(self._settings.buckets, self._next_batch - 1, tracked.plant.to_bytes())
        self._store.put_snapshot(
            name, seal(_SNAPSHOT_KIND, _VERSION, msgspec.msgpack.encode(snapshot))
        )
        tracked.records_since_snapshot = 0
        tracked.first_batch_since_snapshot = None

    def _restore(self) -> None:
        applied: dict[str, int] = {}
        for name, data in self._store.snapshots():
            batch, plant = self._plant_of(name, data)
            self._plants[name] = _Tracked(plant)
            applied[name] = batch
        journal = sorted(self._store.journal())
        for number, data in journal:
            try:
                parsed = decode_parsed(unseal(_JOURNAL_KIND, _VERSION, data))
            except NewerStateError:
                raise
            except (StateError, msgspec.DecodeError) as error:
                self._restart_plants(f"journal: {error}")
                break
            records = by_plant(parsed)
            fresh = {
                name: of_plant
                for name, of_plant in records.items()
                if number > applied.get(name, -1)
            }
            self.replayed_records += sum(len(of_plant) for of_plant in fresh.values())
            replayed = self._run(number, fresh)
            self._unsaid.extend(item for item in replayed if isinstance(item, DetectorEvent))
        numbers = [number for number, _data in journal]
        self._next_batch = max(*numbers, *applied.values(), -1, -1) + 1
        self._journal_start = min(numbers, default=self._next_batch)

    def _plant_of(self, name: str, data: bytes) -> tuple[int, Plant]:
        try:
            payload = unseal(_SNAPSHOT_KIND, _VERSION, data)
            snapshot = msgspec.msgpack.decode(payload, type=_Snapshot)
            if snapshot.buckets != self._settings.buckets:
                raise _BucketCountError(
                    f"the state was written with buckets = {snapshot.buckets}, the settings say "
                    f"{self._settings.buckets}: the number is fixed with the state"
                )
            plant = Plant.from_bytes(snapshot.plant, name, self._settings, self._reference)
            return snapshot.batch, plant
        except (NewerStateError, _BucketCountError):
            raise
        except (StateError, msgspec.DecodeError) as error:
            return -1, self._in_warm_up(name, f"snapshot: {error}")

    def _in_warm_up(self, name: str, reason: str) -> Plant:
        return Plant.in_warm_up(name, self._settings, self._reference, reason)

    def _restart_plants(self, reason: str) -> None:
        for name, tracked in self._plants.items():
            tracked.plant = self._in_warm_up(name, reason)


class _BucketCountError(StateError):
    """The number of buckets differs from the state's."""


def by_plant(records: Iterable[Parsed]) -> dict[str, list[StreamRecord]]:
    """Records by plant, each plant's in order; there is no rejected one among them."""
    grouped: dict[str, list[StreamRecord]] = {}
    for record in records:
        assert not isinstance(record, Rejected)
        grouped.setdefault(record.plant, []).append(record)
    return grouped
