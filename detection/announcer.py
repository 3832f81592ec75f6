"""What a monitor finds, as the records that are published."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec

from detection.alarm_book import Alarm, Change
from detection.monitor_state import Key
from detection.sensors import FlagChange
from detection.watch import Judgement, Watch, grade
from tepwatch.records import (
    AlarmEvent,
    Assessment,
    Contribution,
    DetectorEvent,
    DetectorEventKind,
    MonitorState,
    SensorFlag,
)
from tepwatch.tags import TAG_IDS

Finding = Assessment | AlarmEvent | SensorFlag | DetectorEvent


class At(NamedTuple):
    """Where in a plant's stream: the run, and the reading."""

    run: str
    key: Key


class Announcer:
    """Makes the records of one plant."""

    def __init__(self, plant: str) -> None:
        self._plant = plant

    def assessment(
        self,
        at: At,
        state: MonitorState,
        watch: Watch | None,
        judgement: Judgement | None,
        alarm: Alarm | None,
        *,
        sensors_failed: int,
    ) -> Assessment:
        """Of a tick; without a judgement where nothing is judged."""
        contributions: tuple[Contribution, ...] = ()
        if watch is not None and judgement is not None:
            contributions = watch.explained(judgement.shares)
        return Assessment(
            self._plant,
            at.run,
            *at.key,
            state=state,
            score=None if judgement is None else judgement.score,
            p_value=None if judgement is None else judgement.p_value,
            grade=None if judgement is None else grade(judgement.p_value),
            alarm=None if alarm is None else alarm.id,
            alarm_onset_ns=None if alarm is None else alarm.onset.time_ns,
            filled=0 if watch is None else watch.filled,
            sensors_failed=sensors_failed,
            model=None if watch is None else watch.reference.version,
            units=() if judgement is None else judgement.units,
            contributions=contributions,
            suspects=() if alarm is None else alarm.suspects,
        )

    def alarm(self, changed: Change, key: Key, hours: float) -> AlarmEvent:
        """Of a change of an alarm, at so many hours of the plant's clock."""
        alarm = changed.alarm
        until = max(hours, alarm.onset.hours) if alarm.over is None else alarm.over.hours
        return AlarmEvent(
            self._plant,
            alarm.run,
            *key,
            alarm=alarm.id,
            change=changed.change,
            state=alarm.state,
            shelved=alarm.shelved,
            onset_ns=alarm.onset.time_ns,
            onset_hours=alarm.onset.hours,
            duration_hours=until - alarm.onset.hours,
            p_value=alarm.p_value,
            unit=alarm.unit,
            model=alarm.model,
            contributions=alarm.contributions,
            suspects=alarm.suspects,
            why=changed.why,
        )

    def sensor(self, change: FlagChange, shown: float, at: At) -> SensorFlag:
        """Of an instrument that begins or ends to fail."""
        return SensorFlag(
            self._plant,
            at.run,
            *at.key,
            tag=TAG_IDS[change.variable],
            failure=change.failure,
            active=change.active,
            value=None if math.isnan(shown) else shown,
        )

    def event(self, kind: DetectorEventKind, detail: dict[str, Any], at: At) -> DetectorEvent:
        """Of what happened to the monitor itself."""
        text = msgspec.json.encode(detail).decode()
        return DetectorEvent(self._plant, at.run, at.key.seq, at.key.time_ns, kind, text)
