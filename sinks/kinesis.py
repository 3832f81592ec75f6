"""Rows as JSON on a Kinesis stream, partition key = plant, the table's name in each record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from aws.kinesis import RECORD_BYTES_MAX, OutgoingRecord
from aws.producer import batches, from_first_failure
from aws.puts import PutFailure
from sinks.base import Outcome, RejectedRow
from sinks.row_json import encode_row
from tepwatch.errors import ThrottledError, UnreachableError
from tepwatch.schema import DEAD_LETTERS, Row


class PutsRecords(Protocol):
    """The calls that the sink needs."""

    def put_records(self, stream: str, records: Sequence[OutgoingRecord]) -> list[PutFailure]:
        """Put up to 500 records; returns the failures in order."""

    def close(self) -> None:
        """Close the connection."""


class KinesisSink:
    """Writes to a stream.

    Args:
        connect: makes the client when the sink is opened.
        stream: its name.
        name: of the sink, for its metrics.
        tables: whose rows are written; None for all.
    """

    def __init__(
        self,
        connect: Callable[[], PutsRecords],
        stream: str,
        *,
        name: str = "kinesis",
        tables: Collection[str] | None = None,
    ) -> None:
        self._connect = connect
        self._stream = stream
        self._tables = tables
        self._client: PutsRecords | None = None
        self.name = name
        self.keeps_bytes = self.takes(DEAD_LETTERS.name)

    def open(self) -> None:
        """Connect."""
        self._client = self._connect()

    def takes(self, table: str) -> bool:
        """Whether rows of a table are written."""
        return self._tables is None or table in self._tables

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Put rows; those of a plant stay in order."""
        records: dict[OutgoingRecord, Row] = {}
        rejected: list[RejectedRow] = []
        for row in rows:
            data = encode_row(row)
            key = _partition_key(row)
            if len(data) + len(key.encode()) > RECORD_BYTES_MAX:
                rejected.append(RejectedRow(row, f"{len(data)} bytes are too many for a record"))
            else:
                records[OutgoingRecord(key, data)] = row
        failed: list[OutgoingRecord] = []
        cause = ""
        for batch in batches(list(records)):
            retry, text = self._put(batch)
            failed.extend(retry)
            cause = text or cause
        return Outcome(rejected, [records[record] for record in failed], cause)

    def _put(self, batch: list[OutgoingRecord]) -> tuple[list[OutgoingRecord], str]:
        assert self._client is not None, "the sink was not opened"
        try:
            failures = self._client.put_records(self._stream, batch)
        except (ThrottledError, UnreachableError) as error:
            return batch, str(error)
        retry = from_first_failure(batch, failures)
        return retry, f"{failures[0].code} {failures[0].message}" if failures else ""

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()


def _partition_key(row: Row) -> str:
    """The plant; of a dead letter the key it came with; where there is neither, the table."""
    name = "partition_key" if row.table == DEAD_LETTERS.name else "plant"
    return str(getattr(row, name, None) or row.table)
