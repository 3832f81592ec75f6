"""What the parts of Timestream at home say to each other: errors, types, tables."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class TimestreamError(Exception):
    """An error of the service: its code, as AWS spells it, and a message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ScalarType(enum.StrEnum):
    """Timestream's scalar types, as ColumnInfo spells them."""

    VARCHAR = "VARCHAR"
    BOOLEAN = "BOOLEAN"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    TIMESTAMP = "TIMESTAMP"
    DATE = "DATE"
    TIME = "TIME"
    INTERVAL_DAY_TO_SECOND = "INTERVAL_DAY_TO_SECOND"
    INTERVAL_YEAR_TO_MONTH = "INTERVAL_YEAR_TO_MONTH"
    UNKNOWN = "UNKNOWN"


class ColumnKind(enum.StrEnum):
    """What a column of a table is, as DESCRIBE says it.

    MEASURE_VALUE is the value of a single-measure record (`measure_value::double`), MULTI one
    attribute of a multi-measure record.
    """

    DIMENSION = "DIMENSION"
    MEASURE_NAME = "MEASURE_NAME"
    MEASURE_VALUE = "MEASURE_VALUE"
    TIMESTAMP = "TIMESTAMP"
    MULTI = "MULTI"


class Column(NamedTuple):
    """A column that queries see."""

    name: str
    type: ScalarType
    kind: ColumnKind


class TableView(NamedTuple):
    """A table as queries see it.

    `physical` is its name in DuckDB. There each of `columns` stands under its own name:
    TIMESTAMP_NS (UTC, without zone) for TIMESTAMP, VARCHAR, BOOLEAN, BIGINT and DOUBLE for the
    rest. Columns of `physical` that begin with an underscore are the store's own and are not
    shown. The order is the one of `SELECT *`.
    """

    database: str
    name: str
    physical: str
    columns: Sequence[Column]


class Catalogue(Protocol):
    """The databases and tables of one account and region."""

    def databases(self) -> Sequence[str]:
        """Names of all databases, sorted."""

    def tables(self, database: str) -> Sequence[str]:
        """Names of a database's tables, sorted.

        Raises:
            TimestreamError: no such database.
        """

    def view(self, database: str, table: str) -> TableView:
        """A table.

        Raises:
            TimestreamError: no such database or table.
        """
