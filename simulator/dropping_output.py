"""An output that never holds the plant up: what a slow stream cannot take in time is left out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Final

from simulator.outputs import Output
from tepwatch.errors import TepwatchError
from tepwatch.records import Reading, StreamRecord

QUEUED_MAX: Final = 5_000
"""Records that may wait for the stream."""
_CLOSE_SECONDS: Final = 90.0
"""How long the last records may take at the end: more than the output's own patience."""


class DroppingOutput:
    """Writes in a thread of its own; drops readings, and counts them, while too many wait.

    Events are never dropped: they are few, and what follows does not make sense without them.

    Args:
        output: where to write; closed with this one.
        queued_max: records that may wait.
    """

    def __init__(self, output: Output, *, queued_max: int = QUEUED_MAX) -> None:
        self._output = output
        self._queued_max = queued_max
        self._waiting: queue.SimpleQueue[Sequence[StreamRecord] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._queued = 0
        self._failure: TepwatchError | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._write_all, name="output", daemon=True)
        self._thread.start()

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Take records; returns at once.

        Raises:
            TepwatchError: the output behind takes no more.
        """
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if self._queued + len(records) > self._queued_max:
                kept = [record for record in records if not isinstance(record, Reading)]
                self.dropped += len(records) - len(kept)
                records = kept
            self._queued += len(records)
        if records:
            self._waiting.put(records)

    def close(self) -> None:
        """Write what still waits, then close.

        Raises:
            TepwatchError: the output behind did not take it.
        """
        self._waiting.put(None)
        self._thread.join(_CLOSE_SECONDS)
        self._output.close()
        if self._failure is not None:
            raise self._failure

    def _write_all(self) -> None:
        while (records := self._waiting.get()) is not None:
            if self._failure is None:
                try:
                    self._output.write(records)
                except TepwatchError as error:
                    self._failure = error
            with self._lock:
                self._queued -= len(records)
