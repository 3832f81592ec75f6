"""Pipeline health: what comes in, what is lost on the way, and how the job stands.

What the stored rows tell is taken from them; the rest from the table `health`, a row each ten
seconds of the job's own counts. Those begin anew with the job: only what they grow by is shown.
"""

from __future__ import annotations

from typing import Final

from dashboards.labels import JOB_STATES
from dashboards.model import (
    Dashboard,
    Kind,
    Level,
    Panel,
    Query,
    Row,
    Shape,
    Threshold,
    Variable,
)
from dashboards.plants import PLANT_VARIABLE
from dashboards.queries import (
    JOB,
    Aggregate,
    choices,
    chosen,
    counted,
    growth,
    over_time,
    per_second,
    states,
    totals,
)
from dashboards.units import COUNT, MILLISECONDS, PER_SECOND, SHARE, TEXT
from tepwatch.schema import DEAD_LETTERS, HEALTH, READINGS

LAG_MS_MAX: Final = 60_000
"""How far behind the stream the job may be before somebody is told."""

_JOB_VARIABLE: Final = Variable(
    name=JOB,
    title="Job",
    description="Jobs that were looked at in the time shown",
    query=choices(HEALTH.name, JOB),
)
_, _INFLUXQL = chosen(JOB)


def _graph(name: str, title: str, description: str, unit: str, *queries: Query) -> Panel:
    return Panel(
        name=name,
        title=title,
        description=description,
        kind=Kind.GRAPH,
        unit=unit,
        queries=queries,
        lowest=0.0,
        bars=unit == COUNT,
    )


def _late_share() -> Query:
    """Late readings among the records that were read."""
    before = f"lag({{}}) OVER (PARTITION BY {JOB} ORDER BY t)"
    return Query(
        sql=f"SELECT t, {JOB}, CASE WHEN late >= late_before AND read > read_before "
        "THEN 1.0 * (late - late_before) / (read - read_before) END AS value FROM ("
        f"SELECT t, {JOB}, late, read, {before.format('late')} AS late_before, "
        f"{before.format('read')} AS read_before FROM ("
        f"{totals(HEALTH.name, late='late', read='records_read')})) "
        "WHERE read_before IS NOT NULL ORDER BY t",
        influxql='SELECT non_negative_difference(last("late")) / '
        'non_negative_difference(last("records_read")) AS "value" '
        f'FROM "{HEALTH.name}" WHERE $timeFilter AND {_INFLUXQL} '
        f'GROUP BY time($__interval), "{JOB}" fill(none)',
        shape=Shape.NUMBERS,
        labels=(JOB,),
        legend=f"{{{JOB}}}",
    )


_STREAM: Final = (
    _graph(
        "readings",
        "Readings a second",
        "Readings stored, by the time at which they were taken.",
        PER_SECOND,
        counted(READINGS.name, "missing"),
    ),
    _graph(
        "late_readings",
        "Late readings a second",
        "Readings that came after their place was passed: stored, not scored. By the time at which "
        "they were taken.",
        PER_SECOND,
        counted(READINGS.name, "missing", where="late = true"),
    ),
    _graph(
        "late_share",
        "Share of late readings",
        "Late readings among the records that the job read in the interval.",
        SHARE,
        _late_share(),
    ),
    _graph(
        "losses",
        "Gaps and duplicates",
        "Records missing in the order of a run (lost before the stream, or on it), and records "
        "that came twice, in each interval.",
        COUNT,
        growth(HEALTH.name, "gaps", "gaps"),
        growth(HEALTH.name, "duplicates", "duplicates"),
    ),
    _graph(
        "dead_letters",
        "Dead letters by reason",
        "What could not be used, in each interval, by the time of its arrival. Its bytes are kept "
        "in S3 or in files.",
        COUNT,
        counted(DEAD_LETTERS.name, "partition_key", by=("reason",), variables=(), a_second=False),
    ),
    _graph(
        "rejected",
        "Lines rejected",
        "Lines of the stream that are no valid record, in each interval, as the job counts them.",
        COUNT,
        growth(HEALTH.name, "rejected", "rejected"),
    ),
)
_JOB: Final = (
    Panel(
        name="job_states",
        title="Job",
        description="State of the job as Flink tells it, looked at every ten seconds.",
        kind=Kind.STATES,
        unit=TEXT,
        queries=(states(HEALTH.name, "state", by=(JOB,), variables=(JOB,)),),
        width=16,
        height=5,
        labels=JOB_STATES,
    ),
    _graph(
        "restarts",
        "Restarts",
        "How often the job went back to its last checkpoint, in each interval.",
        COUNT,
        growth(HEALTH.name, "restarts", "restarts"),
    ),
    Panel(
        name="lag",
        title="Behind the stream",
        description="How far the reading of the shard farthest behind is behind its newest record. "
        "The line is where somebody is told.",
        kind=Kind.GRAPH,
        unit=MILLISECONDS,
        queries=(
            over_time(HEALTH.name, "millis_behind", Aggregate.HIGHEST, by=(JOB,), variables=(JOB,)),
        ),
        lowest=0.0,
        thresholds=(Threshold(LAG_MS_MAX, Level.BAD),),
    ),
    _graph(
        "read",
        "Records read a second",
        "Stream records the job reads, commands and events included.",
        PER_SECOND,
        per_second(HEALTH.name, "records_read", "records"),
    ),
    _graph(
        "checkpoints",
        "Checkpoints",
        "Checkpoints completed and failed in each interval.",
        COUNT,
        growth(HEALTH.name, "checkpoints_completed", "completed"),
        growth(HEALTH.name, "checkpoints_failed", "failed"),
    ),
    _graph(
        "checkpoint_ms",
        "Duration of checkpoints",
        "How long the last completed checkpoint took, the longest of each interval.",
        MILLISECONDS,
        over_time(HEALTH.name, "checkpoint_ms", Aggregate.HIGHEST, by=(JOB,), variables=(JOB,)),
    ),
    _graph(
        "stored",
        "Rows stored a second",
        "Rows that sinks took, all sinks together.",
        PER_SECOND,
        per_second(HEALTH.name, "stored", "stored"),
    ),
    _graph(
        "retried",
        "Rows written again",
        "Rows that a sink did not take at once and that were tried again, in each interval: "
        "throttling, or a store that is away.",
        COUNT,
        growth(HEALTH.name, "retried", "retried"),
    ),
    _graph(
        "sink_dead_letters",
        "Dead letters written",
        "Rows of the table of dead letters that sinks took, in each interval, all sinks together.",
        COUNT,
        growth(HEALTH.name, "dead_letters", "dead letters"),
    ),
)

PIPELINE_HEALTH: Final = Dashboard(
    name="health",
    title="Pipeline health",
    description="What comes in, what is lost on the way, and how the job stands",
    rows=(Row(title="Stream", panels=_STREAM), Row(title="Job", panels=_JOB)),
    variables=(PLANT_VARIABLE, _JOB_VARIABLE),
    annotations=(),
)
