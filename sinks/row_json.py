"""Rows as JSON: the table's name first, times in ISO 8601 with nanoseconds, bytes in base64."""

from __future__ import annotations

import datetime as dt
import time
from functools import lru_cache
from typing import Any, Final

import msgspec

from tepwatch.schema import ROW_TYPES, Row

_NANOSECONDS: Final = 1_000_000_000
_encode: Final = msgspec.json.Encoder().encode


def encode_row(row: Row) -> bytes:
    """One JSON object, no newline."""
    # Within a text the quotes would be escaped: what is replaced can only be the column.
    return _encode(row).replace(*_time_fields(row.time), 1)


# The rows made of a reading share its time.
@lru_cache(maxsize=4096)
def _time_fields(time_ns: int) -> tuple[bytes, bytes]:
    """A row's time as msgspec writes it, and as it shall be."""
    return b'"time":%d' % time_ns, b'"time":"%b"' % iso_time(time_ns).encode()


def decode_row(data: bytes) -> Row:
    """The row that `encode_row` wrote.

    Raises:
        msgspec.DecodeError: not such a line.
    """
    values = msgspec.json.decode(data, type=dict[str, Any])
    try:
        row_type: Any = ROW_TYPES[values["table"]]
        values["time"] = from_iso_time(str(values["time"]))
    except (KeyError, ValueError) as error:
        raise msgspec.DecodeError(f"not a row: {error}") from error
    row: Row = msgspec.convert(values, row_type)
    return row


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
