"""`tepwatch evaluate`: what the monitor says about a recording, by the job's own code."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from cli.alarm_table import latest, table_of, until_now
from detection.announcer import Finding
from detection.baseline import P_FLAGGED
from jobs.baseline import read_reference
from jobs.fan_out import rows_of
from jobs.plant import Plant
from simulator.outputs import open_new
from simulator.recordings import load
from simulator.replay import Replay
from sinks.row_json import encode_row
from tepwatch.records import AlarmEvent, Assessment, DetectorEvent, SensorFlag, StreamRecord
from tepwatch.schema import ALARMS, Row
from tepwatch.settings import load as load_settings
from tepwatch.tags import TAGS

_START: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            help="Recording of one run: .npz (array y), .csv (columns by tag id) or .ndjson."
        ),
    ],
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="What is normal, as `tepwatch learn` wrote it. Default: the recording's own "
            "beginning is learned first.",
            show_default=False,
        ),
    ] = None,
    row_seconds: Annotated[
        float | None,
        typer.Option(help="Process time per row. Default: the file's own, else 180.", min=0.001),
    ] = None,
    case: Annotated[int | None, typer.Option(help="Which run, of a file with several.")] = None,
    plant: Annotated[str, typer.Option(help="Name of the plant.")] = "plant-1",
    start_hours: Annotated[
        float, typer.Option(min=0.0, help="Hours at the beginning that are not judged.")
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write all that is found, as JSON lines, a row each."),
    ] = None,
) -> None:
    """Hold a recording against what is normal, as the job would: alarms, causes, failed sensors."""
    recording = load(file, case=case, row_seconds=row_seconds)
    reference = None if baseline is None else read_reference(str(baseline), load_settings())
    settings = load_settings(
        {
            "stages": "none",
            "monitor": True,
            "start_hours": start_hours,
            "tick_seconds": None if reference is None else reference.origin.tick_seconds,
        }
    )
    collected = _Collected()
    Replay(recording, plant, start=_START).run(collected, threading.Event())
    results = Plant(plant, settings, reference).process(collected.records)
    found = [
        result
        for result in results
        if isinstance(result, Assessment | AlarmEvent | SensorFlag | DetectorEvent)
    ]
    rows = rows_of(found)
    if out is not None:
        with open_new(out) as opened:
            opened.writelines(encode_row(row) + b"\n" for row in rows)
    _say(found, rows)


class _Collected:
    """An output that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[StreamRecord] = []

    def write(self, records: Sequence[StreamRecord]) -> None:
        self.records.extend(records)

    def close(self) -> None:
        """Nothing to let go of."""


def _say(found: Sequence[Finding], rows: Sequence[Row]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for event in found:
        if isinstance(event, DetectorEvent):
            console.print(f"{event.event.value.replace('_', ' ')}: {event.detail}")
    assessments = [item for item in found if isinstance(item, Assessment)]
    states = Counter(item.state.value for item in assessments)
    ticks = ", ".join(f"{count} {state}" for state, count in states.items())
    console.print(f"{len(assessments)} ticks: {ticks or 'none'}")
    judged = [item.p_value for item in assessments if item.p_value is not None]
    if judged:
        flagged = sum(p_value < P_FLAGGED for p_value in judged) / len(judged)
        console.print(f"flagged (p below {P_FLAGGED}): {flagged:.1%} of {len(judged)} judged")
    for flag in found:
        if isinstance(flag, SensorFlag):
            when = "" if flag.process_hours is None else f" at {flag.process_hours:.2f} h"
            console.print(
                f"{flag.tag}, {TAGS[flag.tag].title}: {flag.failure.value.replace('_', ' ')} "
                f"{'begins' if flag.active else 'ends'}{when}"
            )
    alarms = latest(row.values for row in rows if row.table == ALARMS.name)
    if alarms:
        end = assessments[-1].process_hours
        console.print(table_of(until_now(alarm, end) for alarm in reversed(alarms)))
    else:
        console.print("no alarm")
