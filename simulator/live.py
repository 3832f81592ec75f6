"""A simulation on the wall clock: paced, and steered from other threads."""

from __future__ import annotations

import collections
import concurrent.futures
import datetime as dt
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from simulator.actions import Action, ActionError
from simulator.outputs import Output
from simulator.pacing import Pacer
from simulator.simulation import PlantState, Simulation
from simulator.steering import Acknowledgement, SimulationStatus
from tepwatch.errors import TepwatchError
from tepwatch.records import Reading, StreamRecord

RECORDS_AT_ONCE: Final = 500
_SPEED_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 0.1
"""How long the wait for the next record may keep an operator waiting."""


class NotFiniteError(TepwatchError):
    """A plant's state is no longer finite; nothing of it is sent any more."""


class _Request(NamedTuple):
    action: Action
    plants: Sequence[str] | None
    answer: concurrent.futures.Future[list[Acknowledgement]]


class LiveSimulation:
    """Runs a simulation and sends its records; `act` and `status` may be called by any thread.

    Args:
        simulation: what to run.
        rate: ticks a second; None for as fast as the output takes them.
        ticks: end after so many; None for no end.
        start: event time of the start, the ticks follow at their process time; None for the time
            at which each is made.
        dropped: tells how many records the output has left out.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        rate: float | None,
        ticks: int | None = None,
        start: dt.datetime | None = None,
        dropped: Callable[[], int] = lambda: 0,
    ) -> None:
        self._simulation = simulation
        self._rate = rate
        self._ticks = ticks
        self._start = start
        self._dropped = dropped
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended = False
        self._pacer: Pacer | None = None
        self._progress: collections.deque[tuple[float, float]] = collections.deque()
        self.sent = 0
        self.readings = 0

    @property
    def slipped_seconds(self) -> float:
        """What was given up of the schedule since the output or the machine was too slow."""
        return 0.0 if self._pacer is None else self._pacer.slipped_seconds

    def run(self, output: Output, stop: threading.Event) -> None:
        """Send until the ticks are over, no plant sends any more, or `stop` is set.

        Raises:
            NotFiniteError: a plant's state is no longer finite.
            TepwatchError: the output takes no more.
        """
        pacer = self._pacer = Pacer(self._rate)
        done = 0
        try:
            while not stop.is_set() and self._simulation.sending and done != self._ticks:
                self._send(output, self._answers())
                at_once = max(1, RECORDS_AT_ONCE // len(self._simulation.senders))
                left = at_once if self._ticks is None else self._ticks - done
                due = pacer.due(min(at_once, left))
                if not due:
                    stop.wait(min(pacer.seconds_until_due(), _WAIT_SECONDS))
                    continue
                self._send(output, self._run_ticks(due))
                done += due
                pacer.sent(due)
                self._check_finite()
        finally:
            with self._lock:
                self._ended = True
            self._refuse_requests()

    def act(
        self, action: Action, plants: Sequence[str] | None = None, timeout_seconds: float = 5.0
    ) -> list[Acknowledgement]:
        """Have an action take effect (`simulator.steering.Steering.act`)."""
        request = _Request(action, plants, concurrent.futures.Future())
        self._requests.put(request)
        with self._lock:
            ended = self._ended
        if ended:
            self._refuse_requests()
        return request.answer.result(timeout_seconds)

    def status(self) -> SimulationStatus:
        """How it stands."""
        with self._lock:
            return SimulationStatus(
                self._simulation.fleet.strategy.name,
                self._simulation.plant_statuses(),
                self._speed(),
                self.slipped_seconds,
                self._dropped(),
            )

    def _run_ticks(self, count: int) -> list[StreamRecord]:
        with self._lock:
            records: list[StreamRecord] = []
            for _ in range(count):
                records += self._simulation.tick(self._time_ms(self._simulation.next_tick_hours))
            self._progress.append((time.monotonic(), self._simulation.hours))
            return records

    def _answers(self) -> list[StreamRecord]:
        """Let what was asked for take effect; returns the events that tell it."""
        records: list[StreamRecord] = []
        while not self._requests.empty():
            action, plants, answer = self._requests.get()
            try:
                with self._lock:
                    time_ms = self._time_ms(self._simulation.hours)
                    acknowledged, events = self._simulation.act(action, plants, time_ms)
            except ActionError as error:
                answer.set_exception(error)
            else:
                records += events
                answer.set_result(acknowledged)
        return records

    def _refuse_requests(self) -> None:
        while not self._requests.empty():
            refused = ActionError("the simulation has ended: nothing can be done to it any more")
            self._requests.get().answer.set_exception(refused)

    def _send(self, output: Output, records: Sequence[StreamRecord]) -> None:
        if records:
            output.write(records)
            self.sent += len(records)
            self.readings += sum(isinstance(record, Reading) for record in records)

    def _time_ms(self, hours: float) -> int:
        """Event time of what happens at a process time."""
        if self._start is None:
            return time.time_ns() // 1_000_000
        return round((self._start + dt.timedelta(hours=hours)).timestamp() * 1000)

    def _speed(self) -> float:
        """Process time over wall time, of the last seconds."""
        now = time.monotonic()
        while len(self._progress) > 1 and self._progress[0][0] < now - _SPEED_SECONDS:
            self._progress.popleft()
        if not self._progress or now <= self._progress[0][0]:
            return 0.0
        seconds, hours = self._progress[0]
        return (self._simulation.hours - hours) * 3600.0 / (now - seconds)

    def _check_finite(self) -> None:
        failed = [
            sender.name for sender in self._simulation.senders if sender.state is PlantState.FAILED
        ]
        if failed:
            raise NotFiniteError(
                f"the state of {', '.join(failed)} is no longer finite: see the saved state, and "
                "what was done to the plant before"
            )
