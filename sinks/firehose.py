"""Rows through Firehose to S3: one delivery stream a table.

Rows of a table are sent as JSON lines, several in a Firehose record, since Firehose bills records
in steps of 5 KB. A transform makes CSV of them (`sinks.csv_transform`); dead letters stay JSON.
Delivery is at least once: a line may be there twice, with the same key and content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from aws.batches import cut
from aws.firehose import PUT_BYTES_MAX, PUT_RECORDS_MAX, RECORD_BYTES_MAX
from aws.puts import PutFailure
from sinks.base import Outcome, RejectedRow
from sinks.row_json import encode_row
from tepwatch.errors import ServiceError, SettingsError
from tepwatch.schema import Row

PACK_BYTES_MAX: Final = 64 * 1024
"""Lines are packed up to this size: a transform has to hold whole records."""


class PutsBatches(Protocol):
    """The calls that the sink needs."""

    def describe(self, stream: str) -> None:
        """Nothing, when the delivery stream is there."""

    def put_record_batch(self, stream: str, records: Sequence[bytes]) -> list[PutFailure]:
        """Put up to 500 records; returns the failures."""

    def close(self) -> None:
        """Close the connection."""


class _Lines(NamedTuple):
    """Rows of a table and their lines."""

    rows: list[Row]
    lines: list[bytes]


class FirehoseSink:
    """Writes to delivery streams.

    Args:
        connect: makes the client when the sink is opened.
        streams: name of the delivery stream of each table.
    """

    name = "firehose"
    keeps_bytes = True

    def __init__(self, connect: Callable[[], PutsBatches], streams: Mapping[str, str]) -> None:
        self._connect = connect
        self._streams = streams
        self._client: PutsBatches | None = None

    def open(self) -> None:
        """Connect.

        Raises:
            SettingsError: a delivery stream is not there.
            ServiceError: it cannot be asked.
        """
        self._client = self._connect()
        for table, stream in self._streams.items():
            try:
                self._client.describe(stream)
            except ServiceError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                raise SettingsError(
                    f"setting delivery_stream_prefix: {error}; create the delivery stream {stream} "
                    f"for {table} first"
                ) from error

    def takes(self, table: str) -> bool:
        """Whether rows of a table are stored."""
        return table in self._streams

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Put rows."""
        of_tables: dict[str, _Lines] = {}
        rejected: list[RejectedRow] = []
        for row in rows:
            line = encode_row(row) + b"\n"
            if len(line) > RECORD_BYTES_MAX:
                rejected.append(RejectedRow(row, f"{len(line)} bytes are too many for a record"))
                continue
            of_table = of_tables.get(row.table)
            if of_table is None:
                of_table = of_tables[row.table] = _Lines([], [])
            of_table.rows.append(row)
            of_table.lines.append(line)
        failed: list[Row] = []
        cause = ""
        for table, of_table in of_tables.items():
            refused, text = self._put_all(self._streams[table], of_table)
            failed.extend(refused)
            cause = text or cause
        return Outcome(rejected, failed, cause)

    def _put_all(self, stream: str, of_table: _Lines) -> tuple[list[Row], str]:
        """The rows that were not accepted, and why."""
        sizes = [len(line) for line in of_table.lines]
        packs = list(cut(sizes, count_max=len(sizes), bytes_max=PACK_BYTES_MAX))
        records = [b"".join(of_table.lines[pack]) for pack in packs]
        failed: list[Row] = []
        cause = ""
        sizes = [len(record) for record in records]
        for call in cut(sizes, count_max=PUT_RECORDS_MAX, bytes_max=PUT_BYTES_MAX):
            refused, text = self._put(stream, records[call])
            cause = text or cause
            for place in refused:
                failed.extend(of_table.rows[packs[call][place]])
        return failed, cause

    def _put(self, stream: str, records: list[bytes]) -> tuple[Iterable[int], str]:
        """The places of the records that were not accepted, and why."""
        assert self._client is not None, "the sink was not opened"
        try:
            failures = self._client.put_record_batch(stream, records)
        except ServiceError as error:
            # The sizes are right, so it is the service, the stream or the permission to use it:
            # any of them may come back.
            return range(len(records)), str(error)
        cause = f"{failures[0].code} {failures[0].message}" if failures else ""
        return [failure.place for failure in failures], cause

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
