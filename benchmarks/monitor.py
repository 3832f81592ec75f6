"""The monitor: CPU of a tick that comes alone, with and without its forests; plants a core.

The plant operates normally, under the published benchmark's control; every reading ends a tick, as
the job gives them to a monitor of 1,000 plants at a reading a second each. Every figure is the best
of many rounds, since the machine may have other work as well.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console, Group
from rich.table import Table

from benchmarks.bars import against
from detection.artefact import Origin as BaselineOrigin
from detection.baseline import learn
from detection.forest import FloatArray, RandomCutForest
from detection.monitor import Monitor
from detection.reference import Reference
from simulator.strategies import BENCHMARK_PI
from studies import normal_operation
from studies.drills import PLANT, readings_of
from tepwatch.records import Reading
from tepwatch.settings import Settings

_DAYS: Final = 14
_FRESH_SEED: Final = 5001
_ROUNDS: Final = 15
_TICKS: Final = 200
_ALONE_BAR_US: Final = 60.0
_PLANTS: Final = 1000
_CORE_BAR: Final = 1.0


def run(_folder: Path, console: Console) -> Group:
    """All of it."""
    console.print(f"learning {_DAYS} days ...")
    reference = Reference.of(
        learn(normal_operation.simulate(BENCHMARK_PI, _DAYS, normal_operation.BASELINE_SEED)),
        BaselineOrigin("simulated", "pi", 180.0, 1.0, 0.0, 42),
    )
    (fresh,) = normal_operation.simulate(BENCHMARK_PI, 2, _FRESH_SEED)
    hours = np.arange(1, len(fresh) + 1) / normal_operation.TICKS_AN_HOUR
    readings = readings_of(hours, fresh)
    whole, beside = float("inf"), float("inf")
    for _ in range(_ROUNDS):
        whole = min(whole, _cost(reference, readings, fresh))
        beside = min(beside, _cost(_without_forests(reference), readings, fresh))
    table = Table(title="The monitor, CPU of a tick that comes alone", title_justify="left")
    for name in ("", "µs", "", ""):
        table.add_column(name, justify="left" if not name else "right")
    table.add_row("whole", f"{1e6 * whole:.0f}", "", "")
    table.add_row(
        "with forests that answer at once", f"{1e6 * beside:.0f}", f"{beside / whole:.0%}",
        against(1e6 * beside, _ALONE_BAR_US),
    )  # fmt: skip
    core = whole * _PLANTS
    table.add_row(
        f"{_PLANTS} plants, a tick a second each", "", f"{core:.2f} cores", against(core, _CORE_BAR)
    )
    return Group(table)


def _cost(reference: Reference, readings: Sequence[Reading], rows: FloatArray) -> float:
    """Seconds of CPU a tick, of a run's first ticks that are judged."""
    monitor = Monitor(PLANT, Settings(start_hours=0.0), reference)
    first = reference.baseline.model.predictor.order
    for tick in range(first):
        monitor.advance(readings[tick : tick + 1], rows[tick : tick + 1])
    before = time.process_time()
    for tick in range(first, first + _TICKS):
        monitor.advance(readings[tick : tick + 1], rows[tick : tick + 1])
    return (time.process_time() - before) / _TICKS


class _AtOnce(RandomCutForest):
    """Every point has the usual score."""

    def score(self, points: ArrayLike) -> FloatArray:
        return np.ones(len(np.asarray(points)))


def _without_forests(reference: Reference) -> Reference:
    model = reference.baseline.model
    forests = tuple(_AtOnce(each.parameters.dimensions) for each in model.forests)
    baseline = reference.baseline._replace(model=model._replace(forests=forests))
    return reference._replace(baseline=baseline)
