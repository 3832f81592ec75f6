"""`tepwatch query`: what is stored in Timestream."""

from __future__ import annotations

import csv
import enum
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from aws.timestream_query import Column, QueryResult, TimestreamReader
from cli.options import EndpointOption, RegionOption, load_settings

TABLE_ROWS_MAX = 200
_NUMBERS = frozenset({"BIGINT", "INTEGER", "DOUBLE"})


class Format(enum.StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    statement: Annotated[
        str, typer.Argument(help='Timestream SQL: \'SELECT * FROM "tepwatch"."scores" LIMIT 5\'')
    ],
    output: Annotated[
        Format,
        typer.Option("--format", help="A table, CSV with a header, or JSON lines."),
    ] = Format.TABLE,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Ask Timestream, on AWS or at home, in its own SQL.

    The tables of the database tepwatch are readings, scores, events, commands and dead_letters;
    DESCRIBE "tepwatch"."readings" lists their columns.
    """
    settings = load_settings(endpoint_url=endpoint, region=region)
    reader = TimestreamReader(
        region=settings.timestream_region or settings.region, endpoint_url=settings.endpoint_url
    )
    try:
        result = reader.query(statement)
        match output:
            case Format.TABLE:
                _print_table(result)
            case Format.CSV:
                _print_csv(result)
            case Format.JSON:
                _print_json(result)
    finally:
        reader.close()


def _print_table(result: QueryResult) -> None:
    table = Table()
    for name, kind in result.columns:
        table.add_column(name, justify="right" if kind in _NUMBERS else "left", overflow="fold")
    for row in islice(result.rows, TABLE_ROWS_MAX):
        table.add_row(*map(_text, row))
    rest = sum(1 for _ in result.rows)
    console = Console()
    if not console.is_terminal:
        # No screen to fit into.
        console.width = max(console.width, 20 * len(result.columns))
    console.print(table)
    if rest:
        console.print(f"and {rest} more rows: --format csv or json prints all")


def _print_csv(result: QueryResult) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(column.name for column in result.columns)
    for row in result.rows:
        writer.writerow(_text(value) for value in row)


def _print_json(result: QueryResult) -> None:
    for line in _objects(result.columns, result.rows):
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")


def _objects(columns: list[Column], rows: Iterator[list[Any]]) -> Iterator[dict[str, Any]]:
    names = [column.name for column in columns]
    for row in rows:
        yield dict(zip(names, row, strict=True))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
