"""Rows of the table `health` as a job would leave them: twenty minutes, a restart in between."""

from __future__ import annotations

from typing import Final

from dashboards.macros import TimeRange
from tepwatch.records import NANOSECONDS_PER_MILLISECOND
from tepwatch.schema import HEALTH, Row, make_row

JOB: Final = "tepwatch"
SAMPLE_MS: Final = 10_000
SAMPLES: Final = 120
RESTART: Final = 60
"""The sample at which the job begins anew, and with it all counts but the restarts."""
RECORDS_A_SAMPLE: Final = 20


def samples(end_ms: int) -> list[Row]:
    """The last one at the end."""
    return [
        _sample(number, end_ms - (SAMPLES - 1 - number) * SAMPLE_MS) for number in range(SAMPLES)
    ]


def times(end_ms: int) -> TimeRange:
    """The time that the rows cover."""
    return TimeRange(end_ms - SAMPLES * SAMPLE_MS, end_ms)


def _sample(number: int, time_ms: int) -> Row:
    since = number % RESTART
    return make_row(
        HEALTH.name,
        {
            "time": time_ms * NANOSECONDS_PER_MILLISECOND,
            "job": JOB,
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
        },
    )
