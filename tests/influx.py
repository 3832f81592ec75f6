"""Rows that are stored in InfluxDB, read back by the query interface of 1.x, which all have."""

from __future__ import annotations

import base64
import urllib.parse
import urllib.request
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tepwatch.schema import TABLES, Column, ColumnType, Row, Scalar, Table, make_row, row_key
from tepwatch.settings import Settings
from tests.stored import Stored

QUERY_SECONDS: Final = 30.0


def query(settings: Settings, statement: str) -> list[dict[str, Any]]:
    """The series that a statement gives."""
    arguments = {"db": settings.influxdb_database, "epoch": "ns", "q": statement}
    request = urllib.request.Request(
        f"{settings.influxdb_url}/query", urllib.parse.urlencode(arguments).encode()
    )
    if settings.influxdb_token is not None:
        request.add_header("Authorization", f"Token {settings.influxdb_token}")
    elif settings.influxdb_user is not None:
        pair = f"{settings.influxdb_user}:{settings.influxdb_password or ''}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=QUERY_SECONDS) as answer:
        (result,) = msgspec.json.decode(answer.read())["results"]
    assert "error" not in result, result
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def in_influxdb(
    settings: Settings, tables: Iterable[str] = TABLES, *, where: str = "time >= 0"
) -> Stored:
    """All rows for which something holds."""
    rows: Stored = {}
    for name in tables:
        for series in query(settings, f'SELECT * FROM "{name}" WHERE {where}'):
            for values in series["values"]:
                found = dict(zip(series["columns"], values, strict=True))
                row = _row(TABLES[name], found)
                assert row_key(row) not in rows, f"a key of {name} is there twice"
                rows[row_key(row)] = row
    return rows


def _row(table: Table, found: dict[str, Any]) -> Row:
    return make_row(
        table.name,
        {column.name: _value(table, column, found.get(column.name)) for column in table.columns},
    )


def _value(table: Table, column: Column, value: Any) -> Scalar:
    if column.name in table.dimensions:
        # A tag that is empty is not there.
        text = value or ""
        return int(text) if column.type is ColumnType.INTEGER and text else text
    if value is not None and column.type is ColumnType.NUMBER:
        # JSON has no other number for 5.0 than 5.
        return float(value)
    found: Scalar = value
    return found


def as_kept(row: Row) -> Row:
    """A row as InfluxDB keeps it: no bytes, and an empty tag is none."""
    table = TABLES[row.table]
    values = row.values
    for column in table.columns:
        if column.type is ColumnType.BYTES:
            values[column.name] = None
        elif column.name in table.dimensions and values[column.name] is None:
            values[column.name] = ""
    return make_row(row.table, values)
