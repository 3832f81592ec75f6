"""Normal operation to learn from and to be judged by: simulated, or from a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.forest import FloatArray
from detection.ticks import rows_of_ticks
from simulator.fleet import Fleet, Records
from simulator.recordings import WIDTHS, read_arrays
from simulator.strategies import RICKER, Strategy
from tepwatch.errors import InputFileError, SettingsError

TICK_SECONDS: Final = 180
TICKS_AN_HOUR: Final = 3600 // TICK_SECONDS

RUN_HOURS: Final = 48
"""Of one simulated run, as the published test series."""

BASELINE_SEED: Final = 1001
FRESH_SEED: Final = 5001
"""First seeds of runs to learn from, and of runs to be judged by."""

_SECONDS_AN_HOUR: Final = 3600
_DIGITS: Final = 5
# Ricker's plant does not begin in its settled state.
_SETTLING_HOURS: Final = {RICKER.name: 5}


class Cadence(NamedTuple):
    """How readings make ticks: process time of a tick, and its readings, evenly apart."""

    tick_seconds: float = TICK_SECONDS
    readings: int = 1

    @property
    def record_seconds(self) -> float:
        """Process time of a reading."""
        return self.tick_seconds / self.readings

    def ticks(self, hours: float) -> int:
        """Ticks in so many hours."""
        return round(hours * _SECONDS_AN_HOUR / self.tick_seconds)

    def steps(self, strategy: Strategy) -> int:
        """Integration steps of a tick.

        Raises:
            SettingsError: a tick does not end with a step, or a reading takes less than one.
        """
        step = strategy.step_seconds
        steps = round(self.tick_seconds / step)
        if not math.isclose(steps * step, self.tick_seconds):
            raise SettingsError(
                f"a tick of {self.tick_seconds:g} s is not made of integration steps of {step:g} s"
            )
        if self.readings > steps:
            raise SettingsError(
                f"a record takes at least the integration step of {step:g} s, not "
                f"{self.record_seconds:g} s"
            )
        return steps


PUBLISHED: Final = Cadence()
"""That of the published series."""


def readings_a_tick(record_seconds: float, tick_seconds: float = TICK_SECONDS) -> int | None:
    """Of a stream with a record each so many seconds of process time; None where ticks differ.

    >>> readings_a_tick(60.0), readings_a_tick(180.0), readings_a_tick(50.0), readings_a_tick(300.0)
    (3, 1, None, None)
    """
    readings = round(tick_seconds / record_seconds)
    fits = readings and math.isclose(readings * record_seconds, tick_seconds)
    return readings if fits else None


def simulate(
    strategy: Strategy, days: int, first_seed: int, *, cadence: Cadence = PUBLISHED
) -> list[FloatArray]:
    """Runs of 48 h: (ticks, 53), or (ticks, 106) of several readings a tick.

    One reading a tick is as published, with five digits.

    Args:
        strategy: that controls the plant.
        days: of normal operation, an even number.
        first_seed: of the first run; each run has the next one.
        cadence: of the readings.

    Raises:
        SettingsError: a plant under this strategy has no such readings.
    """
    seeds = range(first_seed, first_seed + days * 24 // RUN_HOURS)
    fleet = Fleet(strategy, seeds)
    settling = settling_ticks(strategy, cadence)
    records = run_to(fleet, settling + cadence.ticks(RUN_HOURS), cadence)
    values = as_ticks(records.values, cadence)
    return [values[settling:, plant] for plant in range(len(seeds))]


def run_to(fleet: Fleet, tick: int, cadence: Cadence) -> Records:
    """Run a fleet on from the end of a tick to that of another, counted from the start.

    A reading is taken at the step that is nearest to its time, as a live simulation does.

    Raises:
        SettingsError: plants under this strategy have no such readings.
    """
    steps, readings = cadence.steps(fleet.strategy), cadence.readings
    if steps % readings == 0:
        return fleet.advance(tick * steps + 1 - fleet.next_step, steps // readings)
    done = max(0, fleet.next_step - 1) // steps * readings
    ends = [round(number * steps / readings) for number in range(done + 1, tick * readings + 1)]
    # It may be there already.
    parts = [fleet.advance(0, steps)]
    parts += [fleet.advance(end + 1 - fleet.next_step, end) for end in ends]
    return Records(*map(np.concatenate, zip(*parts, strict=True)))


def as_ticks(rows: FloatArray, cadence: Cadence) -> FloatArray:
    """Simulated readings as rows of ticks; one a tick is rounded as the published series are."""
    return rounded(rows) if cadence.readings == 1 else rows_of_ticks(rows, cadence.readings)


def settling_ticks(strategy: Strategy, cadence: Cadence = PUBLISHED) -> int:
    """Ticks until a plant that begins under this strategy operates normally."""
    return cadence.ticks(_SETTLING_HOURS.get(strategy.name, 0))


def rounded(values: FloatArray) -> FloatArray:
    """Values at the digits of the published series.

    >>> print(rounded(np.array([27.050123, -0.1234567])))
    [27.05    -0.12346]
    """
    size = np.abs(values)
    exponent = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    unit = 10.0 ** (exponent - (_DIGITS - 1))
    nearest: FloatArray = np.rint(values / unit) * unit
    return nearest


def from_file(path: Path) -> dict[str, FloatArray]:
    """Runs of an npz file, by name: every array of rows x 41, 52 or 53 is one.

    Raises:
        InputFileError: no such file, or nothing of the kind in it.
    """
    runs = tables_of(read_arrays(path))
    if not runs:
        raise InputFileError(f"{path} holds no array of rows x 41, 52 or 53")
    return runs


def tables_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, FloatArray]:
    """Those of rows x 41, 52 or 53 numbers."""
    widths = [(width,) for width in WIDTHS]
    return {
        name: array.astype(np.float64)
        for name, array in arrays.items()
        if array.dtype.kind in "fiu" and array.shape[1:] in widths
    }


def common_columns(groups: Sequence[Sequence[FloatArray]]) -> int:
    """How many columns all runs have, from the first on."""
    return min(int(run.shape[1]) for group in groups for run in group)
