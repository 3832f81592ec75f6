"""Runs of which the disturbance is known: simulated, or from a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from simulator.actions import VALVE4_STUCK_PERCENT, Action, Disturb, HoldValve
from simulator.fleet import Fleet
from simulator.strategies import Strategy
from studies import normal_operation
from studies.normal_operation import TICK_SECONDS, TICKS_AN_HOUR
from tepwatch.errors import InputFileError
from tepwatch.tags import DISTURBANCES, VALVE_4_HELD

FAULTS: Final = (*(each.number for each in DISTURBANCES), VALVE_4_HELD.number)

TEACHING_SEED: Final = 10_001
JUDGING_SEED: Final = 60_001
"""First seeds of runs to learn from, and of runs to be judged by."""

_RUNS_A_FLEET: Final = 4
# The plant is watched for some hours first; when exactly the fault begins must not matter.
_BEFORE_TICKS: Final = range(4 * TICKS_AN_HOUR, 8 * TICKS_AN_HOUR)
_AFTER_HOURS: Final = 22
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


def simulate(
    strategy: Strategy,
    faults: Sequence[int],
    first_seed: int,
    *,
    readings: int = 1,
    after_hours: int = _AFTER_HOURS,
) -> list[FaultRun]:
    """A run of each fault, each with a seed of its own, as `normal_operation.simulate` has them.

    A run ends where the plant shuts down, or `after_hours` after the last fault has begun.

    Args:
        strategy: that controls the plant.
        faults: numbers of disturbances, 21 for valve 4 held.
        first_seed: of the first run; each run has the next one.
        readings: of a tick.
        after_hours: of process time.
    """
    fleet = Fleet(strategy, range(first_seed, first_seed + len(faults)))
    every = round(TICK_SECONDS / readings / fleet.step_seconds)
    steps = readings * every
    settling = normal_operation.settling_ticks(strategy)
    begins = settling + np.random.default_rng(first_seed).choice(_BEFORE_TICKS, len(faults))
    parts = []
    for place in np.argsort(begins, kind="stable"):
        parts.append(fleet.advance(begins[place] * steps + 1 - fleet.next_step, every))
        fleet.apply(int(place), _action(faults[place]))
    end = settling + _BEFORE_TICKS.stop + after_hours * TICKS_AN_HOUR
    parts.append(fleet.advance(end * steps + 1 - fleet.next_step, every))
    rows = np.concatenate([part.values for part in parts])
    values = normal_operation.as_ticks(rows, readings)[settling:]
    shutdown = np.concatenate([part.shutdown for part in parts])[readings - 1 :: readings]
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
    readings: int = 1,
) -> Iterator[FaultRun]:
    """So many runs of each of the faults, a fleet at a time: all at once would fill the memory."""
    for done in range(0, runs, _RUNS_A_FLEET):
        progress(f"simulating {runs} runs of each of {len(FAULTS)} faults, {done} are done ...")
        faults = FAULTS * min(_RUNS_A_FLEET, runs - done)
        yield from simulate(strategy, faults, first_seed + done * len(FAULTS), readings=readings)


def from_file(path: Path, fault_at: int, prefix: str = "") -> list[FaultRun]:
    """Runs of an npz file: arrays of rows x 41, 52 or 53 with the fault's number at the name's end.

    An array without such a number, or with 0, is none of a fault (train_00).

    Args:
        path: the file.
        fault_at: rows of each before its fault begins.
        prefix: with which the names of the arrays begin.

    Raises:
        InputFileError: no such file, or nothing of the kind in it.
    """
    runs = [
        FaultRun(fault, run, fault_at)
        for name, run in normal_operation.from_file(path).items()
        if name.startswith(prefix) and (fault := fault_of(name))
    ]
    if not runs:
        raise InputFileError(
            f"{path} holds no run of a fault: arrays of rows x 41, 52 or 53 are expected, with "
            f"names that begin with {prefix!r} and end with the fault's number (train_01)"
        )
    return runs


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
