"""The records that travel through the pipeline; all are frozen.

`Message` is what the stream holds. `wire` turns it into `Reading`, `PlantEvent`, `Command` or
`Rejected`; the detectors turn readings into `StageScores`, `Assessment`, `AlarmEvent` and
`SensorFlag`. Struct tags are part of the job's state
encoding: do not reuse a tag for another meaning. Records hold no cycles, so the garbage collector
does not track them.
"""

from __future__ import annotations

import enum

import msgspec

NANOSECONDS_PER_MILLISECOND = 1_000_000

# Two primes whose product fills the six digits below a millisecond: keys of messages that carry
# no seq differ for up to 599 consecutive stream records (a put call holds 500) of up to 1,669
# lines each that arrive within the same millisecond.
_SEQUENCE_MODULUS = 599
_LINE_MODULUS = 1669


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record of the stream as it was read, with where it stood.

    `sequence` is the stream's sequence number (decimal digits), `arrival_ms` the stream's
    approximate arrival time in milliseconds since the epoch.
    """

    data: bytes
    shard: str
    sequence: str
    partition_key: str
    arrival_ms: int


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a record stood on the stream; `line` counts from 0 within one stream record."""

    shard: str
    sequence: str
    line: int
    arrival_ms: int


class EventKind(enum.StrEnum):
    """What happened to a plant."""

    DISTURBANCE = "disturbance"
    SETPOINT = "setpoint"
    VALVE = "valve"
    MODE = "mode"
    SENSOR_FAULT = "sensor_fault"
    RESTART = "restart"
    SHUTDOWN = "shutdown"


class CommandKind(enum.StrEnum):
    """What an operator asks of the monitor."""

    ACKNOWLEDGE = "acknowledge"
    SHELVE = "shelve"
    ACCEPT_NORMAL = "accept_normal"


class RejectReason(enum.StrEnum):
    """Why something became a dead letter."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    AGGREGATED = "aggregated"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_TYPE = "wrong_type"
    NO_MEASUREMENT = "no_measurement"
    ABSURD_TIME = "absurd_time"
    PLANT_NAME = "plant_name"
    PLANT_NOT_ALLOWED = "plant_not_allowed"
    UNKNOWN_EVENT = "unknown_event"
    UNKNOWN_COMMAND = "unknown_command"
    SINK = "sink"


class Reading(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="reading"):
    """One row of measurements of one plant.

    `xmeas` has 41 entries and `xmv` 12, in the order of `tags`; None is a missing value. `seq` is
    None for a message that carries no order of its own: the stream's order counts then.
    """

    plant: str
    run: str
    seq: int | None
    time_ms: int
    process_hours: float | None
    xmeas: tuple[float | None, ...]
    xmv: tuple[float | None, ...]
    extra: str | None
    origin: Origin

    @property
    def missing_count(self) -> int:
        """Number of measurements that are absent (manipulated variables are optional)."""
        # Nearly always none is, and none is zero: that is seen at a third of the cost.
        return 0 if all(self.xmeas) else self.xmeas.count(None)


class PlantEvent(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="event"):
    """Something that happened to a plant; `detail` holds its further fields as JSON."""

    plant: str
    run: str
    seq: int | None
    time_ms: int
    process_hours: float | None
    event: EventKind
    detail: str | None
    origin: Origin


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="command"):
    """An operator's command; it takes effect where it stands in the stream."""

    plant: str
    run: str
    seq: int | None
    time_ms: int
    process_hours: float | None
    command: CommandKind
    detail: str | None
    origin: Origin


class Rejected(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="rejected"):
    """A dead letter: the original bytes and why they could not be used."""

    reason: RejectReason
    message: str
    data: bytes
    partition_key: str
    origin: Origin


StreamRecord = Reading | PlantEvent | Command
"""What a valid line of the stream is."""


class ScoreState(enum.StrEnum):
    """What a stage's score stands for.

    SCORED: computed from this reading. HELD: none of the stage's values is new, the last score is
    repeated. WARMING_UP: the forest has seen too little to score. NO_DATA: a value of the stage
    has never been seen, so there is no point to score.
    """

    SCORED = "scored"
    HELD = "held"
    WARMING_UP = "warming_up"
    NO_DATA = "no_data"


class StageScore(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Random Cut Forest score of one stage; None while there is none.

    `filled` counts the stage's missing values that were filled with the last one seen.
    """

    stage: str
    score: float | None
    state: ScoreState
    filled: int


class StageScores(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The scores of all stages for one reading."""

    plant: str
    run: str
    seq: int | None
    time_ns: int
    process_hours: float | None
    stages: tuple[StageScore, ...]


class MonitorState(enum.StrEnum):
    """How a plant's monitor stands.

    LEARNING: it gathers normal operation and judges nothing. MONITORING: it holds ticks against
    what it knows to be normal. TRANSITION: what is normal changes, or the plant has just begun;
    nothing is judged until it has settled and, after a change, has been learned again.
    """

    LEARNING = "learning"
    MONITORING = "monitoring"
    TRANSITION = "transition"


class Contribution(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a variable has to do with a tick's score.

    `share` is that of all contributions, above zero where the variable is too high; `value` and
    `normal` are the variable's value and its mean in normal operation, in its unit.
    """

    tag: str
    share: float
    value: float
    normal: float


class Suspect(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A disturbance that an alarm looks like."""

    idv: int
    probability: float


class UnitScore(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A process unit's score at a tick.

    `score` is its forest's, in units of a score that is rare in normal operation; `grade` goes from
    0 to 1, which is as unlikely as an alarm.
    """

    unit: str
    score: float
    p_value: float
    grade: float


class Assessment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the monitor makes of one tick; `seq` and times are those of its newest reading.

    Score, p-value and grade are None where nothing is judged. `alarm` is the alarm whose condition
    holds; `filled` counts variables that were missing, or whose sensor has failed, and were filled
    in with what the others let expect; `model` tells baselines apart.
    """

    plant: str
    run: str
    seq: int | None
    time_ns: int
    process_hours: float | None
    state: MonitorState
    score: float | None
    p_value: float | None
    grade: float | None
    alarm: str | None
    alarm_onset_ns: int | None
    filled: int
    sensors_failed: int
    model: str | None
    units: tuple[UnitScore, ...]
    contributions: tuple[Contribution, ...]
    suspects: tuple[Suspect, ...]


class AlarmChange(enum.StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    NAMED = "named"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"


class AlarmState(enum.StrEnum):
    """Where an alarm stands, as ISA 18.2 has it.

    An alarm stays until its condition is over and it was acknowledged.
    """

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared_unacknowledged"
    CLOSED = "closed"


class AlarmEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of an alarm and how it stands then.

    `alarm` and `change` tell an event from all others, in a replay too. Times are those of the
    record it follows from; `duration_hours` is the process time from the onset until then, or until
    the condition was over; `why` says more where the change does not speak for itself.
    """

    plant: str
    run: str
    seq: int | None
    time_ns: int
    process_hours: float | None
    alarm: str
    change: AlarmChange
    state: AlarmState
    shelved: bool
    onset_ns: int
    onset_hours: float
    duration_hours: float
    p_value: float
    unit: str
    model: str
    contributions: tuple[Contribution, ...]
    suspects: tuple[Suspect, ...]
    why: str | None


class SensorFailure(enum.StrEnum):
    """How an instrument fails, as far as its values alone tell."""

    STUCK = "stuck"
    SILENT = "silent"
    OUT_OF_RANGE = "out_of_range"
    NOT_CONSTANT = "not_constant"


class SensorFlag(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An instrument begins or ends to fail (`active`); no alarm of the process."""

    plant: str
    run: str
    seq: int | None
    time_ns: int
    process_hours: float | None
    tag: str
    failure: SensorFailure
    active: bool
    value: float | None


class DetectorEventKind(enum.StrEnum):
    """What happened to a plant's detectors."""

    RESTARTED = "detectors_restarted"
    LEARNED = "baseline_learned"
    LEARNING_REFUSED = "baseline_not_learned"
    BASELINE_REFUSED = "baseline_refused"
    BASELINE_USED = "baseline_used"
    GAP = "gap"
    COMMAND_REFUSED = "command_refused"


class DetectorEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that happened to a plant's detectors; stored beside the plant's events.

    `time_ns` is the event time of the first reading it concerns.
    """

    plant: str
    run: str
    seq: int | None
    time_ns: int
    event: DetectorEventKind
    detail: str


def time_ns(record: StreamRecord) -> int:
    """Event time in nanoseconds since the epoch, unique within a plant's run.

    The digits below the millisecond come from `seq`, or from the place on the stream for a
    message without one, so that two readings never share a row key and a replay writes the same
    keys.
    """
    if record.seq is not None:
        digits = record.seq % NANOSECONDS_PER_MILLISECOND
    else:
        sequence = int(record.origin.sequence) if record.origin.sequence.isdecimal() else 0
        digits = (sequence % _SEQUENCE_MODULUS) * _LINE_MODULUS + (
            record.origin.line % _LINE_MODULUS
        )
    return record.time_ms * NANOSECONDS_PER_MILLISECOND + digits
