"""The protocol of the published benchmark: what is flagged, when, and at what false alarms.

A sample is flagged when its p-value is below 0.01; an alarm is what the alarm rule says. Limits
come from normal operation before the test files are looked at, and are the same for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from detection.alarm_rule import alarms
from detection.baseline import P_FLAGGED
from detection.forest import FloatArray
from studies.faults import FaultRun

PValues = Callable[[FloatArray], FloatArray]
"""p-values, (ticks,), of one run (ticks, variables); NaN where there is none yet."""

HARD_FAULTS: Final = frozenset({3, 9, 15})
"""Which most published methods leave out."""

_TICKS_A_DAY: Final = 480


class FaultResult(msgspec.Struct, frozen=True):
    """One fault: share of its samples that are flagged, percent; samples until the alarm."""

    fault: int
    fdr: float
    delay: int | None


class FaultRank(msgspec.Struct, frozen=True):
    """The place of a run's fault among the suspects, None where it is not detected or suspected."""

    fault: int
    rank: int | None


class WindowNaming(msgspec.Struct, frozen=True):
    """Naming after so many ticks of an alarm; shares of the runs in percent, missed ones too."""

    ticks: int
    top1: float
    top3: float
    ranks: list[FaultRank]

    @classmethod
    def of(cls, ticks: int, ranks: list[FaultRank]) -> WindowNaming:
        """What follows from the ranks."""
        places = [math.inf if each.rank is None else each.rank for each in ranks]
        top1, top3 = (
            100.0 * sum(place <= most for place in places) / max(1, len(places)) for most in (1, 3)
        )
        return cls(ticks, top1, top3, ranks)


class MethodResult(msgspec.Struct, frozen=True):
    """One method; shares in percent, delays in samples."""

    title: str
    far_test00: float
    far_before_fault: float
    far_fresh_normal: float
    false_alarms_per_day: float
    fdr18: float
    fdr21: float
    delay18_mean: float | None
    delay21_mean: float | None
    missed: int
    faults: list[FaultResult]
    naming: list[WindowNaming] | None = None
    """By window; None of methods that do not name."""


class BenchmarkResult(msgspec.Struct, frozen=True):
    """All methods of a run, by name, and what was learned from and counted on."""

    baseline: str
    baseline_ticks: int
    fresh_ticks: int
    columns: int
    tick_seconds: float
    methods: dict[str, MethodResult]


def evaluate(
    title: str,
    p_values: PValues,
    normal: FloatArray,
    runs: Sequence[FaultRun],
    fresh: Sequence[FloatArray],
) -> MethodResult:
    """Apply a method.

    Args:
        title: what it is.
        p_values: the method.
        normal: a normal run as it stands beside those of faults.
        runs: one of each fault.
        fresh: normal runs to count false alarms on.
    """
    quiet = [p_values(run) for run in fresh]
    before, faults = [], []
    for run in runs:
        found = p_values(run.ticks)
        before.append(found[: run.fault_at])
        faults.append(_fault(run, found))
    eighteen = [each for each in faults if each.fault not in HARD_FAULTS]
    days = sum(map(len, quiet)) / _TICKS_A_DAY
    return MethodResult(
        title=title,
        far_test00=_flagged([p_values(normal)]),
        far_before_fault=_flagged(before),
        far_fresh_normal=_flagged(quiet),
        false_alarms_per_day=sum(len(_onsets(each)) for each in quiet) / days,
        fdr18=float(np.mean([each.fdr for each in eighteen])),
        fdr21=float(np.mean([each.fdr for each in faults])),
        delay18_mean=mean_delay(eighteen),
        delay21_mean=mean_delay(faults),
        missed=sum(each.delay is None for each in faults),
        faults=faults,
    )


def _fault(run: FaultRun, p_values: FloatArray) -> FaultResult:
    onset = onset_after(p_values, run.fault_at)
    delay = None if onset is None else onset - run.fault_at
    return FaultResult(run.fault, _flagged([p_values[run.fault_at :]]), delay)


def onset_after(p_values: FloatArray, fault_at: int) -> int | None:
    """The tick at which the first alarm is raised that is not from before the fault."""
    return next((tick for tick in _onsets(p_values) if tick >= fault_at), None)


def _flagged(runs: Iterable[FloatArray]) -> float:
    """Of all samples that have a p-value, in percent."""
    p_values = np.concatenate(list(runs))
    return 100.0 * float((p_values[~np.isnan(p_values)] < P_FLAGGED).mean())


def _onsets(p_values: FloatArray) -> list[int]:
    """Ticks at which an alarm is raised."""
    active = [False, *alarms(np.nan_to_num(p_values, nan=1.0))]
    return [tick for tick, (was, now) in enumerate(pairwise(active)) if now and not was]


def mean_delay(faults: Iterable[FaultResult]) -> float | None:
    """Of those that are detected; None where none is."""
    delays = [each.delay for each in faults if each.delay is not None]
    return float(np.mean(delays)) if delays else None
