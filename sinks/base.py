"""The contract of a sink.

A sink is told to write rows and answers what became of those it did not store. It never waits and
never tries again by itself: `sinks.retry` does, the same way for all. Rows are unique by their key
(`tepwatch.schema.row_key`), and writing one twice must leave one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tepwatch.schema import Row


class RejectedRow(NamedTuple):
    """A row that this sink will never take, and why."""

    row: Row
    reason: str


class Outcome(NamedTuple):
    """What became of one write.

    Every row that is in neither list is stored. `failed` rows may succeed later; `cause` says, for
    a person, why they did not now, and `wait_seconds` how long the destination asks to wait.
    """

    rejected: Sequence[RejectedRow] = ()
    failed: Sequence[Row] = ()
    cause: str = ""
    wait_seconds: float = 0.0


class Sink(Protocol):
    """A destination.

    `open` is called once, in the process and thread that writes, before the first `write`; `close`
    once at the end, also after an error. An exception other than the documented ones is a defect
    and ends the job's attempt.
    """

    @property
    def name(self) -> str:
        """The name by which settings choose it."""

    @property
    def keeps_bytes(self) -> bool:
        """Whether the original bytes of dead letters are stored too."""

    def takes(self, table: str) -> bool:
        """Whether rows of this table are stored; `write` is given no others."""

    def open(self) -> None:
        """Get ready. Raises `TepwatchError` when the destination cannot be used as configured."""

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Store rows, of any tables, in order. What was stored survives this process."""

    def close(self) -> None:
        """Let go of everything."""
