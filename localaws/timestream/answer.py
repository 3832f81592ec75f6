"""Results: what DuckDB is asked to return, and how Timestream writes it.

Times leave DuckDB as nanoseconds, because Python's datetime cuts them to microseconds; a time
series leaves as two lists, because a dict a point would be slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from localaws.timestream.model import ScalarType
from localaws.timestream.sql import moments
from localaws.timestream.sql.translation import Column, Translated
from localaws.timestream.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    INTEGER,
    INTERVAL,
    MONTHS,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    ArrayType,
    RowType,
    SeriesType,
    Type,
    as_api,
)

_Writer: TypeAlias = Callable[[Any], str]
"""A value of DuckDB's -> a Datum in JSON."""

_NULL: Final = '{"NullValue":true}'


def to_fetch(translated: Translated) -> str:
    """Wrap a query so that what DuckDB returns is exact in Python."""
    columns = ", ".join(
        f"{_fetched(column.kind, f'q.c{i}', 0)} AS c{i}"
        for i, column in enumerate(translated.columns)
    )
    return f"SELECT {columns} FROM ({translated.sql}) AS q"


def _fetched(kind: Type, sql: str, depth: int) -> str:
    name = f"e{depth}"
    match kind:
        case _ if kind is TIMESTAMP:
            return f"epoch_ns({sql})"
        case _ if kind is DATE:
            return f"CAST({sql} AS VARCHAR)"
        case ArrayType(element):
            inner = _fetched(element, name, depth + 1)
            return sql if inner == name else f"list_transform({sql}, lambda {name}: {inner})"
        case RowType(fields):
            parts = ", ".join(
                f"'f{i}': {_fetched(of, f'({sql}).f{i}', depth + 1)}"
                for i, (_, of) in enumerate(fields)
            )
            return f"CASE WHEN ({sql}) IS NOT NULL THEN {{{parts}}} END"
        case SeriesType(value):
            times = f"list_transform({sql}, lambda {name}: epoch_ns({name}.f0))"
            inner = _fetched(value, f"{name}.f1", depth + 1)
            values = f"list_transform({sql}, lambda {name}: {inner})"
            return f"CASE WHEN ({sql}) IS NOT NULL THEN {{'t': {times}, 'v': {values}}} END"
        case _:
            return sql


def column_info(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Write what the columns are, as the API has it."""
    return [
        {"Name": column_name(column, i), "Type": as_api(column.kind)}
        for i, column in enumerate(columns)
    ]


def column_name(column: Column, place: int) -> str:
    """Name a column; one without a name is _col and its place."""
    return column.name if column.name is not None else f"_col{place}"


def row_writer(kinds: Sequence[Type]) -> Callable[[Sequence[Any]], bytes]:
    """Make what writes rows of these types as the API has them, in JSON.

    JSON rather than dicts: a series of 10,000 points would be 20,000 of them, made only to be
    written.
    """
    writers = [_writer(kind) for kind in kinds]

    def write(values: Sequence[Any]) -> bytes:
        data = ",".join([write(value) for write, value in zip(writers, values, strict=True)])
        return f'{{"Data":[{data}]}}'.encode()

    return write


def _writer(kind: Type) -> _Writer:
    match kind:
        case ArrayType(element):
            return _array_writer(_writer(element))
        case RowType(fields):
            return _fields_writer([_writer(of) for _, of in fields])
        case SeriesType(value):
            return _series_writer(_writer(value))
        case ScalarType.DOUBLE:
            return _write_double
        case ScalarType():
            return _scalar_writer(_TEXTS[kind])


def _write_double(value: Any) -> str:
    # Most values of most answers, so without the detours of the other types.
    if value is None:
        return _NULL
    text = repr(value) if 1e-3 <= value < 1e7 else show_double(value)  # noqa: PLR2004
    return f'{{"ScalarValue":"{text}"}}'


def _scalar_writer(text: Callable[[Any], str]) -> _Writer:
    def write(value: Any) -> str:
        return _NULL if value is None else f'{{"ScalarValue":{text(value)}}}'

    return write


def _array_writer(element: _Writer) -> _Writer:
    def write(value: Any) -> str:
        if value is None:
            return _NULL
        return f'{{"ArrayValue":[{",".join([element(each) for each in value])}]}}'

    return write


def _fields_writer(writers: Sequence[_Writer]) -> _Writer:
    def write(value: Any) -> str:
        if value is None:
            return _NULL
        data = [write(value[f"f{i}"]) for i, write in enumerate(writers)]
        return f'{{"RowValue":{{"Data":[{",".join(data)}]}}}}'

    return write


def _series_writer(element: _Writer) -> _Writer:
    def write(value: Any) -> str:
        if value is None:
            return _NULL
        points = [
            f'{{"Time":"{moments.show_timestamp(time)}","Value":{element(each)}}}'
            for time, each in zip(value["t"], value["v"], strict=True)
        ]
        return f'{{"TimeSeriesValue":[{",".join(points)}]}}'

    return write


def show_double(number: float) -> str:
    """Write a DOUBLE as Java does.

    >>> show_double(0.25052), show_double(1e7), show_double(-0.000125), show_double(math.inf)
    ('0.25052', '1.0E7', '-1.25E-4', 'Infinity')
    """
    if number == 0 or 1e-3 <= abs(number) < 1e7:  # noqa: PLR2004 - where Java writes no exponent
        return repr(number)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    power = exponent + len(text) - 1
    text = text.rstrip("0")
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def _quoted(text: Callable[[Any], str]) -> Callable[[Any], str]:
    """Put quotes around what needs no escapes."""
    return lambda value: f'"{text(value)}"'


_TEXTS: Final[dict[ScalarType, Callable[[Any], str]]] = {
    BOOLEAN: lambda value: '"true"' if value else '"false"',
    INTEGER: _quoted(str),
    BIGINT: _quoted(str),
    VARCHAR: lambda value: msgspec.json.encode(value).decode(),
    TIMESTAMP: _quoted(moments.show_timestamp),
    DATE: _quoted(str),
    TIME: _quoted(moments.show_clock),
    INTERVAL: _quoted(moments.show_interval),
    MONTHS: _quoted(moments.show_months),
    UNKNOWN: _quoted(str),
}
