"""Rows in InfluxDB, and in what takes its line protocol.

A point is unique there by its measurement, tags and time; writing it again replaces its fields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from aws.batches import cut
from sinks.base import Outcome, RejectedRow
from sinks.influxdb_answers import refused_lines
from sinks.influxdb_client import REFUSED, TOO_LARGE
from sinks.influxdb_layout import encode_line
from tepwatch.errors import ServiceError
from tepwatch.schema import TABLES, Row

CALL_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of a call, before gzip; servers take 10 MB or more as they come."""


class WritesLines(Protocol):
    """The calls that the sink needs."""

    def check(self) -> None:
        """Nothing, when rows may be written."""

    def write(self, lines: bytes) -> None:
        """Write lines of line protocol."""

    def close(self) -> None:
        """Close the connection."""


class _Call(NamedTuple):
    """Lines, each with the place in the batch of its row."""

    places: list[int]
    lines: list[bytes]

    def part(self, part: slice) -> _Call:
        """Some of the lines."""
        return _Call(self.places[part], self.lines[part])

    def without(self, gone: Iterable[int]) -> _Call:
        """All lines but those at some places in this call."""
        kept = sorted(set(range(len(self.lines))).difference(gone))
        return _Call([self.places[at] for at in kept], [self.lines[at] for at in kept])


class InfluxdbSink:
    """Writes points.

    Args:
        connect: makes the client when the sink is opened.
        batch_size: lines a call.
    """

    name = "influxdb"
    keeps_bytes = False

    def __init__(self, connect: Callable[[], WritesLines], *, batch_size: int) -> None:
        self._connect = connect
        self._batch_size = batch_size
        self._client: WritesLines | None = None

    def open(self) -> None:
        """Connect.

        Raises:
            SettingsError: the database is not there, or may not be written to.
            ServiceError: it cannot be asked.
        """
        self._client = self._connect()
        self._client.check()

    def takes(self, table: str) -> bool:
        """Whether rows of a table are stored: all are."""
        return table in TABLES

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Store rows. Where the server is away or asks to wait, no further call is made."""
        assert self._client is not None, "the sink was not opened"
        lines, rejected = _lines(rows)
        calls = deque(self._cut(lines))
        while calls:
            call = calls.popleft()
            try:
                self._client.write(b"\n".join(call.lines))
            except ServiceError as error:
                if error.status == TOO_LARGE:
                    refused = {0: str(error)} if len(call.lines) == 1 else None
                elif error.status in REFUSED:
                    refused = refused_lines(error.answer, len(call.lines))
                else:
                    calls.appendleft(call)
                    return self._outcome(rows, rejected, calls, error)
                rejected.update({call.places[at]: why for at, why in (refused or {}).items()})
                calls.extendleft(reversed(_remaining(call, refused)))
        return self._outcome(rows, rejected)

    def _cut(self, call: _Call) -> Iterator[_Call]:
        sizes = [len(line) + 1 for line in call.lines]
        for part in cut(sizes, count_max=self._batch_size, bytes_max=CALL_BYTES_MAX):
            yield call.part(part)

    @staticmethod
    def _outcome(
        rows: Sequence[Row],
        rejected: dict[int, str],
        calls: Iterable[_Call] = (),
        error: ServiceError | None = None,
    ) -> Outcome:
        """What became of the rows when some calls were not made, for an error."""
        return Outcome(
            [RejectedRow(rows[place], reason) for place, reason in sorted(rejected.items())],
            [rows[place] for place in sorted(place for call in calls for place in call.places)],
            "" if error is None else str(error),
            0.0 if error is None else error.retry_after_seconds,
        )

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()


def _lines(rows: Sequence[Row]) -> tuple[_Call, dict[int, str]]:
    """The lines table by table, and the places of rows that no line can hold with the reasons.

    What a server refuses is mostly of one table: beside each other, such lines are soon found.
    """
    of_tables: dict[str, _Call] = {}
    rejected: dict[int, str] = {}
    for place, row in enumerate(rows):
        try:
            line = encode_line(row)
        except ValueError as error:
            rejected[place] = str(error)
            continue
        of_table = of_tables.setdefault(row.table, _Call([], []))
        of_table.places.append(place)
        of_table.lines.append(line)
    whole = _Call([], [])
    for of_table in of_tables.values():
        whole.places.extend(of_table.places)
        whole.lines.extend(of_table.lines)
    return whole, rejected


def _remaining(call: _Call, refused: dict[int, str] | None) -> list[_Call]:
    """What to write after some lines of a call were refused, and the others perhaps not stored.

    Where it is not known which, both halves: one of them will be taken, or tell more.
    """
    if refused is None:
        middle = len(call.lines) // 2
        return [call.part(slice(middle)), call.part(slice(middle, None))]
    rest = call.without(refused)
    return [rest] if rest.lines else []
