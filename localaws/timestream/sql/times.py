"""Functions of times, dates and intervals, exact to the nanosecond.

DuckDB's own functions of TIMESTAMP_NS fall back to microseconds, some of them rounding, so that
all of it is arithmetic of nanoseconds here; only calendars (months, weeks) are left to DATE.
"""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql import formats, moments
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.casts import accepts, at_midnight, coerce, timestamp_text
from localaws.timestream.sql.moments import DAY, SECOND
from localaws.timestream.sql.operators import months_added
from localaws.timestream.sql.overloads import Overload, Overloads, unexpected
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import (
    Typed,
    constant,
    date_of,
    failing,
    floor_to,
    midnight,
    nanoseconds,
    quote,
    remainder,
)
from localaws.timestream.sql.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTERVAL,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    Type,
)

_UNITS: Final = {
    "nanosecond": 1,
    "microsecond": 1_000,
    "millisecond": 1_000_000,
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": DAY,
    "week": 7 * DAY,
}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}

_OF_DAY: Final = {
    "hour": (3600 * SECOND, 24),
    "minute": (60 * SECOND, 60),
    "second": (SECOND, 60),
    "millisecond": (1_000_000, 1000),
}
_OF_DATE: Final = {
    "day": "day",
    "day_of_month": "day",
    "day_of_week": "isodow",
    "dow": "isodow",
    "day_of_year": "dayofyear",
    "doy": "dayofyear",
    "month": "month",
    "quarter": "quarter",
    "week": "week",
    "week_of_year": "week",
    "year": "year",
    "year_of_week": "isoyear",
    "yow": "isoyear",
}
FIELDS: Final = frozenset((*_OF_DAY, *_OF_DATE, "nanosecond"))
"""What extract() takes, each also a function of its own."""

# `ns * 1e-9` gives 1.6554878837710001E9 of AWS's documentation, the division by 1e9 does too.
TIME_FUNCTIONS: Final[Overloads] = {
    "from_milliseconds": (Overload((BIGINT,), TIMESTAMP, "make_timestamp_ns({0} * 1000000)"),),
    "from_nanoseconds": (Overload((BIGINT,), TIMESTAMP, "make_timestamp_ns({0})"),),
    "to_milliseconds": (
        Overload((TIMESTAMP,), BIGINT, f"{floor_to(nanoseconds('{0}'), 1_000_000)} // 1000000"),
        Overload((INTERVAL,), BIGINT, "{0} // 1000000"),
    ),
    "to_nanoseconds": (
        Overload((TIMESTAMP,), BIGINT, nanoseconds("{0}")),
        Overload((INTERVAL,), BIGINT, "{0}"),
    ),
    "to_unixtime": (
        Overload((TIMESTAMP,), DOUBLE, f"{nanoseconds('{0}')} / CAST('1e9' AS DOUBLE)", True),
    ),
    "to_iso8601": (
        Overload((DATE,), VARCHAR, "CAST({0} AS VARCHAR)"),
        Overload((TIMESTAMP,), VARCHAR, f"{timestamp_text('{0}', 'T')} || 'Z'"),
    ),
    "date": (
        Overload((DATE,), DATE, "{0}"),
        Overload((TIMESTAMP,), DATE, date_of("{0}")),
    ),
    "last_day_of_month": (
        Overload((DATE,), DATE, "last_day({0})"),
        Overload((TIMESTAMP,), DATE, f"last_day({date_of('{0}')})"),
    ),
    "current_timezone": (Overload((), VARCHAR, "'UTC'"),),
}
"""Those that a template says completely."""


def current(name: str, now: int, place: Place) -> Typed:
    """Translate NOW() and its like; one statement has one now."""
    match name:
        case "current_date":
            return constant(s.Literal(place, moments.show_timestamp(now)[:10], DATE))
        case "current_time" | "localtime":
            return constant(s.Literal(place, now % DAY, TIME))
        case _:
            return constant(s.Literal(place, now, TIMESTAMP))


def ago(arguments: list[Typed], now: int, place: Place) -> Typed:
    """Translate AGO(interval)."""
    match arguments:
        case [interval] if interval.kind is INTERVAL:
            if interval.literal is not None and isinstance(interval.literal.value, int):
                return constant(s.Literal(place, now - interval.literal.value, TIMESTAMP))
            return Typed(f"make_timestamp_ns({now} - {interval.sql})", TIMESTAMP)
        case _:
            raise unexpected("ago", arguments, place)


def bin_(arguments: list[Typed], place: Place) -> Typed:
    """Translate BIN(time, interval): down to a multiple of the interval since 1970."""
    match arguments:
        case [time, interval] if accepts(TIMESTAMP, time) and interval.kind is INTERVAL:
            at = nanoseconds(coerce(time, TIMESTAMP).sql)
            literal = interval.literal
            if literal is not None and isinstance(literal.value, int):
                if literal.value <= 0:
                    raise invalid(place, "bin: the interval must be positive")
                return Typed(f"make_timestamp_ns({floor_to(at, literal.value)})", TIMESTAMP)
            refused = failing(BIGINT, "bin: the interval must be positive")
            width = f"(CASE WHEN {interval.sql} <= 0 THEN {refused} ELSE {interval.sql} END)"
            return Typed(f"make_timestamp_ns({floor_to(at, width)})", TIMESTAMP)
        case _:
            raise unexpected("bin", arguments, place)


def date_trunc(arguments: list[Typed], place: Place) -> Typed:
    """Translate DATE_TRUNC(unit, time or date)."""
    unit, moment = _unit_and("date_trunc", arguments, place)
    if unit in _MONTHS or unit == "week":
        date = moment.sql if moment.kind is DATE else date_of(moment.sql)
        start = f"CAST(date_trunc('{unit}', {date}) AS DATE)"
        return Typed(start, DATE) if moment.kind is DATE else Typed(at_midnight(start), TIMESTAMP)
    if moment.kind is DATE:
        if unit == "day":
            return moment
        raise invalid(place, f"'{unit}' is not a valid DATE field")
    return Typed(f"make_timestamp_ns({floor_to(nanoseconds(moment.sql), _UNITS[unit])})", TIMESTAMP)


def date_add(arguments: list[Typed], place: Place) -> Typed:
    """Translate DATE_ADD(unit, count, time or date)."""
    if len(arguments) != 3 or arguments[1].kind not in WHOLE:  # noqa: PLR2004
        raise unexpected("date_add", arguments, place)
    count = f"CAST({arguments[1].sql} AS BIGINT)"
    unit, moment = _unit_and("date_add", [arguments[0], arguments[2]], place)
    if unit in _MONTHS:
        return months_added(moment, f"({count} * {_MONTHS[unit]})")
    if moment.kind is DATE:
        if _UNITS[unit] < DAY:
            raise invalid(place, f"'{unit}' is not a valid DATE field")
        return Typed(f"({moment.sql} + CAST({count} * {_UNITS[unit] // DAY} AS INTEGER))", DATE)
    return Typed(
        f"make_timestamp_ns({nanoseconds(moment.sql)} + {count} * {_UNITS[unit]})", TIMESTAMP
    )


def date_diff(arguments: list[Typed], place: Place) -> Typed:
    """Translate DATE_DIFF(unit, from, to): the whole units elapsed, negative if `to` is earlier."""
    if len(arguments) != 3:  # noqa: PLR2004
        raise unexpected("date_diff", arguments, place)
    unit, start = _unit_and("date_diff", arguments[:2], place)
    _, end = _unit_and("date_diff", [arguments[0], arguments[2]], place)
    if DATE in (start.kind, end.kind) and _UNITS.get(unit, DAY) < DAY and start.kind == end.kind:
        raise invalid(place, f"'{unit}' is not a valid DATE field")
    if start.kind != end.kind:
        start, end = (coerce(each, TIMESTAMP) for each in (start, end))
    if unit not in _MONTHS:
        return Typed(f"(({_instant(end)} - {_instant(start)}) // {_UNITS[unit]})", BIGINT)
    return Typed(f"({_months_between(start, end)} // {_MONTHS[unit]})", BIGINT)


def _instant(moment: Typed) -> str:
    return midnight(moment.sql) if moment.kind is DATE else nanoseconds(moment.sql)


def _months_between(start: Typed, end: Typed) -> str:
    """Count the months that can be added without going past the end."""
    dates = [each.sql if each.kind is DATE else date_of(each.sql) for each in (start, end)]
    months = [f"(year({date}) * 12 + month({date}))" for date in dates]
    apart = f"({months[1]} - {months[0]})"
    reached = _instant(months_added(start, apart))
    from_, to = _instant(start), _instant(end)
    return (
        f"({apart} - CASE WHEN {from_} <= {to} AND {reached} > {to} THEN 1 "
        f"WHEN {from_} > {to} AND {reached} < {to} THEN -1 ELSE 0 END)"
    )


def extract(field: str, moment: Typed, place: Place) -> Typed:
    """Translate EXTRACT(field FROM moment) and the function that has the name of the field."""
    if accepts(TIMESTAMP, moment) and moment.kind is not DATE:
        moment = coerce(moment, TIMESTAMP)
    if field in _OF_DATE and moment.kind in (TIMESTAMP, DATE):
        date = moment.sql if moment.kind is DATE else date_of(moment.sql)
        return Typed(f"{_OF_DATE[field]}({date})", BIGINT)
    if moment.kind in (TIMESTAMP, TIME):
        at = nanoseconds(moment.sql) if moment.kind is TIMESTAMP else moment.sql
        if field == "nanosecond":
            return Typed(remainder(at, SECOND), BIGINT)
        if field in _OF_DAY:
            unit, count = _OF_DAY[field]
            return Typed(f"({remainder(at, unit * count)} // {unit})", BIGINT)
    raise unexpected(field, [moment], place)


def formatted(name: str, arguments: list[Typed], place: Place) -> Typed:
    """Translate date_format and format_datetime; the format is a literal."""
    if len(arguments) != 2 or not accepts(TIMESTAMP, arguments[0]):  # noqa: PLR2004
        raise unexpected(name, arguments, place)
    text = _literal_text(name, arguments[1], place)
    template = (formats.from_mysql if name == "date_format" else formats.from_joda)(text, place)
    at = nanoseconds(coerce(arguments[0], TIMESTAMP).sql)
    # strftime of TIMESTAMP_NS is not to be trusted (DuckDB 2.0.0): whole microseconds instead.
    return Typed(
        f"strftime(make_timestamp({floor_to(at, 1000)} // 1000), {quote(template)})", VARCHAR
    )


def parsed(name: str, arguments: list[Typed], place: Place) -> Typed:
    """Translate from_iso8601_timestamp, from_iso8601_date and parse_duration of a literal."""
    if len(arguments) != 1 or arguments[0].kind is not VARCHAR:
        raise unexpected(name, arguments, place)
    text = _literal_text(name, arguments[0], place)
    value: int | str | None
    kind: Type
    match name:
        case "from_iso8601_timestamp":
            value, kind = moments.parse_iso(text), TIMESTAMP
        case "from_iso8601_date":
            value, kind = moments.parse_date(text), DATE
        case _:
            value, kind = moments.parse_duration(text), INTERVAL
    if value is None:
        raise invalid(place, f'{name}: Invalid format: "{text}"')
    return constant(s.Literal(place, value, kind))


def _literal_text(name: str, argument: Typed, place: Place) -> str:
    literal = argument.literal
    if literal is None or not isinstance(literal.value, str):
        raise invalid(place, f"{name} of a text that is no literal is not supported")
    return literal.value


def _unit_and(name: str, arguments: list[Typed], place: Place) -> tuple[str, Typed]:
    match arguments:
        case [unit, moment] if unit.kind is VARCHAR and (
            moment.kind in (DATE, UNKNOWN) or accepts(TIMESTAMP, moment)
        ):
            text = _literal_text(name, unit, place).lower()
            if text not in _UNITS and text not in _MONTHS:
                raise invalid(place, f"'{text}' is not a valid Timestamp field")
            return text, moment if moment.kind is DATE else coerce(moment, TIMESTAMP)
        case _:
            raise unexpected(name, arguments, place)
