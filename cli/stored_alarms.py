"""Alarms as Timestream has them."""

from __future__ import annotations

from typing import Any

from aws.timestream_query import TimestreamReader
from cli.alarm_table import AlarmLine, latest, until_now
from tepwatch.errors import ServiceError
from tepwatch.schema import ALARMS, ASSESSMENTS


def stored_alarms(reader: TimestreamReader, database: str) -> list[AlarmLine]:
    """How alarms stand, the newest first."""
    lines = latest(_rows(reader, f'SELECT * FROM "{database}"."{ALARMS.name}" ORDER BY time'))
    if not any(line.is_active for line in lines):
        return lines
    clocks = {
        row["plant"]: row["process_hours"]
        for row in _rows(
            reader,
            "SELECT plant, max_by(process_hours, time) AS process_hours "
            f'FROM "{database}"."{ASSESSMENTS.name}" GROUP BY plant',
        )
    }
    return [until_now(line, clocks.get(line.plant)) for line in lines]


def _rows(reader: TimestreamReader, statement: str) -> list[dict[str, Any]]:
    try:
        result = reader.query(statement)
        names = [column.name for column in result.columns]
        return [dict(zip(names, row, strict=True)) for row in result.rows]
    except ServiceError as error:
        # A table has its columns from its first rows.
        if error.code == "ValidationException":
            return []
        raise
