"""Records to bytes on the stream and back: the only place with the stream's field names.

A stream record holds one flat JSON object, or several separated by newlines. `decode` never
raises: whatever the bytes are, each line becomes a `Reading`, a `PlantEvent`, a `Command` or a
`Rejected` that carries the reason and the original bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec

from tepwatch.records import (
    Command,
    CommandKind,
    EventKind,
    Message,
    Origin,
    PlantEvent,
    Reading,
    Rejected,
    RejectReason,
    StreamRecord,
)
from tepwatch.tags import XMEAS_IDS, XMV_IDS

EXTRA_BYTES_MAX: Final = 1024
"""Size limit of the JSON kept from a reading's unknown fields."""

PLANT_NAME_LENGTH_MAX: Final = 128
RUN_LENGTH_MAX: Final = 128

# The magic number that begins a record aggregated by the Kinesis Producer Library.
_KPL_MAGIC: Final = b"\xf3\x89\x9a\xc2"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)
_EXTRA_DROPPED: Final = "_dropped"

_T = TypeVar("_T")
_Int63 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Run = Annotated[str, msgspec.Meta(max_length=RUN_LENGTH_MAX)]
_Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]

_HEAD_FIELDS: Final = ("plant", "run", "seq", "time", "process_hours")


class _Head(msgspec.Struct):
    plant: str | None = None
    run: _Run | None = None
    seq: _Int63 | None = None
    time: _Time | None = None
    process_hours: Annotated[float, msgspec.Meta(ge=0)] | None = None


# The head and one optional number for every variable, so that one call validates a reading.
_VARIABLES: Final = [(tag, float | None, None) for tag in (*XMEAS_IDS, *XMV_IDS)]
_WireReading: Final = cast(
    "type[_Head]", msgspec.defstruct("_WireReading", _VARIABLES, bases=(_Head,))
)
_XMEAS_START: Final = len(_HEAD_FIELDS)
_XMV_START: Final = _XMEAS_START + len(XMEAS_IDS)
# The same, refusing fields of other names.
_PlainReading: Final = cast(
    "type[_Head]",
    msgspec.defstruct("_PlainReading", _VARIABLES, bases=(_Head,), forbid_unknown_fields=True),
)
_READING_FIELDS: Final = frozenset((*_HEAD_FIELDS, *XMEAS_IDS, *XMV_IDS))
# What tells an event or a command: its field, the kinds there are, its record and its rejection.
_NAMED_KINDS: Final[
    Mapping[str, tuple[type[StrEnum], Callable[..., PlantEvent | Command], RejectReason]]
] = {
    "event": (EventKind, PlantEvent, RejectReason.UNKNOWN_EVENT),
    "command": (CommandKind, Command, RejectReason.UNKNOWN_COMMAND),
}

_json_decoder: Final = msgspec.json.Decoder()
_plain_reading_decoder: Final = msgspec.json.Decoder(_PlainReading)
_json_encoder: Final = msgspec.json.Encoder()


class WirePolicy(msgspec.Struct, frozen=True):
    """What is accepted beyond the format itself.

    Times are bounded from below by `earliest_ms` and from above by the record's own arrival on
    the stream plus `future_ms`, never by a clock, so that a replay decides the same.
    """

    plants: frozenset[str] | None = None
    earliest_ms: int = 946_684_800_000
    future_ms: int = 24 * 3_600_000
    line_bytes_max: int = 65_536


class _RejectionError(Exception):
    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decode(message: Message, policy: WirePolicy) -> Iterator[StreamRecord | Rejected]:
    """Yield what each line of a stream record holds, in order; at least one item, never an error.

    Args:
        message: the stream record as read.
        policy: plants, times and sizes to accept.
    """
    if message.data.startswith(_KPL_MAGIC):
        yield _rejected(
            message,
            0,
            message.data,
            RejectReason.AGGREGATED,
            "aggregated by the Kinesis Producer Library: switch aggregation off at the producer",
        )
        return
    found = False
    for number, line in enumerate(message.data.split(b"\n")):
        if line and not line.isspace():
            found = True
            yield _decode_line(message, number, line, policy)
    if not found:
        yield _rejected(message, 0, message.data, RejectReason.EMPTY, "the record holds no line")


def _rejected(
    message: Message, line_number: int, data: bytes, reason: RejectReason, text: str
) -> Rejected:
    return Rejected(reason, text, data, message.partition_key, _origin(message, line_number))


def _origin(message: Message, line_number: int) -> Origin:
    return Origin(message.shard, message.sequence, line_number, message.arrival_ms)


def _decode_line(
    message: Message, number: int, line: bytes, policy: WirePolicy
) -> StreamRecord | Rejected:
    try:
        if len(line) > policy.line_bytes_max:
            raise _RejectionError(
                RejectReason.TOO_LARGE,
                f"line of {len(line)} bytes, at most {policy.line_bytes_max} are accepted",
            )
        plain = _plain_reading(line)
        if plain is not None:
            return _reading(plain, None, message, number, policy)
        fields = _json_object(line)
        for name in _NAMED_KINDS:
            if name in fields:
                return _event_or_command(name, fields, message, number, policy)
        extra = _bounded_json(fields, _READING_FIELDS, EXTRA_BYTES_MAX)
        return _reading(_validated(fields, _WireReading), extra, message, number, policy)
    except _RejectionError as rejection:
        return _rejected(message, number, line, rejection.reason, str(rejection))


def _plain_reading(line: bytes) -> _Head | None:
    """The common case, at a third of the cost: a valid reading without unknown fields.

    None for anything else, which is then taken apart to say what it is.
    """
    try:
        return _plain_reading_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return None


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        fields = _json_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = ""
        if b"NaN" in line or b"Infinity" in line:
            hint = "; NaN and Infinity are not JSON: send null for a missing value"
        raise _RejectionError(RejectReason.NOT_JSON, f"{error}{hint}") from error
    if not isinstance(fields, dict):
        raise _RejectionError(
            RejectReason.NOT_AN_OBJECT, f"a JSON object is expected, not {type(fields).__name__}"
        )
    return fields


def _reading(
    wire: _Head, extra: str | None, message: Message, number: int, policy: WirePolicy
) -> Reading:
    values: tuple[Any, ...] = msgspec.structs.astuple(wire)
    xmeas = values[_XMEAS_START:_XMV_START]
    if not any(xmeas) and xmeas.count(None) == len(xmeas):
        raise _RejectionError(
            RejectReason.NO_MEASUREMENT, "none of xmeas_1 to xmeas_41 holds a number"
        )
    return Reading(
        plant=_plant(wire, message, policy),
        run=wire.run or "",
        seq=wire.seq,
        time_ms=_time_ms(wire, message, policy),
        process_hours=wire.process_hours,
        xmeas=xmeas,
        xmv=values[_XMV_START:],
        extra=extra,
        origin=_origin(message, number),
    )


def _event_or_command(
    name: str, fields: dict[str, Any], message: Message, number: int, policy: WirePolicy
) -> PlantEvent | Command:
    kinds, record, unknown = _NAMED_KINDS[name]
    head = _validated({field: fields[field] for field in _HEAD_FIELDS if field in fields}, _Head)
    try:
        kind = kinds(fields[name])
    except ValueError as error:
        raise _RejectionError(unknown, f"{name} is one of {', '.join(kinds)}") from error
    return record(
        _plant(head, message, policy),
        head.run or "",
        head.seq,
        _time_ms(head, message, policy),
        head.process_hours,
        kind,
        _bounded_json(fields, frozenset((*_HEAD_FIELDS, name)), policy.line_bytes_max),
        _origin(message, number),
    )


def _validated(fields: dict[str, Any], type_: type[_T]) -> _T:
    try:
        return msgspec.convert(fields, type_)
    except (msgspec.ValidationError, OverflowError) as error:
        raise _RejectionError(RejectReason.WRONG_TYPE, str(error)) from error


def _plant(head: _Head, message: Message, policy: WirePolicy) -> str:
    plant = message.partition_key if head.plant is None else head.plant
    if not plant or len(plant) > PLANT_NAME_LENGTH_MAX or not plant.isprintable():
        raise _RejectionError(
            RejectReason.PLANT_NAME,
            f"the plant's name has 1 to {PLANT_NAME_LENGTH_MAX} printable characters",
        )
    if policy.plants is not None and plant not in policy.plants:
        raise _RejectionError(
            RejectReason.PLANT_NOT_ALLOWED, f"plant {plant} is not in the allowed list"
        )
    return plant


def _time_ms(head: _Head, message: Message, policy: WirePolicy) -> int:
    if head.time is None:
        return message.arrival_ms
    time_ms = (head.time - _EPOCH) // _MILLISECOND
    if not policy.earliest_ms <= time_ms <= message.arrival_ms + policy.future_ms:
        raise _RejectionError(
            RejectReason.ABSURD_TIME,
            f"time {head.time.isoformat()} is before {_iso(policy.earliest_ms)} or more than "
            f"{policy.future_ms / 3_600_000:g} h after its arrival",
        )
    return time_ms


def _bounded_json(fields: Mapping[str, Any], known: frozenset[str], bytes_max: int) -> str | None:
    """The fields that are not known, as JSON; those past the size limit are dropped and counted."""
    unknown = {name: value for name, value in fields.items() if name not in known}
    if not unknown:
        return None
    encoded = _json_encoder.encode(unknown)
    if len(encoded) <= bytes_max:
        return encoded.decode()
    kept: dict[str, Any] = {}
    size = len(_json_encoder.encode({_EXTRA_DROPPED: len(unknown)}))
    for name, value in unknown.items():
        item_size = len(_json_encoder.encode({name: value})) - 1
        if size + item_size <= bytes_max:
            kept[name] = value
            size += item_size
    kept[_EXTRA_DROPPED] = len(unknown) - len(kept)
    return _json_encoder.encode(kept).decode()


def _iso(time_ms: int) -> str:
    text = (_EPOCH + time_ms * _MILLISECOND).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def encode(record: StreamRecord) -> bytes:
    """One line of JSON, without a newline, that decodes to the same record."""
    fields: dict[str, Any] = {"plant": record.plant}
    if record.run:
        fields["run"] = record.run
    if record.seq is not None:
        fields["seq"] = record.seq
    fields["time"] = _iso(record.time_ms)
    if record.process_hours is not None:
        fields["process_hours"] = record.process_hours
    match record:
        case Reading(xmeas=xmeas, xmv=xmv, extra=extra):
            fields.update(_present(XMEAS_IDS, xmeas))
            fields.update(_present(XMV_IDS, xmv))
            more = extra
        case PlantEvent(event=event, detail=detail):
            fields["event"] = event.value
            more = detail
        case Command(command=command, detail=detail):
            fields["command"] = command.value
            more = detail
    if more is not None:
        fields.update(_json_decoder.decode(more))
    return _json_encoder.encode(fields)


def _present(ids: tuple[str, ...], values: tuple[float | None, ...]) -> Iterator[tuple[str, float]]:
    return ((tag, value) for tag, value in zip(ids, values, strict=True) if value is not None)
