"""Where a live source writes to; the one for Kinesis is made by the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from tepwatch.errors import InputFileError


class Output(Protocol):
    """A destination of encoded records."""

    def write(self, plant: str, lines: Sequence[bytes]) -> None:
        """Write records of one plant in order; returns when they are accepted."""

    def close(self) -> None:
        """Let go of everything."""


class FileOutput:
    """One NDJSON file, made anew."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("wb")
        except OSError as error:
            raise InputFileError(f"{path}: {error.strerror}") from error

    def write(self, plant: str, lines: Sequence[bytes]) -> None:
        """Append lines."""
        self._file.write(b"".join([line + b"\n" for line in lines]))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class StdoutOutput:
    """Standard output, one record a line."""

    def write(self, plant: str, lines: Sequence[bytes]) -> None:
        """Print lines."""
        sys.stdout.buffer.write(b"".join([line + b"\n" for line in lines]))
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Nothing to let go of."""
