"""Pacing against the wall clock: no drift, no burst beyond a bound, slips counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS_MAX: Final = 1.0
"""How far behind its schedule a source may catch up; what is beyond is given up and counted."""


class Pacer:
    """Tells how many records are due.

    Args:
        rate: records a second; None for as fast as possible.
        clock: monotonic seconds; replaced in tests.
    """

    def __init__(self, rate: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        if rate is not None and rate <= 0:
            raise ValueError(f"rate is above 0, not {rate}")
        self._rate = rate
        self._clock = clock
        self._start = clock()
        self._sent = 0
        self.slipped_seconds = 0.0

    def due(self, limit: int) -> int:
        """Records that may go now, at most `limit`."""
        if self._rate is None:
            return limit
        behind = self._clock() - self._start - self._sent / self._rate
        if behind > BURST_SECONDS_MAX:
            slip = behind - BURST_SECONDS_MAX
            self._start += slip
            self.slipped_seconds += slip
        scheduled = int((self._clock() - self._start) * self._rate) + 1
        return max(0, min(limit, scheduled - self._sent))

    def sent(self, count: int) -> None:
        """Note records that went."""
        self._sent += count

    def seconds_until_due(self) -> float:
        """Time until the next record is due; 0 when it is."""
        if self._rate is None:
            return 0.0
        return max(0.0, self._start + self._sent / self._rate - self._clock())
