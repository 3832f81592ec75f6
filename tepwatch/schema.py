"""Tables of the stores: columns, types, row keys; read by every sink and everything that queries.

A `Row` is a struct with a field for each column of its table. Rows are made here and nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import msgspec

from tepwatch.records import (
    NANOSECONDS_PER_MILLISECOND,
    AlarmEvent,
    Assessment,
    Command,
    Contribution,
    DetectorEvent,
    PlantEvent,
    Reading,
    Rejected,
    SensorFlag,
    StageScores,
    StreamRecord,
    Suspect,
    time_ns,
)
from tepwatch.tags import XMEAS, XMV, Tag

# Of numbers within JSON.
_DIGITS: Final = 5

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

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What a store of time series tells its series apart by: the key but its time."""
        times = {column.name for column in self.columns if column.type is ColumnType.TIME}
        return tuple(name for name in self.key if name not in times)


class Row(msgspec.Struct, frozen=True, gc=False, tag_field="table"):
    """One row: a field for each column of its table; encoded, the table's name comes first.

    Each table has a class of its own; `make_row` makes rows of values by name.
    """

    table: ClassVar[str]

    if TYPE_CHECKING:
        # A column of every table; where it stands among the others is the table's to say.
        time: int

    @property
    def values(self) -> dict[str, Scalar]:
        """The values by column."""
        return msgspec.structs.asdict(self)


_PLANT: Final = Column("plant", ColumnType.TEXT, "Plant")
_RUN: Final = Column("run", ColumnType.TEXT, "Run of the plant")
_SEQ: Final = Column("seq", ColumnType.INTEGER, "Place in the run")
_TIME: Final = Column("time", ColumnType.TIME, "Event time")
_PROCESS_HOURS: Final = Column("process_hours", ColumnType.NUMBER, "Plant's own clock", "h")
_DETAIL: Final = Column("detail", ColumnType.TEXT, "Further fields, JSON")
_ONSET: Final = Column("onset_ns", ColumnType.INTEGER, "Onset of the alarm, event time", "ns")
_UNIT: Final = Column("unit", ColumnType.TEXT, "Process unit")
_MODEL: Final = Column("model", ColumnType.TEXT, "Version of the baseline")
_CONTRIBUTIONS: Final = Column("contributions", ColumnType.TEXT, "Variables that stand out, JSON")
_SUSPECTS: Final = Column("suspects", ColumnType.TEXT, "Disturbances it looks like, JSON")
# A plant is counted from its first record after a restart on, then with all that came before.
_OF_PLANTS: Final = " since the state began, of plants that sent since the last restart"
_SINCE_START: Final = " since the operator last started"
_HEAD: Final = (_PLANT, _RUN, _SEQ, _TIME, _PROCESS_HOURS)


def _count(name: str, title: str, unit: str = "") -> Column:
    return Column(name, ColumnType.INTEGER, title, unit)


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
ASSESSMENTS: Final = Table(
    "assessments",
    "What the monitor makes of each tick",
    (
        *_HEAD,
        Column("state", ColumnType.TEXT, "learning, monitoring or transition"),
        Column("score", ColumnType.NUMBER, "Highest unit score; 1 is rare in normal operation"),
        Column("p_value", ColumnType.NUMBER, "Share of normal ticks that score as high"),
        Column("grade", ColumnType.NUMBER, "0, nothing unlikely, to 1, as unlikely as an alarm"),
        Column("alarm", ColumnType.TEXT, "Alarm whose condition holds"),
        _ONSET,
        Column("filled", ColumnType.INTEGER, "Variables filled in with what is expected of them"),
        Column("sensors_failed", ColumnType.INTEGER, "Instruments that are not believed"),
        _MODEL,
        _CONTRIBUTIONS,
        _SUSPECTS,
    ),
    ("plant", "run", "time"),
)
UNIT_SCORES: Final = Table(
    "unit_scores",
    "Score of each process unit at each tick",
    (
        *_HEAD,
        _UNIT,
        Column("score", ColumnType.NUMBER, "Score; 1 is rare in normal operation"),
        Column("p_value", ColumnType.NUMBER, "Share of normal ticks that score as high"),
        Column("grade", ColumnType.NUMBER, "0, nothing unlikely, to 1, as unlikely as an alarm"),
    ),
    ("plant", "run", "unit", "time"),
)
ALARMS: Final = Table(
    "alarms",
    "Changes of alarms, and how they stand then",
    (
        *_HEAD,
        Column("alarm", ColumnType.TEXT, "Alarm"),
        Column("change", ColumnType.TEXT, "raised, named, cleared, acknowledged or shelved"),
        Column(
            "state",
            ColumnType.TEXT,
            "unacknowledged, acknowledged, cleared_unacknowledged or closed",
        ),
        Column("shelved", ColumnType.FLAG, "Nobody is to be called"),
        _ONSET,
        Column("onset_hours", ColumnType.NUMBER, "Onset, plant's own clock", "h"),
        Column("duration_hours", ColumnType.NUMBER, "Process time since the onset", "h"),
        Column("p_value", ColumnType.NUMBER, "Lowest p-value so far"),
        _UNIT,
        _MODEL,
        _CONTRIBUTIONS,
        _SUSPECTS,
        Column("why", ColumnType.TEXT, "More about the change"),
    ),
    ("plant", "run", "alarm", "change", "time"),
)
SENSOR_FLAGS: Final = Table(
    "sensor_flags",
    "Instruments that begin or end to fail",
    (
        *_HEAD,
        Column("tag", ColumnType.TEXT, "Variable"),
        Column("failure", ColumnType.TEXT, "stuck, silent, out_of_range or not_constant"),
        Column("active", ColumnType.FLAG, "It begins; otherwise it is over"),
        Column("value", ColumnType.NUMBER, "What it shows"),
    ),
    ("plant", "run", "tag", "failure", "time"),
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
HEALTH: Final = Table(
    "health",
    "How the job itself is, sampled from Flink beside it; what is not known is null",
    (
        Column("time", ColumnType.TIME, "Time of the sample"),
        Column("job", ColumnType.TEXT, "Name of the job"),
        Column("state", ColumnType.TEXT, "Flink's of the job, or STARTING, NO_JOB, UNREACHABLE"),
        _count("records_read", "Stream records read since the state began, exact"),
        _count("millis_behind", "How far the shard that is furthest behind is behind", "ms"),
        _count("late", f"Late records{_OF_PLANTS}"),
        _count("duplicates", f"Records seen before{_OF_PLANTS}"),
        _count("gaps", f"Records that never came{_OF_PLANTS}"),
        _count("rejected", f"Lines that could not be parsed{_SINCE_START}"),
        _count("dead_letters", f"Dead letters written{_SINCE_START}"),
        _count("stored", f"Rows stored, of all sinks together{_SINCE_START}"),
        _count("retried", f"Rows tried again, of all sinks together{_SINCE_START}"),
        _count("checkpoints_completed", "Checkpoints completed since the job was submitted"),
        _count("checkpoints_failed", "Checkpoints failed since the job was submitted"),
        _count("checkpoint_ms", "Duration of the last completed checkpoint", "ms"),
        _count("restarts", "Restarts since the job was submitted"),
    ),
    ("job", "time"),
)

TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        READINGS,
        SCORES,
        ASSESSMENTS,
        UNIT_SCORES,
        ALARMS,
        SENSOR_FLAGS,
        EVENTS,
        COMMANDS,
        DEAD_LETTERS,
        HEALTH,
    )
}

_PYTHON_TYPES: Final[Mapping[ColumnType, Any]] = {
    ColumnType.TEXT: str | None,
    ColumnType.INTEGER: int | None,
    ColumnType.NUMBER: float | None,
    ColumnType.FLAG: bool,
    ColumnType.TIME: int,
    ColumnType.BYTES: bytes,
}


def _row_type(table: Table) -> Callable[..., Row]:
    fields = [(column.name, _PYTHON_TYPES[column.type]) for column in table.columns]
    row_type: Any = msgspec.defstruct(
        f"{table.name.title().replace('_', '')}Row",
        fields,
        bases=(Row,),
        namespace={"table": table.name},
        tag=table.name,
        frozen=True,
        gc=False,
    )
    made: Callable[..., Row] = row_type
    return made


ROW_TYPES: Final[Mapping[str, Callable[..., Row]]] = {
    name: _row_type(table) for name, table in TABLES.items()
}
"""The class of each table's rows; it takes the values in the order of the columns."""

_key_of: Final[Mapping[str, Callable[[Row], tuple[Scalar, ...]]]] = {
    name: attrgetter("table", *table.key) for name, table in TABLES.items()
}
_reading_row: Final = ROW_TYPES[READINGS.name]
_score_row: Final = ROW_TYPES[SCORES.name]
_assessment_row: Final = ROW_TYPES[ASSESSMENTS.name]
_unit_score_row: Final = ROW_TYPES[UNIT_SCORES.name]
_alarm_row: Final = ROW_TYPES[ALARMS.name]
_sensor_flag_row: Final = ROW_TYPES[SENSOR_FLAGS.name]
_event_row: Final = ROW_TYPES[EVENTS.name]
_command_row: Final = ROW_TYPES[COMMANDS.name]
_dead_letter_row: Final = ROW_TYPES[DEAD_LETTERS.name]


def make_row(table: str, values: Mapping[str, Scalar]) -> Row:
    """A row of values by column; there has to be one for each."""
    return ROW_TYPES[table](**values)


def row_key(row: Row) -> tuple[Scalar, ...]:
    """The table's name and the values that make the row unique in it."""
    return _key_of[row.table](row)


def _head(record: StreamRecord) -> tuple[Scalar, ...]:
    return (record.plant, record.run, record.seq, time_ns(record), record.process_hours)


def reading_row(reading: Reading, *, late: bool) -> Row:
    """The row of a reading."""
    return _reading_row(
        *_head(reading), *reading.xmeas, *reading.xmv, reading.missing_count, late, reading.extra
    )


def _found_head(found: StageScores | Assessment | AlarmEvent) -> tuple[Scalar, ...]:
    return (found.plant, found.run, found.seq, found.time_ns, found.process_hours)


def score_rows(scores: StageScores) -> list[Row]:
    """One row a stage."""
    head = _found_head(scores)
    return [
        _score_row(*head, stage.stage, stage.score, stage.state, stage.filled)
        for stage in scores.stages
    ]


def assessment_rows(assessment: Assessment) -> list[Row]:
    """The row of a tick, and one a process unit."""
    head = _found_head(assessment)
    row = _assessment_row(
        *head,
        assessment.state,
        assessment.score,
        assessment.p_value,
        assessment.grade,
        assessment.alarm,
        assessment.alarm_onset_ns,
        assessment.filled,
        assessment.sensors_failed,
        assessment.model,
        _objects(assessment.contributions),
        _objects(assessment.suspects),
    )
    units = [
        _unit_score_row(*head, unit.unit, unit.score, unit.p_value, unit.grade)
        for unit in assessment.units
    ]
    return [row, *units]


def alarm_row(event: AlarmEvent) -> Row:
    """The row of a change of an alarm."""
    return _alarm_row(
        *_found_head(event),
        event.alarm,
        event.change,
        event.state,
        event.shelved,
        event.onset_ns,
        event.onset_hours,
        event.duration_hours,
        event.p_value,
        event.unit,
        event.model,
        _objects(event.contributions),
        _objects(event.suspects),
        event.why,
    )


def _objects(items: Sequence[Contribution] | Sequence[Suspect]) -> str | None:
    """Contributions or suspects as JSON objects, with as many digits as anybody reads."""
    if not items:
        return None
    objects = [
        {
            name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
            for name, value in msgspec.structs.asdict(item).items()
        }
        for item in items
    ]
    return msgspec.json.encode(objects).decode()


def sensor_flag_row(flag: SensorFlag) -> Row:
    """The row of an instrument that begins or ends to fail."""
    return _sensor_flag_row(*msgspec.structs.astuple(flag))


def event_row(event: PlantEvent) -> Row:
    """The row of a plant event."""
    return _event_row(*_head(event), event.event, event.detail)


def detector_event_row(event: DetectorEvent) -> Row:
    """The row of something that happened to the detectors, in the table of events."""
    return _event_row(
        event.plant, event.run, event.seq, event.time_ns, None, event.event, event.detail
    )


def command_row(command: Command) -> Row:
    """The row of an operator's command.

    A command without further fields has an empty object: a row needs a value besides its key, or
    stores of time series cannot keep it.
    """
    return _command_row(*_head(command), command.command, command.detail or "{}")


def dead_letter_row(rejected: Rejected) -> Row:
    """The row of a dead letter; its time is the arrival on the stream."""
    origin = rejected.origin
    return _dead_letter_row(
        origin.shard,
        origin.sequence,
        origin.line,
        origin.arrival_ms * NANOSECONDS_PER_MILLISECOND,
        rejected.partition_key,
        rejected.reason,
        rejected.message,
        rejected.data,
    )
