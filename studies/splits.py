"""The protocol on simulated runs, several times over.

One baseline can be lucky. Each split learns from runs of its own, counts false alarms on others,
and has a run of each fault; what is reported is all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from detection.baseline import Baseline, Progress
from detection.forest import FloatArray
from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from studies import faults, methods, normal_operation
from studies.faults import FAULTS, FaultRun
from studies.methods import OUR_TITLE, OURS
from studies.naming import Judged
from studies.normal_operation import TICK_SECONDS
from studies.protocol import (
    HARD_FAULTS,
    FaultResult,
    MethodResult,
    WindowNaming,
    evaluate,
    mean_delay,
)
from studies.rivals import RIVALS
from tepwatch.tags import VALVE_4_HELD

_SEEDS_A_SPLIT: Final = 100_000
"""Beyond all first seeds of runs, and the runs after them."""

_FAULT_HOURS: Final = 40
"""Of each fault, as in the published test series."""


class Scope(NamedTuple):
    """Which faults count under a strategy: those of the headline figure, and the subtle ones.

    Others are reported as what they are.
    """

    plain: frozenset[int]
    hard: frozenset[int]


_DISTURBANCES: Final = frozenset(FAULTS) - {VALVE_4_HELD.number}
SCOPES: Final[Mapping[str, Scope]] = {
    BENCHMARK_PI.name: Scope(frozenset(FAULTS) - HARD_FAULTS, HARD_FAULTS),
    # The strategy holds the steam valve, so that IDV 16 has no effect at all; nothing shows IDV 15.
    RICKER.name: Scope(_DISTURBANCES - HARD_FAULTS - {16}, HARD_FAULTS - {15}),
}


class Split(NamedTuple):
    """Runs of one split: to learn from, normal ones to be judged by, and one of each fault."""

    recordings: list[FloatArray]
    normal: FloatArray
    fresh: list[FloatArray]
    runs: list[FaultRun]
    teaching_seed: int
    """First seed of the runs that naming is to be taught on."""


class FaultSummary(msgspec.Struct, frozen=True):
    """One fault: its runs, those detected, flagged samples in percent, minutes until the alarm."""

    fault: int
    runs: int
    detected: int
    fdr: float
    delay_minutes: float | None


class MethodSummary(msgspec.Struct, frozen=True):
    """One method over all splits; lists have an entry a split, shares are percent.

    `fdr_plain`, `delay_minutes` and `missed` (runs) are of the plain faults, of the plain and the
    hard ones, and of these too.
    """

    title: str
    far_fresh_normal: list[float]
    far_before_fault: list[float]
    false_alarms_per_day: list[float]
    fdr_plain: float
    delay_minutes: float | None
    missed: int
    faults: list[FaultSummary]
    naming: list[WindowNaming] | None = None


def simulate(strategy: Strategy, days: int, fresh_days: int, number: int) -> Split:
    """The runs of a split, by its number from 0 on; no two splits share a seed."""
    shift = number * _SEEDS_A_SPLIT
    run_days = normal_operation.RUN_HOURS // 24
    recordings = normal_operation.simulate(strategy, days, normal_operation.BASELINE_SEED + shift)
    normal, *fresh = normal_operation.simulate(
        strategy, run_days + fresh_days, normal_operation.FRESH_SEED + shift
    )
    runs = faults.simulate(strategy, FAULTS, faults.JUDGING_SEED + shift, after_hours=_FAULT_HOURS)
    return Split(recordings, normal, fresh, runs, faults.TEACHING_SEED + shift)


def judge(split: Split, baseline: Baseline, progress: Progress) -> dict[str, MethodResult]:
    """Our monitor and its rivals on a split, by name."""
    chosen = {OURS: (OUR_TITLE, methods.of_baseline(baseline))}
    for rival in RIVALS:
        progress(f"{rival.title} ...")
        chosen[rival.name] = (rival.title, methods.of_rival(rival, split.recordings))
    return {
        name: evaluate(title, p_values, split.normal, split.runs, split.fresh)
        for name, (title, p_values) in chosen.items()
    }


def summarise(results: Sequence[MethodResult], scope: Scope) -> MethodSummary:
    """One method over all splits."""
    found = [fault for each in results for fault in each.faults]
    plain = [each for each in found if each.fault in scope.plain]
    counted = [each for each in found if each.fault in scope.plain | scope.hard]
    return MethodSummary(
        title=results[0].title,
        far_fresh_normal=[each.far_fresh_normal for each in results],
        far_before_fault=[each.far_before_fault for each in results],
        false_alarms_per_day=[each.false_alarms_per_day for each in results],
        fdr_plain=_mean_fdr(plain),
        delay_minutes=_mean_delay_minutes(counted),
        missed=sum(each.delay is None for each in counted),
        faults=[
            _of_fault(fault, [each for each in found if each.fault == fault])
            for fault in sorted({each.fault for each in found})
        ],
    )


def all_names(judged: Iterable[Judged]) -> list[WindowNaming]:
    """Names of all splits together, by window."""
    windows = zip(*(each.naming for each in judged), strict=True)
    return [
        WindowNaming.of(of_splits[0].ticks, [rank for each in of_splits for rank in each.ranks])
        for of_splits in windows
    ]


def _of_fault(fault: int, runs: Sequence[FaultResult]) -> FaultSummary:
    detected = sum(each.delay is not None for each in runs)
    return FaultSummary(fault, len(runs), detected, _mean_fdr(runs), _mean_delay_minutes(runs))


def _mean_fdr(runs: Sequence[FaultResult]) -> float:
    return float(np.mean([each.fdr for each in runs]))


def _mean_delay_minutes(runs: Sequence[FaultResult]) -> float | None:
    ticks = mean_delay(runs)
    return None if ticks is None else ticks * TICK_SECONDS / 60.0
