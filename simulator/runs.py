"""Names of runs: their start times, so that they sort in the order of the runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_SECOND: Final = dt.timedelta(seconds=1)


class RunNames:
    """Makes names; however fast runs follow each other, each is a second later than the last.

    Args:
        clock: replaced in tests.
    """

    def __init__(self, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        self._clock = clock
        self._last: dt.datetime | None = None

    def next(self) -> str:
        """The name of a run that begins now."""
        begin = self._clock().replace(microsecond=0)
        if self._last is not None and begin <= self._last:
            begin = self._last + _SECOND
        self._last = begin
        return begin.strftime(_FORMAT)
