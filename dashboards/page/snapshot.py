"""How plants stand at a moment, as the page shows it.

Contributions and suspects are JSON as they are stored.
"""

from __future__ import annotations

import msgspec


class StageState(msgspec.Struct):
    """The last score of a process stage."""

    score: float | None
    state: str


class UnitState(msgspec.Struct):
    """The last score of a process unit."""

    score: float | None
    p_value: float | None
    grade: float | None


class MonitorNow(msgspec.Struct):
    """What the monitor made of the last tick."""

    state: str
    p_value: float | None
    grade: float | None
    alarm: str | None
    contributions: msgspec.Raw
    suspects: msgspec.Raw
    units: dict[str, UnitState] = {}


class AlarmNow(msgspec.Struct):
    """How an alarm stands."""

    alarm: str
    state: str
    shelved: bool
    unit: str
    onset_ms: int
    onset_hours: float
    duration_hours: float
    p_value: float | None
    contributions: msgspec.Raw
    suspects: msgspec.Raw


class SensorNow(msgspec.Struct):
    """An instrument that fails."""

    tag: str
    failure: str


class PlantNow(msgspec.Struct):
    """One plant; `disturbances` are those injected and not cleared, as the stream's events say."""

    plant: str
    run: str = ""
    time_ms: int | None = None
    process_hours: float | None = None
    values: dict[str, float | None] = {}
    scores: dict[str, StageState] = {}
    monitor: MonitorNow | None = None
    alarms: list[AlarmNow] = []
    sensors: list[SensorNow] = []
    disturbances: list[int] = []
    setpoints: dict[str, float] = {}
    state: str | None = None


class Snapshot(msgspec.Struct):
    """All plants; `stale` says why what is shown is old, if it is."""

    now_ms: int
    stale: str | None
    plants: list[PlantNow]
