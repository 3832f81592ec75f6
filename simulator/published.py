"""The published benchmark: its series run again with their seeds, and compared cell by cell.

The series are those of the Large Scale Systems Research Laboratory, University of Illinois: 22 to
train with, 25 h with the fault from the first hour on and without that hour (without fault: whole),
and 22 to test with, 48 h with the fault from hour 8 on. 52 columns, five significant digits.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from simulator.actions import VALVE4_STUCK_PERCENT, Action, Disturb, HoldValve
from simulator.components import Floats, single
from simulator.fleet import Fleet
from simulator.strategies import BENCHMARK_PI
from tepwatch.errors import InputFileError

COLUMNS: Final = 52
_FAULT_21: Final = 21
_ROW_STEPS: Final = 180
_DIGITS: Final = 5

_TEST_SEEDS: Final = (
    1254545354, 2994833239, 2891123453, 3420494299, 5658678765, 5658678765, 6678322168, 7327843434,
    8943242344, 9343430004, 1039839281, 1134345551, 2232323236, 3454354353, 4545445883, 5849489384,
    6284545932, 4342232344, 5635346588, 9445382439, 8322308324, 7654534567,
)  # fmt: skip
_TRAINING_SEEDS: Final = (
    4243534565, 7854912354, 3456432354, 1731738903, 4346024432, 5784921734, 6678322168, 7984782901,
    8934302332, 9873223412, 1089278833, 1940284333, 2589274931, 3485834345, 4593493842, 5683213434,
    6788343442, 1723234455, 8943243993, 9445382439, 9902234324, 2144342545,
)  # fmt: skip


class Kind(NamedTuple):
    """Series to train or to test with: steps of a second, rows left out where there is a fault."""

    name: str
    seeds: tuple[int, ...]
    steps: int
    fault_step: int
    rows_skipped: int


TEST: Final = Kind("test", _TEST_SEEDS, 48 * 3600, 8 * 3600, 0)
TRAINING: Final = Kind("train", _TRAINING_SEEDS, 25 * 3600, 3600, 20)
KINDS: Final = (TEST, TRAINING)


class Comparison(NamedTuple):
    """One series against its simulation; shares of cells; `first_row` that departs by more."""

    name: str
    rows: int
    equal: float
    within_one_unit: float
    first_row: int | None
    mean_distance_sd: float
    sd_ratio: tuple[float, float]


def load(path: Path) -> dict[str, Floats]:
    """The series of an npz file (`test_00`, `train_00`, ...) or of a folder of .dat files.

    Raises:
        InputFileError: nothing of the benchmark is there.
    """
    try:
        found = dict(_from_folder(path) if path.is_dir() else _from_npz(path))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputFileError(f"{path}: {error}") from error
    if not found:
        raise InputFileError(
            f"{path} holds no series of the benchmark: arrays test_00 to test_21 and train_00 to "
            "train_21, or files d00_te.dat to d21_te.dat and d00.dat to d21.dat, are expected"
        )
    for name, series in found.items():
        if series.ndim != 2 or series.shape[1] != COLUMNS:  # noqa: PLR2004 - rows and columns
            raise InputFileError(f"{path}: {name} has shape {series.shape}, not rows x {COLUMNS}")
    return found


def _from_npz(path: Path) -> Iterator[tuple[str, Floats]]:
    with np.load(path, allow_pickle=False) as archive:
        for kind in KINDS:
            for number in range(len(kind.seeds)):
                name = f"{kind.name}_{number:02d}"
                if name in archive.files:
                    yield name, np.asarray(archive[name], dtype=np.float64)


def _from_folder(path: Path) -> Iterator[tuple[str, Floats]]:
    for kind, ending in ((TEST, "_te"), (TRAINING, "")):
        for number in range(len(kind.seeds)):
            file = path / f"d{number:02d}{ending}.dat"
            if file.exists():
                series = np.loadtxt(file)
                # d00.dat is published with a column a sample.
                turned = series.shape[1:] != (COLUMNS,) and series.shape[:1] == (COLUMNS,)
                yield f"{kind.name}_{number:02d}", series.T if turned else series


def compare(series: Mapping[str, Floats]) -> Iterator[Comparison]:
    """Run every series again and compare; the plants of a kind run together."""
    for kind in KINDS:
        numbers = [
            number for number in range(len(kind.seeds)) if f"{kind.name}_{number:02d}" in series
        ]
        if numbers:
            simulated = simulate(kind, numbers)
            for place, number in enumerate(numbers):
                name = f"{kind.name}_{number:02d}"
                skipped = kind.rows_skipped if number else 0
                yield compared(name, series[name], simulated[skipped:, place])


def simulate(kind: Kind, numbers: list[int]) -> Floats:
    """Series of a kind by the fault's number: (rows, series, 52)."""
    fleet = Fleet(BENCHMARK_PI, [kind.seeds[number] for number in numbers])
    before = fleet.advance(kind.fault_step - fleet.next_step, _ROW_STEPS)
    for place, number in enumerate(numbers):
        if number:
            fleet.apply(place, _fault(number))
    after = fleet.advance(kind.steps + 1 - fleet.next_step, _ROW_STEPS)
    values: Floats = np.concatenate([before.values, after.values])[:, :, :COLUMNS]
    return values


def _fault(number: int) -> Action:
    if number == _FAULT_21:
        return HoldValve(4, single(VALVE4_STUCK_PERCENT))
    return Disturb(number)


def compared(name: str, published: Floats, simulated: Floats) -> Comparison:
    """Cell by cell at the published digits."""
    rows = min(len(published), len(simulated))
    published, simulated = published[:rows], simulated[:rows]
    units = _units(published, simulated)
    differs = (units > 1).any(axis=1)
    sd, mean = published.std(axis=0), published.mean(axis=0)
    # A held valve has no spread to compare with.
    moving = sd > 1e-6 * np.abs(mean)
    ratio = simulated.std(axis=0)[moving] / sd[moving]
    distance = np.abs(simulated.mean(axis=0) - mean)[moving] / sd[moving]
    return Comparison(
        name,
        rows,
        float((units == 0).mean()),
        float((units <= 1).mean()),
        int(differs.argmax()) if differs.any() else None,
        float(distance.max()),
        (float(ratio.min()), float(ratio.max())),
    )


def _units(published: Floats, simulated: Floats) -> Floats:
    """Difference in units of the last published digit, as integers."""
    size = np.maximum(np.abs(published), np.abs(simulated))
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    unit = 10.0 ** (exponent - (_DIGITS - 1))
    result: Floats = np.abs(np.rint(published / unit) - np.rint(simulated / unit))
    return result
