"""Rows in Timestream for LiveAnalytics.

A row is unique there by its dimensions, measure name and time. Writing it again with the same
content changes nothing; where another content stands under its key (the stream was read again with
other settings), the row is written once more with the next version, so that the last writer wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from queue import SimpleQueue
from typing import Final, NamedTuple, Protocol

from aws.batches import cut
from aws.timestream import RECORDS_MAX, RejectedRecord
from sinks.base import Outcome, RejectedRow
from sinks.timestream_layout import Layout
from tepwatch.errors import ServiceError, SettingsError, ThrottledError, UnreachableError
from tepwatch.schema import Row

CALL_BYTES_MAX: Final = 1024 * 1024
# Codes that are about what a call holds, not about the service: waiting cannot mend them.
_CONTENT_CODES: Final = frozenset({"ValidationException", "SerializationException"})


class WritesRecords(Protocol):
    """The calls that the sink needs."""

    def describe_table(self, database: str, table: str) -> None:
        """Nothing, when the table is there."""

    def write_records(self, body: bytes) -> list[RejectedRecord]:
        """Send a WriteRecords request; returns what was not stored."""

    def close(self) -> None:
        """Close the connection."""


class _Item(NamedTuple):
    """A record and the row, by its place in the batch, that it is of."""

    place: int
    record: bytes
    version: int | None = None

    def encoded(self) -> bytes:
        """The record with its version, where it needs one."""
        if self.version is None:
            return self.record
        return b'%b,"Version":%d}' % (self.record[:-1], self.version)


class _Sent(NamedTuple):
    """What became of the items of one call."""

    rejected: list[tuple[_Item, str]]
    failed: list[_Item]
    cause: str


class TimestreamSink:
    """Writes to `database`.

    Args:
        connect: makes a client; called once for each of the `connections`.
        database: name of the Timestream database.
        layout: how rows are stored.
        batch_size: records a call, at most 100.
        connections: calls that may be under way at once.
    """

    name = "timestream"
    keeps_bytes = False

    def __init__(
        self,
        connect: Callable[[], WritesRecords],
        database: str,
        layout: Layout,
        *,
        batch_size: int = RECORDS_MAX,
        connections: int = 4,
    ) -> None:
        self._connect = connect
        self._database = database
        self._layout = layout
        self._batch_size = batch_size
        self._connections = connections
        self._heads = {
            table: b'{"DatabaseName":"%b","TableName":"%b","CommonAttributes":%b,"Records":['
            % (database.encode(), table.encode(), layout.common_attributes(table))
            for table in layout.tables
        }
        self._clients: SimpleQueue[WritesRecords] = SimpleQueue()
        self._all_clients: list[WritesRecords] = []
        self._threads: ThreadPoolExecutor | None = None

    def open(self) -> None:
        """Connect.

        Raises:
            SettingsError: a table is not there.
            ServiceError: it cannot be asked.
        """
        for _ in range(self._connections):
            client = self._connect()
            self._all_clients.append(client)
            self._clients.put(client)
        for table in self._layout.tables:
            try:
                self._all_clients[0].describe_table(self._database, table)
            except ServiceError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                raise SettingsError(
                    f"setting timestream_database: {error}; create {self._database}.{table} first"
                ) from error
        self._threads = ThreadPoolExecutor(self._connections, thread_name_prefix="timestream-sink")

    def takes(self, table: str) -> bool:
        """Whether rows of a table are stored."""
        return self._layout.takes(table)

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Store rows; several calls are under way at once."""
        assert self._threads is not None, "the sink was not opened"
        rejected: dict[int, str] = {}
        items: dict[str, list[_Item]] = {}
        for place, row in enumerate(rows):
            try:
                records = self._layout.records(row)
            except ValueError as error:
                rejected[place] = str(error)
                continue
            of_table = items.setdefault(self._layout.table_of(row), [])
            of_table.extend(_Item(place, record) for record in records)
        calls = [(table, batch) for table, of in items.items() for batch in self._cut(of)]
        sent = (
            [self._send(*calls[0])]
            if len(calls) == 1
            else list(self._threads.map(lambda call: self._send(*call), calls))
        )
        rejected.update((item.place, reason) for out in sent for item, reason in out.rejected)
        failed = {item.place for item in chain.from_iterable(out.failed for out in sent)}
        return Outcome(
            [RejectedRow(rows[place], reason) for place, reason in sorted(rejected.items())],
            # A row of which one record can never be stored is not tried again.
            [rows[place] for place in sorted(failed - rejected.keys())],
            next((out.cause for out in sent if out.cause), ""),
        )

    def _cut(self, items: Iterable[_Item]) -> Iterable[list[_Item]]:
        return cut(
            items,
            lambda item: len(item.record),
            count_max=self._batch_size,
            bytes_max=CALL_BYTES_MAX,
        )

    def _send(self, table: str, items: list[_Item]) -> _Sent:
        client = self._clients.get()
        try:
            return self._write(client, table, items)
        finally:
            self._clients.put(client)

    def _write(self, client: WritesRecords, table: str, items: list[_Item]) -> _Sent:
        """One call, and those that its answer asks for."""
        try:
            refused = client.write_records(self._body(table, items))
        except (ThrottledError, UnreachableError) as error:
            return _Sent([], items, str(error))
        except ServiceError as error:
            if error.code not in _CONTENT_CODES:
                # The table is gone, access was taken away: somebody may mend it.
                return _Sent([], items, str(error))
            return self._halves(client, table, items, error)
        rejected = [
            (items[one.place], one.reason) for one in refused if one.existing_version is None
        ]
        newer = [
            items[one.place]._replace(version=one.existing_version + 1)
            for one in refused
            if one.existing_version is not None
        ]
        if not newer:
            return _Sent(rejected, [], "")
        again = self._write(client, table, newer)
        return _Sent([*rejected, *again.rejected], again.failed, again.cause)

    def _halves(
        self, client: WritesRecords, table: str, items: list[_Item], error: ServiceError
    ) -> _Sent:
        """Find the records that make a whole call invalid."""
        if len(items) == 1:
            return _Sent([(items[0], str(error))], [], "")
        middle = len(items) // 2
        first = self._write(client, table, items[:middle])
        second = self._write(client, table, items[middle:])
        return _Sent(
            [*first.rejected, *second.rejected],
            [*first.failed, *second.failed],
            first.cause or second.cause,
        )

    def _body(self, table: str, items: list[_Item]) -> bytes:
        return self._heads[table] + b",".join([item.encoded() for item in items]) + b"]}"

    def close(self) -> None:
        """Close the connections."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
        for client in self._all_clients:
            client.close()
        self._all_clients.clear()
