"""From records to objects in S3: filling one, naming it, writing it until it is stored."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from localaws.firehose import object_name
from localaws.firehose.buffers import MemoryBound, ObjectBuffer
from localaws.firehose.destination import Destination
from localaws.firehose.object_bound import StoredObject
from localaws.firehose.pauses import pause_seconds
from localaws.firehose.transform import Invoke
from localaws.s3 import StoreError

_log = logging.getLogger(__name__)

_GZIP_LEVEL: Final = 6

Settings = Callable[[], tuple[Destination, str]]
"""Gives a stream's destination and its version as they are now; cheap."""


class Identity(NamedTuple):
    """A delivery stream and where it acts."""

    name: str
    arn: str
    account: str
    region: str


class ObjectStore(Protocol):
    """Where objects go."""

    def put(self, stored: StoredObject, body: bytes, headers: Mapping[str, str]) -> None:
        """Store an object. Raises StoreError."""


class Surroundings(NamedTuple):
    """What a delivery stream reaches; replaced in tests."""

    invoke: Invoke
    store: ObjectStore
    bound: MemoryBound
    clock: Callable[[], float] = time.time


class Counts:
    """What became of the records of a delivery stream, and its trouble with S3.

    Nothing leaves them: a record that was put is delivered, dropped by the transform, failed (in
    the error output), buffered, or, when the stream was deleted or the process ended before it
    could be delivered, undelivered.
    """

    def __init__(self) -> None:
        self.put = 0
        self.delivered = 0
        self.dropped = 0
        self.failed = 0
        self.undelivered = 0
        self.objects = 0
        self.error_objects = 0
        self.bytes = 0
        self.store_failures = 0

    @property
    def buffered(self) -> int:
        """Records whose fate is open."""
        return self.put - self.delivered - self.dropped - self.failed - self.undelivered

    def as_dict(self) -> dict[str, int]:
        """All of them by name."""
        return {**vars(self), "buffered": self.buffered}


class ObjectWriter:
    """Fills objects for one output of a delivery stream; for its delivery thread only.

    Args:
        identity: the stream.
        settings: of the stream.
        surroundings: store, memory bound and clock.
        counts: of the stream.
        pause: waits some seconds; False means to give up.
        errors: whether this is the error output.
    """

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        surroundings: Surroundings,
        counts: Counts,
        pause: Callable[[float], bool],
        *,
        errors: bool,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._surroundings = surroundings
        self._counts = counts
        self._pause = pause
        self._errors = errors
        self._buffer = ObjectBuffer()
        self._in_trouble = False

    def add(self, data: bytes, arrival: float, since: float) -> None:
        """Append to the object; writes it when it is full."""
        self._surroundings.bound.claim(len(data))
        self._buffer.add(data, arrival, since)
        destination, _version = self._settings()
        if len(self._buffer.body) >= destination.buffer_bytes:
            self.write()

    def due_at(self) -> float | None:
        """When its interval is over, seconds since the epoch; None while it is empty."""
        destination, _version = self._settings()
        return self._buffer.since + destination.buffer_seconds if self._buffer.records else None

    def write_due(self) -> None:
        """Write what there is if its interval is over."""
        due = self.due_at()
        if due is not None and due <= self._surroundings.clock():
            self.write()

    def write(self) -> None:
        """Write what there is; tries until it is stored, unless told to give up."""
        filled, self._buffer = self._buffer, ObjectBuffer()
        if not filled.records:
            return
        body = bytes(filled.body)
        stored = self._stored(body, filled.arrival)
        if stored is None:
            self._counts.undelivered += filled.records
        elif self._errors:
            self._counts.failed += filled.records
            self._counts.error_objects += 1
        else:
            self._counts.delivered += filled.records
            self._counts.objects += 1
        self._counts.bytes += 0 if stored is None else stored.size
        self._surroundings.bound.release(len(body))

    def _stored(self, body: bytes, arrival: float) -> StoredObject | None:
        unique = uuid.uuid4()
        for attempt in itertools.count():
            # Asked for again at every attempt: a wrong bucket can be put right in between.
            destination, version = self._settings()
            stored, payload = self._object(destination, version, arrival, body, unique)
            try:
                self._surroundings.store.put(stored, payload, destination.headers)
            except StoreError as error:
                self._report(stored, error)
            else:
                self._in_trouble = False
                return stored
            if not self._pause(pause_seconds(attempt)):
                break
        return None

    def _report(self, stored: StoredObject, error: StoreError) -> None:
        self._counts.store_failures += 1
        if not self._in_trouble:
            _log.warning(
                "delivery stream %s cannot write to s3://%s, and will try on: %s",
                self._identity.name,
                stored.bucket,
                error,
            )
        self._in_trouble = True

    def _object(
        self,
        destination: Destination,
        version: str,
        arrival_seconds: float,
        body: bytes,
        unique: uuid.UUID,
    ) -> tuple[StoredObject, bytes]:
        arrival = dt.datetime.fromtimestamp(arrival_seconds, destination.zone)
        name = object_name.suffix(self._identity.name, version, arrival, unique)
        if self._errors:
            prefix = object_name.failure_prefix(
                destination.prefix, destination.error_prefix, arrival
            )
        else:
            prefix = object_name.data_prefix(destination.prefix, arrival)
            name += destination.extension
            if destination.compressed:
                body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        stored = StoredObject(
            self._identity.account,
            self._identity.region,
            self._identity.name,
            destination.bucket,
            prefix + name,
            len(body),
        )
        return stored, body
