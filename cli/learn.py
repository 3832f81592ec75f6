"""`tepwatch learn`: what normal operation looks like, as one file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from cli.faults import (
    RUNS_DEFAULT,
    SIMULATED,
    RunsOption,
    print_taught,
    say,
    simulated,
    teach,
)
from cli.normal import Control, known_days
from cli.normal import simulated as simulated_normal
from detection import artefact
from detection.artefact import Origin
from detection.baseline import Baseline
from detection.baseline import learn as learn_baseline
from detection.forest import FloatArray
from studies import normal_operation
from studies.faults import TEACHING_SEED, from_file
from studies.naming import check_installed
from tepwatch.errors import InputFileError
from tepwatch.tags import TAGS

_DAYS: Final = "28d"
_ODD_SHOWN: Final = 10


def learn(
    out: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write.")],
    simulate: Annotated[
        str | None,
        typer.Option(
            help="Learn from simulated normal operation, so many days. The default, with 28d.",
            show_default=False,
        ),
    ] = None,
    normal: Annotated[
        Path | None,
        typer.Option(
            help="Learn from recorded normal operation: an npz file of which every array of rows x "
            "41, 52 or 53 is a run.",
            show_default=False,
        ),
    ] = None,
    control: Annotated[
        Control, typer.Option(help="Control strategy of what is simulated.")
    ] = Control.RICKER,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            help="Learn to name faults too: from `simulated` runs, or from an npz file whose "
            "arrays end with the number of their fault (train_01). Can be given several times.",
            show_default=False,
        ),
    ] = None,
    fault_at: Annotated[
        int, typer.Option(min=0, help="Rows of each array of such a file before its fault begins.")
    ] = 0,
    fault_prefix: Annotated[
        str,
        typer.Option(help="Only arrays of such a file whose names begin so (train)."),
    ] = "",
    fault_runs: RunsOption = RUNS_DEFAULT,
    row_seconds: Annotated[
        float, typer.Option(min=0.001, help="Process time between the rows of files.")
    ] = normal_operation.TICK_SECONDS,
    seed: Annotated[int, typer.Option(min=0, help="Of the forests.")] = 42,
) -> None:
    """Learn normal operation and write it to a file.

    The same data and seed give the same bytes. Runs whose parts disagree are refused: then
    something in them is not normal.
    """
    if simulate is not None and normal is not None:
        raise typer.BadParameter("--simulate and --normal: give one of them")
    tick_seconds = row_seconds if normal else normal_operation.TICK_SECONDS
    sources = _checked(faults or [], tick_seconds)
    names, runs = _normal(simulate or _DAYS, normal, control)
    columns = normal_operation.common_columns([runs])
    labelled = [
        simulated(control, fault_runs, TEACHING_SEED, columns)
        if source == SIMULATED
        else [run.with_columns(columns) for run in from_file(Path(source), fault_at, fault_prefix)]
        for source in sources
    ]
    baseline = learn_baseline([run[:, :columns] for run in runs], seed=seed, progress=say)
    taught = None
    if sources:
        taught = teach(baseline, chain.from_iterable(labelled), tick_seconds, seed)
        baseline = baseline._replace(namer=taught.namer)
    origin = Origin(
        source=normal.name if normal else f"{simulate or _DAYS} simulated",
        control="" if normal else control.value,
        tick_seconds=tick_seconds,
        readings=1.0,
        phase=0.0,
        seed=seed,
        faults=", ".join(
            f"{fault_runs} runs a fault simulated under {control.value}"
            if source == SIMULATED
            else Path(source).name
            for source in sources
        ),
    )
    data = artefact.to_bytes(baseline, origin)
    out.write_bytes(data)
    console = Console(highlight=False, soft_wrap=True)
    _print_baseline(console, baseline, out, len(data))
    _print_odd(console, baseline, names, tick_seconds)
    if taught is not None:
        print_taught(taught, console)


def _normal(days: str, file: Path | None, control: Control) -> tuple[list[str], list[FloatArray]]:
    """Runs of normal operation, and what they are called."""
    if file is not None:
        found = normal_operation.from_file(file)
        return list(found), list(found.values())
    runs = simulated_normal(control, known_days(days), normal_operation.BASELINE_SEED)
    return [f"simulated run {number}" for number in range(1, len(runs) + 1)], runs


def _checked(sources: Sequence[str], tick_seconds: float) -> Sequence[str]:
    """What to learn names from; what cannot be is said before anything is learned."""
    if sources:
        check_installed()
    for source in sources:
        if source != SIMULATED and not Path(source).exists():
            raise InputFileError(f"--faults {source}: neither `{SIMULATED}` nor a file")
        if source == SIMULATED and tick_seconds != normal_operation.TICK_SECONDS:
            raise InputFileError(
                f"--faults {SIMULATED}: runs have a row each {normal_operation.TICK_SECONDS:g} s, "
                f"and normal operation each {tick_seconds:g} s"
            )
    return sources


def _print_baseline(console: Console, baseline: Baseline, out: Path, size: int) -> None:
    units = ", ".join(f"{unit.name} {unit.end - unit.first}" for unit in baseline.channels.units)
    console.print(f"{out}: {size / 1e6:.1f} MB, from {baseline.ticks} ticks")
    console.print(f"variables by unit: {units}")
    for constant in baseline.channels.constants:
        title = TAGS[constant.tag].title
        console.print(f"left out, it stands at {constant.value:g}: {constant.tag}, {title}")
    order, scales = baseline.model.predictor.order, len(baseline.model.statistics.rates)
    console.print(f"looks back {order} ticks; {scales} statistics a unit")
    shares = ", ".join(f"{share:.1%}" for share in baseline.flagged)
    console.print(f"flagged of each part by what the others say is normal: {shares}")


def _print_odd(
    console: Console, baseline: Baseline, names: Sequence[str], tick_seconds: float
) -> None:
    """Where to look for something that is not normal."""
    for odd in baseline.odd[:_ODD_SHOWN]:
        first, end = (f"{tick * tick_seconds / 3600.0:.1f}" for tick in (odd.first, odd.end))
        console.print(f"looks abnormal: {names[odd.recording]}, hours {first} to {end}")
    if len(baseline.odd) > _ODD_SHOWN:
        console.print(f"and {len(baseline.odd) - _ODD_SHOWN} stretches more, less so")
