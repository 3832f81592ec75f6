"""Alarms: what is open and what was, failing instruments, and what operators did about them."""

from __future__ import annotations

from typing import Final

from dashboards.labels import ALARM_STATES, FAILING, FAULTS, SHELVED, VARIABLES
from dashboards.model import Column, Dashboard, FromJson, Kind, Panel, Query, Row, Shape
from dashboards.plants import MARKS, PLANT_VARIABLE
from dashboards.queries import (
    JSON_NUMBER,
    JSON_TEXT,
    PLANT,
    Aggregate,
    chosen,
    json_field,
    over_time,
    states,
)
from dashboards.units import COUNT, EPOCH_MS, NUMBER, SHARE, TEXT, TIME
from tepwatch.schema import ALARMS, ASSESSMENTS, COMMANDS, SENSOR_FLAGS

_SQL, _INFLUXQL = chosen(PLANT)


def _newest(column: str) -> str:
    return f"max_by({column}, time)"


def _first(column: str, field: str, value: str) -> str:
    """SQL: a field of the first object of the newest list of JSON in a column."""
    return f"regexp_extract({_newest(column)}, '{json_field(field, value)}', 1)"


_LIST: Final = Panel(
    name="alarms",
    title="Alarms",
    description="Alarms that changed in the time shown, each as it stood last: the variable that "
    "stands out most, and the disturbance it looks like most. `tepwatch ack` acknowledges one.",
    kind=Kind.TABLE,
    unit=TEXT,
    queries=(
        Query(
            sql=f"SELECT {_newest('plant')} AS plant, {_newest('onset_ns')} / 1000000 AS onset, "
            f"{_newest('duration_hours')} AS duration, {_newest('state')} AS state, "
            f"{_newest('shelved')} AS shelved, {_newest('unit')} AS unit, "
            f"{_first('contributions', 'tag', JSON_TEXT)} AS cause, "
            f"CAST({_first('suspects', 'idv', JSON_NUMBER)} AS BIGINT) AS suspect, "
            f"CAST({_first('suspects', 'probability', JSON_NUMBER)} AS DOUBLE) AS probability, "
            f'alarm FROM $__database."{ALARMS.name}" WHERE $__timeFilter AND {_SQL} '
            "GROUP BY alarm ORDER BY onset DESC LIMIT 500",
            influxql='SELECT last("state") AS "state", "plant", "onset_ns" / 1000000 AS "onset", '
            '"duration_hours" AS "duration", "shelved", "unit", "contributions", "suspects" '
            f'FROM "{ALARMS.name}" WHERE $timeFilter AND {_INFLUXQL} GROUP BY "alarm"',
            shape=Shape.ROWS,
        ),
    ),
    width=24,
    height=10,
    newest_first="onset",
    columns=(
        Column(name="plant", title="Plant", unit=TEXT),
        Column(name="onset", title="Onset", unit=EPOCH_MS, width=180),
        Column(name="duration", title="Process time", unit="h", width=110),
        Column(name="state", title="State", unit=TEXT, labels=ALARM_STATES, width=170),
        Column(name="shelved", title="Shelved", unit=TEXT, labels=SHELVED, width=80),
        Column(name="unit", title="Unit", unit=TEXT, width=100),
        Column(
            name="cause",
            title="Stands out",
            unit=TEXT,
            labels=VARIABLES,
            json=FromJson("contributions", "[0].tag"),
        ),
        Column(
            name="suspect",
            title="Looks like",
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
        Column(name="alarm", title="Alarm", unit=TEXT),
    ),
)
_TIMELINE: Final = Panel(
    name="alarm_states",
    title="States of alarms",
    description="Each alarm from when it was raised: acknowledged or not, over or not. A bar goes "
    "on until the alarm's next change.",
    kind=Kind.STATES,
    unit=TEXT,
    queries=(states(ALARMS.name, "state", by=("alarm",)),),
    width=24,
    labels=ALARM_STATES,
)
_SENSOR_FLAGS: Final = Panel(
    name="sensor_flags",
    title="Failing instruments",
    description="Instruments that began or ended to fail: stuck, silent, out of range, or moving "
    "where they stood still in normal operation. The newest 200.",
    kind=Kind.TABLE,
    unit=TEXT,
    queries=(
        Query(
            sql="SELECT time, plant, tag, failure, active, value "
            f'FROM $__database."{SENSOR_FLAGS.name}" '
            f"WHERE $__timeFilter AND {_SQL} ORDER BY time DESC LIMIT 200",
            influxql='SELECT "plant", "tag", "failure", "active", "value" '
            f'FROM "{SENSOR_FLAGS.name}" WHERE $timeFilter AND {_INFLUXQL} '
            "ORDER BY time DESC LIMIT 200",
            shape=Shape.ROWS,
        ),
    ),
    width=16,
    columns=(
        Column(name="time", title="Time", unit=TIME, width=200),
        Column(name="plant", title="Plant", unit=TEXT),
        Column(name="tag", title="Instrument", unit=TEXT, labels=VARIABLES),
        Column(name="failure", title="Failure", unit=TEXT, width=120),
        Column(name="active", title="", unit=TEXT, labels=FAILING, width=90),
        Column(name="value", title="Shows", unit=NUMBER, width=100),
    ),
)
_FAILED: Final = Panel(
    name="sensors_failed",
    title="Instruments not believed",
    description="How many instruments of a plant the monitor takes for failed, the most of each "
    "interval.",
    kind=Kind.GRAPH,
    unit=COUNT,
    queries=(over_time(ASSESSMENTS.name, "sensors_failed", Aggregate.HIGHEST),),
    lowest=0.0,
    held=True,
)
_COMMANDS: Final = Panel(
    name="commands",
    title="What operators did",
    description="Alarms acknowledged, plants shelved, operation accepted as normal. The newest "
    "200.",
    kind=Kind.TABLE,
    unit=TEXT,
    queries=(
        Query(
            sql=f'SELECT time, plant, command, detail FROM $__database."{COMMANDS.name}" '
            f"WHERE $__timeFilter AND {_SQL} ORDER BY time DESC LIMIT 200",
            influxql=f'SELECT "plant", "command", "detail" FROM "{COMMANDS.name}" '
            f"WHERE $timeFilter AND {_INFLUXQL} ORDER BY time DESC LIMIT 200",
            shape=Shape.ROWS,
        ),
    ),
    width=24,
    height=6,
    columns=(
        Column(name="time", title="Time", unit=TIME, width=200),
        Column(name="plant", title="Plant", unit=TEXT),
        Column(name="command", title="Command", unit=TEXT),
        Column(name="detail", title="More", unit=TEXT),
    ),
)

ALARMS_DASHBOARD: Final = Dashboard(
    name="alarms",
    title="Alarms",
    description="Alarms, failing instruments, and what operators did about them",
    rows=(
        Row(title="Alarms", panels=(_LIST, _TIMELINE)),
        Row(title="Instruments", panels=(_SENSOR_FLAGS, _FAILED)),
        Row(title="Operators", panels=(_COMMANDS,)),
    ),
    variables=(PLANT_VARIABLE,),
    annotations=MARKS,
    hours=24,
)
