"""The same steps without Flink, in one thread: for tests, benchmarks and small machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from jobs.baseline import load_reference
from jobs.bucket import BucketDetector
from jobs.fan_out import FanOut
from jobs.metrics import (
    PLANT_COUNTS,
    RECORDS_IN,
    RECORDS_READ_TOTAL,
    REJECTED,
    TRIMS,
    DictMetrics,
    measure_lag,
)
from jobs.parse import Parser
from jobs.prepare import prepare
from jobs.shards import StreamReader
from sinks.base import Sink
from tepwatch.settings import Settings


class Checkpoint(NamedTuple):
    """The state of all steps at one moment."""

    reader: bytes
    buckets: dict[int, tuple[dict[str, bytes], dict[int, bytes]]]


class DictStore:
    """One bucket's state in memory (`jobs.bucket.BucketStore`)."""

    def __init__(self, snapshots: dict[str, bytes], journal: dict[int, bytes]) -> None:
        self.kept_snapshots = snapshots
        self.kept_journal = journal

    def snapshots(self) -> Iterable[tuple[str, bytes]]:
        """Every plant with its snapshot."""
        return list(self.kept_snapshots.items())

    def put_snapshot(self, plant: str, data: bytes) -> None:
        """Keep a plant's snapshot."""
        self.kept_snapshots[plant] = data

    def journal(self) -> Iterable[tuple[int, bytes]]:
        """Every batch that is kept."""
        return list(self.kept_journal.items())

    def append(self, number: int, data: bytes) -> None:
        """Keep a batch."""
        self.kept_journal[number] = data

    def forget(self, number: int) -> None:
        """Forget a batch."""
        del self.kept_journal[number]


class LocalJob:
    """Reads, parses, detects and fans out, one poll at a time.

    Making one compiles the detectors' kernels where they are not cached yet.

    Args:
        settings: of the job.
        reader: made by the caller, from `checkpoint.reader` when there is one.
        sinks: to write to; opened here.
        checkpoint: to go on from.
    """

    def __init__(
        self,
        settings: Settings,
        reader: StreamReader,
        sinks: Sequence[Sink],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        prepare(settings)
        self._reference = load_reference(settings)
        self._settings = settings
        self._reader = reader
        self._parser = Parser(settings)
        self.metrics = DictMetrics()
        self._fan_out = FanOut(sinks, self.metrics, patience_seconds=settings.sink_patience_seconds)
        kept = checkpoint.buckets if checkpoint else {}
        self._stores = {
            number: DictStore(dict(snapshots), dict(journal))
            for number, (snapshots, journal) in kept.items()
        }
        self._buckets: dict[int, BucketDetector] = {}
        self.metrics.gauge(RECORDS_READ_TOTAL, lambda: reader.records)
        self.metrics.gauge(TRIMS, lambda: reader.trims)
        self._measured_shards: set[str] = set()
        self.metrics.gauge(RECORDS_IN, lambda: self._parser.counts.records)
        self.metrics.gauge(REJECTED, lambda: self._parser.counts.rejected)
        for name in PLANT_COUNTS:
            self.metrics.gauge(name, partial(self._count, name))

    def step(self) -> float:
        """One poll and all that follows from it; returns the seconds until the next is due.

        Raises:
            ServiceError: the stream is gone or may not be read.
            SinkUnavailableError: a sink took nothing for too long; go back to a checkpoint.
        """
        poll = self._reader.poll()
        self._measured_shards = measure_lag(self._reader, self.metrics, self._measured_shards)
        for number, data in self._parser.parse(poll.messages):
            self._fan_out.write(self._bucket(number).process(data))
        return poll.next_seconds

    def checkpoint(self) -> Checkpoint:
        """The state as it stands."""
        return Checkpoint(
            self._reader.to_bytes(),
            {
                number: (dict(store.kept_snapshots), dict(store.kept_journal))
                for number, store in self._stores.items()
            },
        )

    def close(self) -> None:
        """Close the reader and the sinks."""
        self._reader.close()
        self._fan_out.close()

    def _bucket(self, number: int) -> BucketDetector:
        if number not in self._buckets:
            store = self._stores.setdefault(number, DictStore({}, {}))
            self._buckets[number] = BucketDetector(self._settings, store, self._reference)
        return self._buckets[number]

    def _count(self, name: str) -> int:
        return sum(
            getattr(counts, name) for bucket in self._buckets.values() for counts in bucket.counts()
        )
