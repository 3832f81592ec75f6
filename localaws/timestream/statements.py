"""SHOW and DESCRIBE: answered from the catalogue, measures from the table itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from localaws.timestream.model import Catalogue, ColumnKind, TableView
from localaws.timestream.sql import commands
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.translation import Column
from localaws.timestream.sql.typed import identifier
from localaws.timestream.sql.types import VARCHAR, ArrayType, RowType, Type, shown

_DIMENSIONS: Final = ArrayType(RowType((("dimension_name", VARCHAR), ("data_type", VARCHAR))))

MEASURE_COLUMNS: Final = (
    Column("measure_name", VARCHAR, None, False),
    Column("data_type", VARCHAR, None, False),
    Column("dimensions", _DIMENSIONS, None, False),
)
"""What SHOW MEASURES answers."""


class Listing(NamedTuple):
    """An answer that needs no query: its columns and rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


def listing(
    statement: commands.ShowDatabases | commands.ShowTables | commands.Describe,
    catalogue: Catalogue,
) -> Listing:
    """Answer what the catalogue knows.

    Raises:
        TimestreamError: no such database or table.
    """
    match statement:
        case commands.ShowDatabases(pattern=pattern):
            return _names("Database", catalogue.databases(), pattern)
        case commands.ShowTables(database=database, pattern=pattern):
            return _names("Table", catalogue.tables(database), pattern)
        case commands.Describe(table=table):
            view = view_of(table, catalogue)
            rows = [(each.name, shown(each.type), each.kind.value) for each in view.columns]
            return Listing(_columns("Column", "Type", "Timestream attribute type"), rows)


def view_of(table: s.TableName, catalogue: Catalogue) -> TableView:
    """Find the table that a statement names by database and table.

    Raises:
        TimestreamError: it names no database, or there is no such table.
    """
    if len(table.parts) != 2:  # noqa: PLR2004 - database, table
        raise invalid(table.place, f"Database must be specified for table '{table.parts[-1]}'")
    return catalogue.view(table.parts[0], table.parts[1])


def measures_sql(view: TableView) -> str:
    """Write the query that finds which columns the rows of each measure fill."""
    names = [each.name for each in view.columns if each.kind is ColumnKind.MEASURE_NAME]
    filled = "".join(f", bool_or({identifier(each.name)} IS NOT NULL)" for each in _described(view))
    name = identifier(names[0])
    return f"SELECT {name}{filled} FROM {identifier(view.physical)} GROUP BY 1 ORDER BY 1"


def measures(view: TableView, rows: Sequence[Sequence[Any]], pattern: str | None) -> Listing:
    """Make the answer of what `measures_sql` found."""
    found: list[tuple[str, str, list[dict[str, str]]]] = []
    for name, *filled in rows:
        if not _matches(name, pattern):
            continue
        columns = [
            each for each, is_filled in zip(_described(view), filled, strict=True) if is_filled
        ]
        dimensions = [
            {"f0": each.name, "f1": shown(each.type)}
            for each in columns
            if each.kind is ColumnKind.DIMENSION
        ]
        kinds = [shown(each.type) for each in columns if each.kind is ColumnKind.MEASURE_VALUE]
        if any(each.kind is ColumnKind.MULTI for each in columns) or not kinds:
            kinds.append("multi")
        found.extend((name, kind, dimensions) for kind in kinds)
    return Listing(MEASURE_COLUMNS, found)


def _described(view: TableView) -> list[Any]:
    wanted = (ColumnKind.DIMENSION, ColumnKind.MEASURE_VALUE, ColumnKind.MULTI)
    return [each for each in view.columns if each.kind in wanted]


def _columns(*names: str) -> list[Column]:
    kind: Type = VARCHAR
    return [Column(name, kind, None, False) for name in names]


def _names(column: str, names: Sequence[str], pattern: str | None) -> Listing:
    return Listing(_columns(column), [(name,) for name in names if _matches(name, pattern)])


def _matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    wildcards = {"%": ".*", "_": "."}
    regular = "".join(wildcards.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(regular, name, re.DOTALL) is not None
