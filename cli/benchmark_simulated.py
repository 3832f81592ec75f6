"""`tepwatch benchmark simulated`: the monitor and its rivals on simulated faults, several times."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cli.faults import RUNS_DEFAULT, RunsOption, naming_table, say, simulated, teach
from cli.normal import Control, known_days
from detection.baseline import learn
from simulator.strategies import STRATEGIES
from studies import splits
from studies.methods import OURS
from studies.naming import Judged
from studies.naming import judge as judge_naming
from studies.normal_operation import TICK_SECONDS, common_columns
from studies.protocol import MethodResult
from studies.splits import FaultSummary, MethodSummary, Scope


class _Report(msgspec.Struct):
    control: str
    splits: int
    days: int
    fresh_days: int
    methods: dict[str, MethodSummary]
    left_out: list[int]
    """Faults that naming was not taught in some split: they were hardly ever detected."""


def simulated_faults(
    control: Annotated[
        Control, typer.Option(help="Control strategy of the plants.")
    ] = Control.RICKER,
    number: Annotated[
        int,
        typer.Option(
            "--splits", min=1, help="Baselines; each has a run of every fault of its own."
        ),
    ] = 4,
    baseline: Annotated[str, typer.Option(help="Days that each learns from.")] = "44d",
    fresh: Annotated[str, typer.Option(help="Days on which each counts false alarms.")] = "16d",
    fault_runs: RunsOption = RUNS_DEFAULT,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write all results to this file.")
    ] = None,
) -> None:
    """Learn simulated normal operation and detect simulated faults; rival methods beside.

    A sample is flagged when its p-value is below 0.01; delays are those of alarms. All limits come
    from normal operation that nothing is judged by.
    """
    days, fresh_days = known_days(baseline), known_days(fresh)
    results: dict[str, list[MethodResult]] = {}
    judged, left_out = list[Judged](), set[int]()
    for split_number in range(number):
        say(f"split {split_number + 1} of {number}: simulating ...")
        split = splits.simulate(STRATEGIES[control], days, fresh_days, split_number)
        learned = learn(split.recordings, progress=say)
        for name, result in splits.judge(split, learned, say).items():
            results.setdefault(name, []).append(result)
        columns = common_columns([split.recordings])
        labelled = simulated(control, fault_runs, split.teaching_seed, columns)
        taught = teach(learned, labelled, TICK_SECONDS, split_number)
        namer = taught.namer
        judged.append(judge_naming(namer, learned, split.runs).of_faults(namer.faults))
        left_out.update(taught.left_out)
    scope = splits.SCOPES[control]
    methods = {name: splits.summarise(each, scope) for name, each in results.items()}
    named = splits.all_names(judged)
    methods[OURS] = msgspec.structs.replace(methods[OURS], naming=named)
    report = _Report(control.value, number, days, fresh_days, methods, sorted(left_out))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    console = Console()
    console.print(_summary(report, scope))
    console.print(_by_fault(report, scope))
    console.print(naming_table(named, TICK_SECONDS))


def _summary(report: _Report, scope: Scope) -> Table:
    table = Table(
        title=f"{report.splits} baselines of {report.days} days under {report.control}; false "
        f"alarms on {report.fresh_days} fresh days each",
        caption="\n".join(f"{name}: {each.title}" for name, each in report.methods.items())
        + f"\nFAR and alarms a day: mean (worst split); FDR of the {len(scope.plain)} plain faults,"
        f" delay and missed with {_numbers(scope.hard)} too",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for name in (
        "FAR %\nfresh", "before\nfault", "alarms\na day", "FDR %", "delay\nmin", "missed",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for name, each in report.methods.items():
        table.add_row(
            name,
            _mean_and_worst(each.far_fresh_normal),
            _mean_and_worst(each.far_before_fault),
            _mean_and_worst(each.false_alarms_per_day),
            f"{each.fdr_plain:.1f}",
            _or_dash(each.delay_minutes),
            str(each.missed),
        )
    return table


def _by_fault(report: _Report, scope: Scope) -> Table:
    table = Table(
        title=f"FDR %, delay in minutes, missed runs of {report.splits}",
        caption=f"hard: {_numbers(scope.hard)}; all others that are not plain are only reported: "
        f"{_numbers(_reported(report, scope))}",
        box=SIMPLE_HEAD,
    )
    table.add_column("IDV", justify="right")
    for name in report.methods:
        table.add_column(name, justify="right")
    for rows in zip(*(each.faults for each in report.methods.values()), strict=True):
        table.add_row(str(rows[0].fault), *map(_fault_cell, rows))
    return table


def _fault_cell(row: FaultSummary) -> str:
    missed = row.runs - row.detected
    cell = f"{row.fdr:.1f} / {_or_dash(row.delay_minutes)}"
    return f"{cell} / {missed}" if missed else cell


def _reported(report: _Report, scope: Scope) -> set[int]:
    first = next(iter(report.methods.values()))
    return {each.fault for each in first.faults} - scope.plain - scope.hard


def _numbers(faults: Set[int]) -> str:
    return ", ".join(f"IDV {fault}" for fault in sorted(faults)) or "none"


def _mean_and_worst(shares: Sequence[float]) -> str:
    return f"{sum(shares) / len(shares):.2f} ({max(shares):.2f})"


def _or_dash(minutes: float | None) -> str:
    return "-" if minutes is None else f"{minutes:.0f}"
