"""What all dashboards of plants have: the choice of plants, and marks of what happened to them."""

from __future__ import annotations

from typing import Final

from dashboards.model import Annotation, Level, Query, Shape, Variable
from dashboards.queries import PLANT, choices, chosen
from tepwatch.records import AlarmChange, EventKind
from tepwatch.schema import ALARMS, EVENTS, READINGS

PLANT_VARIABLE: Final = Variable(
    name=PLANT,
    title="Plant",
    description="Plants that have sent readings in the time shown",
    query=choices(READINGS.name, PLANT),
)

_SQL, _INFLUXQL = chosen(PLANT)


def _of_event(name: str, level: Level, kind: EventKind) -> Annotation:
    return Annotation(
        name=name,
        level=level,
        query=Query(
            sql="SELECT time, plant || ': ' || detail AS text, event AS tags "
            f'FROM $__database."{EVENTS.name}" WHERE $__timeFilter AND {_SQL} '
            f"AND event = '{kind.value}' ORDER BY time DESC LIMIT 500",
            influxql=f'SELECT "detail" AS "text", "plant" AS "tags" FROM "{EVENTS.name}" '
            f"WHERE $timeFilter AND {_INFLUXQL} AND \"event\" = '{kind.value}' "
            "ORDER BY time DESC LIMIT 500",
            shape=Shape.ROWS,
        ),
    )


MARKS: Final = (
    _of_event("Disturbances", Level.WARNING, EventKind.DISTURBANCE),
    _of_event("Set-points", Level.NOTE, EventKind.SETPOINT),
    Annotation(
        name="Alarms raised",
        level=Level.BAD,
        query=Query(
            sql="SELECT time, alarm || ': unit ' || unit AS text, plant AS tags "
            f'FROM $__database."{ALARMS.name}" WHERE $__timeFilter AND {_SQL} '
            f"AND change = '{AlarmChange.RAISED.value}' ORDER BY time DESC LIMIT 500",
            influxql=f'SELECT "unit" AS "text", "plant" AS "tags" FROM "{ALARMS.name}" '
            f"WHERE $timeFilter AND {_INFLUXQL} AND \"change\" = '{AlarmChange.RAISED.value}' "
            "ORDER BY time DESC LIMIT 500",
            shape=Shape.ROWS,
        ),
    ),
)
"""Disturbances injected, set-points moved, alarms raised."""
