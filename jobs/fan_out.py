"""Results to rows, rows to every sink."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

from jobs.metrics import DEAD_LETTERS, RETRIED, STORED, Metrics
from jobs.results import Result, StoredReading
from sinks import retry
from sinks.base import RejectedRow, Sink
from sinks.row_json import encode_row
from tepwatch.records import (
    NANOSECONDS_PER_MILLISECOND,
    Command,
    DetectorEvent,
    Origin,
    PlantEvent,
    Rejected,
    RejectReason,
    StageScores,
)
from tepwatch.schema import (
    DEAD_LETTERS as DEAD_LETTERS_TABLE,
)
from tepwatch.schema import (
    Row,
    command_row,
    dead_letter_row,
    detector_event_row,
    event_row,
    reading_row,
    row_key,
    score_rows,
)

_log = logging.getLogger(__name__)


class FanOut:
    """Writes results to all sinks; returns when they are stored everywhere.

    Args:
        sinks: not yet open; opened here.
        metrics: where stored, retried and dead letters are counted, a sink.
        patience_seconds: how long a sink may take nothing before `SinkUnavailableError`.
    """

    def __init__(self, sinks: Sequence[Sink], metrics: Metrics, *, patience_seconds: float) -> None:
        self._sinks = sinks
        self._metrics = metrics
        self._patience_seconds = patience_seconds
        for sink in sinks:
            sink.open()
            for name in (STORED, RETRIED, DEAD_LETTERS):
                metrics.counter(f"{sink.name}_{name}")

    def write(self, results: Iterable[Result]) -> None:
        """Store results.

        Raises:
            SinkUnavailableError: a sink took nothing for too long.
        """
        rows = list(rows_of(results))
        letters = [_letter(sink, item) for sink in self._sinks for item in self._write(sink, rows)]
        if not letters:
            return
        for sink in self._sinks:
            for item in self._write(sink, letters):
                # Not even the dead letter is taken: its reason is all that can still be said.
                _log.error("sink %s refuses a dead letter: %s", sink.name, item.reason)

    def _write(self, sink: Sink, rows: Sequence[Row]) -> list[RejectedRow]:
        rows = [row for row in rows if sink.takes(row.table)]
        written = retry.write(sink, rows, patience_seconds=self._patience_seconds)
        letters = sum(row.table == DEAD_LETTERS_TABLE.name for row in rows)
        self._metrics.counter(f"{sink.name}_{STORED}").inc(written.stored)
        self._metrics.counter(f"{sink.name}_{RETRIED}").inc(written.retried)
        self._metrics.counter(f"{sink.name}_{DEAD_LETTERS}").inc(letters)
        return written.rejected

    def close(self) -> None:
        """Close the sinks."""
        for sink in self._sinks:
            sink.close()


def rows_of(results: Iterable[Result]) -> Iterator[Row]:
    """The rows that results are stored as."""
    for result in results:
        match result:
            case StoredReading():
                yield reading_row(result.reading, late=result.late)
            case StageScores():
                yield from score_rows(result)
            case PlantEvent():
                yield event_row(result)
            case Command():
                yield command_row(result)
            case DetectorEvent():
                yield detector_event_row(result)
            case Rejected():
                yield dead_letter_row(result)


def _letter(sink: Sink, rejected: RejectedRow) -> Row:
    row, reason = rejected
    time_ns = row.values["time"]
    assert isinstance(time_ns, int)
    key = "/".join(str(part) for part in row_key(row))
    return dead_letter_row(
        Rejected(
            RejectReason.SINK,
            f"{sink.name}: {reason}: {key}"[:1024],
            encode_row(row, with_table=True),
            str(row.values.get("plant", "")),
            Origin("", "", 0, time_ns // NANOSECONDS_PER_MILLISECOND),
        )
    )
