"""The alarms of one plant: from their onset until they are over and somebody has said so.

An alarm is latched: it stays until its condition is over and it was acknowledged. While alarms are
shelved they are still raised and kept, but marked, so that nobody is called.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from detection.forest import FloatArray
from detection.naming import BEFORE_TICKS, Namer
from tepwatch.records import AlarmChange, AlarmState, Contribution, Suspect

_SUSPECTS: Final = 3
_OPEN_MAX: Final = 100
"""Alarms that are kept for somebody to acknowledge; the oldest that are over make way."""


class Moment(NamedTuple):
    """When something is: the tick's number, event time and process time."""

    tick: int
    time_ns: int
    hours: float


class Alarm(msgspec.Struct, array_like=True):
    """One alarm; `blame` is the sum of the channels' contributions over `blamed` ticks."""

    id: str
    run: str
    onset: Moment
    over: Moment | None
    acknowledged: bool
    shelved: bool
    p_value: float
    unit: str
    model: str
    blame: list[float]
    blamed: int
    window: list[tuple[list[float], list[float]]] = []
    """Standardised values and innovations since it was raised, as long as it is to be named."""
    contributions: tuple[Contribution, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    before: list[list[float]] = []
    """Innovations of the ticks before it was raised, as long as it is to be named."""

    @property
    def mean_blame(self) -> FloatArray:
        """The channels' contributions since it was raised, (n,)."""
        return np.array(self.blame) / self.blamed

    @property
    def state(self) -> AlarmState:
        """As ISA 18.2 has it."""
        if self.over is None:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        return AlarmState.CLOSED if self.acknowledged else AlarmState.CLEARED


class Change(NamedTuple):
    """What happened to an alarm."""

    alarm: Alarm
    change: AlarmChange
    why: str | None = None


class BookState(msgspec.Struct, array_like=True):
    """The alarms that are open, the oldest first, and until which tick new ones are shelved."""

    alarms: list[Alarm] = []
    shelved_until: int | None = None
    lately: list[tuple[int, list[float]]] = []
    """The last ticks in a row, their numbers and innovations, where alarms are to be named."""


class AlarmBook:
    """Keeps the alarms of a plant."""

    def __init__(self, state: BookState | None = None) -> None:
        self.state = state or BookState()

    @property
    def active(self) -> Alarm | None:
        """The alarm whose condition holds; there is one at most."""
        if self.state.alarms and self.state.alarms[-1].over is None:
            return self.state.alarms[-1]
        return None

    def raise_alarm(
        self,
        alarm_id: str,
        run: str,
        onset: Moment,
        now: Moment,
        *,
        unit: str,
        model: str,
        channels: int,
    ) -> None:
        """A condition begins."""
        until = self.state.shelved_until
        shelved = until is not None and now.tick < until
        blame = [0.0] * channels
        alarm = Alarm(alarm_id, run, onset, None, False, shelved, 1.0, unit, model, blame, 0)
        if self.state.lately and self.state.lately[-1][0] == now.tick - 1:
            alarm.before = [innovations for _, innovations in self.state.lately]
        self.state.alarms.append(alarm)
        if len(self.state.alarms) > _OPEN_MAX:
            del self.state.alarms[0]

    def follow(self, p_value: float, blame: FloatArray) -> Alarm:
        """Let the active alarm take a tick in."""
        alarm = self.active
        assert alarm is not None
        alarm.p_value = min(alarm.p_value, p_value)
        alarm.blame = (np.array(alarm.blame) + blame).tolist()
        alarm.blamed += 1
        return alarm

    def name(self, namer: Namer, values: FloatArray, innovations: FloatArray) -> list[Change]:
        """Let the active alarm take a tick in, (n,) each, and name it whenever it is time."""
        alarm = self.active
        assert alarm is not None
        if alarm.blamed > namer.windows[-1]:
            return []
        alarm.window.append((values.tolist(), innovations.tolist()))
        if alarm.blamed not in namer.windows:
            return []
        seen, foreseen = zip(*alarm.window, strict=True)
        before = np.array(alarm.before).reshape(-1, len(innovations))
        suspects = namer.suspects(np.array(seen), np.array(foreseen), before)
        alarm.suspects = tuple(suspects[:_SUSPECTS])
        if alarm.blamed == namer.windows[-1]:
            alarm.window, alarm.before = [], []
        return [Change(alarm, AlarmChange.NAMED)]

    def remember(self, tick: int, innovations: FloatArray) -> None:
        """Keep a tick's innovations, (n,), for the name of an alarm that may come."""
        lately = self.state.lately
        if lately and (lately[-1][0] != tick - 1 or len(lately[-1][1]) != len(innovations)):
            lately.clear()
        lately.append((tick, innovations.tolist()))
        del lately[:-BEFORE_TICKS]

    def clear(self, now: Moment, why: str | None = None) -> list[Change]:
        """The condition of the active alarm is over, if there is one."""
        alarm = self.active
        if alarm is None:
            return []
        alarm.over = now
        alarm.window = []
        self._close()
        return [Change(alarm, AlarmChange.CLEARED, why)]

    def acknowledge(self, alarm_id: str | None) -> list[Change]:
        """Somebody has seen an alarm, or all of them.

        Raises:
            KeyError: no alarm of that name waits for it.
        """
        waiting = [
            alarm
            for alarm in self.state.alarms
            if not alarm.acknowledged and alarm_id in {None, alarm.id}
        ]
        if not waiting:
            raise KeyError(alarm_id)
        for alarm in waiting:
            alarm.acknowledged = True
        self._close()
        return [Change(alarm, AlarmChange.ACKNOWLEDGED) for alarm in waiting]

    def shelve(self, until: int) -> list[Change]:
        """Until a tick, nobody is to be called; at once for the alarm that is active."""
        self.state.shelved_until = until
        alarm = self.active
        if alarm is None or alarm.shelved:
            return []
        alarm.shelved = True
        return [Change(alarm, AlarmChange.SHELVED)]

    def _close(self) -> None:
        """Forget alarms that are over and acknowledged."""
        self.state.alarms = [
            alarm for alarm in self.state.alarms if alarm.state is not AlarmState.CLOSED
        ]
