"""Functions of arrays, and those that take a lambda over an array or a series."""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql.casts import accepts, coerce
from localaws.timestream.sql.overloads import unexpected
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed, any_null, failing, nanoseconds
from localaws.timestream.sql.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTERVAL,
    TIMESTAMP,
    VARCHAR,
    WHOLE,
    ArrayType,
    RowType,
    SeriesType,
    Type,
    in_duckdb,
)

SEQUENCE_LENGTH_MAX: Final = 10_000
"""Presto's bound of what sequence() makes."""


def point_kind(kind: Type) -> Type | None:
    """Find the type of what a lambda gets; None if the type has no elements."""
    match kind:
        case ArrayType(element):
            return element
        case SeriesType(value):
            return RowType((("time", TIMESTAMP), ("value", value)))
        case _:
            return None


def cardinality(arguments: list[Typed], place: Place) -> Typed:
    """Translate CARDINALITY(array)."""
    match arguments:
        case [array] if point_kind(array.kind) is not None:
            return Typed(f"CAST(len({array.sql}) AS BIGINT)", BIGINT)
        case _:
            raise unexpected("cardinality", arguments, place)


def subscript(array: Typed, index: Typed, place: Place) -> Typed:
    """Translate `array[index]`, which fails outside the array."""
    if not isinstance(array.kind, ArrayType) or index.kind not in WHOLE:
        raise unexpected("[]", [array, index], place)
    outside = failing(BIGINT, "Array subscript out of bounds")
    is_outside = f"{index.sql} < 1 OR {index.sql} > len({array.sql})"
    valid = f"CASE WHEN {is_outside} THEN {outside} ELSE {index.sql} END"
    return Typed(f"({array.sql})[{valid}]", array.kind.element)


def element_at(arguments: list[Typed], place: Place) -> Typed:
    """Translate ELEMENT_AT(array, index): NULL outside the array, from the end below zero."""
    match arguments:
        case [Typed(kind=ArrayType(element)) as array, index] if index.kind in WHOLE:
            zero = failing(BIGINT, "SQL array indices start at 1")
            valid = f"CASE WHEN {index.sql} = 0 THEN {zero} ELSE {index.sql} END"
            return Typed(f"({array.sql})[{valid}]", element)
        case _:
            raise unexpected("element_at", arguments, place)


def contains(arguments: list[Typed], place: Place) -> Typed:
    """Translate CONTAINS(array, x): NULL if x is not there but a NULL is."""
    match arguments:
        case [Typed(kind=ArrayType(element)) as array, sought] if accepts(element, sought):
            _comparable("contains", element, arguments, place)
            x = coerce(sought, element).sql
            nulls = f"list_count({array.sql}) < len({array.sql})"
            return Typed(
                f"CASE WHEN {any_null([array.sql, x])} THEN NULL "
                f"WHEN list_contains({array.sql}, {x}) THEN true "
                f"WHEN {nulls} THEN NULL ELSE false END",
                BOOLEAN,
            )
        case _:
            raise unexpected("contains", arguments, place)


def extreme(name: str, arguments: list[Typed], place: Place) -> Typed:
    """Translate array_min and array_max: NULL if an element is."""
    match arguments:
        case [Typed(kind=ArrayType(element)) as array]:
            _comparable(name, element, arguments, place)
            return Typed(
                f"CASE WHEN list_count({array.sql}) < len({array.sql}) THEN NULL "
                f"ELSE list_{name.removeprefix('array_')}({array.sql}) END",
                element,
            )
        case _:
            raise unexpected(name, arguments, place)


def array_sort(arguments: list[Typed], place: Place) -> Typed:
    """Translate ARRAY_SORT(array): upwards, NULLs at the end."""
    match arguments:
        case [Typed(kind=ArrayType(element)) as array]:
            _comparable("array_sort", element, arguments, place)
            return Typed(f"list_sort({array.sql}, 'ASC', 'NULLS LAST')", array.kind)
        case _:
            raise unexpected("array_sort", arguments, place)


def array_join(arguments: list[Typed], place: Place) -> Typed:
    """Translate ARRAY_JOIN(array of texts, delimiter): NULLs are left out."""
    match arguments:
        case [Typed(kind=ArrayType(element)) as array, delimiter] if (
            element is VARCHAR and delimiter.kind is VARCHAR
        ):
            empty = f"len(list_filter({array.sql}, lambda e: e IS NOT NULL)) = 0"
            joined = f"array_to_string({array.sql}, {delimiter.sql})"
            return Typed(f"CASE WHEN {empty} THEN '' ELSE {joined} END", VARCHAR)
        case _:
            raise unexpected("array_join", arguments, place)


def reverse(arguments: list[Typed], place: Place) -> Typed:
    """Translate REVERSE(array)."""
    match arguments:
        case [Typed(kind=ArrayType()) as array]:
            return Typed(f"list_reverse({array.sql})", array.kind)
        case _:
            # DuckDB turns graphemes round, Presto code points.
            raise unexpected("reverse", arguments, place)


def sequence(arguments: list[Typed], place: Place) -> Typed:
    """Translate SEQUENCE(start, stop[, step]) of whole numbers or times, both ends included."""
    match arguments:
        case [start, stop, Typed(kind=kind) as step] if kind is INTERVAL:
            if not (accepts(TIMESTAMP, start) and accepts(TIMESTAMP, stop)):
                raise unexpected("sequence", arguments, place)
            first, last = (nanoseconds(coerce(each, TIMESTAMP).sql) for each in (start, stop))
            found = _range(first, last, step.sql)
            times = f"list_transform({found}, lambda e: make_timestamp_ns(e))"
            return Typed(times, ArrayType(TIMESTAMP))
        case [start, stop, *rest] if len(rest) <= 1 and all(
            each.kind in WHOLE for each in arguments
        ):
            first, last = (f"CAST({each.sql} AS BIGINT)" for each in (start, stop))
            by = (
                f"CAST({rest[0].sql} AS BIGINT)"
                if rest
                else f"CAST(CASE WHEN {first} <= {last} THEN 1 ELSE -1 END AS BIGINT)"
            )
            return Typed(_range(first, last, f"({by})"), ArrayType(BIGINT))
        case _:
            raise unexpected("sequence", arguments, place)


def _range(first: str, last: str, step: str) -> str:
    direction = failing(
        BIGINT, "sequence stop value should be greater than or equal to start value"
    )
    length = failing(
        BIGINT,
        f"result of sequence function must not have more than {SEQUENCE_LENGTH_MAX} entries",
    )
    end = (
        f"CASE WHEN {step} = 0 OR ({step} > 0 AND {last} < {first}) "
        f"OR ({step} < 0 AND {last} > {first}) THEN {direction} "
        f"WHEN ({last} - {first}) // {step} >= {SEQUENCE_LENGTH_MAX} THEN {length} "
        f"WHEN {step} > 0 THEN {last} + 1 ELSE {last} - 1 END"
    )
    return f"range({first}, {end}, {step})"


def _comparable(name: str, kind: Type, arguments: list[Typed], place: Place) -> None:
    if isinstance(kind, ArrayType | RowType | SeriesType) or kind is DOUBLE:
        # Of DOUBLE an element could be NaN, which DuckDB's lists order otherwise.
        if kind is DOUBLE and name in ("array_min", "array_max", "array_sort"):
            return
        raise invalid(place, f"{name}({in_duckdb(arguments[0].kind).lower()}) is not supported")
