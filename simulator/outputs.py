"""Where a live source writes to; the one for Kinesis is made by the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from tepwatch.errors import InputFileError
from tepwatch.records import StreamRecord
from tepwatch.wire import encode


class Output(Protocol):
    """A destination of records."""

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Write records, each plant's in order; returns when they are accepted."""

    def close(self) -> None:
        """Let go of everything."""


class FileOutput:
    """One NDJSON file, made anew."""

    def __init__(self, path: Path) -> None:
        self._file = open_new(path)

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Append lines."""
        self._file.write(b"".join([encode(record) + b"\n" for record in records]))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class StdoutOutput:
    """Standard output, one record a line."""

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Print lines."""
        sys.stdout.buffer.write(b"".join([encode(record) + b"\n" for record in records]))
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Nothing to let go of."""


def open_new(path: Path) -> IO[bytes]:
    """A file to write to, and its folder.

    Raises:
        InputFileError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror}") from error
