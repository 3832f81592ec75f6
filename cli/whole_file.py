"""A file that other processes see as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tepwatch.errors import InputFileError


def check_folder(path: Path) -> None:
    """See to it that a file can be made, before much is done for it.

    Raises:
        InputFileError: its folder does not exist.
    """
    if not path.resolve().parent.is_dir():
        raise InputFileError(f"{path}: its folder does not exist")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place, then put it there.

    Raises:
        InputFileError: it cannot be written; what was there before still is.
    """
    # Another process may be about to do the same.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
