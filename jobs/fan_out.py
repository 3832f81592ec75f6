"""Results to rows, rows to every sink."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from jobs.metrics import DEAD_LETTERS, RETRIED, STORED, Metrics
from jobs.results import Result, StoredReading
from sinks import retry
from sinks.base import RejectedRow, Sink
from sinks.row_json import encode_row
from tepwatch.records import (
    NANOSECONDS_PER_MILLISECOND,
    AlarmEvent,
    Assessment,
    Command,
    DetectorEvent,
    Origin,
    PlantEvent,
    Rejected,
    RejectReason,
    SensorFlag,
    StageScores,
)
from tepwatch.schema import (
    DEAD_LETTERS as DEAD_LETTERS_TABLE,
)
from tepwatch.schema import (
    Row,
    alarm_row,
    assessment_rows,
    command_row,
    dead_letter_row,
    detector_event_row,
    event_row,
    reading_row,
    row_key,
    score_rows,
    sensor_flag_row,
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
        if not self._sinks:
            return
        rows = rows_of(results)
        letters = [_letter(sink, item) for sink in self._sinks for item in self._write(sink, rows)]
        if not letters:
            return
        for sink in self._sinks:
            for item in self._write(sink, letters):
                # Not even the dead letter is taken: its reason is all that can still be said.
                _log.error("sink %s refuses a dead letter: %s", sink.name, item.reason)

    def _write(self, sink: Sink, rows: Sequence[Row]) -> list[RejectedRow]:
        tables = {row.table for row in rows}
        taken = {table for table in tables if sink.takes(table)}
        if taken != tables:
            rows = [row for row in rows if row.table in taken]
        written = retry.write(sink, rows, patience_seconds=self._patience_seconds)
        letters = 0
        if DEAD_LETTERS_TABLE.name in taken:
            letters = sum(row.table == DEAD_LETTERS_TABLE.name for row in rows)
        self._metrics.counter(f"{sink.name}_{STORED}").inc(written.stored)
        self._metrics.counter(f"{sink.name}_{RETRIED}").inc(written.retried)
        self._metrics.counter(f"{sink.name}_{DEAD_LETTERS}").inc(letters)
        return written.rejected

    def close(self) -> None:
        """Close the sinks."""
        for sink in self._sinks:
            sink.close()


def rows_of(results: Iterable[Result]) -> list[Row]:
    """The rows that results are stored as."""
    rows: list[Row] = []
    for result in results:
        match result:
            case StoredReading():
                rows.append(reading_row(result.reading, late=result.late))
            case StageScores():
                rows.extend(score_rows(result))
            case Assessment():
                rows.extend(assessment_rows(result))
            case AlarmEvent():
                rows.append(alarm_row(result))
            case SensorFlag():
                rows.append(sensor_flag_row(result))
            case PlantEvent():
                rows.append(event_row(result))
            case Command():
                rows.append(command_row(result))
            case DetectorEvent():
                rows.append(detector_event_row(result))
            case Rejected():
                rows.append(dead_letter_row(result))
    return rows


def _letter(sink: Sink, rejected: RejectedRow) -> Row:
    row, reason = rejected
    key = "/".join(str(part) for part in row_key(row))
    return dead_letter_row(
        Rejected(
            RejectReason.SINK,
            f"{sink.name}: {reason}: {key}"[:1024],
            encode_row(row),
            str(row.values.get("plant", "")),
            Origin("", "", 0, row.time // NANOSECONDS_PER_MILLISECOND),
        )
    )
