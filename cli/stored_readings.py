"""Readings as Timestream has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from aws.timestream_query import Column, TimestreamReader
from sinks.row_json import from_iso_time
from tepwatch.errors import BaselineError
from tepwatch.records import NANOSECONDS_PER_MILLISECOND, Origin, Reading
from tepwatch.tags import TAG_IDS, XMEAS_IDS

_TIME: Final = "time"
_TYPES: Final = {
    _TIME: ("TIMESTAMP",),
    "seq": ("BIGINT", "INTEGER"),
    **dict.fromkeys(("process_hours", *TAG_IDS), ("DOUBLE", "BIGINT", "INTEGER")),
}
"""Types of columns; of all others anything is taken."""

_NOWHERE: Final = Origin("", "0", 0, 0)


def stored_readings(reader: TimestreamReader, statement: str) -> list[Reading]:
    """What a statement finds, in the order of time.

    Columns: `time`, and one or more variables by tag id; `plant`, `run`, `seq` and `process_hours`
    where they are there. Others are not looked at. Rows without any value are left out.

    Raises:
        BaselineError: columns are missing or of another type, or there are no rows.
        ServiceError: Timestream's error; UnreachableError where it does not answer.
    """
    result = reader.query(statement)
    _check(result.columns)
    names = [column.name for column in result.columns]
    found = [(row[names.index(_TIME)], dict(zip(names, row, strict=True))) for row in result.rows]
    if any(time is None for time, _ in found):
        raise BaselineError("--query: a row has no time")
    # Digits below a millisecond tell readings apart, and are no longer there afterwards.
    found.sort(key=lambda each: str(each[0]))
    readings = [_reading(from_iso_time(time), row) for time, row in found]
    readings = [each for each in readings if any(v is not None for v in each.xmeas + each.xmv)]
    if not readings:
        raise BaselineError(f"--query: no value of a variable is found, in {len(found)} rows")
    return readings


def _check(columns: Sequence[Column]) -> None:
    names = [column.name for column in columns]
    missing = [] if _TIME in names else [_TIME]
    if not set(names).intersection(TAG_IDS):
        missing.append("one of a variable (xmeas_1, ...)")
    if missing:
        raise BaselineError(
            f"--query: columns are {', '.join(names)}; missing: {' and '.join(missing)}"
        )
    for name, kind in columns:
        if name in _TYPES and kind not in _TYPES[name]:
            raise BaselineError(
                f"--query: column {name} is {kind}, not {' or '.join(_TYPES[name])}"
            )


def _reading(time_ns: int, row: dict[str, Any]) -> Reading:
    values = tuple(_number(row.get(tag)) for tag in TAG_IDS)
    return Reading(
        str(row.get("plant") or ""),
        str(row.get("run") or ""),
        row.get("seq"),
        time_ns // NANOSECONDS_PER_MILLISECOND,
        _number(row.get("process_hours")),
        values[: len(XMEAS_IDS)],
        values[len(XMEAS_IDS) :],
        None,
        _NOWHERE,
    )


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
