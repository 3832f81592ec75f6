"""Rows in Timestream for LiveAnalytics.

A row is unique there by its dimensions, measure name and time. Writing it again with the same
content changes nothing; where another content stands under its key (the stream was read again with
other settings), the row is written once more with the next version, so that the last writer wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
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

    def begin_write(self, body: bytes) -> Callable[[], list[RejectedRecord]]:
        """Send one; what is returned waits for the answer and gives or raises the same."""

    def close(self) -> None:
        """Close the connection."""


class _Call(NamedTuple):
    """Records for one table, each with the place in the batch of the row that it is of.

    `versions` holds one for each record, or is empty.
    """

    table: str
    places: list[int]
    records: list[bytes]
    versions: Sequence[int] = ()

    def part(self, part: slice) -> _Call:
        """Some of the records."""
        return _Call(self.table, self.places[part], self.records[part], self.versions[part])

    def body(self, head: bytes) -> bytes:
        """The request, which `head` begins; records that need a version have it."""
        records = self.records
        if self.versions:
            records = [
                b'%b,"Version":%d}' % (record[:-1], version)
                for record, version in zip(records, self.versions, strict=True)
            ]
        return b"%b%b]}" % (head, b",".join(records))


class _Sent(NamedTuple):
    """What became of the rows, by their places, of one call."""

    rejected: list[tuple[int, str]]
    failed: list[int]
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
        self._clients: list[WritesRecords] = []

    def open(self) -> None:
        """Connect.

        Raises:
            SettingsError: a table is not there.
            ServiceError: it cannot be asked.
        """
        for _ in range(self._connections):
            self._clients.append(self._connect())
        for table in self._layout.tables:
            try:
                self._clients[0].describe_table(self._database, table)
            except ServiceError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                raise SettingsError(
                    f"setting timestream_database: {error}; create {self._database}.{table} first"
                ) from error

    def takes(self, table: str) -> bool:
        """Whether rows of a table are stored."""
        return self._layout.takes(table)

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Store rows; several calls are under way at once."""
        assert self._clients, "the sink was not opened"
        of_tables, rejected = self._records(rows)
        calls = [part for call in of_tables for part in self._cut(call)]
        sent = [
            out
            for start in range(0, len(calls), self._connections)
            for out in self._send(calls[start : start + self._connections])
        ]
        rejected.update(chain.from_iterable(out.rejected for out in sent))
        failed = set(chain.from_iterable(out.failed for out in sent))
        return Outcome(
            [RejectedRow(rows[place], reason) for place, reason in sorted(rejected.items())],
            # A row of which one record can never be stored is not tried again.
            [rows[place] for place in sorted(failed - rejected.keys())],
            next((out.cause for out in sent if out.cause), ""),
        )

    def _records(self, rows: Sequence[Row]) -> tuple[Iterable[_Call], dict[int, str]]:
        """All records of each table, and the rows that no record can hold with the reasons."""
        of_tables: dict[str, _Call] = {}
        rejected: dict[int, str] = {}
        for place, row in enumerate(rows):
            try:
                records = self._layout.records(row)
            except ValueError as error:
                rejected[place] = str(error)
                continue
            table = self._layout.table_of(row)
            call = of_tables.get(table)
            if call is None:
                call = of_tables[table] = _Call(table, [], [])
            call.places.extend([place] * len(records))
            call.records.extend(records)
        return of_tables.values(), rejected

    def _cut(self, call: _Call) -> Iterator[_Call]:
        sizes = [len(record) for record in call.records]
        for part in cut(sizes, count_max=self._batch_size, bytes_max=CALL_BYTES_MAX):
            yield call.part(part)

    def _send(self, calls: Sequence[_Call]) -> list[_Sent]:
        """Make calls, one a connection: all are sent before the first answer is waited for."""
        under_way = [
            (client, call, client.begin_write(self._body(call)))
            for client, call in zip(self._clients, calls, strict=False)
        ]
        return [self._finish(client, call, answer) for client, call, answer in under_way]

    def _body(self, call: _Call) -> bytes:
        return call.body(self._heads[call.table])

    def _write(self, client: WritesRecords, call: _Call) -> _Sent:
        answer = partial(client.write_records, self._body(call))
        return self._finish(client, call, answer)

    def _finish(
        self, client: WritesRecords, call: _Call, answer: Callable[[], list[RejectedRecord]]
    ) -> _Sent:
        """The end of one call, and the calls that its answer asks for."""
        try:
            refused = answer()
        except (ThrottledError, UnreachableError) as error:
            return _Sent([], call.places, str(error))
        except ServiceError as error:
            if error.code not in _CONTENT_CODES:
                # The table is gone, access was taken away: somebody may mend it.
                return _Sent([], call.places, str(error))
            return self._halves(client, call, error)
        rejected = [
            (call.places[one.place], one.reason) for one in refused if one.existing_version is None
        ]
        newer = [
            (call.places[one.place], call.records[one.place], one.existing_version + 1)
            for one in refused
            if one.existing_version is not None
        ]
        if not newer:
            return _Sent(rejected, [], "")
        places, records, versions = (list(column) for column in zip(*newer, strict=True))
        again = self._write(client, _Call(call.table, places, records, versions))
        return _Sent([*rejected, *again.rejected], again.failed, again.cause)

    def _halves(self, client: WritesRecords, call: _Call, error: ServiceError) -> _Sent:
        """Find the records that make a whole call invalid."""
        if len(call.records) == 1:
            return _Sent([(call.places[0], str(error))], [], "")
        middle = len(call.records) // 2
        first = self._write(client, call.part(slice(middle)))
        second = self._write(client, call.part(slice(middle, None)))
        return _Sent(
            [*first.rejected, *second.rejected],
            [*first.failed, *second.failed],
            first.cause or second.cause,
        )

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()
        self._clients.clear()
