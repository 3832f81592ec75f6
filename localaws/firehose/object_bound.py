"""A bound on what Firehose leaves in S3: beyond it the oldest of its objects go, and are counted.

A journal in the data folder, one line of JSON an event, tells a later start which objects are
Firehose's; only those are ever deleted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from localaws import s3

_log = logging.getLogger(__name__)

OBJECT_OVERHEAD_BYTES: Final = 8192
"""What an object costs besides its body: two files' last blocks and the record of it in memory."""

_COMPACT_LINES: Final = 10_000


class StoredObject(msgspec.Struct, frozen=True, array_like=True):
    """An object that a delivery stream wrote."""

    account: str
    region: str
    stream: str
    bucket: str
    key: str
    size: int
    version: str | None = None

    @property
    def cost_bytes(self) -> int:
        """What it takes of the bound."""
        return self.size + OBJECT_OVERHEAD_BYTES


class BoundedObjects:
    """Stores Firehose's objects in S3; used by any thread.

    Args:
        limit_bytes: bound on all of them together.
        journal: file that remembers them; none means nothing outlives the process.
    """

    def __init__(self, limit_bytes: int, journal: Path | None = None) -> None:
        self._limit_bytes = limit_bytes
        self._journal = journal
        self._lock = threading.Lock()
        self._objects: deque[StoredObject] = deque()
        self._pending: set[StoredObject] = set()
        self._size_bytes = 0
        self._lines = 0
        self.expired: Counter[str] = Counter()
        if journal is not None:
            self._load(journal)

    def put(self, stored: StoredObject, body: bytes, headers: Mapping[str, str]) -> None:
        """Store an object, then make room if the bound is exceeded.

        Raises:
            localaws.s3.StoreError: it is not stored.
        """
        # In the journal before it is in S3: after a crash in between, a name without an object
        # does no harm, an object without a name would stay for ever.
        with self._lock:
            self._pending.add(stored)
            self._append(stored)
        try:
            version = s3.put_object(
                stored.account, stored.region, stored.bucket, stored.key, body, headers
            )
        finally:
            with self._lock:
                self._pending.discard(stored)
        with self._lock:
            if version is not None:
                stored = msgspec.structs.replace(stored, version=version)
                self._append(stored)
            self._objects.append(stored)
            self._size_bytes += stored.cost_bytes
            self._expire()

    def _expire(self) -> None:
        # The newest object stays even if it is larger than the bound.
        while self._size_bytes > self._limit_bytes and len(self._objects) > 1:
            oldest = self._objects.popleft()
            self._size_bytes -= oldest.cost_bytes
            try:
                s3.delete_object(
                    oldest.account, oldest.region, oldest.bucket, oldest.key, oldest.version
                )
            except s3.StoreError as error:
                # Its bucket is gone, and the object with it.
                _log.warning("s3://%s/%s not expired: %s", oldest.bucket, oldest.key, error)
                continue
            self.expired[oldest.stream] += 1
        if self._lines > len(self._objects) + _COMPACT_LINES:
            self._rewrite()

    def _append(self, stored: StoredObject) -> None:
        if self._journal is not None:
            with self._journal.open("ab") as file:
                file.write(msgspec.json.encode(stored) + b"\n")
            self._lines += 1

    def _load(self, journal: Path) -> None:
        found: dict[tuple[str, str], StoredObject] = {}
        for line in journal.read_bytes().splitlines() if journal.exists() else ():
            try:
                stored = msgspec.json.decode(line, type=StoredObject)
            except msgspec.DecodeError:
                _log.warning("%s: a line that a crash cut short is skipped", journal)
                continue
            # A later line of the same object knows its version.
            found[stored.bucket, stored.key] = stored
        self._objects.extend(
            stored
            for stored in found.values()
            if s3.has_object(stored.account, stored.bucket, stored.key)
        )
        self._size_bytes = sum(stored.cost_bytes for stored in self._objects)
        self._rewrite()

    def _rewrite(self) -> None:
        if self._journal is None:
            return
        written = self._journal.with_suffix(".new")
        known = (*self._objects, *self._pending)
        written.write_bytes(b"".join(msgspec.json.encode(stored) + b"\n" for stored in known))
        written.replace(self._journal)
        self._lines = len(known)
