from __future__ import annotations

import ast
import base64
import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from sinks import csv_transform
from sinks.row_json import encode_row, iso_time
from sinks.transform_package import HANDLER, table_columns, transform_package
from tepwatch.schema import COMMANDS, EVENTS, READINGS, TABLES, ColumnType, Row, Scalar, make_row
from tests.rows import rows

COLUMNS = table_columns()
TIME_NS = 1_764_000_000_123_000_042


def event(*records: bytes) -> dict[str, Any]:
    return {
        "invocationId": "i",
        "deliveryStreamArn": "arn",
        "region": "us-east-1",
        "records": [
            {
                "recordId": f"id-{number}",
                "approximateArrivalTimestamp": 1,
                "data": base64.b64encode(data).decode(),
            }
            for number, data in enumerate(records)
        ],
    }


def answers(*records: bytes) -> list[tuple[str, bytes]]:
    answer = csv_transform.transform(event(*records), COLUMNS)
    assert [r["recordId"] for r in answer["records"]] == [f"id-{n}" for n in range(len(records))]
    return [(r["result"], base64.b64decode(r["data"])) for r in answer["records"]]


def event_row(**changed: Scalar) -> Row:
    values: dict[str, Scalar] = {
        "plant": "plant-1",
        "run": "r",
        "seq": 7,
        "time": TIME_NS,
        "process_hours": 0.1,
        "event": "mode",
        "detail": '{"mode":2}',
    }
    return make_row(EVENTS.name, {**values, **changed})


def test_a_row_becomes_its_columns_in_the_schemas_order() -> None:
    line = '{"table":"events","detail":"d","event":"mode","run":"r","plant":"p"}'
    ((result, data),) = answers(line.encode())
    assert (result, data) == ("Ok", b"p,r,,,,mode,d\n")


def test_several_rows_of_several_tables_are_several_lines() -> None:
    values = event_row().values
    del values["event"]
    command = make_row(COMMANDS.name, {**values, "command": "shelve"})
    record = b"\n".join([encode_row(event_row()), encode_row(command), b""])
    ((result, data),) = answers(record)
    time = iso_time(TIME_NS)
    assert result == "Ok"
    assert data.decode() == (
        f'plant-1,r,7,{time},0.1,mode,"{{""mode"":2}}"\n'
        f'plant-1,r,7,{time},0.1,shelve,"{{""mode"":2}}"\n'
    )


@pytest.mark.parametrize(
    "number",
    ["1", "-0", "1e5", "1E-07", "0.10", "12345678901234567890123", "0.1000000000000000055"],
)
def test_numbers_keep_their_digits(number: str) -> None:
    line = f'{{"table":"events","process_hours":{number}}}'
    assert answers(line.encode()) == [("Ok", f",,,,{number},,\n".encode())]


def test_flags_nulls_and_text() -> None:
    line = '{"table":"readings","plant":null,"late":true,"extra":"a \\"b\\", c\\r\\nd é"}'
    ((result, data),) = answers(line.encode())
    assert result == "Ok"
    assert data.endswith('true,"a ""b"", c\r\nd é"\n'.encode())
    assert next(csv.reader(io.StringIO(data.decode(), newline="")))[-2:] == [
        "true",
        'a "b", c\r\nd é',
    ]
    false = answers(b'{"table":"readings","late":false}')[0][1]
    assert false == b"," * (len(READINGS.columns) - 2) + b"false,\n"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "JSONDecodeError"),
        (b"\xff{}", "UnicodeDecodeError"),
        (b"[]", "not a JSON object"),
        (b"{}", "no table None"),
        (b'{"table":"nothing"}', "no table 'nothing'"),
        (b'{"table":["events"]}', "no table"),
        (b'{"table":"events","wrong":1,"other":2}', "not a column of events: other, wrong"),
        (b'{"table":"events","detail":{}}', "nested value in events"),
        (b'{"table":"events","detail":[1]}', "nested value in events"),
        (b'{"table":"events","process_hours":NaN}', "NaN is not JSON"),
        (b'{"table":"events","detail":"\\ud800"}', "UnicodeEncodeError"),
        (b"", "no row"),
        (b" \n\n", "no row"),
    ],
)
def test_a_bad_line_fails_its_record_only_and_says_why(
    bad: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = encode_row(event_row())
    mixed = good + b"\n" + bad if bad.strip() else bad
    results = answers(good, mixed, good)
    assert [result for result, _ in results] == ["Ok", "ProcessingFailed", "Ok"]
    assert results[1][1] == mixed
    assert results[0] == results[2]
    said = capsys.readouterr().err
    assert "1 records failed, the first is id-1" in said
    assert reason in said


def test_a_response_never_exceeds_lambdas_limit(capsys: pytest.CaptureFixture[str]) -> None:
    # Rows that grow: a few characters of JSON make a line of 60 commas.
    record = b"\n".join([b'{"table":"readings"}'] * 2000)
    answer = csv_transform.transform(event(*[record] * 60), COLUMNS)
    assert len(json.dumps(answer)) < 6 * 1024 * 1024
    results = [r["result"] for r in answer["records"]]
    assert 0 < results.count("ProcessingFailed") < len(results)
    assert "response too large" in capsys.readouterr().err
    # Failed data counts as well.
    answer = csv_transform.transform(event(*[b"{" * 500_000] * 12), COLUMNS)
    assert len(json.dumps(answer)) < 6 * 1024 * 1024
    assert {r["result"] for r in answer["records"]} == {"ProcessingFailed"}


@given(rows())
def test_every_row_of_every_table_reads_back(row: Row) -> None:
    table, values = TABLES[row.table], row.values
    ((result, line),) = answers(encode_row(row))
    assert result == "Ok"
    (fields,) = csv.reader(io.StringIO(line.decode(), newline=""))
    for column, field in zip(table.columns, fields, strict=True):
        value = values[column.name]
        match column.type:
            case ColumnType.NUMBER if value is not None:
                assert float(field) == value
            case ColumnType.TIME:
                assert isinstance(value, int)
                assert field == iso_time(value)
            case ColumnType.FLAG:
                assert field == str(value).lower()
            case ColumnType.BYTES:
                assert isinstance(value, bytes)
                assert base64.b64decode(field) == value
            case _:
                assert field == ("" if value is None else str(value))


def test_the_package_is_the_same_bytes_and_has_all_it_needs() -> None:
    package = transform_package()
    assert package == transform_package()
    with zipfile.ZipFile(io.BytesIO(package)) as found:
        assert found.namelist() == ["columns.json", "csv_transform.py"]
        assert json.loads(found.read("columns.json")) == COLUMNS
        source = found.read("csv_transform.py").decode()
        assert {(entry.date_time, entry.external_attr >> 16) for entry in found.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_the_package_runs_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(transform_package())) as package:
        package.extractall(tmp_path)
    module, function = HANDLER.split(".")
    program = (
        f"import json, sys, {module}; "
        f"print(json.dumps({module}.{function}(json.load(sys.stdin), None)))"
    )
    record = encode_row(event_row())
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {program}"],
        cwd=tmp_path,
        input=json.dumps(event(record)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == csv_transform.transform(event(record), COLUMNS)
