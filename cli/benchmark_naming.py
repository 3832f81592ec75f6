"""`tepwatch benchmark naming`: what was learned, on simulated faults that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cli.faults import cadence_like, naming_table, simulated
from cli.normal import Control
from detection import artefact
from studies.faults import JUDGING_SEED, title_of
from studies.naming import Judged, judge
from tepwatch.errors import InputFileError


class _Report(msgspec.Struct):
    runs: int
    left_out: list[int]
    judged: Judged


def naming(
    baseline: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A file of `learn --faults`.")
    ],
    control: Annotated[
        Control, typer.Option(help="Control strategy of the simulated runs.")
    ] = Control.RICKER,
    fault_runs: Annotated[int, typer.Option(min=1, help="Simulated runs of each fault.")] = 6,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write all results to this file.")
    ] = None,
) -> None:
    """Simulate runs of every fault, with seeds of their own; detect and name what happens.

    Shares are of the faults that the file can name; those that were hardly ever detected when it
    was learned are listed, but not counted.
    """
    learned, origin = artefact.from_bytes(baseline.read_bytes())
    namer = learned.namer
    if namer is None:
        raise InputFileError(f"{baseline} names no faults: it was learned without --faults")
    columns = int(learned.channels.columns.max()) + 1
    cadence = cadence_like(origin, control)
    runs = simulated(control, fault_runs, JUDGING_SEED, columns, cadence)
    judged = judge(namer, learned, runs).of_faults(namer.faults)
    left_out = sorted({each.fault for each in judged.runs} - set(namer.faults))
    report = _Report(fault_runs, left_out, judged)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    console = Console()
    console.print(_by_fault(report))
    console.print(naming_table(judged.naming, origin.tick_seconds))


def _by_fault(report: _Report) -> Table:
    windows = report.judged.naming
    table = Table(
        title=f"{report.runs} runs of each fault",
        caption="delay: ticks until the alarm, mean; right: likeliest suspect after so many ticks",
        box=SIMPLE_HEAD,
    )
    table.add_column("")
    for name in ("detected", "delay", *(f"right\n{each.ticks}" for each in windows)):
        table.add_column(name, justify="right")
    for fault in sorted({each.fault for each in report.judged.runs}):
        delays = [
            each.delay
            for each in report.judged.runs
            if each.fault == fault and each.delay is not None
        ]
        right = [
            "-"
            if fault in report.left_out
            else str(sum(found.fault == fault and found.rank == 1 for found in each.ranks))
            for each in windows
        ]
        delay = f"{sum(delays) / len(delays):.1f}" if delays else "-"
        table.add_row(title_of(fault), str(len(delays)), delay, *right)
    return table
