"""The scalar functions by name; what is not here is not registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from localaws.timestream.sql import arrays, numbers, series, texts, times
from localaws.timestream.sql.casts import all_together, together
from localaws.timestream.sql.operators import compared
from localaws.timestream.sql.overloads import Overload, unexpected
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed, any_null, failing, quote
from localaws.timestream.sql.types import DOUBLE, VARCHAR, ArrayType, RowType, SeriesType, shown

_Special = Callable[[list[Typed], Place], Typed]

_TEMPLATES: Final[Mapping[str, Sequence[Overload]]] = {
    **numbers.NUMBER_FUNCTIONS,
    **texts.TEXT_FUNCTIONS,
    **times.TIME_FUNCTIONS,
}


def template_of(name: str) -> Sequence[Overload] | None:
    """Find a function that is given by templates."""
    return _TEMPLATES.get(name)


def special_of(name: str) -> _Special | None:
    """Find a function that has code of its own."""
    return _SPECIAL.get(name)


def _coalesce(arguments: list[Typed], place: Place) -> Typed:
    same = all_together(arguments)
    if not arguments or same is None:
        raise invalid(place, "All COALESCE operands must be the same type")
    clean = all(each.never_nan for each in same)
    sql = ", ".join(each.sql for each in same)
    return Typed(f"coalesce({sql})", same[0].kind, never_nan=clean)


def _nullif(arguments: list[Typed], place: Place) -> Typed:
    if len(arguments) != 2:  # noqa: PLR2004
        raise unexpected("nullif", arguments, place)
    first, second = arguments
    equal = compared("=", first, second, place)
    return Typed(
        f"CASE WHEN {equal.sql} THEN NULL ELSE {first.sql} END",
        first.kind,
        never_nan=first.never_nan,
    )


def _extreme(name: str, arguments: list[Typed], place: Place) -> Typed:
    """Translate greatest and least: NULL if an argument is, which DuckDB's leave out."""
    same = all_together(arguments)
    if not arguments or same is None:
        raise unexpected(name, arguments, place)
    if isinstance(same[0].kind, ArrayType | RowType | SeriesType):
        raise unexpected(name, arguments, place)
    sql = [each.sql for each in same]
    # Presto fails on NaN; DuckDB would take it for the largest.
    nan = " OR ".join(f"isnan({each.sql})" for each in same if each.maybe_nan)
    refused = f"WHEN {nan} THEN {failing(DOUBLE, f'Invalid argument to {name}(): NaN')} "
    return Typed(
        f"CASE WHEN {any_null(sql)} THEN NULL {refused if nan else ''}"
        f"ELSE {name}({', '.join(sql)}) END",
        same[0].kind,
        never_nan=True,
    )


def _concat(arguments: list[Typed], place: Place) -> Typed:
    same = all_together(arguments)
    if len(arguments) < 2 or same is None:  # noqa: PLR2004
        raise unexpected("concat", arguments, place)
    kind = same[0].kind
    if kind is not VARCHAR and not isinstance(kind, ArrayType):
        raise unexpected("concat", arguments, place)
    return Typed("(" + " || ".join(each.sql for each in same) + ")", kind)


def _typeof(arguments: list[Typed], place: Place) -> Typed:
    if len(arguments) != 1:
        raise unexpected("typeof", arguments, place)
    return Typed(quote(shown(arguments[0].kind)), VARCHAR)


def _log(arguments: list[Typed], place: Place) -> Typed:
    pair = together(*arguments) if len(arguments) == 2 else None  # noqa: PLR2004 - base, number
    if pair is None:
        raise unexpected("log", arguments, place)
    base, number = (f"ln(CAST({each.sql} AS DOUBLE))" for each in arguments)
    return Typed(f"({number} / {base})", DOUBLE)


def _field(name: str, arguments: list[Typed], place: Place) -> Typed:
    if len(arguments) != 1:
        raise unexpected(name, arguments, place)
    return times.extract(name, arguments[0], place)


_SPECIAL: Final[Mapping[str, _Special]] = {
    "array_join": arrays.array_join,
    "array_max": partial(arrays.extreme, "array_max"),
    "array_min": partial(arrays.extreme, "array_min"),
    "array_sort": arrays.array_sort,
    "bin": times.bin_,
    "cardinality": arrays.cardinality,
    "coalesce": _coalesce,
    "concat": _concat,
    "contains": arrays.contains,
    "date_add": times.date_add,
    "date_diff": times.date_diff,
    "date_format": partial(times.formatted, "date_format"),
    "date_trunc": times.date_trunc,
    "element_at": arrays.element_at,
    "format_datetime": partial(times.formatted, "format_datetime"),
    "from_iso8601_date": partial(times.parsed, "from_iso8601_date"),
    "from_iso8601_timestamp": partial(times.parsed, "from_iso8601_timestamp"),
    "greatest": partial(_extreme, "greatest"),
    "integral_trapezoid": series.integral_trapezoid,
    "least": partial(_extreme, "least"),
    "log": _log,
    "mod": numbers.mod,
    "nullif": _nullif,
    "parse_duration": partial(times.parsed, "parse_duration"),
    "regexp_extract": texts.regexp_extract,
    "regexp_like": texts.regexp_like,
    "regexp_replace": texts.regexp_replace,
    "reverse": arrays.reverse,
    "round": numbers.round_,
    "sequence": arrays.sequence,
    "typeof": _typeof,
    **{name: partial(series.interpolate, name) for name in series.METHODS},
    **{name: partial(_field, name) for name in times.FIELDS},
}
