"""One delivery stream: records wait, are transformed by a function, become objects in S3.

Puts only append. Everything else is for one thread (`localaws.firehose.delivery_thread`), which may
wait in it for a function or for S3 as long as that takes.
"""

from __future__ import annotations

import base64
import itertools
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Final

from localaws.firehose.buffers import Inbox, Record
from localaws.firehose.kinesis_source import READ_BYTES, READ_RECORDS, KinesisSource
from localaws.firehose.object_writer import Counts, Identity, ObjectWriter, Settings, Surroundings
from localaws.firehose.transform import Caller, batches, transform

POLL_SECONDS: Final = 0.2
"""How often a source is asked for records."""

# Room for one read of the source, whatever its records' sizes.
_SOURCE_ROOM_BYTES: Final = 2 * READ_BYTES + READ_RECORDS * 256


class Delivery:
    """A delivery stream's buffers and what moves records through them.

    Args:
        identity: the stream.
        settings: of the stream.
        surroundings: function, store, memory bound and clock.
        source: the Kinesis stream to read, if any.
        wake: called, from any thread, when something may have become due.
        pause: waits some seconds in the delivery thread; False means to give up instead.
    """

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        surroundings: Surroundings,
        source: KinesisSource | None,
        *,
        wake: Callable[[], None],
        pause: Callable[[float], bool],
    ) -> None:
        self.identity = identity
        self.counts = Counts()
        self._settings = settings
        self._invoke, _store, self._bound, self._clock = surroundings
        self._source = source
        self.wake = wake
        self._pause = pause
        self._caller = Caller(identity.arn, identity.region, source.arn if source else None)
        self._lock = threading.Lock()
        self._inbox = Inbox()
        self._output, self._errors = (
            ObjectWriter(identity, settings, surroundings, self.counts, pause, errors=errors)
            for errors in (False, True)
        )
        self._polled = 0.0
        self._closed = False
        self._id_stem = f"{secrets.randbelow(10**20):020d}"
        self._ids = itertools.count()

    # -- any thread ----------------------------------------------------------------------------

    def put(self, data: Sequence[bytes]) -> list[str | None]:
        """Append records; gives the id of each, None for those that it cannot take now."""
        now = self._clock()
        ids: list[str | None] = []
        limit_bytes, _seconds = self._inbox_hints()
        with self._lock:
            was_empty, size_before = not self._inbox.records, self._inbox.size_bytes
            for item in data:
                record = Record(f"{self._id_stem}{next(self._ids):030d}000000", now, item)
                taken = not self._closed and self._bound.take(record.cost_bytes)
                if taken:
                    self._inbox.add(record, now)
                    self.counts.put += 1
                ids.append(record.id if taken else None)
            filled = size_before < limit_bytes <= self._inbox.size_bytes
        if was_empty or filled:
            self.wake()
        return ids

    def close(self, *, read_source: bool) -> None:
        """Take no more records; `read_source` says whether to read on what the source has."""
        with self._lock:
            self._closed = True
        if not read_source:
            self._source = None

    # -- the delivery thread ---------------------------------------------------------------------

    def due_at(self) -> float | None:
        """When there is something to do next, seconds since the epoch; None while all is empty."""
        times = [self._output.due_at(), self._errors.due_at()]
        limit_bytes, seconds = self._inbox_hints()
        with self._lock:
            if self._inbox.size_bytes >= limit_bytes:
                return 0.0
            if self._inbox.records:
                times.append(self._inbox.since + seconds)
        if self._source is not None:
            times.append(self._polled + POLL_SECONDS)
        return min((time for time in times if time is not None), default=None)

    def deliver_due(self) -> None:
        """Read the source, transform and write what is due by now."""
        self._read_source()
        limit_bytes, seconds = self._inbox_hints()
        with self._lock:
            since = self._inbox.since
            full = self._inbox.size_bytes >= limit_bytes
            due = full or since + seconds <= self._clock()
            records = self._inbox.take() if due else []
        self._process(records, since)
        self._output.write_due()
        self._errors.write_due()

    def deliver_all(self) -> None:
        """Read, transform and write everything that is there now, due or not."""
        records = None
        while records is None or (records and self._source is not None):
            self._read_source()
            with self._lock:
                since = self._inbox.since
                records = self._inbox.take()
            self._process(records, since)
        self._output.write()
        self._errors.write()

    def _inbox_hints(self) -> tuple[int, float]:
        destination, _version = self._settings()
        processor = destination.processor
        if processor is None:
            return destination.buffer_bytes, destination.buffer_seconds
        return processor.buffer_bytes, processor.buffer_seconds

    def _read_source(self) -> None:
        source = self._source
        if source is None:
            return
        self._polled = now = self._clock()
        limit_bytes, _seconds = self._inbox_hints()
        # What there is no memory for stays in Kinesis.
        while self._inbox.size_bytes < limit_bytes and self._bound.free_bytes > _SOURCE_ROOM_BYTES:
            found = source.read()
            if not found:
                return
            with self._lock:
                for origin, entry in found:
                    data = base64.b64decode(entry.data)
                    record = Record(f"{entry.sequence}000000", entry.arrival, data, origin)
                    self._bound.claim(record.cost_bytes)
                    self._inbox.add(record, now)
                    self.counts.put += 1

    def _process(self, records: Sequence[Record], since: float) -> None:
        destination, _version = self._settings()
        processor = destination.processor
        if processor is None:
            for record in records:
                self._output.add(record.data, record.arrival, since)
                self._bound.release(record.cost_bytes)
            return
        for batch in batches(records, processor.buffer_bytes):
            result = transform(
                batch, processor, self._caller, self._invoke, self._clock, self._pause
            )
            now = self._clock()
            self.counts.dropped += result.dropped
            for record, data in result.delivered:
                self._output.add(data, record.arrival, now)
            for failure in result.failed:
                self._errors.add(failure.as_line(), failure.record.arrival, now)
            self._bound.release(sum(record.cost_bytes for record in batch))
