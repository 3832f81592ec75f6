"""What the job asks of forests: three stages a plant, snapshots of their state, a quick start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.bars import against
from benchmarks.forest_rivals import Contender, Pair, Points
from detection.forest import RandomCutForest
from detection.stages import PRESETS

_SAMPLE_SIZE: Final = 256
_PLANTS: Final = (1, 10)
_BATCH: Final = 50
_TURNS: Final = 10
"""Batches of a round, of all plants together."""
_ROUNDS: Final = 41

_DIMENSIONS: Final = 8
_STATE_ROUNDS: Final = 20
_MEGABYTES_BAR: Final = 1.2
_WRITE_MS_BAR: Final = 2.0
_READ_MS_BAR: Final = 5.0

_START_SECONDS: Final = 120.0
_START: Final = f"""
import time
before = time.process_time()
from detection.forest import warm_up
imported = time.process_time()
warm_up({_DIMENSIONS})
print([imported - before, time.process_time() - imported])
"""


def measure(folder: Path, console: Console) -> tuple[Table, Table, Table]:
    """Stages together, state, start."""
    console.print("forest: the stages of the job together ...")
    stages = _stages_table()
    console.print("forest: state ...")
    state = _state_table()
    console.print("forest: compiling ...")
    return stages, state, _start_table(folder / "kernels")


def _stages_table() -> Table:
    dimensions = [len(stage.tags) for stage in PRESETS["default"]]
    table = Table(
        title=f"The default stages ({', '.join(map(str, dimensions))} dimensions) in turn, each "
        f"scored and learned, in batches of {_BATCH}: µs of CPU a record"
    )
    for name in ("plants", "forests", "ours", "AWS", "ratio"):
        table.add_column(name, justify="right")
    for plants in _PLANTS:
        pairs = [
            Pair(count, _SAMPLE_SIZE, seed=seed)
            for seed, count in product(range(1, plants + 1), dimensions)
        ]
        rounds = [
            (
                _record_us([(pair.ours, pair.points) for pair in pairs], plants),
                _record_us([(pair.aws, pair.points) for pair in pairs], plants),
            )
            for _ in range(_ROUNDS)
        ]
        ours, aws = (min(values) for values in zip(*rounds, strict=True))
        table.add_row(
            str(plants), str(len(pairs)), f"{ours:.1f}", f"{aws:.1f}", f"{aws / ours:.2f}"
        )
    return table


def _record_us(forests: Sequence[tuple[Contender, Points]], plants: int) -> float:
    """Microseconds a record: a batch of the first plant through its stages, of the next, ..."""
    turns = _TURNS // plants
    spent = 0.0
    for _ in range(turns):
        for forest, points in forests:
            spent += forest.microseconds("both", points.take(_BATCH), _BATCH)
    return spent / (turns * plants)


def _state_table() -> Table:
    forest = Pair(_DIMENSIONS, _SAMPLE_SIZE).forest
    data = forest.to_bytes()
    megabytes = len(data) / 1e6
    write = _milliseconds(forest.to_bytes)
    read = _milliseconds(lambda: RandomCutForest.from_bytes(data))
    table = Table(
        title=f"State of a forest, sample of {_SAMPLE_SIZE}, {_DIMENSIONS} dimensions, "
        f"best of {_STATE_ROUNDS}"
    )
    for name in ("what", "measured", "bar"):
        table.add_column(name)
    table.add_row("size", f"{megabytes:.2f} MB", against(megabytes, _MEGABYTES_BAR))
    table.add_row("written", f"{write:.2f} ms of CPU", against(write, _WRITE_MS_BAR))
    table.add_row("read", f"{read:.2f} ms of CPU", against(read, _READ_MS_BAR))
    return table


def _milliseconds(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_STATE_ROUNDS):
        before = time.process_time()
        call()
        best = min(best, time.process_time() - before)
    return best * 1e3


def _start_table(cache: Path) -> Table:
    table = Table(
        title=f"A new process has the kernels of {_DIMENSIONS} dimensions ready: seconds of CPU"
    )
    table.add_column("cache")
    table.add_column("import", justify="right")
    table.add_column("warm_up", justify="right")
    for name in ("empty", "filled"):
        imported, warmed = _start_seconds(cache)
        table.add_row(name, f"{imported:.2f}", f"{warmed:.2f}")
    return table


def _start_seconds(cache: Path) -> tuple[float, float]:
    """Of importing the forest and of `warm_up`."""
    done = subprocess.run(
        [sys.executable, "-c", _START],
        env={**os.environ, "TEPWATCH_CACHE_PATH": str(cache)},
        stdout=subprocess.PIPE,
        timeout=_START_SECONDS,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=tuple[float, float])
