"""The monitor: CPU of a tick that comes alone, its forests apart, and what a core carries.

The plant operates normally, under the published benchmark's control; every reading ends a tick, as
the job gives them to a monitor of 1,000 plants at a reading a second each. Every figure is the best
of many rounds, since the machine may have other work as well.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console, Group
from rich.table import Table

from benchmarks.bars import against
from detection.artefact import Origin as BaselineOrigin
from detection.baseline import learn, unit_scores
from detection.monitor import Monitor
from detection.reference import Reference
from detection.tracker import Tracker
from simulator.strategies import BENCHMARK_PI
from studies import normal_operation
from studies.drills import PLANT, readings_of
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
    monitor = Monitor(PLANT, Settings(start_hours=0.0), reference)
    ratios = Tracker(reference.baseline).advance(fresh).ratios
    order = reference.baseline.model.predictor.order
    forests = reference.baseline.model.forests
    whole = alone = float("inf")
    start = 0
    for _ in range(_ROUNDS):
        # Each round goes on where the last one ended, or the run begins again.
        if start + _TICKS > len(readings):
            monitor, start = Monitor(PLANT, Settings(start_hours=0.0), reference), 0
        ticks = range(start, start + _TICKS)
        before = time.process_time()
        for tick in ticks:
            monitor.advance(readings[tick : tick + 1], fresh[tick : tick + 1])
        whole = min(whole, (time.process_time() - before) / _TICKS)
        before = time.process_time()
        for tick in range(order, order + _TICKS):
            unit_scores(forests, ratios[tick : tick + 1])
        alone = min(alone, (time.process_time() - before) / _TICKS)
        start += _TICKS
    table = Table(title="The monitor, CPU of a tick that comes alone", title_justify="left")
    for name in ("", "µs", "", ""):
        table.add_column(name, justify="left" if not name else "right")
    beside = 1e6 * (whole - alone)
    table.add_row("whole", f"{1e6 * whole:.0f}", "", "")
    table.add_row("of it the forests", f"{1e6 * alone:.0f}", f"{alone / whole:.0%}", "")
    table.add_row("all else", f"{beside:.0f}", "", against(beside, _ALONE_BAR_US))
    core = whole * _PLANTS
    table.add_row(
        f"{_PLANTS} plants, a tick a second each", "", f"{core:.2f} cores", against(core, _CORE_BAR)
    )
    return Group(table)
