"""Where the commands find a running simulation: a small file in its data folder.

A folder has one: with several simulations over the same folder it is that of the latest.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Final

import msgspec

from simulator.channel import ControlChannel
from tepwatch.errors import StateError

NAME: Final = "control.json"

_ProcessId = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A control interface, the process that serves it, and its token if it demands one."""

    url: str
    pid: _ProcessId
    token: str | None = None
    aws_url: str | None = None
    """Of the AWS that its records go to, where that is not the real one."""


def announce(folder: Path, channel: ControlChannel, *, aws_url: str | None = None) -> None:
    """Write where this process's channel listens; only the user of this process can read it."""
    folder.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.encode(Announcement(channel.url, os.getpid(), channel.token, aws_url))
    # Such files are made with mode 0600.
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{NAME}-")
    try:
        with open(handle, "wb") as file:
            file.write(content)
        os.replace(name, folder / NAME)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def forget(folder: Path) -> None:
    """Remove what this process announced; what another one did stays."""
    announced = _read(folder / NAME)
    if announced is not None and announced.pid == os.getpid():
        (folder / NAME).unlink(missing_ok=True)


def find(folder: Path) -> Announcement | None:
    """The simulation with this data folder; None if there is none, or its process has ended.

    Raises:
        StateError: the file cannot be read.
    """
    announced = _read(folder / NAME)
    return announced if announced is not None and _runs(announced.pid) else None


def _read(path: Path) -> Announcement | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Announcement)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise StateError(f"{path} is damaged, remove it: {error}") from error


def _runs(pid: int) -> bool:
    with contextlib.suppress(PermissionError):  # It runs, as another user's.
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
