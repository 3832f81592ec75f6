"""The simulated plant: CPU of a plant-step, alone and in fleets, and against tep-studio.

A step is a second of process time under the benchmark's PI loops, with noise. Every figure is the
best of many short runs, taken in turn, since the machine may have other work as well.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console, Group
from rich.table import Table

from benchmarks.bars import against, verdict
from benchmarks.cpu import of_process
from cli.provision import provision
from localaws.server import LocalAws
from simulator.fleet import Fleet
from simulator.strategies import BENCHMARK_PI
from tepwatch.settings import Settings

_FLEETS: Final = (1, 16, 256)
_ROUNDS: Final = 40
_PLANT_STEPS: Final = 10_000
_RIVAL_STEPS: Final = 200
_EVERY: Final = 180
_ALONE_BAR_US: Final = 2.3
_FLEET_BAR_US: Final = 1.0
_RIVAL_BAR: Final = 50.0
_START_BAR_SECONDS: Final = 3.0
_CORE_BAR: Final = 1.0
_MANY: Final = 1000
_LIVE_SECONDS: Final = 30.0
_RIVAL: Final = "tep_studio"
# As SIMULATOR's notes have them, measured on another machine: microseconds a step.
_FORTRAN_US: Final = 20.1
_FORTRAN_FLOOR_US: Final = 2.31


def run(folder: Path, console: Console) -> Group:
    """All of it."""
    console.print("plant-steps ...")
    fleets = {count: _fleet(count) for count in _FLEETS}
    runs: dict[str, Callable[[], float]] = {
        f"{count} plants" if count > 1 else "1 plant": lambda fleet=fleet: _of_fleet(fleet)  # type: ignore[misc]
        for count, fleet in fleets.items()
    }
    rival = _rival()
    if rival is not None:
        runs["tep-studio 0.2.0"] = rival
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(_ROUNDS):
        for name, measure in runs.items():
            best[name] = min(best[name], measure())
    return Group(_table(best), _starting(folder, console), _many(folder, console))


def _fleet(count: int) -> Fleet:
    fleet = Fleet(BENCHMARK_PI, range(1, count + 1))
    fleet.advance(_EVERY, _EVERY)
    return fleet


def _of_fleet(fleet: Fleet) -> float:
    """Microseconds a plant-step."""
    steps = max(1, _PLANT_STEPS // len(fleet.plants))
    before = time.process_time()
    fleet.advance(steps, _EVERY)
    return (time.process_time() - before) / steps / len(fleet.plants) * 1e6


def _rival() -> Callable[[], float] | None:
    """tep-studio's C model with Ricker's loops; None where it is not installed."""
    if importlib.util.find_spec(_RIVAL) is None:
        return None
    studio: Any = importlib.import_module(_RIVAL)
    control: Any = importlib.import_module(f"{_RIVAL}.control")

    def measure() -> float:
        step_hours = 1.0 / 3600.0
        runner = control.ClosedLoopSimulation(
            simulator=studio.TennesseeEastmanProcess(),
            controller=control.RickerMultiLoopController(enable_overrides=True),
            control_interval=step_hours,
            horizon=_RIVAL_STEPS * step_hours,
        )
        before = time.process_time()
        result = runner.run()
        return (time.process_time() - before) / int(result.n_steps) * 1e6

    return measure


def _table(best: dict[str, float]) -> Table:
    table = Table(title="CPU of a plant-step (1 s, PI control, noise)")
    for name in ("", "µs", "against one plant"):
        table.add_column(name, justify="right" if name else "left")
    for name, microseconds in best.items():
        table.add_row(name, f"{microseconds:.2f}", f"x {microseconds / best['1 plant']:.2f}")
    table.add_row("original Fortran (elsewhere)", f"{_FORTRAN_US:.2f}", "")
    table.add_row("the same, floor for fmod (elsewhere)", f"{_FORTRAN_FLOOR_US:.2f}", "")
    lines = [
        f"1 plant: {best['1 plant']:.2f} µs, {against(best['1 plant'], _ALONE_BAR_US)}",
        f"256 plants: {best['256 plants']:.2f} µs, {against(best['256 plants'], _FLEET_BAR_US)}",
    ]
    rival = next((value for name, value in best.items() if name.startswith("tep-studio")), None)
    if rival is None:
        lines.append("tep-studio is not installed: pip install tepwatch[rivals]")
    else:
        ratio = rival / best["1 plant"]
        held = verdict(held=ratio >= _RIVAL_BAR)
        lines.append(
            f"tep-studio takes {ratio:.0f} times as long, {held} the bar of {_RIVAL_BAR:g}"
        )
    table.caption = "\n".join(lines)
    return table


def _starting(folder: Path, console: Console) -> str:
    """Start of the command to its first record, with kernels compiled before."""
    console.print("start to the first record ...")
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "simulate", "--to", "stdout", "--hours", "1",
             "--data-dir", str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            seconds.append(time.monotonic() - begin)
            process.terminate()
    return (
        f"start to first record: {min(seconds):.2f} s, {against(min(seconds), _START_BAR_SECONDS)}"
    )


def _many(folder: Path, console: Console) -> str:
    """A thousand plants at one record a second each, into Kinesis at home."""
    console.print(f"{_MANY} plants live for {_LIVE_SECONDS:g} s ...")
    with LocalAws(folder / "aws") as server:
        settings = Settings(endpoint_url=server.endpoint_url)
        provision(settings)
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "simulate", "--plants", str(_MANY), "--rate", "1",
             "--endpoint", server.endpoint_url, "--data-dir", str(folder)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            assert process.stderr is not None
            while "steered at" not in process.stderr.readline():
                pass
            time.sleep(3.0)
            before, begin = of_process(process.pid), time.monotonic()
            time.sleep(_LIVE_SECONDS)
            cores = (of_process(process.pid) - before) / (time.monotonic() - begin)
            psutil.Process(process.pid).terminate()
            said = process.stderr.read().strip().splitlines()[-1]
    return (
        f"{_MANY} plants, 1 record/s each: {cores:.2f} cores, {against(cores, _CORE_BAR)} ({said})"
    )
