"""Values of some columns, taken out of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from tepwatch.schema import Row, Scalar


def taker(names: Sequence[str]) -> Callable[[Row], tuple[Scalar, ...]]:
    """A function that takes the values of some columns out of a row, always as a tuple."""
    if not names:
        return lambda _row: ()
    take: Callable[[Row], Any] = attrgetter(*names)
    # One name alone gives the value, not a tuple of one.
    return take if len(names) > 1 else lambda row: (take(row),)
