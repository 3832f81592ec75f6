"""Where `tepwatch learn` has normal operation from: simulation, files, Timestream."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from aws.timestream_query import TimestreamReader
from cli.faults import say
from cli.normal import Control, known_days, simulated
from cli.stored_readings import stored_readings
from detection.ticks import MiddlePace
from studies import recorded
from studies.normal_operation import BASELINE_SEED, Cadence, readings_a_tick
from studies.recorded import Recorded, Run, Series
from tepwatch.errors import SettingsError
from tepwatch.settings import Settings

# An event of the job says it, and Timestream takes 2 KB of text.
_SOURCE_LENGTH_MAX: Final = 200


class Normal(NamedTuple):
    """Runs of normal operation, where they are from, and how the plant was controlled."""

    recorded: Recorded
    source: str
    control: str = ""


def by_simulation(
    days: str, control: Control, tick_seconds: float, record_seconds: float | None
) -> Normal:
    """Simulated runs; without `record_seconds` of one reading a tick.

    Raises:
        TepwatchError: days, ticks or readings that cannot be simulated.
    """
    readings = 1 if record_seconds is None else readings_a_tick(record_seconds, tick_seconds)
    if readings is None:
        raise SettingsError(
            f"--record-seconds {record_seconds:g} does not divide a tick of {tick_seconds:g} s"
        )
    runs = simulated(control, known_days(days), BASELINE_SEED, Cadence(tick_seconds, readings))
    named = [Run(f"simulated run {number}", 0.0, run) for number, run in enumerate(runs, 1)]
    found = Recorded(named, MiddlePace(float(readings), 0.0))
    return Normal(found, f"{days} simulated", control.value)


def by_files(paths: Sequence[Path], row_seconds: float | None, tick_seconds: float) -> Normal:
    """What files have recorded.

    Raises:
        InputFileError: one of them cannot be read.
        BaselineError: there is nothing to learn from.
    """
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return _recorded(
        recorded.from_files(paths, row_seconds), tick_seconds, f"{paths[0].name}{more}"
    )


def by_query(statement: str, tick_seconds: float, settings: Settings) -> Normal:
    """What a statement finds in Timestream.

    Raises:
        SettingsError: it is empty.
        BaselineError: there is nothing to learn from.
        ServiceError: Timestream's error; UnreachableError where it does not answer.
    """
    if not statement.strip():
        raise SettingsError("--query is empty")
    reader = TimestreamReader(
        region=settings.timestream_region or settings.region, endpoint_url=settings.endpoint_url
    )
    say("asking Timestream ...")
    try:
        readings = stored_readings(reader, statement)
    finally:
        reader.close()
    return _recorded(recorded.of_records(readings), tick_seconds, statement)


def _recorded(series: Sequence[Series], tick_seconds: float, source: str) -> Normal:
    found = recorded.to_learn_from(series, tick_seconds, say)
    readings, ticks = sum(len(each.rows) for each in series), sum(len(r.ticks) for r in found.runs)
    say(f"readings: {readings}, of a tick {found.pace.readings:g}; ticks: {ticks}")
    return Normal(found, textwrap.shorten(source, _SOURCE_LENGTH_MAX, placeholder=" ..."))
