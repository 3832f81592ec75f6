"""Rows as JSON: times in ISO 8601 with nanoseconds, bytes in base64."""

from __future__ import annotations

import datetime as dt
import time
from functools import lru_cache
from typing import Any, Final

import msgspec

from tepwatch.schema import TABLES, ColumnType, Row, Scalar

_NANOSECONDS: Final = 1_000_000_000
_encoder: Final = msgspec.json.Encoder()
_TIME_COLUMNS: Final = {
    name: tuple(column.name for column in table.columns if column.type is ColumnType.TIME)
    for name, table in TABLES.items()
}


def encode_row(row: Row, *, with_table: bool = False) -> bytes:
    """One JSON object, no newline; `with_table` puts the table's name first."""
    values: dict[str, Any] = {"table": row.table} if with_table else {}
    values.update(row.values)
    for name in _TIME_COLUMNS[row.table]:
        values[name] = iso_time(values[name])
    return _encoder.encode(values)


def decode_row(table: str, data: bytes) -> Row:
    """The row of a line that `encode_row` wrote, without its table's name.

    Raises:
        msgspec.DecodeError: not such a line.
    """
    values: dict[str, Scalar] = msgspec.json.decode(data, type=dict[str, Any])
    for column in TABLES[table].columns:
        if column.type is ColumnType.TIME:
            values[column.name] = from_iso_time(str(values[column.name]))
        elif column.type is ColumnType.BYTES:
            values[column.name] = msgspec.convert(values[column.name], bytes)
    return Row(table, values)


def iso_time(time_ns: int) -> str:
    """Nanoseconds since the epoch as text.

    >>> iso_time(1_764_000_000_123_000_042)
    '2025-11-24T16:00:00.123000042Z'
    """
    seconds, nanoseconds = divmod(time_ns, _NANOSECONDS)
    return f"{_iso_seconds(seconds)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=256)
def _iso_seconds(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def from_iso_time(text: str) -> int:
    """The reverse of `iso_time`.

    >>> from_iso_time("2025-11-24T16:00:00.123000042Z")
    1764000000123000042
    """
    seconds, _, nanoseconds = text.rstrip("Z").partition(".")
    parsed = dt.datetime.fromisoformat(f"{seconds}+00:00")
    return round(parsed.timestamp()) * _NANOSECONDS + int(nanoseconds)
