"""The local AWS as a child process: start, address, counters, end."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import Final, Self

import msgspec

from localaws.launcher import COUNTERS_PATH, Ready
from localaws.process import ChildProcess
from tepwatch.errors import StartupError

START_SECONDS: Final = 60.0
_COUNTERS_SECONDS: Final = 5.0


class LocalAws:
    """Starts the local AWS at once; use as a context manager, or call `stop`.

    Args:
        folder: where its log goes.
        port: to listen on, 0 for a free one.
        kinesis_mb: bound on the size of all stored Kinesis records, in MiB.

    Raises:
        StartupError: it did not start; the text says where its log is.
    """

    def __init__(self, folder: Path, *, port: int = 0, kinesis_mb: int = 512) -> None:
        self._process = ChildProcess(
            "the local AWS",
            [
                sys.executable,
                "-m",
                "localaws.launcher",
                f"--port={port}",
                f"--kinesis-mb={kinesis_mb}",
                "--follow-parent",
            ],
            folder / "localaws.log",
            pipe_output=True,
        )
        try:
            line = self._process.read_line(START_SECONDS)
            self.endpoint_url = msgspec.json.decode(line, type=Ready).endpoint_url
        except (StartupError, msgspec.DecodeError) as error:
            self._process.stop()
            raise StartupError(f"{error}") from error

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.running

    def counters(self) -> dict[str, dict[str, int]]:
        """Records stored, expired and dropped, a stream."""
        url = f"{self.endpoint_url}{COUNTERS_PATH}"
        with urllib.request.urlopen(url, timeout=_COUNTERS_SECONDS) as answer:
            return msgspec.json.decode(answer.read(), type=dict[str, dict[str, int]])

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
