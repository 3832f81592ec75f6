"""One plant in the detect step: its order, its detectors, its counts. A deterministic function.

What comes out depends on the sequence of records alone: not on time, not on how the records are
cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from detection.monitor import Monitor
from detection.operating import OperatingEvent
from detection.reference import Reference
from detection.stages import StageDetectors, parse_stages
from jobs.ordering import Arrival, Ordered, OrderState, Sequencer
from jobs.results import Result, StoredReading
from tepwatch.errors import NewerStateError, StateError
from tepwatch.records import (
    Command,
    DetectorEvent,
    DetectorEventKind,
    EventKind,
    PlantEvent,
    Reading,
    ScoreState,
    StageScores,
    StreamRecord,
    time_ns,
)
from tepwatch.sealed import seal, unseal
from tepwatch.settings import Settings

_KIND: Final = b"PLNT"
_VERSION: Final = 1

# All that a detector is told; the other kinds are what it has to find.
_OPERATING_EVENTS: Final[Mapping[EventKind, OperatingEvent]] = {
    EventKind.SETPOINT: OperatingEvent.SETPOINT,
    EventKind.MODE: OperatingEvent.MODE,
    EventKind.RESTART: OperatingEvent.RESTART,
    EventKind.SHUTDOWN: OperatingEvent.SHUTDOWN,
}


class PlantCounts(msgspec.Struct, array_like=True):
    """Since the plant's state began; exact across restarts."""

    records: int = 0
    duplicates: int = 0
    late: int = 0
    gaps: int = 0
    missing: int = 0
    scored: int = 0
    held: int = 0


class _State(msgspec.Struct, array_like=True):
    order: OrderState
    detecting_run: str | None
    counts: PlantCounts
    detectors: bytes
    restart_reason: str | None
    # Absent in states from before there was a monitor.
    monitor: bytes | None = None


class Plant:
    """Order and detectors of one plant.

    Args:
        name: of the plant.
        settings: of the job.
        reference: what is normal, where an artefact says so.
    """

    def __init__(self, name: str, settings: Settings, reference: Reference | None) -> None:
        self._monitor = Monitor(name, settings, reference) if settings.monitor else None
        self._sequencer = Sequencer(settings.order_window)
        self._detectors = StageDetectors(parse_stages(settings.stages), settings)
        self._detecting_run: str | None = None
        self._restart_reason: str | None = None
        self.counts = PlantCounts()

    def process(self, records: Sequence[StreamRecord]) -> list[Result]:
        """Take records in, in the order of the stream; returns what to store."""
        results: list[Result] = []
        in_turn: list[Ordered | Command] = []
        for record in records:
            self.counts.records += 1
            if isinstance(record, Command):
                results.append(record)
                # It takes effect where it stands.
                in_turn.append(record)
                continue
            step = self._sequencer.push(record)
            self.counts.gaps += step.skipped
            in_turn.extend(step.released)
            if step.arrival is Arrival.DUPLICATE:
                self.counts.duplicates += 1
                continue
            late = step.arrival is Arrival.LATE
            self.counts.late += late
            # Stored as it arrives: only the detectors have to wait for the order.
            if isinstance(record, Reading):
                self.counts.missing += record.missing_count
                results.append(StoredReading(record, late))
            else:
                results.append(record)
        results.extend(self._detect(in_turn))
        return results

    def _detect(self, in_turn: Sequence[Ordered | Command]) -> list[Result]:
        """Score stretches of readings between which nothing changes the detectors."""
        results: list[Result] = []
        stretch: list[Reading] = []
        for record in in_turn:
            if not isinstance(record, Reading):
                results.extend(self._score(stretch))
                stretch = []
                results.extend(self._observe(record))
                continue
            if record.run != self._detecting_run:
                results.extend(self._score(stretch))
                stretch = []
                if self._detecting_run is not None:
                    self._detectors.begin_run()
                self._detecting_run = record.run
            stretch.append(record)
        results.extend(self._score(stretch))
        return results

    def _observe(self, record: PlantEvent | Command) -> Sequence[Result]:
        if isinstance(record, Command):
            return [] if self._monitor is None else self._monitor.command(record)
        operating_event = _OPERATING_EVENTS.get(record.event)
        if operating_event is None:
            return []
        self._detectors.observe(operating_event)
        return [] if self._monitor is None else self._monitor.observe(operating_event)

    def _score(self, readings: Sequence[Reading]) -> list[Result]:
        if not readings:
            return []
        results: list[Result] = []
        if self._restart_reason is not None:
            results.append(_restarted(readings[0], self._restart_reason))
            self._restart_reason = None
        rows = [reading.xmeas + reading.xmv for reading in readings]
        scores = self._detectors.score(rows)
        states = [stage.state for stages in scores for stage in stages]
        self.counts.scored += states.count(ScoreState.SCORED)
        self.counts.held += states.count(ScoreState.HELD)
        results.extend(
            StageScores(
                reading.plant,
                reading.run,
                reading.seq,
                time_ns(reading),
                reading.process_hours,
                stages,
            )
            for reading, stages in zip(readings, scores, strict=True)
        )
        if self._monitor is not None:
            results.extend(self._monitor.advance(readings, np.array(rows, dtype=np.float64)))
        return results

    def to_bytes(self) -> bytes:
        """The whole state."""
        state = _State(
            self._sequencer.state,
            self._detecting_run,
            self.counts,
            self._detectors.to_bytes(),
            self._restart_reason,
            None if self._monitor is None else self._monitor.to_bytes(),
        )
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(state))

    @classmethod
    def from_bytes(
        cls, data: bytes, name: str, settings: Settings, reference: Reference | None
    ) -> Plant:
        """The plant that `to_bytes` wrote.

        Where only the detectors' state cannot be used (an older version, other settings) the plant
        keeps its place and its counts, the detectors start again in warm-up, and an event says so
        with the next score.

        Raises:
            NewerStateError: written by a newer version.
            StateError: the plant's own state is of an older version or damaged.
        """
        payload = unseal(_KIND, _VERSION, data)
        try:
            state = msgspec.msgpack.decode(payload, type=_State)
        except msgspec.DecodeError as error:
            raise StateError(f"plant state is not readable: {error}") from error
        plant = cls(name, settings, reference)
        plant._sequencer = Sequencer(settings.order_window, state.order)
        plant._detecting_run = state.detecting_run
        plant._restart_reason = state.restart_reason
        plant.counts = state.counts
        try:
            plant._detectors.restore(state.detectors)
        except NewerStateError:
            raise
        except StateError as error:
            plant._detectors = StageDetectors(parse_stages(settings.stages), settings)
            plant._restart_reason = str(error)
        if plant._monitor is not None and state.monitor is not None:
            try:
                plant._monitor = Monitor.from_bytes(state.monitor, name, settings, reference)
            except NewerStateError:
                raise
            except StateError as error:
                plant._restart_reason = str(error)
        return plant

    @classmethod
    def in_warm_up(
        cls, name: str, settings: Settings, reference: Reference | None, reason: str
    ) -> Plant:
        """A plant without state that says, with its first score, why it has none."""
        plant = cls(name, settings, reference)
        plant._restart_reason = reason
        return plant


def _restarted(reading: Reading, reason: str) -> DetectorEvent:
    return DetectorEvent(
        reading.plant,
        reading.run,
        reading.seq,
        time_ns(reading),
        DetectorEventKind.RESTARTED,
        msgspec.json.encode({"state": ScoreState.WARMING_UP.value, "reason": reason}).decode(),
    )
