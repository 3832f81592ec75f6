"""Everything that is stored, read back from Timestream and from S3 as the rows it was made of."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import time
from collections.abc import Iterable
from typing import Any

from aws.timestream_query import TimestreamReader
from sinks.delivered import Delivered
from sinks.row_json import decode_row, from_iso_time
from tepwatch.resources import DELIVERY_STREAMS
from tepwatch.schema import TABLES, Column, ColumnType, Row, Scalar, Table, make_row, row_key
from tepwatch.settings import Settings

Stored = dict[tuple[Scalar, ...], Row]


def in_timestream(settings: Settings, tables: Iterable[str] = TABLES) -> Stored:
    """All rows of the multi layout."""
    reader = TimestreamReader(region=settings.region, endpoint_url=settings.endpoint_url)
    rows: Stored = {}
    try:
        for name in tables:
            result = reader.query(f'SELECT * FROM "{settings.timestream_database}"."{name}"')
            names = [column.name for column in result.columns]
            count = 0
            for values in result.rows:
                row = _from_timestream(TABLES[name], dict(zip(names, values, strict=True)))
                rows[row_key(row)] = row
                count += 1
            assert count == sum(key[0] == name for key in rows), f"a key of {name} is there twice"
    finally:
        reader.close()
    return rows


def _from_timestream(table: Table, found: dict[str, Any]) -> Row:
    values: dict[str, Scalar] = {}
    for column in table.columns:
        value = found.get(column.name)
        if column.type is ColumnType.TIME:
            value = _time_ns(str(value))
        elif column.name in table.key:
            # A dimension that is empty is not there.
            value = "" if value is None else value
            value = int(value) if column.type is ColumnType.INTEGER else value
        values[column.name] = value
    return make_row(table.name, values)


def _time_ns(text: str) -> int:
    seconds, _, nanoseconds = text.partition(".")
    moment = dt.datetime.fromisoformat(f"{seconds}+00:00")
    return round(moment.timestamp()) * 1_000_000_000 + int(nanoseconds)


def timestream_text(time_ns: int) -> str:
    """A time as Timestream writes it."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}"


def in_s3(settings: Settings) -> Stored:
    """All rows that Firehose has delivered, each once; those of one key have to be equal."""
    rows: Stored = {}
    for stream in DELIVERY_STREAMS:
        delivered = Delivered(
            settings.bucket,
            stream.folder,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
        )
        for line in delivered.new_lines():
            if stream.transformed:
                row = _from_csv(TABLES[stream.table], line)
            else:
                row = decode_row(line)
            assert rows.setdefault(row_key(row), row) == row
        delivered.close()
    return rows


def _from_csv(table: Table, line: bytes) -> Row:
    (fields,) = csv.reader([line.decode()])
    pairs = zip(table.columns, fields, strict=True)
    return make_row(
        table.name, {column.name: _value(table, column, text) for column, text in pairs}
    )


def _value(table: Table, column: Column, text: str) -> Scalar:
    if text == "" and column.name not in table.key:
        return None
    match column.type:
        case ColumnType.INTEGER:
            return int(text)
        case ColumnType.NUMBER:
            return float(text)
        case ColumnType.FLAG:
            return {"true": True, "false": False}[text]
        case ColumnType.TIME:
            return from_iso_time(text)
        case ColumnType.BYTES:
            return base64.b64decode(text)
        case ColumnType.TEXT:
            return text


def comparable(rows: Iterable[Row], *, without_bytes: bool = False) -> Stored:
    """Rows as a store gives them back: empty text is no text, and some keep no bytes."""
    out: Stored = {}
    for row in rows:
        table = TABLES[row.table]
        values = row.values
        for column in table.columns:
            empty = values[column.name] == "" and column.name not in table.key
            if empty or (without_bytes and column.type is ColumnType.BYTES):
                values[column.name] = None
        out[row_key(row)] = make_row(row.table, values)
    return out
