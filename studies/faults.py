"""Runs of which the disturbance is known: simulated, or from a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.channels import COLUMNS
from detection.forest import FloatArray
from detection.ticks import MiddlePace
from simulator.actions import VALVE4_STUCK_PERCENT, Action, Disturb, HoldValve
from simulator.fleet import Fleet
from simulator.recordings import DEFAULT_ROW_SECONDS
from simulator.strategies import Strategy
from studies import normal_operation, recorded
from studies.normal_operation import PUBLISHED, TICK_SECONDS, Cadence
from tepwatch.errors import InputFileError
from tepwatch.tags import DISTURBANCES, VALVE_4_HELD

FAULTS: Final = (*(each.number for each in DISTURBANCES), VALVE_4_HELD.number)

TEACHING_SEED: Final = 10_001
JUDGING_SEED: Final = 60_001
"""First seeds of runs to learn from, and of runs to be judged by."""

_RUNS_A_FLEET: Final = 4
# The plant is watched for some hours first; when exactly the fault begins must not matter.
_BEFORE_HOURS: Final = (4, 8)
_AFTER_HOURS: Final = 22
_NAMED: Final = 5
"""Missing variables that an error names."""
_NUMBER: Final = re.compile(r"\d+$")
_KNOWN: Final = {each.number: each for each in (*DISTURBANCES, VALVE_4_HELD)}


class FaultRun(NamedTuple):
    """A run (ticks, 106 or less) under a fault, by its number, after so many ticks without."""

    fault: int
    ticks: FloatArray
    fault_at: int

    def with_columns(self, columns: int) -> FaultRun:
        """The same with the first columns only.

        Raises:
            InputFileError: it has less.
        """
        if self.ticks.shape[1] < columns:
            raise InputFileError(
                f"a run of fault {self.fault} has {self.ticks.shape[1]} columns, normal operation "
                f"has {columns}"
            )
        return self._replace(ticks=self.ticks[:, :columns])

    def check(self, columns: Iterable[int]) -> None:
        """See to it that what is watched is there.

        Args:
            columns: of what is watched, as `detection.channels.COLUMNS` has them.

        Raises:
            InputFileError: some have no value.
        """
        unknown = np.isnan(self.ticks).all(axis=0)
        missing = [
            COLUMNS[column] for column in columns if column >= len(unknown) or unknown[column]
        ]
        if missing:
            named = ", ".join(missing[:_NAMED])
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise InputFileError(
                f"a run of fault {self.fault} has no values of {named}{more}; normal operation has"
            )


class RecordedFaults(NamedTuple):
    """Runs under faults as they were recorded, and the pace of their ticks."""

    runs: list[FaultRun]
    pace: MiddlePace


def simulate(
    strategy: Strategy,
    faults: Sequence[int],
    first_seed: int,
    *,
    cadence: Cadence = PUBLISHED,
    after_hours: int = _AFTER_HOURS,
) -> list[FaultRun]:
    """A run of each fault, each with a seed of its own, as `normal_operation.simulate` has them.

    A run ends where the plant shuts down, or `after_hours` after the last fault has begun.

    Args:
        strategy: that controls the plant.
        faults: numbers of disturbances, 21 for valve 4 held.
        first_seed: of the first run; each run has the next one.
        cadence: of the readings.
        after_hours: of process time.

    Raises:
        SettingsError: a plant under this strategy has no such readings.
    """
    fleet = Fleet(strategy, range(first_seed, first_seed + len(faults)))
    settling = normal_operation.settling_ticks(strategy, cadence)
    earliest, latest = map(cadence.ticks, _BEFORE_HOURS)
    chance = np.random.default_rng(first_seed)
    begins = settling + chance.choice(range(earliest, latest), len(faults))
    parts = []
    for place in np.argsort(begins, kind="stable"):
        parts.append(normal_operation.run_to(fleet, int(begins[place]), cadence))
        fleet.apply(int(place), _action(faults[place]))
    end = settling + latest + cadence.ticks(after_hours)
    parts.append(normal_operation.run_to(fleet, end, cadence))
    rows = np.concatenate([part.values for part in parts])
    values = normal_operation.as_ticks(rows, cadence)[settling:]
    last = slice(cadence.readings - 1, None, cadence.readings)
    shutdown = np.concatenate([part.shutdown for part in parts])[last]
    running = shutdown[settling:] == 0
    return [
        FaultRun(fault, values[_until_it_stops(on), place], int(begin) - settling)
        for place, (fault, begin, on) in enumerate(zip(faults, begins, running.T, strict=True))
    ]


def simulated(
    strategy: Strategy,
    runs: int,
    first_seed: int,
    progress: Callable[[str], None] = lambda _text: None,
    *,
    cadence: Cadence = PUBLISHED,
) -> Iterator[FaultRun]:
    """So many runs of each of the faults, a fleet at a time: all at once would fill the memory."""
    for done in range(0, runs, _RUNS_A_FLEET):
        progress(f"simulating {runs} runs of each of {len(FAULTS)} faults, {done} are done ...")
        faults = FAULTS * min(_RUNS_A_FLEET, runs - done)
        yield from simulate(strategy, faults, first_seed + done * len(FAULTS), cadence=cadence)


def from_file(
    path: Path,
    fault_at: int,
    prefix: str = "",
    *,
    row_seconds: float | None = None,
    tick_seconds: float = TICK_SECONDS,
) -> RecordedFaults:
    """Runs of an npz file: arrays of rows x 41, 52 or 53 with the fault's number at the name's end.

    An array without such a number, or with 0, is none of a fault (train_00).

    Args:
        path: the file.
        fault_at: rows of each before its fault begins.
        prefix: with which the names of the arrays begin.
        row_seconds: process time of a row; None for 180.
        tick_seconds: length of a tick.

    Raises:
        InputFileError: no such file, nothing of the kind in it, or a row is longer than a tick.
    """
    seconds = row_seconds or DEFAULT_ROW_SECONDS
    if seconds > tick_seconds:
        raise InputFileError(f"{path}: rows of {seconds:g} s make no ticks of {tick_seconds:g} s")
    series = [
        recorded.of_rows(name, run, seconds)
        for name, run in normal_operation.from_file(path).items()
        if name.startswith(prefix) and fault_of(name)
    ]
    if not series:
        raise InputFileError(
            f"{path} holds no run of a fault: arrays of rows x 41, 52 or 53 are expected, with "
            f"names that begin with {prefix!r} and end with the fault's number (train_01)"
        )
    found = recorded.in_ticks(series, tick_seconds)
    begins = int(fault_at * seconds // tick_seconds)
    runs = [FaultRun(fault_of(run.name), run.ticks, begins) for run in found.runs]
    return RecordedFaults(runs, found.pace)


def title_of(fault: int) -> str:
    """What a fault is, in words.

    >>> title_of(4), title_of(99)
    ('IDV 4, Reactor cooling water inlet temperature', 'IDV 99')
    """
    return f"IDV {fault}, {_KNOWN[fault].title}" if fault in _KNOWN else f"IDV {fault}"


def kind_of(fault: int) -> str:
    """In which way a fault disturbs; empty where that is not known.

    >>> kind_of(4), kind_of(99)
    ('step', '')
    """
    return _KNOWN[fault].kind if fault in _KNOWN else ""


def fault_of(name: str) -> int:
    """The number at the end of an array's name, 0 where there is none.

    >>> fault_of("train_06"), fault_of("d13"), fault_of("y")
    (6, 13, 0)
    """
    number = _NUMBER.search(name)
    return int(number[0]) if number else 0


def _until_it_stops(running: NDArray[np.bool_]) -> slice:
    return slice(None if running.all() else int(running.argmin()))


def _action(fault: int) -> Action:
    if fault == VALVE_4_HELD.number:
        return HoldValve(4, VALVE4_STUCK_PERCENT)
    return Disturb(fault)
