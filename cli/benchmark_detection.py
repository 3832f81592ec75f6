"""`tepwatch benchmark detection`: the monitor and its rivals on the published benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cli.faults import RUNS_DEFAULT, RunsOption, naming_table, say, teach
from cli.faults import simulated as simulated_faults
from cli.normal import Control, runs_of, simulated
from detection.artefact import Origin
from detection.baseline import learn
from detection.forest import FloatArray
from detection.reference import Reference
from simulator.published import load
from studies import methods, normal_operation, report
from studies.cases import follow
from studies.faults import TEACHING_SEED, FaultRun, fault_of
from studies.methods import OUR_TITLE, OURS
from studies.naming import judge as judge_naming
from studies.protocol import HARD_FAULTS, BenchmarkResult, MethodResult, PValues, evaluate
from studies.report_text import fault_rows, summary_cells
from studies.rivals import RIVALS
from tepwatch.errors import InputFileError
from tepwatch.tags import XMEAS

_FRESH_DAYS: Final = 32
_SEED: Final = 42
_NORMAL: Final = "test_00"


def detection(
    data: Annotated[
        Path,
        typer.Option(
            help="The published series: an npz file (arrays test_00, test_01, ...) or the folder "
            "of d00_te.dat, d01_te.dat, ..."
        ),
    ],
    normal: Annotated[
        Path | None,
        typer.Option(
            help="Runs of normal operation to count false alarms on: every array of rows x 52 of "
            f"an npz file is one. Default: {_FRESH_DAYS} simulated days."
        ),
    ] = None,
    control: Annotated[
        Control, typer.Option(help="Control strategy of simulated normal operation.")
    ] = Control.PI,
    baseline: Annotated[
        str,
        typer.Option(
            help="What is learned from: days of simulated normal operation (44d, 14d), or an npz "
            "file of which every array of rows x 52 is a run."
        ),
    ] = "44d",
    measurements_only: Annotated[
        bool,
        typer.Option("--measurements-only", help="Leave the manipulated variables out."),
    ] = False,
    fault_at: Annotated[
        int, typer.Option(min=1, help="Samples of a test series before its fault.")
    ] = 160,
    fault_runs: RunsOption = RUNS_DEFAULT,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write all results to this file.")
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help=f"Write a report to this folder: {report.REPORT_FILE}, with a figure of each "
            "fault.",
        ),
    ] = None,
) -> None:
    """Learn normal operation, then detect the published faults; rival methods beside.

    A sample is flagged when its p-value is below 0.01; delays are those of alarms, in samples, with
    the samples that an alarm needs. All limits come from normal operation alone. Faults are named
    as learned from simulated runs and, where they are there, from the series train_01, ...
    """
    if plots is not None:
        report.check_installed()
    published = load(data)
    series = _tests(data, published)
    recordings = runs_of(baseline, control, normal_operation.BASELINE_SEED)
    fresh = (
        list(normal_operation.from_file(normal).values())
        if normal
        else simulated(control, _FRESH_DAYS, normal_operation.FRESH_SEED)
    )
    columns = normal_operation.common_columns([list(series.values()), recordings, fresh])
    if measurements_only:
        columns = min(columns, len(XMEAS))
    recordings, fresh = ([run[:, :columns] for run in runs] for runs in (recordings, fresh))
    series = {name: run[:, :columns] for name, run in series.items()}
    results: dict[str, MethodResult] = {}

    tests = [FaultRun(fault, run, fault_at) for fault, run in _faults_of(series, "test_").items()]

    def judge(name: str, title: str, p_values: PValues) -> None:
        say(f"{title}: {len(series)} series ...")
        results[name] = evaluate(title, p_values, series[_NORMAL], tests, fresh)

    learned = learn(recordings, progress=say)
    judge(OURS, OUR_TITLE, methods.of_baseline(learned))
    training = [
        FaultRun(fault, run, 0).with_columns(columns)
        for fault, run in _faults_of(published, "train_").items()
    ]
    labelled = chain(simulated_faults(control, fault_runs, TEACHING_SEED, columns), training)
    tick_seconds = normal_operation.TICK_SECONDS
    taught = teach(learned, labelled, tick_seconds, _SEED)
    named = judge_naming(taught.namer, learned, tests).naming
    results[OURS] = msgspec.structs.replace(results[OURS], naming=named)
    for rival in RIVALS:
        judge(rival.name, rival.title, methods.of_rival(rival, recordings))
    fresh_ticks = sum(map(len, fresh))
    result = BenchmarkResult(
        baseline, learned.ticks, fresh_ticks, columns, float(tick_seconds), results
    )
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    if plots is not None:
        origin = Origin(baseline, control.value, result.tick_seconds, 1.0, 0.0, _SEED)
        reference = Reference.of(learned._replace(namer=taught.namer), origin)
        say("drawing each fault ...")
        say(f"written: {report.write(plots, result, [follow(reference, run) for run in tests])}")
    console = Console()
    console.print(_summary(result))
    console.print(_faults(results))
    console.print(naming_table(named, tick_seconds))


def _faults_of(series: Mapping[str, FloatArray], prefix: str) -> dict[int, FloatArray]:
    """Series of a kind with a fault, by its number."""
    return {
        fault: run
        for name, run in sorted(series.items())
        if name.startswith(prefix) and (fault := fault_of(name))
    }


def _tests(data: Path, published: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    series = {name: run for name, run in published.items() if name.startswith("test_")}
    missing = [name for name in (_NORMAL, "test_01") if name not in series]
    if missing:
        raise InputFileError(f"{data} lacks {' and '.join(missing)}: nothing to detect faults in")
    return series


def _summary(result: BenchmarkResult) -> Table:
    table = Table(
        title=f"Learned from {result.baseline}, {result.baseline_ticks} ticks of {result.columns} "
        f"columns; false alarms on {result.fresh_ticks} fresh ticks",
        caption="\n".join(f"{name}: {each.title}" for name, each in result.methods.items()),
        # The full grid does not fit a terminal of 80 columns.
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for name in (
        "FAR %\ntest_00",
        "before\nfault",
        "\nfresh",
        "alarms\na day",
        "FDR %\n18",
        "\n21",
        "delay\n18",
        "\n21",
        "\nmiss",
    ):
        table.add_column(name, justify="right")
    for name, each in result.methods.items():
        table.add_row(name, *summary_cells(each))
    return table


def _faults(results: Mapping[str, MethodResult]) -> Table:
    hard = ", ".join(map(str, sorted(HARD_FAULTS)))
    table = Table(
        title="FDR %, delay in samples", caption=f"{hard}: mostly left out of published averages"
    )
    table.add_column("IDV", justify="right")
    for name in results:
        table.add_column(name, justify="right")
    for row in fault_rows(results.values()):
        table.add_row(*row)
    return table
