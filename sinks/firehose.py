"""Rows through Firehose to S3: one delivery stream a table.

Rows of a table are sent as JSON lines, several in a Firehose record, since Firehose bills records
in steps of 5 KB. A transform makes CSV of them (`sinks.csv_transform`); dead letters stay JSON.
Delivery is at least once: a line may be there twice, with the same key and content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class _Line(NamedTuple):
    row: Row
    data: bytes


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
        lines: dict[str, list[_Line]] = {}
        rejected: list[RejectedRow] = []
        for row in rows:
            data = encode_row(row, with_table=True) + b"\n"
            if len(data) > RECORD_BYTES_MAX:
                rejected.append(RejectedRow(row, f"{len(data)} bytes are too many for a record"))
            else:
                lines.setdefault(row.table, []).append(_Line(row, data))
        failed: list[Row] = []
        cause = ""
        for table, of_table in lines.items():
            packs = list(cut(of_table, _size, count_max=len(of_table), bytes_max=PACK_BYTES_MAX))
            for batch in cut(packs, _pack_size, count_max=PUT_RECORDS_MAX, bytes_max=PUT_BYTES_MAX):
                refused, text = self._put(self._streams[table], batch)
                failed.extend(line.row for pack in refused for line in pack)
                cause = text or cause
        return Outcome(rejected, failed, cause)

    def _put(self, stream: str, batch: list[list[_Line]]) -> tuple[list[list[_Line]], str]:
        """What was not accepted, and why."""
        assert self._client is not None, "the sink was not opened"
        records = [b"".join([line.data for line in pack]) for pack in batch]
        try:
            failures = self._client.put_record_batch(stream, records)
        except ServiceError as error:
            # The sizes are right, so it is the service, the stream or the permission to use it:
            # any of them may come back.
            return batch, str(error)
        cause = f"{failures[0].code} {failures[0].message}" if failures else ""
        return [batch[failure.place] for failure in failures], cause

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()


def _size(line: _Line) -> int:
    return len(line.data)


def _pack_size(pack: list[_Line]) -> int:
    return sum(len(line.data) for line in pack)
