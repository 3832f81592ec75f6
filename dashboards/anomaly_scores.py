"""Anomaly scores: of the process stages, and what the monitor makes of each tick."""

from __future__ import annotations

from typing import Final

from dashboards.labels import FAULTS, MONITOR_STATES, VARIABLES
from dashboards.model import (
    Column,
    Dashboard,
    FromJson,
    Kind,
    Level,
    Panel,
    Query,
    Row,
    Shape,
    Source,
    Threshold,
    Variable,
)
from dashboards.plants import MARKS, PLANT_VARIABLE
from dashboards.queries import (
    JSON_NUMBER,
    JSON_TEXT,
    PLANT,
    STAGE,
    Aggregate,
    choices,
    chosen,
    json_field,
    over_time,
    states,
)
from dashboards.units import COUNT, NUMBER, P_VALUE, SHARE, TEXT, TIME
from detection.alarm_rule import P_LIMIT
from detection.baseline import P_FLAGGED
from tepwatch.schema import ASSESSMENTS, SCORES, UNIT_SCORES

_SQL, _INFLUXQL = chosen(PLANT)
# A share of contributions is beyond half only where one variable has most to do with it.
_ENDS: Final = (-1.0, 1.0)


def _newest_list(column: str, fields: str) -> str:
    """SQL: the objects of the newest list of JSON in a column, a row each, the largest first."""
    return (
        f"SELECT at, plant, {fields} FROM (SELECT plant, max(time) AS at, "
        f'max_by({column}, time) AS newest FROM $__database."{ASSESSMENTS.name}" '
        f"WHERE $__timeFilter AND {_SQL} AND {column} IS NOT NULL GROUP BY plant) "
        "CROSS JOIN UNNEST(split(newest, '},{')) AS parts(part)"
    )


def _number(name: str, kind: str = "DOUBLE") -> str:
    found = json_field(name, JSON_NUMBER)
    return f"CAST(regexp_extract(part, '{found}', 1) AS {kind}) AS {name}"


def _newest_lists(column: str) -> str:
    """InfluxQL: the newest list in a column, which is taken apart where it is shown."""
    return (
        f'SELECT last("{column}") AS "{column}" FROM "{ASSESSMENTS.name}" '
        f'WHERE $timeFilter AND {_INFLUXQL} GROUP BY "plant"'
    )


def _nth_contribution(place: int, title: str) -> tuple[Column, Column]:
    def found(field: str) -> FromJson:
        return FromJson("contributions", f"[{place}].{field}")

    return (
        Column(
            name=f"variable_{place + 1}",
            title=title,
            unit=TEXT,
            labels=VARIABLES,
            json=found("tag"),
            only=Source.INFLUXDB,
        ),
        Column(
            name=f"share_{place + 1}",
            title="Share",
            unit=SHARE,
            json=found("share"),
            only=Source.INFLUXDB,
            ends=_ENDS,
        ),
    )


_STAGE_SCORES: Final = Panel(
    name="stage_scores",
    title="Score of ${stage}",
    description="Random Cut Forest score of the process stage, the highest of each interval. It "
    "has no fixed scale: compare it with what it was before.",
    kind=Kind.GRAPH,
    unit=NUMBER,
    queries=(
        over_time(
            SCORES.name,
            "score",
            Aggregate.HIGHEST,
            by=(PLANT, STAGE),
            variables=(PLANT, STAGE),
        ),
    ),
    lowest=0.0,
    each=STAGE,
)
_P_VALUES: Final = Panel(
    name="p_values",
    title="How unlikely (p-value)",
    description="Share of normal ticks that score as high, the lowest of each interval, all "
    f"process units together. Lines: {P_FLAGGED:g}, where a tick looks abnormal, and {P_LIMIT:g}, "
    "below which ticks in a row raise an alarm.",
    kind=Kind.GRAPH,
    unit=P_VALUE,
    queries=(over_time(ASSESSMENTS.name, "p_value", Aggregate.LOWEST),),
    width=12,
    highest=1.0,
    thresholds=(Threshold(P_LIMIT, Level.BAD), Threshold(P_FLAGGED, Level.WARNING)),
    logarithmic=True,
)
_GRADES: Final = Panel(
    name="grades",
    title="Grade",
    description="0, nothing unlikely, to 100 %, as unlikely as an alarm; the highest of each "
    "interval.",
    kind=Kind.GRAPH,
    unit=SHARE,
    queries=(over_time(ASSESSMENTS.name, "grade", Aggregate.HIGHEST),),
    width=12,
    lowest=0.0,
    highest=1.0,
)
_UNIT_SCORES: Final = Panel(
    name="unit_scores",
    title="Scores of process units",
    description="Score of each process unit, the highest of each interval; 1 is rare in normal "
    "operation.",
    kind=Kind.GRAPH,
    unit=NUMBER,
    queries=(over_time(UNIT_SCORES.name, "score", Aggregate.HIGHEST, by=(PLANT, "unit")),),
    width=12,
    lowest=0.0,
    thresholds=(Threshold(1.0, Level.WARNING),),
)
_MONITOR_STATES: Final = Panel(
    name="monitor_states",
    title="Monitor",
    description="Learning: gathers normal operation, judges nothing. Monitoring: judges ticks. "
    "Transition: a plant that has just begun, or whose operation was changed on purpose.",
    kind=Kind.STATES,
    unit=TEXT,
    queries=(states(ASSESSMENTS.name, "state"),),
    width=12,
    labels=MONITOR_STATES,
)
_CONTRIBUTIONS: Final = Panel(
    name="contributions",
    title="What stands out",
    description="What each variable has to do with the score, of the newest tick that was judged "
    "in the time shown: choose the end of the time to look at another one. Above 0 the variable is "
    "too high; sizes of all variables add up to 100 %.",
    kind=Kind.TABLE,
    unit=TEXT,
    queries=(
        Query(
            sql=_newest_list(
                "contributions",
                f"regexp_extract(part, '{json_field('tag', JSON_TEXT)}', 1) AS variable, "
                f"{_number('share')}, {_number('value')}, {_number('normal')}",
            ),
            influxql=_newest_lists("contributions"),
            shape=Shape.ROWS,
        ),
    ),
    width=16,
    columns=(
        Column(name="at", title="Tick", unit=TIME, only=Source.TIMESTREAM, width=200),
        Column(name="time", title="Tick", unit=TIME, only=Source.INFLUXDB, width=200),
        Column(name="plant", title="Plant", unit=TEXT, width=160),
        Column(
            name="variable", title="Variable", unit=TEXT, labels=VARIABLES, only=Source.TIMESTREAM
        ),
        Column(name="share", title="Share", unit=SHARE, only=Source.TIMESTREAM, ends=_ENDS),
        Column(name="value", title="Value", unit=NUMBER, only=Source.TIMESTREAM, width=100),
        Column(name="normal", title="Normally", unit=NUMBER, only=Source.TIMESTREAM, width=100),
        *_nth_contribution(0, "Most"),
        *_nth_contribution(1, "Second"),
        *_nth_contribution(2, "Third"),
    ),
)
_SUSPECTS: Final = Panel(
    name="suspects",
    title="What it looks like",
    description="Disturbances that the newest alarm in the time shown looks like, with their "
    "probabilities. An alarm has its first name half an hour of process time after it was raised.",
    kind=Kind.TABLE,
    unit=TEXT,
    queries=(
        Query(
            sql=_newest_list(
                "suspects",
                f"{_number('idv', 'BIGINT')}, {_number('probability')}",
            ),
            influxql=_newest_lists("suspects"),
            shape=Shape.ROWS,
        ),
    ),
    width=8,
    columns=(
        Column(name="plant", title="Plant", unit=TEXT, width=160),
        Column(name="at", title="Tick", unit=TIME, only=Source.TIMESTREAM, width=200),
        Column(name="time", title="Tick", unit=TIME, only=Source.INFLUXDB, width=200),
        Column(
            name="idv",
            title="Disturbance",
            unit=NUMBER,
            labels=FAULTS,
            json=FromJson("suspects", "[0].idv"),
        ),
        Column(
            name="probability",
            title="Probability",
            unit=SHARE,
            json=FromJson("suspects", "[0].probability"),
            ends=(0.0, 1.0),
            width=140,
        ),
    ),
)
_DOUBTS: Final = Panel(
    name="doubts",
    title="Values not believed",
    description="Variables that the monitor fills in with what the others let expect: missing "
    "ones, and those whose instrument has failed. The highest of each interval.",
    kind=Kind.GRAPH,
    unit=COUNT,
    queries=(over_time(ASSESSMENTS.name, "filled", Aggregate.HIGHEST),),
    width=12,
    height=6,
    lowest=0.0,
    held=True,
)

ANOMALY_SCORES: Final = Dashboard(
    name="scores",
    title="Anomaly scores",
    description="Scores of the process stages, and what the monitor makes of each tick",
    rows=(
        Row(title="Process stages", panels=(_STAGE_SCORES,)),
        Row(title="Monitor", panels=(_P_VALUES, _GRADES, _UNIT_SCORES, _MONITOR_STATES)),
        Row(title="Causes", panels=(_CONTRIBUTIONS, _SUSPECTS, _DOUBTS)),
    ),
    variables=(
        PLANT_VARIABLE,
        Variable(
            name=STAGE,
            title="Stage",
            description="Process stages that were scored in the time shown",
            query=choices(SCORES.name, STAGE),
        ),
    ),
    annotations=MARKS,
)
