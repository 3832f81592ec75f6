"""Texts of times, dates and durations to nanoseconds and back, exact to the nanosecond."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import Final

from localaws.timestream.sql.tokens import NANOSECONDS

SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * SECOND
_MINUTE: Final = 60 * SECOND
NANOSECONDS_MAX: Final = 2**63 - 1

_DATE: Final = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_TIME: Final = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
_TIMESTAMP: Final = re.compile(rf"{_DATE}(?: {_TIME})?")
_ISO: Final = re.compile(rf"{_DATE}(?:T{_TIME}(Z|[+-]\d{{2}}:?\d{{2}})?)?")
_CLOCK: Final = re.compile(_TIME)
_DURATION: Final = re.compile(r"(\d+)(?:\.(\d+))?\s*(ns|us|ms|s|m|h|d)")


def parse_timestamp(text: str) -> int | None:
    """Read `2026-11-22 22:00:00.123000042` or a part of it; None if it is no time.

    >>> parse_timestamp("1970-01-02 00:00:00.000000001")
    86400000000001
    """
    found = _TIMESTAMP.fullmatch(text)
    return None if found is None else _nanoseconds(found.groups())


def parse_iso(text: str) -> int | None:
    """Read an ISO 8601 time; without a zone it is UTC.

    >>> parse_iso("1970-01-01T05:00:01+05:00")
    1000000000
    """
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    *fields, zone = found.groups()
    moment = _nanoseconds(fields)
    if moment is None or zone is None or zone == "Z":
        return moment
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return moment - (minutes if zone[0] == "+" else -minutes) * 60 * SECOND


def parse_date(text: str) -> str | None:
    """Check `2026-11-22`; None if it is no date."""
    try:
        return (
            datetime.date.fromisoformat(text).isoformat()
            if len(text) == len("2026-11-22")
            else None
        )
    except ValueError:
        return None


def parse_clock(text: str) -> int | None:
    """Read a time of day to nanoseconds; None if it is none.

    >>> parse_clock("01:00:00.5")
    3600500000000
    """
    found = _CLOCK.fullmatch(text)
    return None if found is None else _of_day(found.groups())


def parse_duration(text: str) -> int | None:
    """Read `42.8ms` to nanoseconds, parts of one dropped; None if it is no duration.

    >>> parse_duration("42.8ms")
    42800000
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    whole, part, unit = found.groups()
    digits = part or ""
    total: int = int(whole + digits) * NANOSECONDS[unit] // 10 ** len(digits)
    return total


def show_timestamp(nanoseconds: int) -> str:
    """Write a time as Timestream does, nine digits.

    >>> show_timestamp(1795384800123000042)
    '2026-11-22 22:00:00.123000042'
    """
    minutes, of_minute = divmod(nanoseconds, _MINUTE)
    seconds, rest = divmod(of_minute, SECOND)
    return f"{_minute_text(minutes)}{seconds:02d}.{rest:09d}"


@lru_cache(maxsize=4096)
def _minute_text(minutes: int) -> str:
    # Answers hold thousands of times and few minutes.
    return f"{_EPOCH + datetime.timedelta(minutes=minutes):%Y-%m-%d %H:%M:}"


def show_clock(nanoseconds: int) -> str:
    """Write a time of day.

    >>> show_clock(3600500000000)
    '01:00:00.500000000'
    """
    seconds, rest = divmod(nanoseconds, SECOND)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:09d}"


def show_interval(nanoseconds: int) -> str:
    """Write an interval.

    >>> show_interval(900_000_000_000), show_interval(-DAY - 1)
    ('0 00:15:00.000000000', '-1 00:00:00.000000001')
    """
    days, rest = divmod(abs(nanoseconds), DAY)
    return f"{'-' if nanoseconds < 0 else ''}{days} {show_clock(rest)}"


def show_months(months: int) -> str:
    """Write an interval of months.

    >>> show_months(31)
    '2-7'
    """
    return f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12}"


_EPOCH: Final = datetime.datetime(1970, 1, 1)


def _nanoseconds(fields: list[str | None] | tuple[str | None, ...]) -> int | None:
    year, month, day = (int(part or 0) for part in fields[:3])
    of_day = _of_day(fields[3:]) if fields[3] is not None else 0
    try:
        days = (datetime.date(year, month, day) - _EPOCH.date()).days
    except ValueError:
        return None
    total = None if of_day is None else days * DAY + of_day
    return total if total is not None and abs(total) <= NANOSECONDS_MAX else None


def _of_day(fields: list[str | None] | tuple[str | None, ...]) -> int | None:
    hour, minute, second = (int(part or 0) for part in fields[:3])
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - a clock's
        return None
    return (hour * 3600 + minute * 60 + second) * SECOND + int((fields[3] or "").ljust(9, "0"))
