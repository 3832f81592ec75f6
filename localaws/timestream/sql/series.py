"""Timestream's functions of time series: INTERPOLATE_… and INTEGRAL_TRAPEZOID."""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql.casts import accepts, coerce
from localaws.timestream.sql.moments import SECOND
from localaws.timestream.sql.overloads import unexpected
from localaws.timestream.sql.tokens import Place
from localaws.timestream.sql.typed import Typed, nanoseconds
from localaws.timestream.sql.types import (
    BIGINT,
    DOUBLE,
    INTERVAL,
    TIMESTAMP,
    WHOLE,
    ArrayType,
    SeriesType,
)

METHODS: Final = {
    "interpolate_linear": "linear",
    "interpolate_locf": "locf",
    "interpolate_fill": "fill",
    "interpolate_spline_cubic": "spline",
}
"""The functions, and what interpolation.py calls them."""


def interpolate(name: str, arguments: list[Typed], place: Place) -> Typed:
    """Translate INTERPOLATE_…(series, times[, fill]).

    An array of times gives a series, one time a DOUBLE.
    """
    fill = "CAST(NULL AS DOUBLE)"
    if name == "interpolate_fill":
        if len(arguments) != 3 or not accepts(DOUBLE, arguments[2]):  # noqa: PLR2004
            raise unexpected(name, arguments, place)
        fill = coerce(arguments[2], DOUBLE).sql
    elif len(arguments) != 2:  # noqa: PLR2004 - series, times
        raise unexpected(name, arguments, place)
    series, wanted = arguments[:2]
    if series.kind != SeriesType(DOUBLE):
        raise unexpected(name, arguments, place)
    several = wanted.kind == ArrayType(TIMESTAMP)
    if not several and not accepts(TIMESTAMP, wanted):
        raise unexpected(name, arguments, place)
    times = wanted.sql if several else f"[{coerce(wanted, TIMESTAMP).sql}]"
    at = f"list_transform({times}, lambda e: {nanoseconds('e')})"
    found = (
        f"tepwatch_interpolate('{METHODS[name]}', {_times(series.sql)}, {_values(series.sql)}, "
        f"{at}, {fill})"
    )
    if not several:
        return Typed(f"({found})[1]", DOUBLE)
    points = (
        f"list_transform(list_zip({times}, {found}), "
        "lambda e: {'f0': struct_extract(e, 1), 'f1': struct_extract(e, 2)})"
    )
    return Typed(f"CASE WHEN ({series.sql}) IS NOT NULL THEN {points} END", SeriesType(DOUBLE))


def integral_trapezoid(arguments: list[Typed], place: Place) -> Typed:
    """Translate INTEGRAL_TRAPEZOID(series[, interval]); the time counts in intervals of 1s."""
    match arguments:
        case [Typed(kind=SeriesType(value)) as series, *rest] if value in (*WHOLE, DOUBLE) and [
            each.kind for each in rest
        ] in ([], [INTERVAL]):
            unit = rest[0].sql if rest else f"CAST({SECOND} AS {BIGINT})"
            values = f"CAST({_values(series.sql)} AS DOUBLE[])"
            return Typed(f"tepwatch_integrate({_times(series.sql)}, {values}, {unit})", DOUBLE)
        case _:
            raise unexpected("integral_trapezoid", arguments, place)


def _times(series: str) -> str:
    return f"list_transform({series}, lambda e: {nanoseconds('e.f0')})"


def _values(series: str) -> str:
    return f"list_transform({series}, lambda e: e.f1)"
