"""Runs with known faults as commands take them: simulated, or a file; and naming taught on them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cli.normal import Control
from detection.artefact import Origin
from detection.baseline import Baseline
from detection.reference import misfit_of
from detection.ticks import MiddlePace
from simulator.strategies import STRATEGIES
from studies import faults, naming
from studies.faults import FaultRun, title_of
from studies.naming import Taught
from studies.normal_operation import PUBLISHED, Cadence
from studies.protocol import WindowNaming
from studies.report_text import naming_cells
from tepwatch.errors import InputFileError

RUNS_DEFAULT: Final = 32

RunsOption = Annotated[
    int,
    typer.Option("--fault-runs", min=1, help="Simulated runs of each fault, to learn names from."),
]


def say(text: str) -> None:
    """Tell how far it is, beside what a command prints."""
    print(text, file=sys.stderr)


def cadence_like(origin: Origin, control: Control) -> Cadence:
    """That of simulated runs which a baseline is to be held against.

    Raises:
        InputFileError: it was learned from ticks that no simulation gives.
        SettingsError: no simulation under this control has ticks of that length.
    """
    cadence = Cadence(origin.tick_seconds, round(origin.readings))
    cadence.steps(STRATEGIES[control])
    misfit = misfit_of(MiddlePace(cadence.readings, 0.0), origin)
    if misfit is not None:
        raise InputFileError(f"simulated runs are unlike {origin.source}: {misfit}")
    return cadence


def simulated(
    control: Control,
    runs: int,
    first_seed: int,
    columns: int,
    cadence: Cadence = PUBLISHED,
) -> Iterator[FaultRun]:
    """Simulated runs of each fault, (ticks, columns); says on the terminal how far it is."""
    simulated = faults.simulated(STRATEGIES[control], runs, first_seed, say, cadence=cadence)
    return (run.with_columns(columns) for run in simulated)


def teach(baseline: Baseline, runs: Iterable[FaultRun], tick_seconds: float, seed: int) -> Taught:
    """Naming, taught on runs; says so on the terminal."""
    say("learning to name faults ...")
    return naming.teach(baseline, runs, naming.windows_of(tick_seconds), seed=seed)


def print_taught(taught: Taught, console: Console) -> None:
    """How many runs were seen, and which faults cannot be named."""
    runs, detected = sum(taught.runs.values()), sum(taught.detected.values())
    of = f"{runs} runs of {len(taught.runs)} faults"
    console.print(f"names learned from {of}, detected in {detected}")
    for fault in taught.left_out:
        console.print(
            f"cannot be named, detected in {taught.detected[fault]} of {taught.runs[fault]} runs: "
            f"{title_of(fault)}"
        )


def naming_table(named: Sequence[WindowNaming], tick_seconds: float) -> Table:
    """How often the likeliest suspect, and one of the first three, is right; and what is not."""
    table = Table(
        title="Naming: likeliest suspect, first three, %",
        caption="a fault that is missed, or whose run ends before, is not named right",
        box=SIMPLE_HEAD,
    )
    for name in ("after the alarm", "top 1", "top 3"):
        table.add_column(name, justify="right")
    table.add_column("not the likeliest: IDV (its place)")
    for each in named:
        table.add_row(*naming_cells(each, tick_seconds))
    return table
