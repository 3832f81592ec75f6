"""`tepwatch learn`: what normal operation looks like, as one file."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from cli import normal_sources
from cli.fault_sources import FaultSources
from cli.faults import (
    RUNS_DEFAULT,
    RunsOption,
    print_taught,
    say,
    teach,
)
from cli.normal import Control
from cli.options import EndpointOption, RegionOption, load_settings
from cli.whole_file import check_folder, write_whole
from detection import artefact
from detection.artefact import Origin
from detection.baseline import Baseline, Odd
from detection.baseline import learn as learn_baseline
from studies import normal_operation
from studies.recorded import Recorded
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
        list[Path] | None,
        typer.Option(
            help="Learn from recorded normal operation: an npz file of which every array of rows x "
            "41, 52 or 53 is a run, or a recording (.csv, .ndjson, .jsonl, .npz with y). Can be "
            "given several times.",
            show_default=False,
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            help="Learn from what Timestream has stored: a SELECT of time and variables by tag id; "
            "plant, run, seq and process_hours are used where they are there.",
            show_default=False,
        ),
    ] = None,
    tick_seconds: Annotated[
        float, typer.Option(min=0.001, help="Process time of a tick, as the job has it.")
    ] = normal_operation.TICK_SECONDS,
    record_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Process time between simulated readings, a part of a tick. Default: a tick.",
            show_default=False,
        ),
    ] = None,
    row_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Process time of rows without times of their own. Default: the file's own, else "
            "180.",
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
    seed: Annotated[int, typer.Option(min=0, help="Of the forests.")] = 42,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Learn normal operation and write it to a file.

    Readings are gathered into ticks as the job does it. The same data and seed give the same bytes.
    Runs whose parts disagree are refused: then something in them is not normal.

    Example: tepwatch learn plant.baseline --query "SELECT * FROM tepwatch.readings WHERE plant =
    'plant-1' AND time > ago(7d)" --endpoint http://127.0.0.1:4566
    """
    given = {"--simulate": simulate, "--normal": normal, "--query": query}
    if len(sources := [name for name, value in given.items() if value not in (None, [])]) > 1:
        raise typer.BadParameter(f"{' and '.join(sources)}: give one of them")
    if record_seconds is not None and (normal or query is not None):
        raise typer.BadParameter("--record-seconds is of what is simulated")
    fault_sources = FaultSources(
        faults or [], control, fault_runs, fault_at, fault_prefix, row_seconds
    )
    fault_sources.check()
    check_folder(out)
    if normal:
        found = normal_sources.by_files(normal, row_seconds, tick_seconds)
    elif query is not None:
        settings = load_settings(endpoint_url=endpoint, region=region)
        found = normal_sources.by_query(query, tick_seconds, settings)
    else:
        days = simulate or _DAYS
        found = normal_sources.by_simulation(days, control, tick_seconds, record_seconds)
    recorded = found.recorded
    origin = Origin(
        source=found.source,
        control=found.control,
        tick_seconds=tick_seconds,
        readings=recorded.pace.readings,
        phase=recorded.pace.phase,
        seed=seed,
        faults=fault_sources.text,
    )
    runs = [run.ticks for run in recorded.runs]
    labelled = fault_sources.labelled(runs, origin)
    baseline = learn_baseline(
        runs, seed=seed, progress=say, where=lambda odd: _place(odd, recorded, tick_seconds)
    )
    taught = None
    if labelled:
        taught = teach(baseline, chain.from_iterable(labelled), tick_seconds, seed)
        baseline = baseline._replace(namer=taught.namer)
    data = artefact.to_bytes(baseline, origin)
    write_whole(out, data)
    console = Console(highlight=False, soft_wrap=True)
    _print_baseline(console, baseline, out, len(data))
    _print_odd(console, baseline, recorded, tick_seconds)
    if taught is not None:
        print_taught(taught, console)


def _place(odd: Odd, recorded: Recorded, tick_seconds: float) -> str:
    return recorded.runs[odd.recording].hours(odd.first, odd.end, tick_seconds)


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
    console: Console, baseline: Baseline, recorded: Recorded, tick_seconds: float
) -> None:
    """Where to look for something that is not normal."""
    for odd in baseline.odd[:_ODD_SHOWN]:
        console.print(f"looks abnormal: {_place(odd, recorded, tick_seconds)}")
    if len(baseline.odd) > _ODD_SHOWN:
        console.print(f"and {len(baseline.odd) - _ODD_SHOWN} stretches more, less so")
