"""Recorded plant data: npz arrays, CSV tables and NDJSON records."""

from __future__ import annotations

import csv
import math
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from tepwatch.errors import InputFileError
from tepwatch.records import EventKind, Message, Origin, PlantEvent, Reading, Rejected, StreamRecord
from tepwatch.tags import PLACES, TAG_IDS, TAGS, XMEAS_IDS
from tepwatch.wire import WirePolicy, decode

DEFAULT_ROW_SECONDS: Final = 180.0
"""Process time of a row in the published benchmark."""

# Cases, rows, columns.
_CASES_NDIM: Final = 3
# Columns of a table without names: all 53 variables, without the agitator, measurements only.
WIDTHS: Final = (53, 52, 41)
_HEAD: Final = ("plant", "run", "process_hours")
"""Columns of a CSV table that are none of a variable."""

_NOWHERE: Final = Origin("", "0", 0, 0)
_FAR_FUTURE_MS: Final = 4_102_444_800_000
# What a record without a time of its own has.
_UNTIMED_MS: Final = (0, _FAR_FUTURE_MS)
_SECONDS_AN_HOUR: Final = 3600.0


class Recording(NamedTuple):
    """One recorded run.

    `items` are records as the file has them: plant, run, seq and times may be missing.
    `row_seconds` is the process time of one reading. `hours` is that since the start, of each,
    where the file says it and nobody says otherwise.
    """

    name: str
    items: tuple[StreamRecord, ...]
    row_seconds: float
    hours: tuple[float, ...] | None = None

    def hours_at(self, row: int) -> float:
        """Process time at the end of a row, counted from 1; 0 is the start."""
        if self.hours is None or row == 0:
            return row * self.row_seconds / _SECONDS_AN_HOUR
        return self.hours[row - 1]

    def in_time(self) -> Iterator[StreamRecord]:
        """The records; readings without a time of their own are rows of `row_seconds` each."""
        rows = Counter[tuple[str, str]]()
        for item in self.items:
            if isinstance(item, Reading):
                rows[item.plant, item.run] += 1
                if item.process_hours is None and item.time_ms in _UNTIMED_MS:
                    seconds = rows[item.plant, item.run] * self.row_seconds
                    item = msgspec.structs.replace(item, process_hours=seconds / _SECONDS_AN_HOUR)
            yield item


def load(path: Path, *, case: int | None = None, row_seconds: float | None = None) -> Recording:
    """Read a recording; the kind of file is told by its ending.

    - `.npz`: array `y` (rows x 53, 52 or 41; or cases x rows x columns, then `case` chooses).
      Optional `run_rows` (the run ends by a shutdown after so many), `row_seconds` or `hours` (the
      process time of each row), and `idv` with `idv_hours` (a disturbance and when it begins).
    - `.csv`: with a header of tag ids, and `plant`, `run` and `process_hours` where they are known;
      or without one 53, 52 or 41 columns. Empty cells are missing values.
    - `.ndjson`, `.jsonl`: one record of the stream a line.

    Args:
        path: the file.
        case: index of the run in an array of several.
        row_seconds: in place of the file's own times, or of 180.

    Raises:
        InputFileError: missing, of another kind or of a wrong shape; the text says what and where.
    """
    readers: dict[str, Callable[[], tuple[tuple[StreamRecord, ...], float | None]]] = {
        ".npz": lambda: _from_npz(path, case),
        ".csv": lambda: (_from_csv(path), None),
        ".ndjson": lambda: (_from_ndjson(path), None),
        ".jsonl": lambda: (_from_ndjson(path), None),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputFileError(f"{path}: the name has to end in {', '.join(readers)}")
    try:
        items, own_row_seconds = reader()
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror or error}") from error
    if not items:
        raise InputFileError(f"{path} holds no row")
    hours = _hours(items) if row_seconds is None else None
    return Recording(path.stem, items, row_seconds or own_row_seconds or DEFAULT_ROW_SECONDS, hours)


def load_all(path: Path, *, row_seconds: float | None = None) -> list[Recording]:
    """Every run of a file: the same as `load`, and all cases where there are several.

    Raises:
        InputFileError: as `load`.
    """
    cases = np.asarray(read_arrays(path).get("y")) if path.suffix.lower() == ".npz" else None
    if cases is None or cases.ndim != _CASES_NDIM:
        return [load(path, row_seconds=row_seconds)]
    return [
        load(path, case=case, row_seconds=row_seconds)._replace(name=f"{path.stem} {case}")
        for case in range(len(cases))
    ]


def _hours(items: Sequence[StreamRecord]) -> tuple[float, ...] | None:
    """Process time of each reading of one run; None where it is not known, or goes back."""
    hours = [item.process_hours for item in items if isinstance(item, Reading)]
    known = tuple(each for each in hours if each is not None)
    goes_on = all(one < next_one for one, next_one in pairwise(known))
    return known if len(known) == len(hours) and goes_on else None


def _reading(
    values: list[float | None],
    where: str,
    *,
    plant: str = "",
    run: str = "",
    hours: float | None = None,
) -> Reading:
    padded = values + [None] * (len(TAG_IDS) - len(values))
    checked = tuple(
        None if value is None or not math.isfinite(value) else value for value in padded
    )
    xmeas = checked[: len(XMEAS_IDS)]
    if xmeas.count(None) == len(xmeas):
        raise InputFileError(f"{where} holds no measurement")
    if hours is not None and not 0 <= hours < math.inf:
        raise InputFileError(f"{where}: {hours:g} is no process time in hours")
    return Reading(plant, run, None, 0, hours, xmeas, checked[len(XMEAS_IDS) :], None, _NOWHERE)


def _event(kind: EventKind, **detail: object) -> PlantEvent:
    return PlantEvent("", "", None, 0, None, kind, msgspec.json.encode(detail).decode(), _NOWHERE)


def _from_npz(path: Path, case: int | None) -> tuple[tuple[StreamRecord, ...], float | None]:
    arrays = read_arrays(path)
    if "y" not in arrays:
        raise InputFileError(f"{path} has no array y; it holds {', '.join(arrays) or 'nothing'}")
    table = _one_case(path, np.asarray(arrays["y"]), case)
    run_rows = int(arrays.get("run_rows", len(table)))
    row_seconds = float(arrays["row_seconds"]) if "row_seconds" in arrays else None
    hours = _hours_of_rows(path, arrays, len(table), case)
    rows = [
        _reading(row, f"{path} row {number}", hours=hours[number])
        for number, row in enumerate(table[:run_rows].tolist())
    ]
    items: list[StreamRecord] = list(rows)
    if "idv_hours" in arrays:
        begins = float(arrays["idv_hours"]) * 3600 / (row_seconds or DEFAULT_ROW_SECONDS)
        number = int(arrays["idv"])
        items.insert(round(begins), _event(EventKind.DISTURBANCE, idv=number, on=True))
    if run_rows < len(table):
        items.append(_event(EventKind.SHUTDOWN, reason="the recorded plant shut down"))
    return tuple(items), row_seconds


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an npz file, by name.

    Raises:
        InputFileError: it cannot be read, or is none.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile) as error:
        raise InputFileError(f"{path} is not an npz file of arrays: {error}") from error


def _hours_of_rows(
    path: Path, arrays: dict[str, Any], rows: int, case: int | None
) -> Sequence[float | None]:
    """Process time of each row, None where the file does not say it."""
    if "hours" not in arrays:
        return [None] * rows
    hours = np.asarray(arrays["hours"])
    of_run = hours[case] if hours.ndim > 1 and case is not None else hours
    if of_run.shape != (rows,) or of_run.dtype.kind not in "fiu":
        raise InputFileError(
            f"{path}: hours has shape {hours.shape} of {hours.dtype}; a number for each row of y "
            "is expected"
        )
    numbers: list[float | None] = of_run.astype(np.float64).tolist()
    return numbers


def _one_case(path: Path, table: np.ndarray[Any, Any], case: int | None) -> np.ndarray[Any, Any]:
    if table.ndim == _CASES_NDIM:
        if case is None or not 0 <= case < len(table):
            raise InputFileError(
                f"{path} holds {len(table)} runs: choose one with --case 0 to {len(table) - 1}"
            )
        table = table[case]
    if table.ndim != 2 or table.shape[1] not in WIDTHS or table.dtype.kind not in "fiu":  # noqa: PLR2004
        raise InputFileError(
            f"{path}: y has shape {table.shape} of {table.dtype}; rows of 53, 52 or 41 numbers "
            "are expected"
        )
    return table


def _from_csv(path: Path) -> tuple[StreamRecord, ...]:
    with path.open(newline="", encoding="utf-8") as lines:
        return tuple(_csv_readings(path, csv.reader(lines)))


def _csv_readings(path: Path, rows: Iterator[list[str]]) -> Iterator[Reading]:
    columns: list[str] | None = None
    try:
        for number, row in enumerate(rows, 1):
            if not row:
                continue
            where = f"{path} line {number}"
            if columns is None:
                columns, is_header = _csv_columns(row, where)
                if is_header:
                    continue
            if len(row) != len(columns):
                raise InputFileError(f"{where} has {len(row)} cells, not {len(columns)}")
            cells = dict(zip(columns, row, strict=True))
            plant, run, hours = (cells.pop(name, "") for name in _HEAD)
            values: list[float | None] = [None] * len(TAG_IDS)
            for name, cell in cells.items():
                values[PLACES[name]] = _csv_number(cell, where)
            yield _reading(values, where, plant=plant, run=run, hours=_csv_number(hours, where))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputFileError(f"{path} is not a CSV table in UTF-8: {error}") from error


def _csv_columns(row: list[str], where: str) -> tuple[list[str], bool]:
    """Names of the columns, and whether this row is the header that says them."""
    names = [cell.strip() for cell in row]
    if any(name in TAGS for name in names):
        unknown = [name for name in names if name not in TAGS and name not in _HEAD]
        if unknown or len(set(names)) != len(names):
            raise InputFileError(
                f"{where}: the header takes each tag id once, {', '.join(_HEAD)}; not known: "
                f"{', '.join(unknown) or 'none'}"
            )
        return names, True
    if len(row) not in WIDTHS:
        raise InputFileError(
            f"{where} has {len(row)} cells; a header of tag ids or 53, 52 or 41 columns are needed"
        )
    return list(TAG_IDS[: len(row)]), False


def _csv_number(cell: str, where: str) -> float | None:
    text = cell.strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InputFileError(f"{where}: {text!r} is not a number") from error


def _from_ndjson(path: Path) -> tuple[StreamRecord, ...]:
    policy = WirePolicy()
    items: list[StreamRecord] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.isspace():
                continue
            message = Message(line.rstrip(b"\n"), "", "0", "plant", _FAR_FUTURE_MS)
            for item in decode(message, policy):
                if isinstance(item, Rejected):
                    raise InputFileError(f"{path} line {number}: {item.message}")
                items.append(item)
    return tuple(items)
