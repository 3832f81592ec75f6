"""The local AWS as a child process: start, address, counters, end."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import Final, Self

import msgspec

from localaws.launcher import (
    COUNTERS_PATH,
    FIREHOSE_FLUSH_PATH,
    FIREHOSE_PATH,
    FLUSH_SECONDS,
    TIMESTREAM_PATH,
    Ready,
)
from localaws.process import ChildProcess
from tepwatch.errors import StartupError

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
"""How long it may take to end: it delivers what Firehose has buffered."""
_ANSWER_SECONDS: Final = 5.0

_Counters = dict[str, dict[str, int]]


class _Flushed(msgspec.Struct):
    complete: bool


class LocalAws:
    """Starts the local AWS at once; use as a context manager, or call `stop`.

    Args:
        folder: where its log goes.
        port: to listen on, 0 for a free one.
        kinesis_mb: bound on the size of all stored Kinesis records, in MiB.
        firehose_mb: bound on what all delivery streams together hold in memory, in MiB.
        s3_mb: bound on what Firehose has written to S3, in MiB; beyond it the oldest goes.
        timestream_mb: bound on what Timestream holds, in MiB; beyond it the oldest goes.
        data_dir: where S3 and Timestream are kept over restarts; None keeps nothing.

    Raises:
        StartupError: it did not start; the text says where its log is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        kinesis_mb: int = 512,
        firehose_mb: int = 256,
        s3_mb: int = 2048,
        timestream_mb: int = 4096,
        data_dir: Path | None = None,
    ) -> None:
        self._process = ChildProcess(
            "the local AWS",
            [
                sys.executable,
                "-m",
                "localaws.launcher",
                f"--port={port}",
                f"--kinesis-mb={kinesis_mb}",
                f"--firehose-mb={firehose_mb}",
                f"--s3-mb={s3_mb}",
                f"--timestream-mb={timestream_mb}",
                *([] if data_dir is None else [f"--data-dir={data_dir}"]),
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

    def counters(self) -> _Counters:
        """Records stored, expired and dropped, a stream."""
        return msgspec.json.decode(self._answer("GET", COUNTERS_PATH), type=_Counters)

    def firehose_counters(self) -> _Counters:
        """Records put, delivered, dropped, failed and buffered, a delivery stream."""
        return msgspec.json.decode(self._answer("GET", FIREHOSE_PATH), type=_Counters)

    def timestream_counters(self) -> dict[str, int]:
        """Rows inserted, updated, expired and dropped."""
        return msgspec.json.decode(self._answer("GET", TIMESTREAM_PATH), type=dict[str, int])

    def flush_firehose(self) -> bool:
        """Have Firehose deliver what it has buffered; False if it could not within its time."""
        answer = self._answer("POST", FIREHOSE_FLUSH_PATH, FLUSH_SECONDS + _ANSWER_SECONDS)
        return msgspec.json.decode(answer, type=_Flushed).complete

    def stop(self) -> None:
        """End it."""
        self._process.stop(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a crash would be; `stop` after it."""
        self._process.kill()

    def _answer(self, method: str, path: str, seconds: float = _ANSWER_SECONDS) -> bytes:
        request = urllib.request.Request(f"{self.endpoint_url}{path}", method=method)
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            body: bytes = answer.read()
            return body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
