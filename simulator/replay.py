"""A recording as a live stream: stamped, paced, and from the beginning again as a new run."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from simulator.outputs import Output
from simulator.pacing import Pacer
from simulator.recordings import Recording
from simulator.runs import RunNames
from tepwatch.records import EventKind, Origin, PlantEvent, Reading, StreamRecord

RECORDS_AT_ONCE: Final = 500


class Replay:
    """Replays one recording as one plant.

    Args:
        recording: what to replay.
        plant: name of the plant.
        rate: records a second; None for as fast as the output takes them.
        loop: begin again, as a new run, when the recording ends.
        limit: end after so many records; None for no limit.
        start: event time of the start, the records follow at their process time; None for the time
            at which each is sent.
        wall_clock: replaced in tests.
    """

    def __init__(
        self,
        recording: Recording,
        plant: str,
        *,
        rate: float | None = None,
        loop: bool = False,
        limit: int | None = None,
        start: dt.datetime | None = None,
        wall_clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._recording = recording
        self._plant = plant
        self._rate = rate
        self._loop = loop
        self._limit = limit
        self._start = start
        self._wall_clock = wall_clock
        self.sent = 0
        self.readings = 0
        self.slipped_seconds = 0.0

    def run(self, output: Output, stop: threading.Event) -> None:
        """Send until the recording ends, the limit is reached or `stop` is set.

        Raises:
            TepwatchError: the output takes no more; `sent` says how many records it took.
        """
        pacer = Pacer(self._rate)
        records = self._records()
        while not stop.is_set():
            if self._limit is not None and self.sent >= self._limit:
                return
            left = RECORDS_AT_ONCE if self._limit is None else self._limit - self.sent
            due = pacer.due(min(RECORDS_AT_ONCE, left))
            if not due:
                stop.wait(pacer.seconds_until_due())
                continue
            batch = [record for _, record in zip(range(due), records, strict=False)]
            if not batch:
                return
            output.write(batch)
            pacer.sent(len(batch))
            self.sent += len(batch)
            self.readings += sum(isinstance(record, Reading) for record in batch)
            self.slipped_seconds = pacer.slipped_seconds

    def _records(self) -> Iterator[StreamRecord]:
        elapsed = dt.timedelta(0)
        runs = RunNames(
            lambda: self._wall_clock() if self._start is None else self._start + elapsed
        )
        while True:
            yield from self._one_run(runs.next(), elapsed, not elapsed)
            rows = sum(isinstance(item, Reading) for item in self._recording.items)
            elapsed += dt.timedelta(hours=self._recording.hours_at(rows))
            if not self._loop:
                return

    def _one_run(self, run: str, elapsed: dt.timedelta, first: bool) -> Iterator[StreamRecord]:
        items = self._recording.items
        if not first:
            restart = PlantEvent(
                "", "", None, 0, None, EventKind.RESTART, None, Origin("", "0", 0, 0)
            )
            items = (restart, *items)
        row = 0
        for seq, item in enumerate(items):
            row += isinstance(item, Reading)
            hours = self._recording.hours_at(row)
            yield msgspec.structs.replace(
                item,
                plant=self._plant,
                run=run,
                seq=seq,
                time_ms=self._time_ms(elapsed + dt.timedelta(hours=hours)),
                process_hours=hours,
            )

    def _time_ms(self, since_start: dt.timedelta) -> int:
        if self._start is None:
            return time.time_ns() // 1_000_000
        return round((self._start + since_start).timestamp() * 1000)
