"""Drills: what the monitor as a whole does when things happen to a plant.

A disturbance that ends, an operator who moves a set-point, values that go missing: on simulated
plants, through the monitor that the job runs, alarms and all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from detection.announcer import Finding
from detection.forest import FloatArray
from detection.monitor import Monitor
from detection.operating import OperatingEvent
from detection.reference import Reference
from simulator.actions import Action, Disturb, SetSetpoint
from simulator.fleet import Fleet
from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from studies import normal_operation
from studies.normal_operation import TICK_SECONDS, TICKS_AN_HOUR
from tepwatch.records import (
    AlarmChange,
    AlarmEvent,
    Assessment,
    MonitorState,
    Origin,
    Reading,
)
from tepwatch.settings import Settings

RECOVERING: Final = (4, 11, 14)
"""Disturbances that leave the plant as it was when they end."""

MISSING_SHARES: Final = (0.02, 0.05)

PLANT: Final = "plant-1"
_NOWHERE: Final = Origin("", "0", 0, 0)
_BEFORE_HOURS: Final = 20
_FAULT_HOURS: Final = 10
_AFTER_FAULT_HOURS: Final = 20
_AFTER_CHANGE_HOURS: Final = 80
_QUIET_HOURS: Final = 40
"""After a new baseline was learned, for which false alarms are counted."""

_SEEDS: Final = {"recovery": 31_001, "change": 32_001, "missing": 33_001}

_CHANGES: Final[Mapping[str, Sequence[tuple[str, float]]]] = {
    BENCHMARK_PI.name: (
        ("reactor-level", 72.0),
        ("reactor-level", 78.0),
        ("production-rate", 22.0),
        ("production-rate", 23.5),
        ("reactor-temperature", 119.5),
        ("reactor-temperature", 121.5),
        ("separator-level", 55.0),
        ("stripper-level", 45.0),
    ),
    RICKER.name: (
        ("reactor-pressure", 2750.0),
        ("reactor-pressure", 2780.0),
        ("reactor-level", 70.0),
        ("production-rate", 22.0),
        ("production-rate", 23.5),
        ("reactor-temperature", 121.5),
        ("reactor-temperature", 122.0),
        ("product-mix", 55.0),
        ("separator-level", 55.0),
        ("stripper-level", 45.0),
    ),
}
"""Moves of set-points, a few percent each; every one that a strategy has."""


class Recovery(msgspec.Struct, frozen=True):
    """A disturbance of ten hours: ticks to its alarm, and from its end until that is over.

    None where there is no alarm, or it does not end; `again` counts alarms after that.
    """

    fault: int
    seed: int
    raised_after: int | None
    over_after: int | None
    again: int


class Change(msgspec.Struct, frozen=True):
    """A set-point that is moved: hours until the monitor watches again, None where it does not.

    Alarms while it learns, which there must not be, and in the 40 h after; all are false.
    """

    setpoint: str
    value: float
    relearned_hours: float | None
    alarms_before: int
    alarms_after: int


class Missing(msgspec.Struct, frozen=True):
    """Normal operation with a share of its values missing: alarms with and without."""

    share: float
    days: float
    alarms: int
    alarms_whole: int


class _Run(NamedTuple):
    """A simulated run: process hours (rows,), values (rows, 53)."""

    hours: FloatArray
    values: FloatArray


def readings_of(hours: FloatArray, values: FloatArray) -> list[Reading]:
    """A simulated run as it comes from the stream: process hours (rows,), values (rows, 53)."""
    return [
        Reading(
            PLANT,
            "drill",
            seq,
            round(at * 3_600_000),
            at,
            tuple(None if np.isnan(value) else value for value in row[:41].tolist()),
            tuple(None if np.isnan(value) else value for value in row[41:].tolist()),
            None,
            _NOWHERE,
        )
        for seq, (at, row) in enumerate(zip(hours.tolist(), values, strict=True))
    ]


class _Watched:
    """A monitor and all that it has found."""

    def __init__(self, reference: Reference) -> None:
        tick = reference.origin.tick_seconds
        self._monitor = Monitor(PLANT, Settings(start_hours=0.0, tick_seconds=tick), reference)
        self.found: list[Finding] = []

    def advance(self, run: _Run) -> None:
        self.found.extend(self._monitor.advance(readings_of(*run), run.values))

    def observe(self, event: OperatingEvent) -> None:
        self.found.extend(self._monitor.observe(event))

    def changes(self, kind: AlarmChange) -> list[AlarmEvent]:
        return [item for item in self.found if isinstance(item, AlarmEvent) and item.change is kind]

    def watching(self) -> list[Assessment]:
        return [
            item
            for item in self.found
            if isinstance(item, Assessment) and item.state is MonitorState.MONITORING
        ]


def recover(reference: Reference, strategy: Strategy, seeds: int) -> list[Recovery]:
    """Let each of `RECOVERING` last ten hours, in so many runs each."""
    found = []
    actions = [(fault, Disturb(fault), Disturb(fault, on=False)) for fault in RECOVERING] * seeds
    runs, _ = _simulate(
        strategy,
        _SEEDS["recovery"],
        [[on, off] for _, on, off in actions],
        (_BEFORE_HOURS, _FAULT_HOURS, _AFTER_FAULT_HOURS),
    )
    for place, ((fault, _, _), run) in enumerate(zip(actions, runs, strict=True)):
        watched = _Watched(reference)
        watched.advance(run)
        begins = run.hours[0] + _BEFORE_HOURS
        ends = begins + _FAULT_HOURS
        raised = [e for e in watched.changes(AlarmChange.RAISED) if _hours(e) > begins]
        over = [e for e in watched.changes(AlarmChange.CLEARED) if _hours(e) > begins]
        found.append(
            Recovery(
                fault,
                _SEEDS["recovery"] + place,
                _ticks(_hours(raised[0]) - begins) if raised else None,
                max(0, _ticks(_hours(over[-1]) - ends)) if len(over) == len(raised) > 0 else None,
                sum(_hours(event) > ends for event in raised),
            )
        )
    return found


def change(reference: Reference, strategy: Strategy) -> list[Change]:
    """Move each of the strategy's set-points and let the monitor learn again."""
    moves = _CHANGES[strategy.name]
    runs, at = _simulate(
        strategy,
        _SEEDS["change"],
        [[SetSetpoint(name, value)] for name, value in moves],
        (_BEFORE_HOURS, _AFTER_CHANGE_HOURS),
    )
    found = []
    for (name, value), run in zip(moves, runs, strict=True):
        watched = _Watched(reference)
        watched.advance(_Run(run.hours[:at], run.values[:at]))
        watched.found.clear()
        watched.observe(OperatingEvent.SETPOINT)
        watched.advance(_Run(run.hours[at:], run.values[at:]))
        moved = float(run.hours[at - 1])
        watching = [_hours(assessment) for assessment in watched.watching()]
        relearned = min(watching, default=None)
        raised = [_hours(event) for event in watched.changes(AlarmChange.RAISED)]
        since = np.inf if relearned is None else relearned
        found.append(
            Change(
                name,
                value,
                None if relearned is None else round(relearned - moved, 2),
                sum(hours < since for hours in raised),
                sum(since <= hours <= since + _QUIET_HOURS for hours in raised),
            )
        )
    return found


def lose(reference: Reference, strategy: Strategy, days: int) -> list[Missing]:
    """Lose values of normal operation at random."""
    runs = normal_operation.simulate(strategy, days, _SEEDS["missing"])
    whole = sum(_alarms(reference, run) for run in runs)
    found = []
    for share in MISSING_SHARES:
        rng = np.random.default_rng(_SEEDS["missing"])
        alarms = 0
        for run in runs:
            holes = run.copy()
            holes[rng.random(run.shape) < share] = np.nan
            alarms += _alarms(reference, holes)
        found.append(Missing(share, days, alarms, whole))
    return found


def _alarms(reference: Reference, values: FloatArray) -> int:
    watched = _Watched(reference)
    hours = np.arange(1, len(values) + 1) / TICKS_AN_HOUR
    watched.advance(_Run(hours, values))
    return len(watched.changes(AlarmChange.RAISED))


def _simulate(
    strategy: Strategy,
    first_seed: int,
    actions: Sequence[Sequence[Action]],
    hours: Sequence[int],
) -> tuple[list[_Run], int]:
    """A run each, with an action between two stretches of hours; and rows of the first stretch."""
    fleet = Fleet(strategy, range(first_seed, first_seed + len(actions)))
    every = round(TICK_SECONDS / fleet.step_seconds)
    settling = normal_operation.settling_ticks(strategy)
    values, clocks = [], []
    ticks = settling
    for stretch, length in enumerate(hours):
        if stretch:
            for place, mine in enumerate(actions):
                fleet.apply(place, mine[stretch - 1])
        ticks += length * TICKS_AN_HOUR
        records = fleet.advance(ticks * every + 1 - fleet.next_step, every)
        values.append(records.values)
        clocks.append(records.hours)
    rows = normal_operation.rounded(np.concatenate(values))[settling:]
    process_hours = np.concatenate(clocks)[settling:]
    runs = [_Run(process_hours[:, place], rows[:, place]) for place in range(len(actions))]
    return runs, hours[0] * TICKS_AN_HOUR


def _hours(item: AlarmEvent | Assessment) -> float:
    assert item.process_hours is not None
    return item.process_hours


def _ticks(hours: float) -> int:
    return round(hours * TICKS_AN_HOUR)
