"""What is normal on a simulated stream, names of faults included: a baseline for the demo.

`python -m studies.live_baseline READINGS FILE` writes it for ticks of so many readings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from detection.artefact import Origin
from detection.baseline import learn
from detection.reference import Reference
from simulator.strategies import RICKER, Strategy
from studies import faults, naming, normal_operation
from studies.normal_operation import TICK_SECONDS

_DAYS: Final = 16
_FAULT_RUNS: Final = 8
_SEED: Final = 42


def readings_a_tick(record_seconds: float) -> int | None:
    """Of a stream with a record each so many seconds of process time; None where ticks differ.

    >>> readings_a_tick(60.0), readings_a_tick(180.0), readings_a_tick(50.0), readings_a_tick(300.0)
    (3, 1, None, None)
    """
    readings = round(TICK_SECONDS / record_seconds)
    return readings if readings and readings * record_seconds == TICK_SECONDS else None


def learn_live(strategy: Strategy, readings: int, progress: Callable[[str], None]) -> Reference:
    """A baseline of ticks of so many readings each, by simulation; always the same.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    naming.check_installed()
    progress(f"simulating {_DAYS} days of normal operation ...")
    runs = normal_operation.simulate(
        strategy, _DAYS, normal_operation.BASELINE_SEED, readings=readings
    )
    baseline = learn(runs, seed=_SEED, progress=progress)
    labelled = faults.simulated(
        strategy, _FAULT_RUNS, faults.TEACHING_SEED, progress, readings=readings
    )
    taught = naming.teach(baseline, labelled, naming.windows_of(TICK_SECONDS), seed=_SEED)
    origin = Origin(
        source=f"{_DAYS} days simulated",
        control=strategy.name,
        tick_seconds=float(TICK_SECONDS),
        readings=float(readings),
        phase=0.0,
        seed=_SEED,
        faults=f"{_FAULT_RUNS} runs a fault simulated",
    )
    return Reference.of(baseline._replace(namer=taught.namer), origin)


def _write(readings: int, path: Path) -> None:
    reference = learn_live(RICKER, readings, lambda text: print(text, flush=True))
    # Another demo may be about to do the same.
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(reference.data)
    unfinished.replace(path)


if __name__ == "__main__":
    _write(int(sys.argv[1]), Path(sys.argv[2]))
