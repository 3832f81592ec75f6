"""Order of one plant's records: by (run, seq), within a window counted in records.

No clock decides anything here, so that a replay of the same records gives the same order. Names of
runs sort in the order of the runs (they are start times); when a newer run appears, what was still
waiting in the older one is released at once.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

import msgspec

from tepwatch.records import PlantEvent, Reading

Ordered = Reading | PlantEvent
"""Records that share the counter of a run."""

# Older runs whose place is remembered, and gaps remembered a run: what falls off either is treated
# as late, which stores it, never as a duplicate, which would drop it.
_RUNS_REMEMBERED: Final = 4
_GAPS_REMEMBERED: Final = 256


class Arrival(enum.Enum):
    """What became of a record."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LATE = "late"


class Step(NamedTuple):
    """One arrival: what became of it, and the records whose turn has come with it, in order.

    `skipped` counts the places that were given up, waiting for them being over.
    """

    arrival: Arrival
    released: tuple[Ordered, ...] = ()
    skipped: int = 0


class _Run(msgspec.Struct, array_like=True):
    """Place in one run: from `known_from` to `next_seq` all was released but for the gaps."""

    next_seq: int
    known_from: int
    gaps: list[tuple[int, int]]

    def skip_to(self, seq: int) -> int:
        skipped = seq - self.next_seq
        if skipped:
            self.gaps.append((self.next_seq, seq))
            if len(self.gaps) > _GAPS_REMEMBERED:
                # Whatever lies before the oldest gap still known can no longer be told apart.
                self.known_from = self.gaps.pop(0)[1]
            self.next_seq = seq
        return skipped

    def arrival_of_past(self, seq: int) -> Arrival:
        """Whether a record from before `next_seq` was seen; the gap it fills is closed."""
        if seq < self.known_from:
            return Arrival.LATE
        for index, (start, end) in enumerate(self.gaps):
            if start <= seq < end:
                rest = [(start, seq), (seq + 1, end)]
                self.gaps[index : index + 1] = [gap for gap in rest if gap[0] < gap[1]]
                return Arrival.LATE
        return Arrival.DUPLICATE


class OrderState(msgspec.Struct, array_like=True):
    """Everything a sequencer knows."""

    run: str | None = None
    runs: dict[str, _Run] = {}
    pending: dict[int, Ordered] = {}


class Sequencer:
    """Puts the records of one plant in order.

    Args:
        window: how many records may wait for an earlier one.
        state: to go on from.
    """

    def __init__(self, window: int, state: OrderState | None = None) -> None:
        self._window = window
        self.state = state or OrderState()

    def push(self, record: Ordered) -> Step:
        """Take a record in and say which records' turn it is.

        A record without seq has no other order than the stream's: it is released at once.
        """
        if record.seq is None:
            return Step(Arrival.ACCEPTED, (record,))
        state = self.state
        if state.run is None or record.run > state.run:
            return self._begin_run(record, record.seq)
        if record.run < state.run:
            known = state.runs.get(record.run)
            if known is None or record.seq >= known.next_seq:
                return self._late_in_older_run(record, record.seq, known)
            return Step(known.arrival_of_past(record.seq))
        return self._in_current_run(record, record.seq)

    def _begin_run(self, record: Ordered, seq: int) -> Step:
        state = self.state
        released, skipped = self._release_all()
        state.run = record.run
        # A run counts from 0. One that is joined further on begins where it is joined.
        first_seq = 0 if seq <= self._window else seq
        state.runs[record.run] = _Run(first_seq, 0, [(0, first_seq)] if first_seq else [])
        while len(state.runs) > _RUNS_REMEMBERED:
            del state.runs[min(state.runs)]
        step = self._in_current_run(record, seq)
        return Step(step.arrival, (*released, *step.released), skipped + step.skipped)

    def _in_current_run(self, record: Ordered, seq: int) -> Step:
        state = self.state
        run = state.runs[record.run]
        if seq == run.next_seq and not state.pending:
            # Nearly all come like this; what follows would say the same.
            run.next_seq += 1
            return Step(Arrival.ACCEPTED, (record,))
        if seq < run.next_seq:
            return Step(run.arrival_of_past(seq))
        if seq in state.pending:
            return Step(Arrival.DUPLICATE)
        state.pending[seq] = record
        skipped = 0
        if len(state.pending) > self._window:
            skipped = run.skip_to(min(state.pending))
        return Step(Arrival.ACCEPTED, tuple(self._release_contiguous(run)), skipped)

    def _late_in_older_run(self, record: Ordered, seq: int, known: _Run | None) -> Step:
        if known is not None:
            known.skip_to(seq)
            known.next_seq = seq + 1
        return Step(Arrival.LATE)

    def _release_contiguous(self, run: _Run) -> list[Ordered]:
        released = []
        while (record := self.state.pending.pop(run.next_seq, None)) is not None:
            released.append(record)
            run.next_seq += 1
        return released

    def _release_all(self) -> tuple[list[Ordered], int]:
        """Everything that waits, in order, and how many places were given up for it."""
        state = self.state
        released: list[Ordered] = []
        skipped = 0
        while state.pending:
            assert state.run is not None
            run = state.runs[state.run]
            skipped += run.skip_to(min(state.pending))
            released.extend(self._release_contiguous(run))
        return released, skipped
