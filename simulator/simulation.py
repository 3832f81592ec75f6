"""Simulated plants as sources of records: what is sent of them, tick by tick.

A tick is the process time of a record. What is scheduled takes effect at its own integration step
within the tick, and is told as an event before the tick's reading.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from simulator.actions import Action, ActionError, Restart, check, event_of
from simulator.fleet import Fleet
from simulator.instruments import SHUTDOWN_REASONS
from simulator.layout import MEASUREMENTS
from simulator.runs import RunNames
from simulator.schedule import Schedule, Scheduled, check_plant
from simulator.steering import Acknowledgement, PlantStatus
from tepwatch.errors import SettingsError
from tepwatch.records import EventKind, Origin, PlantEvent, Reading, StreamRecord

_NOWHERE: Final = Origin("", "0", 0, 0)
_SECONDS_AN_HOUR: Final = 3600.0


class OnShutdown(enum.StrEnum):
    """What becomes of a plant that a safety limit has shut down.

    STOP: it sends no more. RESTART: it begins again, as a new run. HOLD: it goes on sending what
    its instruments show while nothing moves.
    """

    STOP = "stop"
    RESTART = "restart"
    HOLD = "hold"


class PlantState(enum.StrEnum):
    """What a plant does."""

    RUNNING = "running"
    SHUT_DOWN = "shut down"
    STOPPED = "stopped"
    FAILED = "failed"


class Shutdown(NamedTuple):
    """A plant that a safety limit has shut down, and at which process time."""

    plant: str
    process_hours: float
    reason: str


class _Sender:
    """What is known of a plant as a source of records."""

    def __init__(self, name: str, run: str) -> None:
        self.name = name
        self.run = run
        self.seq = 0
        self.sent = 0
        self.state = PlantState.RUNNING


class Simulation:
    """Plants that produce records.

    Args:
        fleet: the plants.
        names: of the plants.
        tick_seconds: process time of a record, at least an integration step; where it is not a
            multiple of one, a record is taken at the step that is nearest.
        runs: makes the names of runs.
        schedule: of actions, by process time since the simulation's start.
        on_shutdown: what becomes of a plant that was shut down.
    """

    def __init__(
        self,
        fleet: Fleet,
        names: Sequence[str],
        *,
        tick_seconds: float,
        runs: RunNames,
        schedule: Iterable[Scheduled] = (),
        on_shutdown: OnShutdown = OnShutdown.STOP,
    ) -> None:
        self.fleet = fleet
        if tick_seconds < fleet.step_seconds:
            raise SettingsError(
                f"a record takes at least the integration step of {fleet.step_seconds:g} s, not "
                f"{tick_seconds:g} s"
            )
        self._tick_seconds = tick_seconds
        self._ticks = 0
        self._runs = runs
        self._schedule = Schedule(schedule)
        self._on_shutdown = on_shutdown
        self._start = max(fleet.next_step - 1, 0)
        first = runs.next()
        self.senders = [_Sender(name, first) for name in names]
        self._places = {name: place for place, name in enumerate(names)}
        self.done: list[Scheduled] = []
        """What was done so far, as a schedule that does it again."""
        self.shutdowns: list[Shutdown] = []
        """The plants that were shut down so far, in order."""

    @property
    def hours(self) -> float:
        """Process time since the start, whatever became of the plants."""
        return max(0.0, self._hours_of(self.fleet.next_step - 1))

    @property
    def next_tick_hours(self) -> float:
        """Process time since the start at the end of the next tick."""
        return (self._ticks + 1) * self._tick_seconds / _SECONDS_AN_HOUR

    @property
    def sending(self) -> bool:
        """Whether any plant still sends."""
        return any(_sends(sender) for sender in self.senders)

    def act(
        self, action: Action, plants: Sequence[str] | None, time_ms: int
    ) -> tuple[list[Acknowledgement], list[StreamRecord]]:
        """Let an action take effect with the next step.

        Args:
            action: what to do.
            plants: names of those that do it; None for all.
            time_ms: event time of the events.

        Returns:
            Where it took effect, and the events that tell it.

        Raises:
            ActionError: no such plant, or one that cannot take the action; nothing was done.
        """
        check(action, self.fleet.strategy)
        for name in plants or ():
            check_plant(name, list(self._places))
        chosen = self._takers(action, plants)
        if not chosen:
            stopped = ", ".join(plants or self._places)
            raise ActionError(f"{stopped}: sends no more; restart it first")
        events = [self._do(place, action, time_ms) for place in chosen]
        acknowledged = [
            Acknowledgement(event.plant, event.process_hours or 0.0, event.run, event.seq or 0)
            for event in events
        ]
        return acknowledged, list(events)

    def tick(self, time_ms: int) -> list[StreamRecord]:
        """Go on by one tick; returns what is to be sent, each plant's in order.

        Args:
            time_ms: event time of the records.
        """
        records: list[StreamRecord] = []
        fleet = self.fleet
        self._ticks += 1
        seconds = self._ticks * self._tick_seconds
        last = self._start + round(seconds / fleet.step_seconds)
        while (due := self._next_scheduled()) is not None and due <= last:
            fleet.advance(due - fleet.next_step, last)
            # Half a step on: times are rounded to steps.
            for item in self._schedule.take(self._hours_of(due + 0.5)):
                records += self._do_scheduled(item, time_ms)
        found = fleet.advance(last + 1 - fleet.next_step, last)
        finite = fleet.finite()
        for place, sender in enumerate(self.senders):
            if not _sends(sender):
                continue
            if not finite[place]:
                sender.state = PlantState.FAILED
                continue
            values = found.values[0, place].tolist()
            records.append(self._reading(sender, values, float(found.hours[0, place]), time_ms))
            code = int(found.shutdown[0, place])
            if code and sender.state is PlantState.RUNNING:
                records += self._shut_down(place, SHUTDOWN_REASONS[code], time_ms)
        return records

    def plant_statuses(self) -> list[PlantStatus]:
        """How the plants stand."""
        return [self._status(place, sender) for place, sender in enumerate(self.senders)]

    def _status(self, place: int, sender: _Sender) -> PlantStatus:
        done_to = self.fleet.done_to(place)
        return PlantStatus(
            sender.name,
            sender.run,
            self.fleet.process_hours(place),
            sender.sent,
            sender.state.value,
            self.fleet.shutdown_reason(place),
            done_to.disturbances,
            done_to.setpoints,
            done_to.valves,
            done_to.sensors,
        )

    def _hours_of(self, number: float) -> float:
        """Process time since the start at a step's number."""
        return (number - self._start) * self.fleet.step_seconds / _SECONDS_AN_HOUR

    def _next_scheduled(self) -> int | None:
        """Number of the step that the next scheduled action takes effect with."""
        hours = self._schedule.next_hours
        if hours is None:
            return None
        steps = round(hours * _SECONDS_AN_HOUR / self.fleet.step_seconds)
        return max(self._start + steps, self.fleet.next_step)

    def _do_scheduled(self, item: Scheduled, time_ms: int) -> list[StreamRecord]:
        """Do what was planned, in the plants that still send."""
        plants = None if item.plant is None else [item.plant]
        chosen = self._takers(item.action, plants)
        return [self._do(place, item.action, time_ms) for place in chosen]

    def _takers(self, action: Action, plants: Sequence[str] | None) -> list[int]:
        """Places of the plants that can do it: a stopped one can only begin again."""
        return [
            place
            for name, place in self._places.items()
            if (plants is None or name in plants)
            and (_sends(self.senders[place]) or isinstance(action, Restart))
        ]

    def _do(self, place: int, action: Action, time_ms: int) -> PlantEvent:
        sender = self.senders[place]
        self.done.append(Scheduled(self._hours_of(self.fleet.next_step), sender.name, action))
        hours = self.fleet.process_hours(place)
        self.fleet.apply(place, action)
        if isinstance(action, Restart):
            self._begin_run(sender)
            hours = 0.0
        kind, fields = event_of(action)
        return self._event(sender, kind, fields, hours, time_ms)

    def _begin_run(self, sender: _Sender) -> None:
        sender.run = self._runs.next()
        sender.seq = 0
        sender.state = PlantState.RUNNING

    def _shut_down(self, place: int, reason: str, time_ms: int) -> list[StreamRecord]:
        """Say that a plant was shut down, and do what is to be done then."""
        sender = self.senders[place]
        hours = self.fleet.process_hours(place)
        self.shutdowns.append(Shutdown(sender.name, hours, reason))
        said = self._event(sender, EventKind.SHUTDOWN, {"reason": reason}, hours, time_ms)
        match self._on_shutdown:
            case OnShutdown.HOLD:
                sender.state = PlantState.SHUT_DOWN
            case OnShutdown.STOP:
                sender.state = PlantState.STOPPED
            case OnShutdown.RESTART:
                return [said, self._do(place, Restart(), time_ms)]
        return [said]

    def _event(
        self,
        sender: _Sender,
        kind: EventKind,
        fields: Mapping[str, object],
        hours: float,
        time_ms: int,
    ) -> PlantEvent:
        detail = msgspec.json.encode(fields).decode() if fields else None
        seq = self._count(sender)
        return PlantEvent(sender.name, sender.run, seq, time_ms, hours, kind, detail, _NOWHERE)

    def _reading(self, sender: _Sender, values: list[float], hours: float, time_ms: int) -> Reading:
        shown = tuple(None if value != value else value for value in values)  # noqa: PLR0124 - NaN
        xmeas, xmv = shown[:MEASUREMENTS], shown[MEASUREMENTS:]
        seq = self._count(sender)
        return Reading(sender.name, sender.run, seq, time_ms, hours, xmeas, xmv, None, _NOWHERE)

    def _count(self, sender: _Sender) -> int:
        seq = sender.seq
        sender.seq += 1
        sender.sent += 1
        return seq


def _sends(sender: _Sender) -> bool:
    return sender.state in {PlantState.RUNNING, PlantState.SHUT_DOWN}
