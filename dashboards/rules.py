"""Alert rules: when somebody is told, by Grafana, in the words that they are told.

What is silent or lost shows in the stored rows themselves; lag, restarts and the job's state in the
table `health`, so that these rules say nothing where nobody writes it.
"""

from __future__ import annotations

from typing import Final

from dashboards.model import Query, Rule, Shape, WhenUnknown
from dashboards.pipeline_health import LAG_MS_MAX
from dashboards.queries import JOB, PLANT
from tepwatch.records import AlarmState
from tepwatch.schema import ALARMS, DEAD_LETTERS, HEALTH, READINGS, SCORES

SILENT_MINUTES: Final = 10
"""After so long without rows a plant is silent."""

_SILENT_MS: Final = SILENT_MINUTES * 60_000
_REMEMBERED_MINUTES: Final = 120
"""For so long a plant that is silent is still one that should not be."""
# An alarm's last change may be long ago: it lasts until somebody has seen it.
_ALARM_MINUTES: Final = 30 * 24 * 60


def _alarms_active() -> Query:
    active = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
    sql_states = ", ".join(f"'{state.value}'" for state in active)
    influxql_states = " OR ".join(f"\"state\" = '{state.value}'" for state in active)
    return Query(
        sql=f"SELECT {PLANT}, count(*) AS value FROM (SELECT {PLANT}, alarm, "
        "max_by(state, time) AS state, max_by(shelved, time) AS shelved "
        f'FROM $__database."{ALARMS.name}" WHERE $__timeFilter GROUP BY {PLANT}, alarm) '
        f"WHERE state IN ({sql_states}) AND NOT shelved GROUP BY {PLANT}",
        influxql='SELECT count("state") AS "value" FROM (SELECT last("state") AS "state", '
        f'"shelved" AS "shelved" FROM "{ALARMS.name}" WHERE $timeFilter '
        f'GROUP BY "{PLANT}", "alarm") WHERE ({influxql_states}) AND "shelved" = false '
        f'GROUP BY "{PLANT}"',
        shape=Shape.NEWEST,
        labels=(PLANT,),
    )


def _lately(table: str, column: str) -> Query:
    """How many rows each plant has had in the last minutes, 0 where it is silent.

    InfluxQL counts the values of a column, which has to be filled in every row.
    """
    since = f"from_milliseconds($__timeTo - {_SILENT_MS})"
    return Query(
        sql=f"SELECT {PLANT}, sum(CASE WHEN time >= {since} THEN 1 ELSE 0 END) AS value "
        f'FROM $__database."{table}" WHERE $__timeFilter GROUP BY {PLANT}',
        influxql=f'SELECT count("{column}") AS "value" FROM "{table}" WHERE $timeFilter '
        f'GROUP BY time($__interval), "{PLANT}" fill(0)',
        shape=Shape.NEWEST,
        labels=(PLANT,),
    )


_LAG: Final = Query(
    sql=f"SELECT {JOB}, max_by(millis_behind, time) AS value "
    f'FROM $__database."{HEALTH.name}" WHERE $__timeFilter AND millis_behind IS NOT NULL '
    f"GROUP BY {JOB}",
    influxql=f'SELECT last("millis_behind") AS "value" FROM "{HEALTH.name}" WHERE $timeFilter '
    f'GROUP BY "{JOB}"',
    shape=Shape.NEWEST,
    labels=(JOB,),
)
_LETTERS: Final = Query(
    sql=f'SELECT reason, count(*) AS value FROM $__database."{DEAD_LETTERS.name}" '
    "WHERE $__timeFilter GROUP BY reason",
    influxql=f'SELECT count("partition_key") AS "value" FROM "{DEAD_LETTERS.name}" '
    'WHERE $timeFilter GROUP BY "reason"',
    shape=Shape.NEWEST,
    labels=("reason",),
)
_RESTARTS: Final = Query(
    sql=f"SELECT {JOB}, sum(CASE WHEN restarts > before THEN restarts - before ELSE 0 END) "
    f"AS value FROM (SELECT {JOB}, restarts, "
    f"lag(restarts) OVER (PARTITION BY {JOB} ORDER BY time) AS before "
    f'FROM $__database."{HEALTH.name}" WHERE $__timeFilter AND restarts IS NOT NULL) '
    f"GROUP BY {JOB}",
    influxql='SELECT sum("grown") AS "value" FROM (SELECT non_negative_difference("restarts") '
    f'AS "grown" FROM "{HEALTH.name}" WHERE $timeFilter GROUP BY "{JOB}") GROUP BY "{JOB}"',
    shape=Shape.NEWEST,
    labels=(JOB,),
)
_NOT_RUNNING: Final = Query(
    sql=f'SELECT {JOB}, count(*) AS value FROM $__database."{HEALTH.name}" '
    f"WHERE $__timeFilter AND state <> 'RUNNING' GROUP BY {JOB}",
    influxql=f'SELECT count("state") AS "value" FROM "{HEALTH.name}" WHERE $timeFilter '
    f'AND "state" <> \'RUNNING\' GROUP BY "{JOB}"',
    shape=Shape.NEWEST,
    labels=(JOB,),
)

RULES: Final = (
    Rule(
        name="alarm-active",
        title="Alarm active",
        summary="{{ $labels.plant }}: an alarm is active",
        description="What happens in the plant is unlikely in normal operation, and the alarm is "
        "not shelved. The dashboard says what stands out and what it looks like.",
        severity="critical",
        queries=(_alarms_active(),),
        condition="$A > 0",
        minutes=_ALARM_MINUTES,
        for_seconds=0,
        # Timestream knows a table's columns from its first rows: before the first alarm it refuses.
        without_data=WhenUnknown.OK,
        on_error=WhenUnknown.KEEP,
        panel=("alarms", "alarms"),
    ),
    Rule(
        name="readings-silent",
        title="No readings",
        summary="{{ $labels.plant }}: no readings",
        description=f"No reading of the plant has been stored for {SILENT_MINUTES} minutes, or "
        f"none of any plant in the last {_REMEMBERED_MINUTES}: look at the plant's sender, the "
        "stream and the job, in this order.",
        severity="critical",
        queries=(_lately(READINGS.name, "missing"),),
        condition="$A < 1",
        minutes=_REMEMBERED_MINUTES,
        every_seconds=SILENT_MINUTES * 60,
        for_seconds=300,
        without_data=WhenUnknown.FIRE,
        on_error=WhenUnknown.ERROR,
        panel=("health", "readings"),
    ),
    Rule(
        name="scores-silent",
        title="No scores",
        summary="{{ $labels.plant }}: readings come, scores do not",
        description=f"Readings of the plant are stored, but for {SILENT_MINUTES} minutes none was "
        "scored: all come late, or the detectors stand still.",
        severity="warning",
        queries=(_lately(READINGS.name, "missing"), _lately(SCORES.name, "filled")),
        condition="$A > 0 && $B < 1",
        minutes=_REMEMBERED_MINUTES,
        every_seconds=SILENT_MINUTES * 60,
        for_seconds=300,
        # Counted by the clock, the newest interval begins without readings.
        keep_seconds=300,
        without_data=WhenUnknown.OK,
        on_error=WhenUnknown.KEEP,
        panel=("scores", "stage_scores"),
    ),
    Rule(
        name="lag",
        title="Behind the stream",
        summary="{{ $labels.job }}: more than a minute behind the stream",
        description="The job reads slower than records come, or stands still. Once it is farther "
        "behind than the stream's retention, records are lost.",
        severity="warning",
        queries=(_LAG,),
        condition=f"$A > {LAG_MS_MAX}",
        minutes=5,
        for_seconds=120,
        without_data=WhenUnknown.OK,
        on_error=WhenUnknown.KEEP,
        panel=("health", "lag"),
    ),
    Rule(
        name="dead-letters",
        title="Dead letters",
        summary="{{ $labels.reason }}: {{ $values.A.Value }} dead letters in ten minutes",
        description="Records of the stream, or rows for a store, cannot be used. Reason and "
        "message are in the table dead_letters, the bytes in S3 or in files.",
        severity="warning",
        queries=(_LETTERS,),
        condition="$A > 0",
        minutes=10,
        for_seconds=0,
        without_data=WhenUnknown.OK,
        on_error=WhenUnknown.KEEP,
        panel=("health", "dead_letters"),
    ),
    Rule(
        name="job-restarting",
        title="Job restarting",
        summary="{{ $labels.job }}: {{ $values.A.Value }} restarts in ten minutes",
        description="The job goes back to its last checkpoint: nothing is lost, but something is "
        "wrong. Its log says why.",
        severity="warning",
        queries=(_RESTARTS,),
        condition="$A > 0",
        minutes=10,
        for_seconds=0,
        without_data=WhenUnknown.OK,
        on_error=WhenUnknown.KEEP,
        panel=("health", "restarts"),
    ),
    Rule(
        name="job-not-running",
        title="Job not running",
        summary="{{ $labels.job }}: not running",
        description="Flink says that the job does not run, or does not answer.",
        severity="critical",
        queries=(_NOT_RUNNING,),
        condition="$A > 0",
        minutes=2,
        for_seconds=120,
        without_data=WhenUnknown.OK,
        on_error=WhenUnknown.KEEP,
        panel=("health", "job_states"),
    ),
)
"""All rules."""
