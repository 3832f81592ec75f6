"""The monitor of one plant: ticks in, assessments and alarms out. A deterministic function.

LEARNING until it knows what is normal, from an artefact or from the stream itself; MONITORING then;
TRANSITION while a plant starts, or settles after an intended change and is learned again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from detection.alarm_book import Alarm, AlarmBook, Change, Moment
from detection.alarm_rule import AlarmRule
from detection.announcer import Announcer, At, Finding
from detection.baseline import P_FLAGGED
from detection.forest import FloatArray
from detection.monitor_state import CommandDetail, Followed, Key, Place, Prior, State
from detection.naming import Namer
from detection.operating import OperatingEvent
from detection.recorder import TICKS_MAX, Recorder
from detection.reference import Reference
from detection.relearning import learned
from detection.sensors import SensorWatch
from detection.ticks import GAP_FILLED, SECONDS_AN_HOUR, Tick, Ticker, seconds_of
from detection.watch import Judgement, Watch
from tepwatch.errors import BaselineError, StateError
from tepwatch.records import (
    AlarmChange,
    Assessment,
    Command,
    CommandKind,
    DetectorEvent,
    DetectorEventKind,
    MonitorState,
    Reading,
    time_ns,
)
from tepwatch.sealed import seal, unseal
from tepwatch.settings import Settings

_KIND: Final = b"MNTR"
_VERSION: Final = 1

_PACES: Final = 10
"""Ticks by which a stream's pace is told."""
_PACES_MIN: Final = 3
_BEFORE_ALARM: Final = 20
"""Ticks before an alarm that are not learned from."""
_WARM_UP: Final = 300
"""Ticks that a baseline is led up to the present with when it was learned from the stream."""
_NEVER: Final = 2**62


class Monitor:
    """Watches one plant.

    Args:
        plant: its name.
        settings: `tick_seconds`, `settle_hours`, `start_hours`, `learn_ticks` and `seed`.
        given: what is normal, by an artefact; None to learn it from the stream.
    """

    def __init__(self, plant: str, settings: Settings, given: Reference | None) -> None:
        self._plant = plant
        self._announcer = Announcer(plant)
        self._settings = settings
        self._given = given
        self._ticker = Ticker(settings.tick_seconds)
        self._recorder = Recorder()
        self._book = AlarmBook()
        self._rule = AlarmRule()
        self._sensors = SensorWatch(None, {})
        self._watch: Watch | None = None
        # What was normal before a change, for as long as that can be built upon.
        self._prior: Reference | None = None
        self._place = Place(learn_at=settings.learn_ticks)
        if given is not None:
            self._use(given)

    @property
    def state(self) -> MonitorState:
        """How it stands."""
        place = self._place
        if place.changing or place.settle_ticks or place.settled_at is not None:
            return MonitorState.TRANSITION
        return MonitorState.LEARNING if self._watch is None else MonitorState.MONITORING

    @property
    def alarms(self) -> Sequence[Alarm]:
        """Alarms that are open, the oldest first."""
        return self._book.state.alarms

    def advance(self, readings: Sequence[Reading], rows: FloatArray) -> list[Finding]:
        """Take readings of one run in, in order.

        Args:
            readings: one or more.
            rows: their values, (readings, 53), NaN for missing.
        """
        place, found = self._place, list[Finding]()
        if readings[0].run != place.run:
            found.extend(self._begin_run(readings[0]))
        for tick in self._ticker.push(self._times(readings), rows):
            if tick.reading >= 0:
                place.key = _key(readings[tick.reading])
            found.extend(self._take(tick))
        if self._ticker.counted >= 0:
            place.key = _key(readings[self._ticker.counted])
        return found

    def observe(self, event: OperatingEvent) -> list[Finding]:
        """Take an intended change of operation into account."""
        match event:
            case OperatingEvent.SETPOINT | OperatingEvent.MODE:
                return self._change(f"{event} changed")
            case OperatingEvent.RESTART | OperatingEvent.SHUTDOWN:
                self._ticker.begin()
                return self._interrupt(event.value)

    def command(self, command: Command) -> list[Finding]:
        """Do what an operator asks for; what cannot be done is said in an event."""
        key = Key(command.seq, time_ns(command), command.process_hours)
        try:
            detail = msgspec.json.decode(command.detail or "{}", type=CommandDetail)
            match command.command:
                case CommandKind.ACKNOWLEDGE:
                    return self._events(self._book.acknowledge(detail.alarm), key)
                case CommandKind.SHELVE:
                    until = (self._place.last_tick or 0) + self._ticks(detail.hours)
                    return self._events(self._book.shelve(until), key)
                case CommandKind.ACCEPT_NORMAL:
                    return self._change("accepted as normal")
        except (KeyError, msgspec.MsgspecError) as error:
            reason = "no such alarm waits for it" if isinstance(error, KeyError) else str(error)
        refused = {"command": command.command.value, "reason": reason}
        return [self._event(DetectorEventKind.COMMAND_REFUSED, refused, key)]

    # A run begins, is broken off, or is meant to go another way.

    def _begin_run(self, reading: Reading) -> list[Finding]:
        place = self._place
        self._ticker.begin()
        found = self._interrupt("a new run began") if place.run is not None else []
        first = place.run is None
        place.run, place.process_clock = reading.run, reading.process_hours is not None
        if not first and self._given is not None and self._is_learned:
            # It begins as it always does, and that is what the artefact was learned from.
            self._learn_anew()
            self._use(self._given)
        hours = self._settings.start_hours
        if reading.process_hours is not None:
            hours -= reading.process_hours
        elif first:
            # Nothing says that the plant has only just begun.
            hours = 0.0
        place.settle_ticks = max(0, self._ticks(hours))
        return found

    def _interrupt(self, why: str) -> list[Finding]:
        """What comes next does not follow what came before."""
        found = self._clear(why)
        self._recorder.interrupt()
        self._rule = AlarmRule()
        place = self._place
        place.last_tick, place.flagged_since = None, None
        place.paces = []
        if self._watch is not None:
            self._watch = Watch(self._watch.reference)
        return found

    def _change(self, why: str) -> list[Finding]:
        """What is normal from now on has to be learned."""
        found = self._clear(why)
        prior = self._prior if self._watch is None else self._watch.reference
        self._learn_anew()
        self._prior = prior
        self._place.changing = True
        self._place.settle_ticks = self._ticks(self._settings.settle_hours)
        return found

    def _learn_anew(self) -> None:
        self._watch = self._prior = None
        self._recorder = Recorder()
        self._rule = AlarmRule()
        self._place.flagged_since = None
        self._place.learn_at = self._settings.learn_ticks

    # One tick.

    def _take(self, tick: Tick) -> list[Finding]:
        place = self._place
        found = self._said()
        found.extend(self._gap(tick))
        place.last_tick = tick.number
        place.paces = [*place.paces, tick.pace][-_PACES:]
        found.extend(self._flags(tick))
        found.extend(self._check_fit())
        if place.settle_ticks:
            place.settled_at, place.settle_ticks = tick.number + place.settle_ticks, 0
        if place.settled_at is not None and tick.number >= place.settled_at:
            place.settled_at = None
        settling = place.settled_at is not None
        judgement = None
        if self._watch is not None:
            row = self._watch.reference.row(tick, self._sensors.failed)
            judgement = self._watch.advance(row)
        if settling:
            judgement = None
        elif judgement is not None:
            found.extend(self._judge(tick, judgement))
            if self._namer is not None:
                self._book.remember(tick.number, judgement.innovations)
        found.append(self._assessment(judgement))
        if not settling and (self._watch is None or self._is_learned):
            found.extend(self._learn(tick))
        return found

    @property
    def _now(self) -> Key:
        assert self._place.key is not None
        return self._place.key

    @property
    def _is_learned(self) -> bool:
        """Whether what is in force was learned from the stream itself."""
        return self._watch is not None and self._watch.reference is not self._given

    def _gap(self, tick: Tick) -> list[Finding]:
        """Ticks without any reading: bridged if few, a new beginning if many."""
        last = self._place.last_tick
        missing = 0 if last is None else tick.number - last - 1
        if missing == 0:
            return []
        if missing <= GAP_FILLED:
            self._recorder.skip(missing)
            if self._watch is not None:
                self._watch.bridge(missing)
            return []
        detail = {"ticks": missing, "hours": self._hours(missing)}
        return [*self._interrupt("gap"), self._event(DetectorEventKind.GAP, detail, self._now)]

    def _flags(self, tick: Tick) -> list[Finding]:
        """Instruments that begin or end to fail."""
        at = self._at(self._now)
        return [
            self._announcer.sensor(change, float(tick.last[change.variable]), at)
            for change in self._sensors.advance(tick.last)
        ]

    def _check_fit(self) -> list[Finding]:
        """Whether the stream can be held against what is in force, or can again."""
        paces = self._place.paces
        if len(paces) < _PACES_MIN:
            return []
        never_seen = self._sensors.never_seen if len(paces) == _PACES else []
        if self._watch is not None:
            misfit = self._watch.reference.misfit(paces, never_seen)
            if misfit is None:
                return []
            detail = {"model": self._watch.reference.version, "reason": misfit}
            found = self._clear("the baseline no longer fits")
            self._learn_anew()
            return [*found, self._event(DetectorEventKind.BASELINE_REFUSED, detail, self._now)]
        if self._given is None or self._place.changing or len(paces) < _PACES:
            return []
        if self._given.misfit(paces, never_seen) is not None:
            return []
        self._use(self._given)
        return self._said()

    def _use(self, reference: Reference) -> None:
        """Hold the plant against a reference from now on."""
        self._watch = Watch(reference)
        self._rule = AlarmRule()
        self._place.flagged_since = None
        self._place.changing = False
        self._sensors = reference.sensors(self._sensors.state)
        detail = {
            "model": reference.version,
            "source": reference.origin.source,
            "ticks": reference.baseline.ticks,
        }
        self._place.unsaid.append((DetectorEventKind.BASELINE_USED, detail))

    def _judge(self, tick: Tick, judgement: Judgement) -> list[Finding]:
        """Raise, follow and end alarms."""
        place = self._place
        now = Moment(tick.number, self._now.time_ns, self._hours(tick.number))
        if judgement.p_value >= P_FLAGGED:
            place.flagged_since = None
        elif place.flagged_since is None:
            place.flagged_since = now
        was_active = self._book.active is not None
        is_active = self._rule.advance(judgement.p_value)
        if was_active and not is_active:
            return self._events(self._book.clear(now), self._now)
        if not is_active:
            return []
        assert self._watch is not None
        if not was_active:
            self._recorder.drop_last(_BEFORE_ALARM)
            parts = (self._plant, place.run, str(tick.number))
            self._book.raise_alarm(
                "-".join(filter(None, parts)),
                place.run or "",
                place.flagged_since or now,
                now,
                unit=judgement.worst_unit,
                model=self._watch.reference.version,
                channels=len(judgement.shares),
            )
        alarm = self._book.follow(judgement.p_value, judgement.shares)
        alarm.contributions = self._watch.explained(alarm.mean_blame)
        changes = [] if was_active else [Change(alarm, AlarmChange.RAISED)]
        if self._namer is not None:
            changes += self._book.name(self._namer, judgement.values, judgement.innovations)
        return self._events(changes, self._now)

    @property
    def _namer(self) -> Namer | None:
        """What was taught with the reference that was given, where its channels are watched."""
        if self._given is None or self._watch is None:
            return None
        given = self._given.baseline
        return given.namer if self._watch.reference.baseline.channels == given.channels else None

    def _clear(self, why: str) -> list[Finding]:
        """Whatever alarm there is, its condition can no longer be told."""
        alarm, place = self._book.active, self._place
        if alarm is None or place.key is None or place.last_tick is None:
            return []
        now = Moment(place.last_tick, place.key.time_ns, self._hours(place.last_tick))
        return self._events(self._book.clear(now, why), place.key)

    def _learn(self, tick: Tick) -> list[Finding]:
        """Keep a tick of normal operation, and learn when there are enough."""
        if self._book.active is not None:
            self._recorder.interrupt()
            return []
        self._recorder.add(tick)
        if self._recorder.ticks < self._place.learn_at:
            return []
        try:
            reference = learned(self._recorder, self._prior, self._settings)
        except BaselineError as error:
            self._recorder.forget_half()
            detail = {"reason": str(error)}
            return [self._event(DetectorEventKind.LEARNING_REFUSED, detail, self._now)]
        self._use(reference)
        assert self._watch is not None
        for row in self._recorder.last(_WARM_UP):
            self._watch.advance(row)
        # More is learned as more is known, up to what the recorder holds.
        known = self._recorder.ticks
        self._place.learn_at = 2 * known if known < TICKS_MAX else _NEVER
        return self._said()

    # What is published.

    def _assessment(self, judgement: Judgement | None) -> Assessment:
        return self._announcer.assessment(
            self._at(self._now),
            self.state,
            self._watch,
            judgement,
            self._book.active,
            sensors_failed=len(self._sensors.failed),
        )

    def _events(self, changes: Sequence[Change], key: Key) -> list[Finding]:
        hours = self._hours(self._place.last_tick or 0)
        return [self._announcer.alarm(change, key, hours) for change in changes]

    def _event(self, kind: DetectorEventKind, detail: dict[str, Any], key: Key) -> DetectorEvent:
        return self._announcer.event(kind, detail, self._at(key))

    def _at(self, key: Key) -> At:
        return At(self._place.run or "", key)

    def _said(self) -> list[Finding]:
        """What was to be said, as events."""
        said: list[Finding] = [
            self._event(kind, detail, self._now) for kind, detail in self._place.unsaid
        ]
        self._place.unsaid = []
        return said

    # Time.

    def _times(self, readings: Sequence[Reading]) -> list[float]:
        """The clock that ticks go by, in seconds: the plant's own where it has one."""
        place = self._place
        times = seconds_of(readings, process_clock=place.process_clock, before=place.seconds)
        place.seconds = times[-1]
        return times

    def _ticks(self, hours: float) -> int:
        return math.ceil(hours * SECONDS_AN_HOUR / self._settings.tick_seconds)

    def _hours(self, ticks: int) -> float:
        return ticks * self._settings.tick_seconds / SECONDS_AN_HOUR

    # The state.

    def to_bytes(self) -> bytes:
        """The whole state, but for a reference that was given."""
        watch = self._watch
        state = State(
            self._ticker.state,
            self._recorder.state,
            self._book.state,
            self._rule,
            self._sensors.state,
            None if watch is None else Followed.of(watch, self._given),
            None if self._prior is None else Prior.of(self._prior, self._given),
            self._place,
        )
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(state))

    @classmethod
    def from_bytes(
        cls, data: bytes, plant: str, settings: Settings, given: Reference | None
    ) -> Monitor:
        """The monitor that `to_bytes` wrote.

        Where another reference is given now than the one that was in force, the plant is held
        against it from its next tick on.

        Raises:
            NewerStateError: written by a newer version.
            StateError: damaged, or of an old version.
        """
        try:
            state = msgspec.msgpack.decode(unseal(_KIND, _VERSION, data), type=State)
        except msgspec.DecodeError as error:
            raise StateError(f"monitor's state is not readable: {error}") from error
        monitor = cls(plant, settings, given)
        monitor._ticker.restore(state.ticker)
        monitor._recorder = Recorder(state.recorder)
        monitor._book = AlarmBook(state.book)
        monitor._place = state.place
        followed, prior = state.followed, state.prior
        if prior is not None:
            found = given if prior.learned is None else Reference.from_bytes(prior.learned)
            # Without what it was, it is learned from the stream alone.
            monitor._prior = found if found and found.version == prior.version else None
        monitor._sensors = SensorWatch(None, {}, state.sensors)
        if followed is None:
            monitor._watch = None
            return monitor
        reference = given if followed.learned is None else Reference.from_bytes(followed.learned)
        if reference is not None and reference.version == followed.version:
            monitor._rule = state.rule
            monitor._watch = Watch(reference, followed.tracker_state(reference))
            monitor._sensors = reference.sensors(state.sensors)
        elif reference is not None:
            monitor._use(reference)
        else:
            monitor._learn_anew()
            detail = {"model": followed.version, "reason": "it is no longer given"}
            monitor._place.unsaid.append((DetectorEventKind.BASELINE_REFUSED, detail))
        return monitor


def _key(reading: Reading) -> Key:
    return Key(reading.seq, time_ns(reading), reading.process_hours)
