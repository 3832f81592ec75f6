from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given

from sinks.row_json import decode_row, encode_row, iso_time
from tepwatch.schema import TABLES, Row
from tests.rows import rows


@given(rows())
def test_a_row_is_read_back_as_it_was(row: Row) -> None:
    assert decode_row(encode_row(row)) == row


@given(rows())
def test_the_table_comes_first_then_the_columns_in_order(row: Row) -> None:
    found = json.loads(encode_row(row))
    columns = [column.name for column in TABLES[row.table].columns]
    assert list(found) == ["table", *columns]
    assert (found["table"], found["time"]) == (row.table, iso_time(row.time))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"table":"weather","time":"2026-01-01T00:00:00.000000000Z"}',
        b'{"table":"scores","time":5}',
        b'{"table":"scores","time":"2026-01-01T00:00:00.000000000Z"}',
    ],
)
def test_what_is_no_row_is_said(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_row(line)
