"""`tepwatch benchmark monitor`: drills of the monitor as a whole, on simulated plants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cli.faults import say
from cli.normal import Control, runs_of
from detection.artefact import Origin
from detection.baseline import learn
from detection.reference import Reference
from simulator.strategies import STRATEGIES
from studies import drills, normal_operation
from studies.drills import Change, Missing, Recovery


class _Report(msgspec.Struct):
    control: str
    baseline_ticks: int
    recovery: list[Recovery]
    changes: list[Change]
    missing: list[Missing]


def monitor(
    control: Annotated[Control, typer.Option(help="Control strategy of the plants.")] = Control.PI,
    baseline: Annotated[
        str, typer.Option(help="What is learned from first: days (44d), or an npz file of runs.")
    ] = "44d",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each disturbance that ends.")] = 3,
    days: Annotated[
        int, typer.Option(min=2, help="Days of normal operation with values missing.")
    ] = 10,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write all results to this file.")
    ] = None,
) -> None:
    """Drill the monitor: a disturbance that ends, moved set-points, missing values.

    After a set-point has moved all alarms are false; so are those in normal operation.
    """
    strategy = STRATEGIES[control]
    runs = runs_of(baseline, control, normal_operation.BASELINE_SEED)
    learned = learn(runs, progress=say)
    seconds = float(normal_operation.TICK_SECONDS)
    reference = Reference.of(learned, Origin(baseline, control.value, seconds, 1.0, 0.0, 42))
    say("a disturbance of ten hours ends ...")
    recovery = drills.recover(reference, strategy, seeds)
    say("set-points are moved ...")
    changes = drills.change(reference, strategy)
    say(f"values are missing in {days} days of normal operation ...")
    missing = drills.lose(reference, strategy, days)
    report = _Report(control.value, learned.ticks, recovery, changes, missing)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    console = Console()
    for table in (_recovery(recovery), _changes(changes), _missing(missing)):
        console.print(table)


def _recovery(found: Sequence[Recovery]) -> Table:
    table = _table(
        "Ten hours of a disturbance: ticks to the alarm, ticks from its end to the all-clear"
    )
    for name in ("IDV", "seed", "raised after", "over after", "alarms after that"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            str(one.fault), str(one.seed), _or_dash(one.raised_after), _or_dash(one.over_after),
            str(one.again),
        )  # fmt: skip
    return table


def _changes(found: Sequence[Change]) -> Table:
    table = _table("A set-point is moved: hours until it is watched again, false alarms")
    for name in ("set-point", "to", "hours", "alarms before", "in the 40 h after"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            one.setpoint, f"{one.value:g}", _or_dash(one.relearned_hours),
            str(one.alarms_before), str(one.alarms_after),
        )  # fmt: skip
    return table


def _missing(found: Sequence[Missing]) -> Table:
    table = _table("Values missing at random in normal operation: false alarms")
    for name in ("missing", "days", "alarms", "with all values"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(f"{one.share:.0%}", f"{one.days:g}", str(one.alarms), str(one.alarms_whole))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD)


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
