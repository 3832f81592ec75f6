"""`tepwatch learn`: what normal operation looks like, as one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.normal import Control, runs_of
from detection import artefact
from detection.artefact import Origin
from detection.baseline import Baseline
from detection.baseline import learn as learn_baseline
from studies import normal_operation
from tepwatch.tags import TAGS


def learn(
    out: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write.")],
    normal: Annotated[
        str,
        typer.Option(
            help="What to learn from: days of simulated normal operation (28d), or an npz file of "
            "which every array of rows x 41, 52 or 53 is a run."
        ),
    ] = "28d",
    control: Annotated[
        Control, typer.Option(help="Control strategy of simulated normal operation.")
    ] = Control.RICKER,
    row_seconds: Annotated[
        float, typer.Option(min=0.001, help="Process time between the rows of a file.")
    ] = normal_operation.TICK_SECONDS,
    seed: Annotated[int, typer.Option(min=0, help="Of the forests.")] = 42,
) -> None:
    """Learn normal operation and write it to a file.

    The same data and seed give the same bytes. Runs whose parts disagree are refused: then
    something in them is not normal.
    """
    runs = runs_of(normal, control, normal_operation.BASELINE_SEED)
    columns = normal_operation.common_columns([runs])
    baseline = learn_baseline(
        [run[:, :columns] for run in runs],
        seed=seed,
        progress=lambda text: print(text, file=sys.stderr),
    )
    is_file = Path(normal).exists()
    origin = Origin(
        source=Path(normal).name if is_file else f"{normal} simulated",
        control="" if is_file else control.value,
        tick_seconds=row_seconds if is_file else normal_operation.TICK_SECONDS,
        readings=1.0,
        phase=0.0,
        seed=seed,
    )
    data = artefact.to_bytes(baseline, origin)
    out.write_bytes(data)
    _say(baseline, out, len(data))


def _say(baseline: Baseline, out: Path, size: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
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
