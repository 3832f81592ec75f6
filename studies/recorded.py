"""Recorded readings as runs to learn from: in ticks, as the monitor takes them.

A run is what one plant shows in one of its runs, without a gap longer than the monitor bridges.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.baseline import MISSING_MAX, RUN_TICKS_MIN
from detection.forest import FloatArray
from detection.ticks import (
    GAP_FILLED,
    SECONDS_AN_HOUR,
    VARIABLES,
    MiddlePace,
    Tick,
    Ticker,
    has_means,
    middle,
    seconds_of,
)
from simulator.recordings import DEFAULT_ROW_SECONDS, load_all, read_arrays
from studies import normal_operation
from tepwatch.errors import BaselineError
from tepwatch.records import Command, EventKind, PlantEvent, Reading, StreamRecord

_NPZ: Final = ".npz"
_INTERRUPTS: Final = frozenset({EventKind.RESTART, EventKind.SHUTDOWN})


class Series(NamedTuple):
    """Readings that follow each other: times in s and values (readings, 53), NaN for missing.

    `process_clock`: times are the plant's own, otherwise event times since the epoch.
    """

    name: str
    seconds: Sequence[float]
    rows: FloatArray
    process_clock: bool = True


class Run(NamedTuple):
    """Ticks without a break, (ticks, 53), or (ticks, 106) with means; NaN for missing.

    `begins_hours` is its begin by the clock that its name says.
    """

    name: str
    begins_hours: float
    ticks: FloatArray

    def hours(self, first: int, end: int, tick_seconds: float) -> str:
        """Where some of its ticks are, in words."""
        begin, until = (
            f"{self.begins_hours + tick * tick_seconds / SECONDS_AN_HOUR:.1f}"
            for tick in (first, end)
        )
        return f"{self.name}, hours {begin} to {until}"


class Recorded(NamedTuple):
    """Runs, and the pace of their ticks."""

    runs: list[Run]
    pace: MiddlePace


def from_file(path: Path, row_seconds: float | None = None) -> list[Series]:
    """What a file has recorded.

    An npz file of arrays of rows x 41, 52 or 53 holds a run in each; one whose only such array is
    `y`, and every other file, is one that `simulator.recordings.load` reads.

    Args:
        path: the file.
        row_seconds: process time of rows without times of their own; None for the file's, or 180.

    Raises:
        InputFileError: no such file, or nothing of the kind in it.
    """
    if path.suffix.lower() == _NPZ and not _is_recording(read_arrays(path)):
        runs = normal_operation.from_file(path)
        return [of_rows(name, rows, row_seconds) for name, rows in runs.items()]
    return [
        series
        for recording in load_all(path, row_seconds=row_seconds)
        for series in of_records(recording.in_time(), recording.name)
    ]


def _is_recording(arrays: Mapping[str, NDArray[Any]]) -> bool:
    return "y" in arrays and normal_operation.tables_of(arrays).keys() <= {"y"}


def from_files(paths: Sequence[Path], row_seconds: float | None = None) -> list[Series]:
    """What files have recorded; names say of which file a run is, where there are several."""
    return [
        series._replace(name=f"{path.stem} {series.name}")
        if len(paths) > 1 and not series.name.startswith(path.stem)
        else series
        for path in paths
        for series in from_file(path, row_seconds)
    ]


def of_rows(name: str, rows: FloatArray, row_seconds: float | None = None) -> Series:
    """Rows of a table, (rows, 53 or less), each so many seconds of process time after the last."""
    whole = np.full((len(rows), VARIABLES), np.nan)
    whole[:, : rows.shape[1]] = rows
    seconds = np.arange(1, len(rows) + 1) * (row_seconds or DEFAULT_ROW_SECONDS)
    return Series(name, seconds.tolist(), whole)


def of_records(records: Iterable[StreamRecord], name: str = "") -> list[Series]:
    """Records of plants by plant and run, cut where one is shut down or begins again.

    They are in order by `seq` where all of a run have it, as they come otherwise.

    Args:
        records: of any plants; readings without times of their own follow the one before at once.
        name: of all of them; without it each series is named after plant and run.
    """
    groups: dict[tuple[str, str], list[Reading | PlantEvent]] = {}
    for record in records:
        if not isinstance(record, Command):
            groups.setdefault((record.plant, record.run), []).append(record)
    found = []
    for key, group in groups.items():
        parts = [name, *key] if not name or len(groups) > 1 else [name]
        of_run = " ".join(filter(None, parts))
        found += [_series(of_run, each) for each in _uninterrupted(_in_order(group))]
    return found


def _in_order(records: list[Reading | PlantEvent]) -> list[Reading | PlantEvent]:
    """By seq, each once."""
    by_seq = {record.seq: record for record in reversed(records) if record.seq is not None}
    if any(record.seq is None for record in records):
        return records
    return [by_seq[seq] for seq in sorted(by_seq)]


def _uninterrupted(records: Iterable[Reading | PlantEvent]) -> Iterator[list[Reading]]:
    readings: list[Reading] = []
    for record in records:
        if isinstance(record, Reading):
            readings.append(record)
        elif record.event in _INTERRUPTS and readings:
            yield readings
            readings = []
    if readings:
        yield readings


def _series(name: str, readings: Sequence[Reading]) -> Series:
    process_clock = readings[0].process_hours is not None
    seconds = seconds_of(readings, process_clock=process_clock)
    rows = np.array([reading.xmeas + reading.xmv for reading in readings], dtype=np.float64)
    return Series(name, seconds, rows, process_clock)


def in_ticks(series: Sequence[Series], tick_seconds: float) -> Recorded:
    """Runs of series, cut at gaps, and however long.

    Raises:
        BaselineError: no tick has ended.
    """
    stretches = [
        (each, ticks)
        for each in series
        for ticks in _without_gaps(Ticker(tick_seconds).push(each.seconds, each.rows))
    ]
    if not stretches:
        raise BaselineError(f"not one tick of {tick_seconds:g} s is there")
    pace = middle([tick.pace for _, ticks in stretches for tick in ticks])
    means = has_means(pace.readings)
    return Recorded(
        [_run(each, ticks, tick_seconds, means=means) for each, ticks in stretches], pace
    )


def _without_gaps(ticks: Sequence[Tick]) -> Iterator[list[Tick]]:
    first = 0
    for end, (one, after) in enumerate(pairwise(ticks), 1):
        if after.number - one.number - 1 > GAP_FILLED:
            yield list(ticks[first:end])
            first = end
    if ticks:
        yield list(ticks[first:])


def _run(series: Series, ticks: Sequence[Tick], tick_seconds: float, *, means: bool) -> Run:
    first = ticks[0].number
    rows = np.full((ticks[-1].number + 1 - first, VARIABLES * (1 + means)), np.nan)
    for tick in ticks:
        rows[tick.number - first] = np.concatenate([tick.last, tick.mean]) if means else tick.last
    begins = (first - 1) * tick_seconds
    if series.process_clock:
        return Run(series.name, begins / SECONDS_AN_HOUR, rows)
    since = dt.datetime.fromtimestamp(begins, dt.UTC).isoformat(timespec="seconds")
    return Run(f"{series.name}, from {since.replace('+00:00', 'Z')}", 0.0, rows)


def to_learn_from(
    series: Sequence[Series], tick_seconds: float, progress: Callable[[str], None]
) -> Recorded:
    """Runs that a baseline can be learned from.

    Runs that are too short are left out, and of all runs the last variables that one of them does
    not have.

    Args:
        series: what was recorded.
        tick_seconds: length of a tick.
        progress: told what is left out.

    Raises:
        BaselineError: ticks are too few, too far apart or too short; the text says which.
    """
    recorded = in_ticks(series, tick_seconds)
    runs = [run for run in recorded.runs if len(run.ticks) >= RUN_TICKS_MIN]
    longest = max(recorded.runs, key=lambda run: len(run.ticks))
    if not runs:
        raise BaselineError(
            f"no run has {RUN_TICKS_MIN} ticks of {tick_seconds:g} s without a gap, the longest "
            f"has {len(longest.ticks)}{_apart(series)}"
        )
    if short := [len(run.ticks) for run in recorded.runs if len(run.ticks) < RUN_TICKS_MIN]:
        progress(
            f"left out: {sum(short)} ticks in pieces of less than {RUN_TICKS_MIN} without a gap, "
            f"the longest has {max(short)}"
        )
    empty = np.concatenate([np.isnan(run.ticks).all(axis=1) for run in runs]).mean()
    if empty > MISSING_MAX:
        raise BaselineError(
            f"{empty:.0%} of the ticks of {tick_seconds:g} s have no reading, {MISSING_MAX:.0%} "
            f"may have none{_apart(series)}"
        )
    known = min(map(_variables, runs))
    for run in runs:
        run.ticks.reshape(len(run.ticks), -1, VARIABLES)[:, :, known:] = np.nan
    return recorded._replace(runs=runs)


def _apart(series: Sequence[Series]) -> str:
    between = np.concatenate([np.diff(each.seconds) for each in series])
    return f"; readings are {np.median(between):.4g} s apart" if len(between) else ""


def _variables(run: Run) -> int:
    """How many variables it has, up to the last one that has a value."""
    there = ~np.isnan(run.ticks[:, :VARIABLES]).all(axis=0)
    return int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
