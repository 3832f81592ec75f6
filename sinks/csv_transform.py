"""The Lambda function of the delivery streams: rows as JSON become lines of CSV.

Runs on AWS, where it is alone in its zip with `columns.json` (see `sinks.transform_package`), so it
imports the standard library only, and on Python 3.11 to 3.13.

A record of Firehose holds one row, or several separated by newlines, as `sinks.row_json.encode_row`
writes them with the table's name. Of each row comes one line: all columns of its table in the
schema's order, no header, RFC 4180 quoting, null as an empty field, numbers with the digits they
came with. A record with anything else in it is returned as ProcessingFailed with its original data,
for Firehose to keep under its error prefix; the others of the batch go on.
"""

from __future__ import annotations

import base64
import csv
import functools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Lambda refuses a response above 6 MB; some of it is left to what is not counted here.
RESPONSE_BYTES_MAX = 6_000_000
# {"recordId": "", "result": "ProcessingFailed", "data": ""}, and a comma.
_RECORD_JSON_BYTES = 80
_TABLE = "table"

Columns = Mapping[str, Sequence[str]]


class RowError(ValueError):
    """A record that cannot become CSV; the text says why."""


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point on AWS."""
    return transform(event, _packaged_columns())


def transform(event: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Firehose's answer to Firehose's event.

    What would make the response too large for Lambda is failed, without its data, which Firehose
    has. Reasons go to standard error, the first of each kind with its record id.

    Args:
        event: with `records`, each with a `recordId` and `data` in base64.
        columns: of each table, in order.
    """
    records = event["records"]
    room = RESPONSE_BYTES_MAX - sum(len(r["recordId"]) + _RECORD_JSON_BYTES for r in records)
    known = {table: frozenset(names) for table, names in columns.items()}
    writer = csv.writer(_Lines())
    reasons: dict[str, list[str]] = {}
    answers = []
    for record in records:
        result, data = "Ok", ""
        try:
            lines = _csv_lines(base64.b64decode(record["data"]), columns, known, writer)
            data = base64.b64encode("".join(lines).encode()).decode()
        except ValueError as error:
            result, data = "ProcessingFailed", record["data"]
            reasons.setdefault(_reason(error), []).append(record["recordId"])
        if len(data) > room:
            result, data = "ProcessingFailed", ""
            reasons.setdefault("response too large", []).append(record["recordId"])
        room -= len(data)
        answers.append({"recordId": record["recordId"], "result": result, "data": data})
    for reason, ids in reasons.items():
        print(f"{len(ids)} records failed, the first is {ids[0]}: {reason}", file=sys.stderr)
    return {"records": answers}


class _Lines:
    """Stands where a csv writer wants a file, so that `writerow` returns the line."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(
    data: bytes, columns: Columns, known: Mapping[str, frozenset[str]], writer: Any
) -> list[str]:
    lines = []
    for text in data.decode().split("\n"):
        if text and not text.isspace():
            values = _values(text, columns, known)
            # Written with "\r\n", so that every Python quotes both characters within a field.
            lines.append(writer.writerow(values)[:-2] + "\n")
    if not lines:
        raise RowError("no row")
    return lines


def _values(
    text: str, columns: Columns, known: Mapping[str, frozenset[str]]
) -> Iterable[str | None]:
    row = _decoder.decode(text)
    if not isinstance(row, dict):
        raise RowError("not a JSON object")
    table = row.pop(_TABLE, None)
    if not isinstance(table, str) or table not in columns:
        raise RowError(f"no table {table!r}")
    if not row.keys() <= known[table]:
        unknown = ", ".join(sorted(row.keys() - known[table]))
        raise RowError(f"not a column of {table}: {unknown}")
    values = [row.get(name) for name in columns[table]]
    kinds = set(map(type, values))
    if dict in kinds or list in kinds:
        raise RowError(f"nested value in {table}")
    if bool in kinds:
        return [str(value).lower() if isinstance(value, bool) else value for value in values]
    return values


def _refuse(constant: str) -> str:
    raise RowError(f"{constant} is not JSON")


# Numbers stay as they are written: no digit is lost or added.
_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)


def _reason(error: ValueError) -> str:
    if isinstance(error, RowError):
        return str(error)
    # Of other errors the kind says enough; the text would differ with every record.
    return type(error).__name__


@functools.cache
def _packaged_columns() -> dict[str, list[str]]:
    path = Path(__file__).with_name("columns.json")
    found: dict[str, list[str]] = json.loads(path.read_bytes())
    return found
