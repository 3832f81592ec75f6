"""Words and colours for values that are stored by their names or numbers."""

from __future__ import annotations

from typing import Final

from dashboards.model import Label, Labels, Level
from tepwatch.records import AlarmState, DetectorEventKind, EventKind, MonitorState
from tepwatch.tags import DISTURBANCES, TAGS, VALVE_4_HELD

VARIABLES: Final[Labels] = {
    tag.id: Label(f"{tag.title}, {tag.unit} ({tag.id})") for tag in TAGS.values()
}
"""Measurements and manipulated variables by their ids."""

FAULTS: Final[Labels] = {
    str(each.number): Label(f"IDV {each.number}, {each.title} ({each.kind})")
    for each in (*DISTURBANCES, VALVE_4_HELD)
}
"""Disturbances that an alarm can be named after, by their numbers."""

MONITOR_STATES: Final[Labels] = {
    MonitorState.LEARNING.value: Label("learning", Level.NOTE),
    MonitorState.MONITORING.value: Label("monitoring", Level.GOOD),
    MonitorState.TRANSITION.value: Label("transition", Level.WARNING),
}
ALARM_STATES: Final[Labels] = {
    AlarmState.UNACKNOWLEDGED.value: Label("unacknowledged", Level.BAD),
    AlarmState.ACKNOWLEDGED.value: Label("acknowledged", Level.WARNING),
    AlarmState.CLEARED.value: Label("over, unacknowledged", Level.NOTE),
    AlarmState.CLOSED.value: Label("closed", Level.GOOD),
}
JOB_STATES: Final[Labels] = {
    "STARTING": Label("starting", Level.NOTE),
    "RUNNING": Label("running", Level.GOOD),
    "RESTARTING": Label("restarting", Level.WARNING),
    "FAILING": Label("failing", Level.BAD),
    "FAILED": Label("failed", Level.BAD),
    "NO_JOB": Label("no job", Level.BAD),
    "UNREACHABLE": Label("Flink does not answer", Level.BAD),
}
"""The ones to be told from afar; Flink has more, which are shown by their own names."""

EVENTS: Final[Labels] = {
    kind.value: Label(kind.value.replace("_", " ")) for kind in (*EventKind, *DetectorEventKind)
}
SHELVED: Final[Labels] = {"true": Label("shelved", Level.NOTE), "false": Label("")}
FAILING: Final[Labels] = {"true": Label("begins", Level.BAD), "false": Label("is over", Level.GOOD)}
