from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from sinks.timestream_layout import MultiLayout
from tepwatch.schema import TABLES, ColumnType, Row, Scalar
from tests.rows import rows

TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.FLAG: "BOOLEAN",
}


def said_plainly(row: Row) -> dict[str, Any]:
    """The record as the service's documentation has it."""
    table = TABLES[row.table]
    there = {name: value for name, value in row.values.items() if value not in (None, "")}
    types = {column.name: TYPES[column.type] for column in table.columns if column.type in TYPES}
    measures = types.keys() - set(table.key)
    return {
        "Dimensions": [
            {"Name": name, "Value": str(there[name])}
            for name in table.key
            if name in there and name != "time"
        ],
        "Time": str(row.time),
        "MeasureValues": {
            name: (types[name], value) for name, value in there.items() if name in measures
        },
    }


def value_of(kind: str, text: str) -> Scalar:
    match kind:
        case "VARCHAR":
            return text
        case "BIGINT":
            return int(text)
        case "DOUBLE":
            return float(text)
        case _:
            return {"true": True, "false": False}[text]


@given(rows())
def test_a_row_is_one_record_of_all_that_is_there(row: Row) -> None:
    (record,) = map(json.loads, MultiLayout().records(row))
    measures = record["MeasureValues"]
    record["MeasureValues"] = {
        item["Name"]: (item["Type"], value_of(item["Type"], item["Value"])) for item in measures
    }
    assert len(record["MeasureValues"]) == len(measures)
    assert record == said_plainly(row)
