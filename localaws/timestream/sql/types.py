"""The types of Timestream's SQL: how they are called, coerced and held in DuckDB.

Times are TIMESTAMP_NS in DuckDB; TIME and the intervals are BIGINT (nanoseconds, nanoseconds and
months), because DuckDB's own reach microseconds only; a row is a struct of f0, f1, …; a time series
is a list of rows of time and value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from localaws.timestream.model import ScalarType

BOOLEAN: Final = ScalarType.BOOLEAN
INTEGER: Final = ScalarType.INTEGER
BIGINT: Final = ScalarType.BIGINT
DOUBLE: Final = ScalarType.DOUBLE
VARCHAR: Final = ScalarType.VARCHAR
TIMESTAMP: Final = ScalarType.TIMESTAMP
DATE: Final = ScalarType.DATE
TIME: Final = ScalarType.TIME
INTERVAL: Final = ScalarType.INTERVAL_DAY_TO_SECOND
MONTHS: Final = ScalarType.INTERVAL_YEAR_TO_MONTH
UNKNOWN: Final = ScalarType.UNKNOWN


@dataclass(frozen=True, slots=True)
class ArrayType:
    """An array of one type."""

    element: Type


@dataclass(frozen=True, slots=True)
class RowType:
    """A row; a field without a name is None."""

    fields: tuple[tuple[str | None, Type], ...]


@dataclass(frozen=True, slots=True)
class SeriesType:
    """A time series: rows of `time` and `value`, in the order of time."""

    value: Type


Type: TypeAlias = ScalarType | ArrayType | RowType | SeriesType

NUMBERS: Final = (INTEGER, BIGINT, DOUBLE)
WHOLE: Final = (INTEGER, BIGINT)

_SHOWN: Final[Mapping[ScalarType, str]] = {
    INTERVAL: "interval day to second",
    MONTHS: "interval year to month",
}
_DUCKDB: Final[Mapping[ScalarType, str]] = {
    TIMESTAMP: "TIMESTAMP_NS",
    TIME: "BIGINT",
    INTERVAL: "BIGINT",
    MONTHS: "BIGINT",
    UNKNOWN: "INTEGER",
}


def shown(kind: Type) -> str:
    """Spell a type as Timestream's messages and DESCRIBE do.

    >>> shown(ArrayType(RowType((("time", TIMESTAMP), (None, DOUBLE)))))
    'array(row(time timestamp, double))'
    """
    match kind:
        case ArrayType(element):
            return f"array({shown(element)})"
        case SeriesType(value):
            return f"timeseries({shown(value)})"
        case RowType(fields):
            inner = [f"{name} {shown(of)}" if name else shown(of) for name, of in fields]
            return f"row({', '.join(inner)})"
        case _:
            return _SHOWN.get(kind, kind.value.lower())


def in_duckdb(kind: Type) -> str:
    """Spell the type that holds it in DuckDB.

    >>> in_duckdb(SeriesType(DOUBLE))
    'STRUCT(f0 TIMESTAMP_NS, f1 DOUBLE)[]'
    """
    match kind:
        case ArrayType(element):
            return f"{in_duckdb(element)}[]"
        case SeriesType(value):
            return f"STRUCT(f0 TIMESTAMP_NS, f1 {in_duckdb(value)})[]"
        case RowType(fields):
            inner = ", ".join(f"f{i} {in_duckdb(of)}" for i, (_, of) in enumerate(fields))
            return f"STRUCT({inner})"
        case _:
            return _DUCKDB.get(kind, kind.value)


def as_api(kind: Type) -> dict[str, Any]:
    """Spell a type as ColumnInfo has it.

    >>> as_api(SeriesType(DOUBLE))
    {'TimeSeriesMeasureValueColumnInfo': {'Type': {'ScalarType': 'DOUBLE'}}}
    """
    match kind:
        case ArrayType(element):
            return {"ArrayColumnInfo": {"Type": as_api(element)}}
        case SeriesType(value):
            return {"TimeSeriesMeasureValueColumnInfo": {"Type": as_api(value)}}
        case RowType(fields):
            return {
                "RowColumnInfo": [
                    {"Name": name or f"field{i}", "Type": as_api(of)}
                    for i, (name, of) in enumerate(fields)
                ]
            }
        case _:
            return {"ScalarType": kind.value}


_WIDER: Final[Mapping[ScalarType, tuple[ScalarType, ...]]] = {
    INTEGER: (BIGINT, DOUBLE),
    BIGINT: (DOUBLE,),
    DATE: (TIMESTAMP,),
}


def coercible(source: Type, target: Type) -> bool:
    """Whether a value of one type stands, without a cast, where another is expected."""
    if source == target or source is UNKNOWN:
        return True
    match source, target:
        case ScalarType(), ScalarType():
            return target in _WIDER.get(source, ())
        case ArrayType(a), ArrayType(b):
            return coercible(a, b)
        case RowType(a), RowType(b):
            return len(a) == len(b) and all(
                coercible(x, y) for (_, x), (_, y) in zip(a, b, strict=True)
            )
        case _:
            return False


def common(a: Type, b: Type) -> Type | None:
    """Find the type that both coerce to; None if there is none.

    >>> common(INTEGER, DOUBLE), common(VARCHAR, BIGINT)
    (<ScalarType.DOUBLE: 'DOUBLE'>, None)
    """
    if coercible(a, b):
        return b
    if coercible(b, a):
        return a
    match a, b:
        case ArrayType(x), ArrayType(y):
            element = common(x, y)
            return None if element is None else ArrayType(element)
        case RowType(x), RowType(y) if len(x) == len(y):
            fields: list[tuple[str | None, Type]] = []
            for (name, of), (other, of_other) in zip(x, y, strict=True):
                both = common(of, of_other)
                if both is None:
                    return None
                fields.append((name if name == other else None, both))
            return RowType(tuple(fields))
        case _:
            return None
