"""Records of a WriteRecords call, validated: points to store, and rejections with their reasons."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from localaws.timestream.model import TimestreamError
from localaws.timestream.requests import Record, WriteRequest
from localaws.timestream.shapes import (
    Shape,
    multi_measure_shape,
    single_measure_shape,
)
from localaws.timestream.values import Value, bounded, parse_bigint, parse_values, time_unit_ns

RECORDS_MAX: Final = 100
RECORD_BYTES_MAX: Final = 2048
DIMENSION_BYTES_MAX: Final = 2048
FUTURE_NS: Final = 15 * 60 * 1_000_000_000
HOUR_NS: Final = 3_600 * 1_000_000_000
DAY_NS: Final = 24 * HOUR_NS


class Window(NamedTuple):
    """The times that a table takes now, in nanoseconds since the epoch: [oldest, end).

    What is older than `memory` goes to the magnetic store; without magnetic writes `oldest` and
    `memory` are the same.
    """

    oldest: int
    memory: int
    end: int


class Rejection(NamedTuple):
    """A record that was not stored, by its place in the call."""

    place: int
    reason: str
    existing_version: int | None = None


class Point(NamedTuple):
    """One valid record.

    `series` is a hash of dimensions and measure name, `digest` one of the measured values: two
    points are the same when series and time are, and say the same when their digests are too.
    """

    place: int
    series: int
    time_ns: int
    version: int
    digest: int
    measure_name: str
    shape: Shape
    values: tuple[Value, ...]


def window(now_ns: int, memory_hours: int, magnetic_days: int, *, magnetic_writes: bool) -> Window:
    """The window of a table."""
    memory = now_ns - memory_hours * HOUR_NS
    # Both stores together hold the data: the magnetic one what has left memory.
    oldest = now_ns - magnetic_days * DAY_NS if magnetic_writes else memory
    return Window(min(oldest, memory), memory, now_ns + FUTURE_NS)


def points_of(request: WriteRequest, times: Window) -> tuple[list[Point], list[Rejection]]:
    """Validate a call.

    Raises:
        TimestreamError: the call as a whole is not valid (ValidationException).
    """
    if not 1 <= len(request.records) <= RECORDS_MAX:
        raise _invalid(
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            f"Member must have length between 1 and {RECORDS_MAX}"
        )
    points: list[Point] = []
    rejections: list[Rejection] = []
    for index, record in enumerate(request.records):
        _check_call(index, record, request.common_attributes)
        try:
            points.append(_point(index, record, request.common_attributes, times))
        except ValueError as reason:
            rejections.append(Rejection(index, str(reason)))
    return points, rejections


def _check_call(index: int, record: Record, common: Record) -> None:
    """What makes the whole call invalid."""
    if record.time is None and common.time is None:
        raise _invalid(f"The record at index {index} has no time.")
    if not (record.measure_name or common.measure_name):
        raise _invalid(f"The record at index {index} has no measure name.")
    version = _version(record, common)
    if version < 1:
        raise _invalid("Version must be 1 or greater.")


def _version(record: Record, common: Record) -> int:
    if record.version is not None:
        return record.version
    return 1 if common.version is None else common.version


def _point(index: int, record: Record, common: Record, times: Window) -> Point:
    dimensions = _dimensions(record, common)
    unit_name = record.time_unit or common.time_unit
    unit = time_unit_ns(unit_name)
    time_ns = _checked_time(bounded(parse_bigint(record.time or common.time or "") * unit), times)
    measure_name = record.measure_name or common.measure_name or ""
    kind = record.measure_value_type or common.measure_value_type or "DOUBLE"
    names = tuple(name for name, _ in dimensions)
    if kind == "MULTI":
        measures = record.measure_values or common.measure_values or []
        shape = multi_measure_shape(names, tuple((item.name, item.type) for item in measures))
        texts = [measures[place].value for place in shape.order]
    else:
        text = record.measure_value if record.measure_value is not None else common.measure_value
        if text is None:
            raise ValueError("The record has no measure value.")
        shape = single_measure_shape(names, kind)
        texts = [text]
    size = shape.fixed_bytes + sum(len(texts[place].encode()) for place in shape.texts)
    if size > RECORD_BYTES_MAX:
        raise ValueError(
            f"The record has {size} bytes, the maximum record size is {RECORD_BYTES_MAX} bytes."
        )
    measured = parse_values(shape.kinds, shape.doubles, texts, unit)
    return Point(
        index,
        series_of(measure_name, dimensions),
        time_ns,
        _version(record, common),
        shape.digest_of(measured),
        measure_name,
        shape,
        (*(value for _, value in dimensions), *measured),
    )


def _dimensions(record: Record, common: Record) -> tuple[tuple[str, str], ...]:
    """Names and values, sorted by name."""
    both = [*common.dimensions, *record.dimensions]
    pairs = tuple(sorted((item.name, item.value) for item in both))
    _check_dimensions(pairs)
    return pairs


@lru_cache(maxsize=16_384)
def _check_dimensions(pairs: tuple[tuple[str, str], ...]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise _invalid("The names of the dimensions of a record must be unique.")
    if any(not value for _, value in pairs):
        raise ValueError("A dimension must have a value.")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in pairs)
    if size > DIMENSION_BYTES_MAX:
        raise ValueError(
            f"Names and values of the dimensions have {size} bytes, {DIMENSION_BYTES_MAX} are "
            "the maximum."
        )


@lru_cache(maxsize=16_384)
def series_of(measure_name: str, dimensions: tuple[tuple[str, str], ...]) -> int:
    """A signed 64-bit hash that tells one time series from another."""
    packed = msgspec.msgpack.encode([measure_name, dimensions])
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "big", signed=True)


def _checked_time(time_ns: int, times: Window) -> int:
    if times.oldest <= time_ns < times.end:
        return time_ns
    raise ValueError(
        f"The record timestamp is outside the time range [{_utc(times.oldest)}, "
        f"{_utc(times.end)}) of the {'memory' if times.oldest == times.memory else 'data'} "
        "store."
    )


def _invalid(message: str) -> TimestreamError:
    return TimestreamError("ValidationException", message)


def _utc(time_ns: int) -> str:
    moment = dt.datetime.fromtimestamp(time_ns / 1e9, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
