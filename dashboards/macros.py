"""What Grafana and its data sources make of a query before it is sent.

Two steps, as there: the variables, which Grafana replaces in the browser, then the macros of the
data source. Written after Grafana 13 (formats of variables, rounding of intervals), its Timestream
data source 2.13.0 (`pkg/timestream/macros.go`, `src/DataSource.ts`) and its InfluxDB data source
13.1 (`pkg/influxdb/models/query.go`, `src/datasource.ts`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

Chosen = Mapping[str, str | Sequence[str]]
"""Values of variables by name; several where the variable takes several."""


class TimeRange(NamedTuple):
    """From when to when, in milliseconds since the epoch."""

    start_ms: int
    end_ms: int


class Target(NamedTuple):
    """What Timestream's `$__database`, `$__table` and `$__measure` stand for."""

    database: str
    table: str = ""
    measure: str = ""


def timestream(
    text: str,
    *,
    times: TimeRange,
    interval_ms: int,
    target: Target,
    chosen: Chosen,
    now_ms: int,
) -> str:
    r"""A query in Timestream's SQL as it is sent.

    >>> timestream(
    ...     "SELECT bin(time, $__interval) FROM $__database.$__table WHERE $__timeFilter "
    ...     "AND plant IN ($plant)",
    ...     times=TimeRange(1000, 2000), interval_ms=60_000, target=Target('"d"', '"t"'),
    ...     chosen={"plant": ["a", "it's"]}, now_ms=3000,
    ... )
    ... # doctest: +NORMALIZE_WHITESPACE
    'SELECT bin(time, 60000ms) FROM "d"."t" WHERE time BETWEEN from_milliseconds(1000) AND
    from_milliseconds(2000) AND plant IN (\'a\',\'it\'\'s\')'
    """
    start, end = times
    macros = {
        "$__timeFilter": f"time BETWEEN from_milliseconds({start}) AND from_milliseconds({end})",
        "$__timeFrom": str(start),
        "$__timeTo": str(end),
        "$__interval": f"{interval_ms}ms",
        "$__interval_ms": f"{interval_ms}ms",
        "$__interval_raw_ms": str(interval_ms),
        "$__now_ms": str(now_ms),
        "$__database": target.database,
        "$__table": target.table,
        "$__measure": target.measure,
    }
    # The longest first: one is the beginning of another.
    longest_first = dict(sorted(macros.items(), key=lambda macro: -len(macro[0])))
    return _replaced(_with_variables(text, chosen, _quoted), longest_first)


def influxql(text: str, *, times: TimeRange, interval_ms: int, chosen: Chosen) -> str:
    r"""A query in InfluxQL as it is sent.

    >>> influxql(
    ...     'SELECT mean("x") FROM "t" WHERE $timeFilter AND "plant" =~ /^$plant$/ '
    ...     'GROUP BY time($__interval)',
    ...     times=TimeRange(1000, 2000), interval_ms=60_000, chosen={"plant": ["a", "b/c"]},
    ... )
    ... # doctest: +NORMALIZE_WHITESPACE
    'SELECT mean("x") FROM "t" WHERE time >= 1000ms and time <= 2000ms AND
    "plant" =~ /^(a|b\\/c)$/ GROUP BY time(1m)'
    """
    length = _duration(interval_ms)
    macros = {
        "$timeFilter": f"time >= {times.start_ms}ms and time <= {times.end_ms}ms",
        "$interval": length,
        "$__interval_ms": str(interval_ms),
        "$__interval": length,
    }
    return _replaced(_with_variables(text, chosen, _alternatives), macros)


def _replaced(text: str, macros: Mapping[str, str]) -> str:
    for macro, value in macros.items():
        text = text.replace(macro, value)
    return text


# $name, [[name:format]] and ${name:format}.
_VARIABLE: Final = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::(\w+))?\}")
_REGEX_CHARACTERS: Final = re.compile(r"[\\^$*+?.()|\[\]{}/]")

_Value = str | Sequence[str]


def _with_variables(text: str, chosen: Chosen, plain: Callable[[_Value], str]) -> str:
    """The text with what was chosen; `plain` is how a data source writes it by itself."""

    def written(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[4]
        style = found[3] or found[5]
        if name not in chosen:
            return found[0]
        return (_FORMATS[style] if style else plain)(chosen[name])

    return _VARIABLE.sub(written, text)


def _many(value: _Value) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _sql_strings(value: _Value) -> str:
    escaped = (each.replace("'", "''").replace('"', '\\"') for each in _many(value))
    return ",".join(f"'{each}'" for each in escaped)


def _alternatives(value: _Value) -> str:
    escaped = [_REGEX_CHARACTERS.sub(r"\\\g<0>", each) for each in _many(value)]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


_FORMATS: Final[Mapping[str, Callable[[_Value], str]]] = {
    "sqlstring": _sql_strings,
    "regex": _alternatives,
}
"""Those of Grafana's formats that our queries name."""


def _quoted(value: _Value) -> str:
    """Timestream's data source: one value as it is, several in quotes."""
    if isinstance(value, str):
        return value
    return ",".join("'" + each.replace("'", "''") + "'" for each in value)


# Grafana's units of an interval, in milliseconds, and their names in InfluxQL.
_UNITS: Final = (
    (31_536_000_000, "y"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"),
)  # fmt: skip


def _duration(interval_ms: int) -> str:
    """An interval as Grafana writes it: in whole units of the largest that fits."""
    for size, name in _UNITS:
        if interval_ms >= size:
            return f"{interval_ms // size}{name}"
    return f"{interval_ms}ms"


_LIMITS_MS: Final = (
    10, 15, 35, 75, 150, 350, 750, 1500, 3500, 7500, 12_500, 17_500, 25_000, 45_000, 90_000,
    210_000, 450_000, 750_000, 1_050_000, 1_500_000, 2_700_000, 5_400_000, 9_000_000, 16_200_000,
    32_400_000, 86_400_000, 604_800_000, 1_814_400_000, 3_628_800_000,
)  # fmt: skip
_ROUND_MS: Final = (
    1, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000, 60_000,
    120_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000,
    21_600_000, 43_200_000, 86_400_000, 604_800_000, 2_592_000_000, 31_536_000_000,
)  # fmt: skip


def interval_of(times: TimeRange, points: int) -> int:
    """The interval, in milliseconds, that Grafana chooses for so many points: a round one.

    >>> interval_of(TimeRange(0, 6 * 3_600_000), 700)
    30000
    """
    return _ROUND_MS[bisect_right(_LIMITS_MS, (times.end_ms - times.start_ms) / points)]
