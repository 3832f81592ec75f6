"""What the page asks: a store that runs statements in Timestream's SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """Columns, by name and Timestream's name of their type, and rows as they are fetched."""

    columns: Sequence[tuple[str, str]]
    rows: Iterator[list[Any]]

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return [name for name, _ in self.columns]


Ask = Callable[[str], Answer]
"""Runs a statement.

Raises:
    ServiceError: the store's error; UnreachableError where it does not answer.
"""
