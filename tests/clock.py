"""Time that passes only while somebody sleeps."""

from __future__ import annotations

from aws.backoff import Backoff


class Clock:
    """A clock, and delays that go by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def backoff(self, patience_seconds: float) -> Backoff:
        return Backoff(patience_seconds, sleep=self.sleep, clock=lambda: self.now)
