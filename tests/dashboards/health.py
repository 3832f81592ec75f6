"""Rows of the table `health` as a job would leave them: twenty minutes, a restart in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aws.clients import client
from dashboards.macros import TimeRange
from dashboards.pipeline_health import HEALTH
from tepwatch.schema import TABLES

if TYPE_CHECKING:
    from mypy_boto3_timestream_write.client import TimestreamWriteClient

JOB: Final = "tepwatch"
SAMPLE_MS: Final = 10_000
SAMPLES: Final = 120
RESTART: Final = 60
"""The sample at which the job begins anew, and with it all counts but the restarts."""
RECORDS_A_SAMPLE: Final = 20


def samples(end_ms: int) -> list[dict[str, Any]]:
    """Rows by column, the last one at the end."""
    return [
        _sample(number, end_ms - (SAMPLES - 1 - number) * SAMPLE_MS) for number in range(SAMPLES)
    ]


def times(end_ms: int) -> TimeRange:
    """The time that the rows cover."""
    return TimeRange(end_ms - SAMPLES * SAMPLE_MS, end_ms)


def _sample(number: int, time_ms: int) -> dict[str, Any]:
    since = number % RESTART
    return {
        "time": time_ms * 1_000_000,
        "state": "RESTARTING" if number in range(RESTART, RESTART + 2) else "RUNNING",
        "records_read": since * RECORDS_A_SAMPLE,
        "millis_behind": 100 + 1000 * number,
        "late": since,
        "duplicates": since // 2,
        "gaps": since // 10,
        "rejected": since // 20,
        "dead_letters": since // 20,
        "stored": since * 5 * RECORDS_A_SAMPLE,
        "retried": since // 4,
        "checkpoints_completed": since // 6,
        "checkpoints_failed": int(since > RESTART // 2),
        "checkpoint_ms": 200 + number,
        "restarts": int(number >= RESTART),
    }


def into_timestream(rows: list[dict[str, Any]], endpoint_url: str, database: str) -> None:
    """Write rows to the table, which is made where it is not a table of the product yet."""
    made: TimestreamWriteClient = client(
        "timestream-write", region="us-east-1", endpoint_url=endpoint_url
    )
    try:
        if HEALTH not in TABLES:
            made.create_table(DatabaseName=database, TableName=HEALTH)
        for first in range(0, len(rows), 100):
            made.write_records(
                DatabaseName=database,
                TableName=HEALTH,
                CommonAttributes={
                    "Dimensions": [{"Name": "job", "Value": JOB}],
                    "MeasureName": HEALTH,
                    "MeasureValueType": "MULTI",
                    "TimeUnit": "NANOSECONDS",
                },
                Records=[_record(row) for row in rows[first : first + 100]],
            )
    finally:
        made.close()


def _record(row: dict[str, Any]) -> Any:
    return {
        "Time": str(row["time"]),
        "MeasureValues": [
            {
                "Name": name,
                "Value": str(value),
                "Type": "VARCHAR" if isinstance(value, str) else "BIGINT",
            }
            for name, value in row.items()
            if name != "time"
        ],
    }


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as line protocol."""
    out = []
    for row in rows:
        fields = ",".join(
            f'{name}="{value}"' if isinstance(value, str) else f"{name}={value}i"
            for name, value in row.items()
            if name != "time"
        )
        out.append(f"{HEALTH},job={JOB} {fields} {row['time']}")
    return out
