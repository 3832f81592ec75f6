"""Expressions in DuckDB's SQL with the type that Timestream gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from localaws.timestream.model import ScalarType
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.moments import DAY
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.types import (
    BIGINT,
    DATE,
    DOUBLE,
    TIMESTAMP,
    Type,
    in_duckdb,
)

SQL_LENGTH_MAX: Final = 1_000_000
"""Some translations name an argument several times; nested deep enough they would explode."""

FAILURE_MARK: Final = "!tepwatch! "
"""Begins the text that fails to be a number: how a translated expression raises an error."""


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression: DuckDB's SQL, its type, and what is known of it.

    `literal` is the constant it was written as. `never_nan` says of a DOUBLE that DuckDB's
    comparisons may be used, in which NaN equals itself.
    """

    sql: str
    kind: Type
    literal: s.Literal | None = None
    never_nan: bool = False

    @property
    def maybe_nan(self) -> bool:
        """Whether comparing it needs care."""
        return self.kind is DOUBLE and not self.never_nan


def checked(typed: Typed, place: Place) -> Typed:
    """Refuse what has grown too long for DuckDB.

    Raises:
        TimestreamError: the expression is too complex.
    """
    if len(typed.sql) > SQL_LENGTH_MAX:
        raise invalid(place, "The expression is too complex")
    return typed


def quote(text: str) -> str:
    """Write a string for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Write an identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def failing(kind: ScalarType, message: str) -> str:
    """Write an expression of a scalar type that, where it is evaluated, raises an error.

    DuckDB's own error() is volatile: TRY refuses it and it holds up optimizations.
    """
    whole = f"CAST({quote(FAILURE_MARK + message)} AS BIGINT)"
    match kind:
        case _ if kind is BIGINT:
            return whole
        case _ if kind is TIMESTAMP:
            return f"make_timestamp_ns({whole})"
        case _ if kind is DATE:
            return f"(DATE '1970-01-01' + CAST({whole} AS INTEGER))"
        case _:
            return f"CAST({whole} AS {in_duckdb(kind)})"


def null(kind: Type) -> Typed:
    """Write NULL of a type."""
    return Typed(f"CAST(NULL AS {in_duckdb(kind)})", kind, never_nan=True)


def double(number: float) -> str:
    """Write a DOUBLE.

    >>> double(0.1)
    "CAST('0.1' AS DOUBLE)"
    """
    return f"CAST('{number!r}' AS DOUBLE)"


def constant(literal: s.Literal) -> Typed:
    """Write a literal."""
    kind, value = literal.kind, literal.value
    match value:
        case None:
            sql = f"CAST(NULL AS {in_duckdb(kind)})"
        case bool():
            sql = "true" if value else "false"
        case int() if kind is TIMESTAMP:
            sql = moment(value)
        case int():
            sql = f"CAST({value} AS {in_duckdb(kind)})"
        case float():
            sql = double(value)
        case str() if kind is DATE:
            sql = f"DATE {quote(value)}"
        case _:
            sql = quote(str(value))
    return Typed(sql, kind, literal, never_nan=True)


def moment(nanoseconds: int) -> str:
    """Write a time."""
    return f"make_timestamp_ns({nanoseconds})"


def remainder(sql: str, unit: int | str) -> str:
    """Write the remainder of a division rounded down, also below zero."""
    return f"((({sql}) % {unit} + {unit}) % {unit})"


def floor_to(sql: str, unit: int | str) -> str:
    """Write rounding down to a multiple."""
    return f"(({sql}) - {remainder(sql, unit)})"


def nanoseconds(timestamp: str) -> str:
    """Write the nanoseconds since 1970 of a TIMESTAMP_NS."""
    return f"epoch_ns({timestamp})"


def date_of(timestamp: str) -> str:
    """Write the date of a TIMESTAMP_NS; DuckDB's own cast rounds to microseconds first."""
    days = f"{floor_to(nanoseconds(timestamp), DAY)} // {DAY}"
    return f"(DATE '1970-01-01' + CAST({days} AS INTEGER))"


def midnight(date: str) -> str:
    """Write the nanoseconds since 1970 at which a date, or a TIMESTAMP, begins."""
    return f"epoch_ns({date})"


def any_null(arguments: Sequence[str]) -> str:
    """Write whether one of these is NULL."""
    return "(" + " OR ".join(f"({sql}) IS NULL" for sql in arguments) + ")"
