"""Aggregate and window functions: their forms, and how DuckDB computes the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.casts import accepts, coerce
from localaws.timestream.sql.overloads import unexpected
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed, failing
from localaws.timestream.sql.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    INTERVAL,
    MONTHS,
    TIMESTAMP,
    WHOLE,
    ArrayType,
    RowType,
    SeriesType,
    Type,
)


class Form(NamedTuple):
    """One aggregate in DuckDB.

    `inner` is its name, `arguments` what it takes; `outer` says what is made of its result, which
    stands at {0}.
    """

    inner: str
    arguments: tuple[str, ...]
    kind: Type
    outer: str = "{0}"
    order: str = ""
    never_nan: bool = False


class _Simple(NamedTuple):
    """An aggregate of fixed parameters."""

    parameters: tuple[Type, ...]
    result: Type
    inner: str
    outer: str = "{0}"


_AS_BIGINT: Final = "CAST({0} AS BIGINT)"
_IF_FINITE: Final = "CASE WHEN isfinite({0}) THEN {0} END"

_SIMPLE: Final[Mapping[str, Sequence[_Simple]]] = {
    "avg": (_Simple((DOUBLE,), DOUBLE, "avg"),),
    "bool_and": (_Simple((BOOLEAN,), BOOLEAN, "bool_and"),),
    "bool_or": (_Simple((BOOLEAN,), BOOLEAN, "bool_or"),),
    "corr": (_Simple((DOUBLE, DOUBLE), DOUBLE, "corr", _IF_FINITE),),
    "count_if": (_Simple((BOOLEAN,), BIGINT, "count_if", _AS_BIGINT),),
    "covar_pop": (_Simple((DOUBLE, DOUBLE), DOUBLE, "covar_pop"),),
    "covar_samp": (_Simple((DOUBLE, DOUBLE), DOUBLE, "covar_samp"),),
    "every": (_Simple((BOOLEAN,), BOOLEAN, "bool_and"),),
    "regr_intercept": (_Simple((DOUBLE, DOUBLE), DOUBLE, "regr_intercept", _IF_FINITE),),
    "regr_slope": (_Simple((DOUBLE, DOUBLE), DOUBLE, "regr_slope", _IF_FINITE),),
    "stddev": (_Simple((DOUBLE,), DOUBLE, "stddev_samp"),),
    "stddev_pop": (_Simple((DOUBLE,), DOUBLE, "stddev_pop"),),
    "stddev_samp": (_Simple((DOUBLE,), DOUBLE, "stddev_samp"),),
    "sum": (
        _Simple((BIGINT,), BIGINT, "sum", _AS_BIGINT),
        _Simple((DOUBLE,), DOUBLE, "sum"),
        _Simple((INTERVAL,), INTERVAL, "sum", _AS_BIGINT),
        _Simple((MONTHS,), MONTHS, "sum", _AS_BIGINT),
    ),
    "var_pop": (_Simple((DOUBLE,), DOUBLE, "var_pop"),),
    "var_samp": (_Simple((DOUBLE,), DOUBLE, "var_samp"),),
    "variance": (_Simple((DOUBLE,), DOUBLE, "var_samp"),),
}
_OTHERS: Final = frozenset(
    (
        "any_value",
        "approx_distinct",
        "approx_percentile",
        "arbitrary",
        "array_agg",
        "count",
        "create_time_series",
        "max",
        "max_by",
        "min",
        "min_by",
    )
)
AGGREGATES: Final = frozenset((*_SIMPLE, *_OTHERS))
"""Names of the aggregates; each may be a window function too."""

_RANKING: Final[Mapping[str, Type]] = {
    "row_number": BIGINT,
    "rank": BIGINT,
    "dense_rank": BIGINT,
    "percent_rank": DOUBLE,
    "cume_dist": DOUBLE,
}
VALUES: Final = frozenset(("first_value", "last_value", "nth_value", "lag", "lead"))
"""Window functions of a row's value, which may IGNORE NULLS."""

WINDOWS: Final = frozenset((*_RANKING, *VALUES, "ntile"))
"""Names of the functions that need OVER."""


def aggregate(call: s.Call, arguments: list[Typed]) -> Form:
    """Choose the form of an aggregate.

    Raises:
        TimestreamError: it does not take these arguments.
    """
    name, place = call.name, call.place
    for simple in _SIMPLE.get(name, ()):
        if len(simple.parameters) == len(arguments) and all(
            accepts(kind, argument)
            for kind, argument in zip(simple.parameters, arguments, strict=True)
        ):
            coerced = [
                coerce(argument, kind).sql
                for kind, argument in zip(simple.parameters, arguments, strict=True)
            ]
            return Form(simple.inner, tuple(coerced), simple.result, simple.outer)
    match name, arguments:
        case "count", []:
            return Form("count", ("*",), BIGINT)
        case "count", [operand]:
            return Form("count", (operand.sql,), BIGINT)
        case "approx_distinct", [operand]:
            # Exact, which is within the error that the approximation is allowed.
            return Form("count", (f"DISTINCT {operand.sql}",), BIGINT)
        case "min" | "max", [operand] if _orderable(operand.kind):
            return Form(name, (operand.sql,), operand.kind, never_nan=operand.never_nan)
        case "arbitrary" | "any_value", [operand]:
            return Form("any_value", (operand.sql,), operand.kind, never_nan=operand.never_nan)
        case "array_agg", [operand]:
            return Form("list", (operand.sql,), ArrayType(operand.kind))
        case "min_by" | "max_by", [operand, by] if _orderable(by.kind):
            inner = f"arg_{name[:3]}_null"
            return Form(inner, (operand.sql, by.sql), operand.kind, never_nan=operand.never_nan)
        case "approx_percentile", [operand, share]:
            return _percentile(operand, share, arguments, place)
        case "create_time_series", [time, value] if time.kind is TIMESTAMP:
            return _series(time, value, arguments, place)
        case _:
            raise unexpected(name, arguments, place)


def _orderable(kind: Type) -> bool:
    return not isinstance(kind, ArrayType | RowType | SeriesType)


def _percentile(operand: Typed, share: Typed, arguments: list[Typed], place: Place) -> Form:
    """Take the exact percentile, which is within the error the approximation is allowed."""
    if operand.kind not in (*WHOLE, DOUBLE):
        raise unexpected("approx_percentile", arguments, place)
    kind: Type = BIGINT if operand.kind is INTEGER else operand.kind
    literal = share.literal
    value = literal.value if literal is not None else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(
            place, "approx_percentile of a percentile that is no literal is not supported"
        )
    if not 0 <= value <= 1:
        raise invalid(place, "Percentile must be between 0 and 1")
    return Form(
        "quantile_disc",
        (coerce(operand, kind).sql, f"CAST('{float(value)!r}' AS DOUBLE)"),
        kind,
        never_nan=operand.never_nan,
    )


def _series(time: Typed, value: Typed, arguments: list[Typed], place: Place) -> Form:
    if not _orderable(value.kind):
        raise unexpected("create_time_series", arguments, place)
    refused = failing(TIMESTAMP, "CREATE_TIME_SERIES: neither time nor value can be null")
    # The time stands for the check of both, so that the value keeps its plain form.
    checked = (
        f"CASE WHEN {time.sql} IS NULL OR ({value.sql}) IS NULL THEN {refused} ELSE {time.sql} END"
    )
    point = f"{{'f0': {checked}, 'f1': {value.sql}}}"
    return Form("list", (point,), SeriesType(value.kind), order=f" ORDER BY {time.sql}")


def windowed(call: s.Call, arguments: list[Typed]) -> Form:
    """Choose the form of a function that needs OVER.

    Raises:
        TimestreamError: it does not take these arguments.
    """
    name, place = call.name, call.place
    if name in _RANKING and not arguments:
        return Form(name, (), _RANKING[name], never_nan=True)
    match name, arguments:
        case "ntile", [count] if count.kind in WHOLE:
            return Form(name, (_positive(name, count, place),), BIGINT)
        case "first_value" | "last_value", [operand]:
            return Form(name, (operand.sql,), operand.kind, never_nan=operand.never_nan)
        case "nth_value", [operand, count]:
            return Form(
                name,
                (operand.sql, _positive(name, count, place)),
                operand.kind,
                never_nan=operand.never_nan,
            )
        case "lag" | "lead", [operand, *rest] if len(rest) <= 2:  # noqa: PLR2004 - offset, default
            offset = _not_negative(name, rest[0], place) if rest else "1"
            last = _default(name, operand, rest[1:], arguments, place)
            clean = operand.never_nan and all(each.never_nan for each in rest[1:])
            return Form(name, (operand.sql, offset, *last), operand.kind, never_nan=clean)
        case _:
            raise unexpected(name, arguments, place)


def _default(
    name: str, operand: Typed, rest: list[Typed], arguments: list[Typed], place: Place
) -> tuple[str, ...]:
    if not rest:
        return ()
    if not accepts(operand.kind, rest[0]):
        raise unexpected(name, arguments, place)
    return (coerce(rest[0], operand.kind).sql,)


def _positive(name: str, typed: Typed, place: Place) -> str:
    if _not_negative(name, typed, place) == "0":
        raise invalid(place, f"{name}: the number must be at least 1")
    return _not_negative(name, typed, place)


def _not_negative(name: str, typed: Typed, place: Place) -> str:
    literal = typed.literal
    value = literal.value if literal is not None else None
    if isinstance(value, bool) or not isinstance(value, int) or typed.kind not in WHOLE:
        raise invalid(place, f"{name} of a number that is no literal is not supported")
    return str(value)
