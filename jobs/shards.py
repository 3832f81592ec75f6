"""Reading all shards of a stream: parents before children, positions that survive a restart.

One reader reads every shard of the stream, several at once, each over a connection of its own. It
knows nothing of Flink: `jobs.source` calls `poll` from a timer and keeps `to_bytes` in keyed
state. Positions are sequence numbers of records handed out, so that a restore hands out exactly
what followed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Protocol

import msgspec

from aws.kinesis import IteratorType, Records, Shard
from tepwatch.errors import ServiceError, StateError, ThrottledError, UnreachableError
from tepwatch.records import Message
from tepwatch.sealed import seal, unseal
from tepwatch.settings import InitialPosition

_KIND: Final = b"SHRD"
_VERSION: Final = 1

LIST_SHARDS_SECONDS: Final = 10.0
CALLS_AT_ONCE: Final = 8
# A shard answers five GetRecords calls a second.
CALL_SECONDS_MIN: Final = 0.25
_BACKOFF_SECONDS_MAX: Final = 10.0

_log = logging.getLogger(__name__)


class ReadsShards(Protocol):
    """The calls that the reader needs; one instance is used by one thread at a time."""

    def list_shards(self, stream: str) -> list[Shard]:
        """All shards within the retention period."""

    def shard_iterator(
        self,
        stream: str,
        shard: str,
        kind: IteratorType,
        *,
        sequence: str | None = None,
        time_ms: int | None = None,
    ) -> str:
        """An iterator."""

    def get_records(self, shard: str, iterator: str) -> Records:
        """Read on from an iterator."""

    def close(self) -> None:
        """Close the connection."""


class _Position(msgspec.Struct, array_like=True):
    """How far a shard was read.

    `after` is the last sequence number handed out; before the first record `start_ms` says from
    which arrival time on to read, None meaning from the oldest record.
    """

    after: str | None = None
    start_ms: int | None = None
    finished: bool = False
    records: int = 0


class ReaderState(msgspec.Struct, array_like=True):
    """What survives a restart."""

    initial: bool = True
    shards: dict[str, _Position] = {}
    trims: int = 0
    records_of_gone_shards: int = 0


class ShardLag(NamedTuple):
    """A shard's records handed out so far and how far its reading is behind, in milliseconds."""

    records: int
    millis_behind: int


class Poll(NamedTuple):
    """What one poll brought, and in how many seconds the next is due."""

    messages: list[Message]
    next_seconds: float


class _Connection:
    """A shard's client, iterator and back-off; in memory only."""

    def __init__(self, client: ReadsShards) -> None:
        self.client = client
        self.iterator: str | None = None
        self.not_before = 0.0
        self.failures = 0
        self.millis_behind = 0
        self.full = False


class StreamReader:
    """Reads a stream.

    Args:
        connect: makes a client; called once for listing and once a shard.
        stream: name of the stream.
        initial_position: where to begin when there is no state.
        poll_seconds: pause between two polls when nothing waits.
        state: to go on from.
        clock: seconds since the epoch; replaced in tests.
    """

    def __init__(
        self,
        connect: Callable[[], ReadsShards],
        stream: str,
        *,
        initial_position: InitialPosition,
        poll_seconds: float,
        state: ReaderState | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connect = connect
        self._stream = stream
        self._initial_position = initial_position
        self._poll_seconds = max(poll_seconds, CALL_SECONDS_MIN)
        self._clock = clock
        self._state = state or ReaderState()
        self._lister = connect()
        self._listed: dict[str, Shard] = {}
        self._list_again_at = 0.0
        self._connections: dict[str, _Connection] = {}
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="get-records")

    def poll(self) -> Poll:
        """Read once from every shard that is due.

        Raises:
            ServiceError: the stream is gone or may not be read; waiting would not help.
        """
        self._list_shards_if_due()
        due = self._due_shards()
        fetched = list(self._pool.map(self._fetch, due))
        messages: list[Message] = []
        for shard, records in zip(due, fetched, strict=True):
            if records is not None:
                self._advance(shard, records)
                messages.extend(records.messages)
        waiting = any(connection.full for connection in self._connections.values())
        return Poll(messages, CALL_SECONDS_MIN if waiting else self._poll_seconds)

    def lag(self) -> dict[str, ShardLag]:
        """Progress of every shard that is being read or was read to its end."""
        return {
            shard: ShardLag(
                position.records,
                self._connections[shard].millis_behind if shard in self._connections else 0,
            )
            for shard, position in self._state.shards.items()
        }

    @property
    def records(self) -> int:
        """Stream records handed out since the state began."""
        of_known_shards = sum(position.records for position in self._state.shards.values())
        return of_known_shards + self._state.records_of_gone_shards

    @property
    def trims(self) -> int:
        """How often a position was older than what the stream still holds."""
        return self._state.trims

    def to_bytes(self) -> bytes:
        """The positions."""
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(self._state))

    @staticmethod
    def state_from_bytes(data: bytes) -> ReaderState:
        """The state that `to_bytes` wrote.

        Raises:
            NewerStateError: written by a newer version.
            StateError: damaged or of an old version; positions are never guessed.
        """
        try:
            return msgspec.msgpack.decode(unseal(_KIND, _VERSION, data), type=ReaderState)
        except msgspec.DecodeError as error:
            raise StateError(f"reader state is not readable: {error}") from error

    def close(self) -> None:
        """End the threads and the connections."""
        self._pool.shutdown(cancel_futures=True)
        self._lister.close()
        for connection in self._connections.values():
            connection.client.close()

    # -- which shards ------------------------------------------------------------------------

    def _list_shards_if_due(self) -> None:
        now = self._clock()
        if now < self._list_again_at:
            return
        try:
            listed = self._lister.list_shards(self._stream)
        except (ThrottledError, UnreachableError) as error:
            _log.warning("list of shards: %s", error)
            self._list_again_at = now + 1.0
            return
        self._list_again_at = now + LIST_SHARDS_SECONDS
        self._listed = {shard.id: shard for shard in listed}
        for shard in listed:
            if shard.id not in self._state.shards:
                self._state.shards[shard.id] = self._first_position(shard, now)
        self._state.initial = False
        for gone in self._state.shards.keys() - self._listed.keys():
            if self._state.shards[gone].finished:
                self._state.records_of_gone_shards += self._state.shards.pop(gone).records

    def _first_position(self, shard: Shard, now: float) -> _Position:
        if not self._state.initial or self._initial_position is InitialPosition.TRIM_HORIZON:
            return _Position()
        # Not LATEST: asked again after a restart it would skip what came in between.
        return _Position(start_ms=int(now * 1000))

    def _due_shards(self) -> list[str]:
        now = self._clock()
        due = []
        for shard in self._listed.values():
            position = self._state.shards[shard.id]
            if position.finished or not self._parents_finished(shard):
                continue
            connection = self._connections.get(shard.id)
            if connection is None:
                connection = self._connections[shard.id] = _Connection(self._connect())
            if connection.not_before <= now:
                due.append(shard.id)
        return due

    def _parents_finished(self, shard: Shard) -> bool:
        """A parent that the stream no longer lists has nothing left to read."""
        return all(
            parent not in self._listed or self._state.shards[parent].finished
            for parent in shard.parents
        )

    # -- one shard ---------------------------------------------------------------------------

    def _fetch(self, shard: str) -> Records | None:
        """Runs in a thread; touches this shard's connection only. None: nothing this time."""
        connection = self._connections[shard]
        try:
            if connection.iterator is None:
                connection.iterator = self._new_iterator(connection.client, shard)
            records = connection.client.get_records(shard, connection.iterator)
        except (ThrottledError, UnreachableError) as error:
            self._back_off(connection, shard, error)
            return None
        except ServiceError as error:
            return self._recover(connection, shard, error)
        connection.failures = 0
        return records

    def _new_iterator(self, client: ReadsShards, shard: str) -> str:
        position = self._state.shards[shard]
        if position.after is not None:
            return client.shard_iterator(
                self._stream,
                shard,
                IteratorType.AFTER_SEQUENCE_NUMBER,
                sequence=position.after,
            )
        if position.start_ms is not None:
            return client.shard_iterator(
                self._stream, shard, IteratorType.AT_TIMESTAMP, time_ms=position.start_ms
            )
        return client.shard_iterator(self._stream, shard, IteratorType.TRIM_HORIZON)

    def _back_off(self, connection: _Connection, shard: str, error: ServiceError) -> None:
        delay = min(CALL_SECONDS_MIN * 2**connection.failures, _BACKOFF_SECONDS_MAX)
        connection.failures += 1
        connection.not_before = self._clock() + delay
        connection.full = False
        log = _log.info if isinstance(error, ThrottledError) else _log.warning
        log("shard %s, again in %.2f s: %s", shard, delay, error)

    def _recover(self, connection: _Connection, shard: str, error: ServiceError) -> Records | None:
        connection.iterator = None
        position = self._state.shards[shard]
        match error.code:
            case "ExpiredIteratorException":
                return None
            case "InvalidArgumentException" if position.after is not None:
                # The stream no longer knows the sequence number: it was trimmed.
                _log.warning("shard %s: %s; going on at the oldest record", shard, error)
                self._state.trims += 1
                position.after = None
                position.start_ms = None
                return None
            case "ResourceNotFoundException" if self._is_gone(connection.client, shard):
                return Records([], None, 0)
            case _:
                raise error

    def _is_gone(self, client: ReadsShards, shard: str) -> bool:
        """Whether the stream still exists and just this shard has expired."""
        return all(listed.id != shard for listed in client.list_shards(self._stream))

    def _advance(self, shard: str, records: Records) -> None:
        connection = self._connections[shard]
        position = self._state.shards[shard]
        if records.messages:
            position.after = records.messages[-1].sequence
            position.records += len(records.messages)
        connection.iterator = records.next_iterator
        connection.millis_behind = records.millis_behind
        connection.full = records.millis_behind > 0
        if records.next_iterator is None:
            position.finished = True
            self._connections.pop(shard).client.close()
            # Its children may be read now; they may not be listed yet.
            self._list_again_at = 0.0
