"""Waiting between attempts: exponential with full jitter, bounded in all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable


class Backoff:
    """Delays of one series of attempts.

    Args:
        patience_seconds: total time after which `wait` gives up.
        first_seconds: upper bound of the first delay; doubles at every attempt.
        longest_seconds: upper bound of any delay.
        sleep, clock: replaced in tests.
    """

    def __init__(
        self,
        patience_seconds: float,
        *,
        first_seconds: float = 0.05,
        longest_seconds: float = 2.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._sleep = sleep
        self._clock = clock
        self._patience_seconds = patience_seconds
        self.reset()

    def reset(self) -> None:
        """Start anew, after progress."""
        self._attempt = 0
        self._deadline = self._clock() + self._patience_seconds

    def wait(self, at_least_seconds: float = 0.0) -> bool:
        """Sleep before the next attempt; False, at once, when patience has run out.

        Args:
            at_least_seconds: what the other side asks for; not beyond the end of patience.
        """
        left = self._deadline - self._clock()
        if left <= 0:
            return False
        bound = min(self._first_seconds * 2**self._attempt, self._longest_seconds)
        self._attempt += 1
        # Never zero, so that a clock that does not move cannot make a busy loop.
        delay = max(bound * random.uniform(0.5, 1.0), at_least_seconds)
        self._sleep(min(left, delay))
        return True
