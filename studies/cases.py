"""What the monitor makes of runs with a known fault: tick by tick, and at the alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from detection.forest import FloatArray
from detection.naming import BEFORE_TICKS, Namer
from detection.reference import Reference
from detection.watch import Judgement, Watch
from studies.faults import FaultRun
from studies.protocol import onset_after
from tepwatch.records import Contribution, Suspect


class Raised(NamedTuple):
    """The first alarm after the fault has begun.

    `tick` is the run's, from 0; `unit` the process unit whose score is the highest there;
    `contributions` the variables that stand out there, the first one most; `suspects` by ticks
    from the alarm on, the likeliest disturbance first, empty where the run ends before.
    """

    tick: int
    unit: str
    contributions: tuple[Contribution, ...]
    suspects: Mapping[int, Sequence[Suspect]]


class Case(NamedTuple):
    """One run: its fault begins at tick `fault_at`.

    `p_values` (ticks,) and the `units`' scores (ticks, units) are NaN until as many ticks were
    seen as the predictor looks back. A score of 1 is the 99.8 % quantile of normal operation.
    `raised` is None where the fault is missed.
    """

    fault: int
    fault_at: int
    tick_seconds: float
    p_values: FloatArray
    units: tuple[str, ...]
    scores: FloatArray
    raised: Raised | None

    @property
    def hours(self) -> FloatArray:
        """Hours of the ticks, (ticks,), from the beginning of the run."""
        return self.hours_of(1) * np.arange(len(self.p_values))

    def hours_of(self, ticks: int) -> float:
        """So many ticks in hours."""
        return ticks * self.tick_seconds / 3600.0


def follow(reference: Reference, run: FaultRun) -> Case:
    """What the monitor makes of a run from its beginning.

    Args:
        reference: what is normal; its namer, where it has one, says what the alarm looks like.
        run: with a fault.
    """
    watch = Watch(reference)
    units = tuple(unit.name for unit in reference.baseline.channels.units)
    p_values = np.full(len(run.ticks), np.nan)
    scores = np.full((len(run.ticks), len(units)), np.nan)
    judgements: list[Judgement | None] = []
    explained: list[tuple[Contribution, ...]] = []
    for tick, row in enumerate(run.ticks):
        judgement = watch.advance(row)
        judgements.append(judgement)
        # The watch explains its newest tick only, and which one is the alarm's shows at the end.
        explained.append(watch.explained(judgement.shares) if judgement else ())
        if judgement is not None:
            p_values[tick] = judgement.p_value
            scores[tick] = [unit.score for unit in judgement.units]
    tick_seconds = reference.origin.tick_seconds
    case = Case(run.fault, run.fault_at, tick_seconds, p_values, units, scores, None)
    onset = onset_after(p_values, run.fault_at)
    if onset is None:
        return case
    seen = [each for each in judgements[onset:] if each is not None]
    before = [each for each in judgements[max(0, onset - BEFORE_TICKS) : onset] if each is not None]
    suspects = _suspects(reference.baseline.namer, before, seen)
    return case._replace(raised=Raised(onset, seen[0].worst_unit, explained[onset], suspects))


def _suspects(
    namer: Namer | None, before: Sequence[Judgement], since_alarm: Sequence[Judgement]
) -> dict[int, Sequence[Suspect]]:
    """By window, what an alarm looks like by the ticks before it and since then."""
    if namer is None:
        return {}
    values = np.array([each.values for each in since_alarm])
    innovations = np.array([each.innovations for each in since_alarm])
    earlier = np.array([each.innovations for each in before]).reshape(-1, values.shape[1])
    return {
        window: namer.suspects(values[:window], innovations[:window], earlier)
        if len(values) >= window
        else []
        for window in namer.windows
    }
