"""Rows in this process's memory: for tests and for runs without Flink."""

from __future__ import annotations

from collections.abc import Sequence

from sinks.base import Outcome
from tepwatch.schema import Row, Scalar, row_key


class MemorySink:
    """Keeps rows by their keys."""

    name = "memory"
    keeps_bytes = True

    def __init__(self) -> None:
        self.rows: dict[tuple[Scalar, ...], Row] = {}

    def open(self) -> None:
        """Nothing to get ready."""

    def takes(self, _table: str) -> bool:
        """All are."""
        return True

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Keep rows."""
        for row in rows:
            self.rows[row_key(row)] = row
        return Outcome()

    def close(self) -> None:
        """The rows stay."""

    def table(self, name: str) -> list[Row]:
        """The rows of one table."""
        return [row for row in self.rows.values() if row.table == name]
