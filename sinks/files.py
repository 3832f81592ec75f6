"""Rows as NDJSON files: one folder a table, one line a row, a new file for every writer.

A batch is appended with one write call a table. A writer that is killed can leave a torn last line
behind; it never goes on in an old file, and `read_table` passes over a last line without newline:
its row is written again by the writer that takes over.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sinks.base import Outcome
from sinks.row_json import decode_row, encode_row
from tepwatch.errors import InputFileError, SettingsError
from tepwatch.schema import Row, Scalar, row_key

FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A file is closed and another begun when it has grown past this."""


class FilesSink:
    """Writes below `folder`, which is made when it is not there."""

    name = "files"
    keeps_bytes = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _PartFile] = {}

    def open(self) -> None:
        """Make the folder.

        Raises:
            SettingsError: it cannot be made or written to.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"files_path {self._folder}: {error.strerror}") from error

    def takes(self, _table: str) -> bool:
        """All are."""
        return True

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Append rows; what fails (a full disk) may succeed later."""
        by_table: dict[str, list[Row]] = {}
        for row in rows:
            by_table.setdefault(row.table, []).append(row)
        failed: list[Row] = []
        cause = ""
        for table, of_table in by_table.items():
            try:
                self._append(table, b"".join([encode_row(row) + b"\n" for row in of_table]))
            except OSError as error:
                failed.extend(of_table)
                cause = f"{self._folder / table}: {error.strerror}"
        return Outcome(failed=failed, cause=cause)

    def _append(self, table: str, data: bytes) -> None:
        part = self._files.get(table)
        if part is None or part.size > FILE_BYTES_MAX:
            self._close(table)
            part = self._files[table] = _PartFile(self._folder / table)
        try:
            part.append(data)
        except OSError:
            self._close(table)
            raise

    def _close(self, table: str) -> None:
        part = self._files.pop(table, None)
        if part is not None:
            part.close()

    def close(self) -> None:
        """Close the files."""
        for table in list(self._files):
            self._close(table)


class _PartFile:
    """One file of one writer."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = folder / f"part-{stamp}-{uuid.uuid4().hex[:8]}.ndjson"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self.size = 0

    def append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            # Whole lines or none: what was written of this batch is taken back.
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        os.close(self._descriptor)


def read_table(folder: Path, table: str) -> dict[tuple[Scalar, ...], Row]:
    """All rows of a table by their keys, each once.

    Raises:
        InputFileError: a line in the middle of a file is not a row.
    """
    rows: dict[tuple[Scalar, ...], Row] = {}
    for path in sorted((folder / table).glob("part-*.ndjson")):
        lines = path.read_bytes().split(b"\n")
        # The last piece is empty, or torn.
        for number, line in enumerate(lines[:-1], 1):
            try:
                row = decode_row(line)
            except msgspec.DecodeError as error:
                raise InputFileError(f"{path} line {number} is not a row: {error}") from error
            rows[row_key(row)] = row
    return rows


def count_rows(folder: Path, table: str) -> int:
    """Number of different rows of a table."""
    return len(read_table(folder, table))
