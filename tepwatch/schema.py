"""Tables of the stores: columns, types, row keys; read by every sink and everything that queries.

A `Row` names its table and holds one value a column. Rows are made here and nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tepwatch.records import (
    NANOSECONDS_PER_MILLISECOND,
    Command,
    DetectorEvent,
    PlantEvent,
    Reading,
    Rejected,
    StageScores,
    StreamRecord,
    time_ns,
)
from tepwatch.tags import TAGS, XMEAS, XMV, Tag

Scalar = str | int | float | bool | bytes | None


class ColumnType(enum.StrEnum):
    """Types a store has to map; TIME is nanoseconds since the epoch, as an integer."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TIME = "time"
    BYTES = "bytes"


class Column(NamedTuple):
    """One column; `unit` is empty where a value has none."""

    name: str
    type: ColumnType
    title: str
    unit: str = ""


class Table(NamedTuple):
    """A table: its rows are unique by `key`, so writing a row twice changes nothing."""

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


class Row(NamedTuple):
    """One row: the table's name and a value for each of its columns."""

    table: str
    values: Mapping[str, Scalar]


_PLANT: Final = Column("plant", ColumnType.TEXT, "Plant")
_RUN: Final = Column("run", ColumnType.TEXT, "Run of the plant")
_SEQ: Final = Column("seq", ColumnType.INTEGER, "Place in the run")
_TIME: Final = Column("time", ColumnType.TIME, "Event time")
_PROCESS_HOURS: Final = Column("process_hours", ColumnType.NUMBER, "Plant's own clock", "h")
_DETAIL: Final = Column("detail", ColumnType.TEXT, "Further fields, JSON")
_HEAD: Final = (_PLANT, _RUN, _SEQ, _TIME, _PROCESS_HOURS)


def _measurement(tag: Tag) -> Column:
    return Column(tag.id, ColumnType.NUMBER, tag.title, tag.unit)


READINGS: Final = Table(
    "readings",
    "Measurements and manipulated variables as they came",
    (
        *_HEAD,
        *(_measurement(tag) for tag in XMEAS),
        *(_measurement(tag) for tag in XMV),
        Column("missing", ColumnType.INTEGER, "Measurements that were absent"),
        Column("late", ColumnType.FLAG, "Came after its place was passed: stored, not scored"),
        Column("extra", ColumnType.TEXT, "Unknown fields, JSON"),
    ),
    ("plant", "run", "time"),
)
SCORES: Final = Table(
    "scores",
    "Random Cut Forest score of each process stage",
    (
        *_HEAD,
        Column("stage", ColumnType.TEXT, "Process stage"),
        Column("score", ColumnType.NUMBER, "Anomaly score"),
        Column("state", ColumnType.TEXT, "scored, held, warming_up or no_data"),
        Column("filled", ColumnType.INTEGER, "Missing values filled with the last one seen"),
    ),
    ("plant", "run", "stage", "time"),
)
EVENTS: Final = Table(
    "events",
    "What happened to the plants",
    (*_HEAD, Column("event", ColumnType.TEXT, "Kind of event"), _DETAIL),
    ("plant", "run", "event", "time"),
)
COMMANDS: Final = Table(
    "commands",
    "What operators asked for",
    (*_HEAD, Column("command", ColumnType.TEXT, "Command"), _DETAIL),
    ("plant", "run", "command", "time"),
)
DEAD_LETTERS: Final = Table(
    "dead_letters",
    "What could not be used, with its reason and original bytes",
    (
        Column("shard", ColumnType.TEXT, "Shard"),
        Column("sequence", ColumnType.TEXT, "Sequence number on the stream"),
        Column("line", ColumnType.INTEGER, "Line within the stream record"),
        _TIME,
        Column("partition_key", ColumnType.TEXT, "Partition key"),
        Column("reason", ColumnType.TEXT, "Reason"),
        Column("message", ColumnType.TEXT, "What was wrong"),
        Column("data", ColumnType.BYTES, "Original bytes"),
    ),
    ("shard", "sequence", "line", "reason", "message"),
)

TABLES: Final[Mapping[str, Table]] = {
    table.name: table for table in (READINGS, SCORES, EVENTS, COMMANDS, DEAD_LETTERS)
}

_VARIABLE_IDS: Final = tuple(TAGS)


def row_key(row: Row) -> tuple[Scalar, ...]:
    """The table's name and the values that make the row unique in it."""
    return (row.table, *(row.values[name] for name in TABLES[row.table].key))


def _head(record: StreamRecord) -> dict[str, Scalar]:
    return {
        "plant": record.plant,
        "run": record.run,
        "seq": record.seq,
        "time": time_ns(record),
        "process_hours": record.process_hours,
    }


def reading_row(reading: Reading, *, late: bool) -> Row:
    """The row of a reading."""
    values = _head(reading)
    values.update(zip(_VARIABLE_IDS, reading.xmeas + reading.xmv, strict=True))
    values["missing"] = reading.missing_count
    values["late"] = late
    values["extra"] = reading.extra
    return Row(READINGS.name, values)


def score_rows(scores: StageScores) -> Iterator[Row]:
    """One row a stage."""
    for stage in scores.stages:
        yield Row(
            SCORES.name,
            {
                "plant": scores.plant,
                "run": scores.run,
                "seq": scores.seq,
                "time": scores.time_ns,
                "process_hours": scores.process_hours,
                "stage": stage.stage,
                "score": stage.score,
                "state": stage.state.value,
                "filled": stage.filled,
            },
        )


def event_row(event: PlantEvent) -> Row:
    """The row of a plant event."""
    return Row(EVENTS.name, {**_head(event), "event": event.event.value, "detail": event.detail})


def detector_event_row(event: DetectorEvent) -> Row:
    """The row of something that happened to the detectors, in the table of events."""
    return Row(
        EVENTS.name,
        {
            "plant": event.plant,
            "run": event.run,
            "seq": event.seq,
            "time": event.time_ns,
            "process_hours": None,
            "event": event.event.value,
            "detail": event.detail,
        },
    )


def command_row(command: Command) -> Row:
    """The row of an operator's command."""
    return Row(
        COMMANDS.name,
        {**_head(command), "command": command.command.value, "detail": command.detail},
    )


def dead_letter_row(rejected: Rejected) -> Row:
    """The row of a dead letter; its time is the arrival on the stream."""
    origin = rejected.origin
    return Row(
        DEAD_LETTERS.name,
        {
            "shard": origin.shard,
            "sequence": origin.sequence,
            "line": origin.line,
            "time": origin.arrival_ms * NANOSECONDS_PER_MILLISECOND,
            "partition_key": rejected.partition_key,
            "reason": rejected.reason.value,
            "message": rejected.message,
            "data": rejected.data,
        },
    )
