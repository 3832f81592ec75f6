"""What is new in the stores, folded into how the plants stand.

The newest rows of each table are asked for again and again, each time from a little before the last
one that is known: rows of several plants do not come in the order of their times. What was seen
before changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from dashboards.page.snapshot import (
    AlarmNow,
    MonitorNow,
    PlantNow,
    SensorNow,
    Snapshot,
    StageState,
    UnitState,
)
from dashboards.page.store import Ask
from sinks.row_json import from_iso_time
from tepwatch.errors import ServiceError, TepwatchError
from tepwatch.records import NANOSECONDS_PER_MILLISECOND, AlarmState, EventKind
from tepwatch.schema import (
    ALARMS,
    ASSESSMENTS,
    EVENTS,
    READINGS,
    SCORES,
    SENSOR_FLAGS,
    UNIT_SCORES,
    Table,
)
from tepwatch.tags import TAG_IDS

_FIRST_LOOK: Final = "24h"
_OVERLAP_NS: Final = 10_000_000_000
_OVERLAP_CHANGES_NS: Final = 120_000_000_000
"""How far back to look again; changes are few, and may come late from a plant that lags."""
_ROWS_MAX: Final = 500
_ALARMS_MAX: Final = 50
_RUNNING: Final = "running"
_ACTIVE: Final = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED})

_Row = Mapping[str, Any]

logger = logging.getLogger(__name__)


class _Detail(msgspec.Struct):
    """Further fields of events, as far as they are shown."""

    idv: int | None = None
    on: bool = True
    reason: str = ""


class LiveFeed:
    """Follows the stores.

    Args:
        ask: the store.
        database: that holds the tables.
    """

    def __init__(self, ask: Ask, database: str) -> None:
        self._ask = ask
        self._database = database
        self._newest: dict[str, int] = {}
        self._seen: dict[tuple[str, ...], int] = {}
        self._plants: dict[str, PlantNow] = {}
        self._alarms: dict[str, dict[str, AlarmNow]] = {}
        self._clocks: dict[str, float] = {}

    def poll(self) -> Snapshot:
        """Look what is new, and say how the plants stand.

        A store that does not answer is no error: it is said in the snapshot.
        """
        stale = None
        try:
            for table, fold in (
                (READINGS, self._reading),
                (SCORES, self._score),
                (ASSESSMENTS, self._assessment),
                (UNIT_SCORES, self._unit_score),
                (ALARMS, self._alarm),
                (SENSOR_FLAGS, self._sensor_flag),
                (EVENTS, self._event),
            ):
                for time_ns, row in self._rows(table):
                    fold(
                        self._plants.setdefault(row["plant"], PlantNow(row["plant"])), time_ns, row
                    )
        except TepwatchError as error:
            logger.warning("the store does not answer: %s", error)
            stale = str(error)
        for plant in self._plants.values():
            plant.alarms = self._open_alarms(plant)
        plants = sorted(self._plants.values(), key=lambda each: each.plant)
        return Snapshot(time.time_ns() // NANOSECONDS_PER_MILLISECOND, stale, plants)

    def _rows(self, table: Table) -> Iterator[tuple[int, _Row]]:
        """The newest rows of a table and their times, the oldest first."""
        overlap = _OVERLAP_CHANGES_NS if table in (ALARMS, SENSOR_FLAGS, EVENTS) else _OVERLAP_NS
        newest = self._newest.get(table.name)
        since = f"ago({_FIRST_LOOK})" if newest is None else f"from_nanoseconds({newest - overlap})"
        statement = (
            f'SELECT * FROM "{self._database}"."{table.name}" WHERE time > {since} '
            f"ORDER BY time DESC LIMIT {_ROWS_MAX}"
        )
        try:
            result = self._ask(statement)
        except ServiceError as error:
            # A table has its columns from its first rows.
            if error.code == "ValidationException":
                return
            raise
        rows = [dict(zip(result.names, row, strict=True)) for row in result.rows]
        for row in reversed(rows):
            time_ns = from_iso_time(row["time"])
            self._newest[table.name] = max(time_ns, self._newest.get(table.name, 0))
            yield time_ns, row

    def _is_new(self, time_ns: int, *what: str) -> bool:
        """Whether nothing newer of the same was seen."""
        if time_ns <= self._seen.get(what, 0):
            return False
        self._seen[what] = time_ns
        return True

    def _reading(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        if not self._is_new(time_ns, READINGS.name, plant.plant):
            return
        if row["run"] != plant.run and plant.run:
            plant.disturbances, plant.state = [], _RUNNING
        plant.run = row["run"]
        plant.time_ms = time_ns // NANOSECONDS_PER_MILLISECOND
        plant.process_hours = row.get("process_hours")
        plant.values = {tag: row.get(tag) for tag in TAG_IDS}

    def _score(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        if self._is_new(time_ns, SCORES.name, plant.plant, row["stage"]):
            plant.scores[row["stage"]] = StageState(row.get("score"), row["state"])

    def _assessment(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        if not self._is_new(time_ns, ASSESSMENTS.name, plant.plant):
            return
        units = {} if plant.monitor is None else plant.monitor.units
        plant.monitor = MonitorNow(
            row["state"],
            row.get("p_value"),
            row.get("grade"),
            row.get("alarm"),
            _json(row.get("contributions")),
            _json(row.get("suspects")),
            {} if row.get("p_value") is None else units,
        )
        if row.get("process_hours") is not None:
            self._clocks[plant.plant] = row["process_hours"]

    def _unit_score(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        if plant.monitor is None or plant.monitor.p_value is None:
            return
        if self._is_new(time_ns, UNIT_SCORES.name, plant.plant, row["unit"]):
            found = UnitState(row.get("score"), row.get("p_value"), row.get("grade"))
            plant.monitor.units[row["unit"]] = found

    def _alarm(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        # Two changes can have one time: the later one comes later.
        known = self._seen.get((ALARMS.name, row["alarm"]), 0)
        if time_ns < known:
            return
        self._seen[ALARMS.name, row["alarm"]] = time_ns
        self._alarms.setdefault(plant.plant, {})[row["alarm"]] = AlarmNow(
            row["alarm"],
            row["state"],
            row["shelved"],
            row["unit"],
            row["onset_ns"] // NANOSECONDS_PER_MILLISECOND,
            row["onset_hours"],
            row["duration_hours"],
            row.get("p_value"),
            _json(row.get("contributions")),
            _json(row.get("suspects")),
        )

    def _open_alarms(self, plant: PlantNow) -> list[AlarmNow]:
        """The newest first; those that go on last until now, by the plant's own clock."""
        alarms = self._alarms.get(plant.plant, {})
        newest = sorted(alarms.values(), key=lambda each: each.onset_ms, reverse=True)
        for alarm in newest[_ALARMS_MAX:]:
            del alarms[alarm.alarm]
        for alarm in newest[:_ALARMS_MAX]:
            hours = self._clocks.get(plant.plant)
            if hours is not None and alarm.state in _ACTIVE:
                alarm.duration_hours = max(alarm.duration_hours, hours - alarm.onset_hours)
        return newest[:_ALARMS_MAX]

    def _sensor_flag(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        if not self._is_new(time_ns, SENSOR_FLAGS.name, plant.plant, row["tag"], row["failure"]):
            return
        found = SensorNow(row["tag"], row["failure"])
        plant.sensors = [each for each in plant.sensors if each != found]
        if row["active"]:
            plant.sensors.append(found)

    def _event(self, plant: PlantNow, time_ns: int, row: _Row) -> None:
        try:
            detail = msgspec.json.decode(row.get("detail") or "{}", type=_Detail)
        except msgspec.MsgspecError:
            # Whoever sends events can put anything there.
            return
        match row["event"]:
            case EventKind.DISTURBANCE if detail.idv is not None:
                number = detail.idv
                if self._is_new(time_ns, EVENTS.name, plant.plant, str(number)):
                    others = [each for each in plant.disturbances if each != number]
                    plant.disturbances = sorted([*others, number] if detail.on else others)
            case EventKind.SHUTDOWN:
                if self._is_new(time_ns, EVENTS.name, plant.plant):
                    plant.state = f"shut down: {detail.reason}"
            case EventKind.RESTART:
                if self._is_new(time_ns, EVENTS.name, plant.plant):
                    plant.disturbances, plant.state = [], _RUNNING


def _json(text: str | None) -> msgspec.Raw:
    return msgspec.Raw((text or "[]").encode())
