"""Simulated runs as tables: npz arrays and CSV, readings only."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from simulator.outputs import open_new
from tepwatch.records import Reading, StreamRecord
from tepwatch.tags import XMEAS_IDS, XMV_IDS

COLUMNS: Final = (53, 52, 41)
"""All variables; as the published benchmark, without the agitator; measurements only."""

_IDS: Final = (*XMEAS_IDS, *XMV_IDS)


class ArrayOutput:
    """An npz file, written when it is closed.

    `y` (rows, columns) float64, or (plants, rows, columns) where there are several, NaN for a
    missing value; `hours` (rows,) or (plants, rows) process time; `plants` their names.
    """

    def __init__(self, path: Path, columns: int) -> None:
        self._file = open_new(path)
        self._columns = columns
        self._readings: dict[str, list[Reading]] = {}

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Keep readings."""
        for record in records:
            if isinstance(record, Reading):
                self._readings.setdefault(record.plant, []).append(record)

    def close(self) -> None:
        """Write the file."""
        rows = min((len(kept) for kept in self._readings.values()), default=0)
        # A plant that stopped ends the array: what others did after that has no partner.
        kept = [readings[:rows] for readings in self._readings.values()]
        values = np.array(
            [[_row(reading, self._columns) for reading in readings] for readings in kept]
        )
        hours = np.array([[reading.process_hours for reading in readings] for readings in kept])
        alone = len(kept) == 1
        with self._file:
            np.savez_compressed(
                self._file,
                y=values[0] if alone else values,
                hours=hours[0] if alone else hours,
                plants=np.array(list(self._readings)),
            )


class CsvOutput:
    """A CSV file: plant, run, process hours, then a column a variable; empty where missing."""

    def __init__(self, path: Path, columns: int) -> None:
        self._file = io.TextIOWrapper(open_new(path), encoding="utf-8", newline="")
        self._columns = columns
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(("plant", "run", "process_hours", *_IDS[:columns]))

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Append readings."""
        self._writer.writerows(
            (record.plant, record.run, record.process_hours, *_values(record, self._columns))
            for record in records
            if isinstance(record, Reading)
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _values(reading: Reading, columns: int) -> tuple[float | None, ...]:
    return (reading.xmeas + reading.xmv)[:columns]


def _row(reading: Reading, columns: int) -> list[float]:
    return [np.nan if value is None else value for value in _values(reading, columns)]
