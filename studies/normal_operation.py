"""Normal operation to learn from and to be judged by: simulated, or from a file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from detection.forest import FloatArray
from detection.ticks import rows_of_ticks
from simulator.fleet import Fleet
from simulator.recordings import WIDTHS
from simulator.strategies import RICKER, Strategy
from tepwatch.errors import InputFileError

TICK_SECONDS: Final = 180
TICKS_AN_HOUR: Final = 3600 // TICK_SECONDS

RUN_HOURS: Final = 48
"""Of one simulated run, as the published test series."""

BASELINE_SEED: Final = 1001
FRESH_SEED: Final = 5001
"""First seeds of runs to learn from, and of runs to be judged by."""

_DIGITS: Final = 5
# Ricker's plant does not begin in its settled state.
_SETTLING_HOURS: Final = {RICKER.name: 5}


def simulate(
    strategy: Strategy, days: int, first_seed: int, *, readings: int = 1
) -> list[FloatArray]:
    """Runs of 48 h, ticks of 3 min each: (ticks, 53), or (ticks, 106) of several readings a tick.

    One reading a tick is as published, with five digits.

    Args:
        strategy: that controls the plant.
        days: of normal operation, an even number.
        first_seed: of the first run; each run has the next one.
        readings: of a tick.
    """
    seeds = range(first_seed, first_seed + days * 24 // RUN_HOURS)
    fleet = Fleet(strategy, seeds)
    settling = settling_ticks(strategy)
    every = round(TICK_SECONDS / readings / fleet.step_seconds)
    ticks = settling + RUN_HOURS * 3600 // TICK_SECONDS
    steps = ticks * readings * every + 1 - fleet.next_step
    values = as_ticks(fleet.advance(steps, every).values, readings)
    return [values[settling:, plant] for plant in range(len(seeds))]


def as_ticks(rows: FloatArray, readings: int) -> FloatArray:
    """Simulated readings as rows of ticks; one a tick is rounded as the published series are."""
    return rounded(rows) if readings == 1 else rows_of_ticks(rows, readings)


def settling_ticks(strategy: Strategy) -> int:
    """Ticks until a plant that begins under this strategy operates normally."""
    return _SETTLING_HOURS.get(strategy.name, 0) * 3600 // TICK_SECONDS


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
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputFileError(f"{path}: {error}") from error
    widths = [(width,) for width in WIDTHS]
    runs = {
        name: array.astype(np.float64)
        for name, array in arrays.items()
        if array.dtype.kind in "fiu" and array.shape[1:] in widths
    }
    if not runs:
        raise InputFileError(f"{path} holds no array of rows x 41, 52 or 53")
    return runs


def common_columns(groups: Sequence[Sequence[FloatArray]]) -> int:
    """How many columns all runs have, from the first on."""
    return min(int(run.shape[1]) for group in groups for run in group)
