"""One look at everything: the stores, and the simulation where one is steered."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from dashboards.page.feed import LiveFeed
from dashboards.page.requests import Hands, Steered
from tepwatch.errors import TepwatchError

_STEERED_SECONDS: Final = 2.0

logger = logging.getLogger(__name__)


class Poll:
    """Gives snapshots as JSON, the same bytes as long as nothing has changed.

    Args:
        feed: follows the stores.
        hands: knows how simulated plants stand.
    """

    def __init__(self, feed: LiveFeed, hands: Hands) -> None:
        self._feed = feed
        self._hands = hands
        self._steered: Mapping[str, Steered] = {}
        self._steered_at = -_STEERED_SECONDS
        self._seen = b""
        self._given = b""

    def __call__(self) -> bytes:
        """Look, and say how everything stands."""
        snapshot = self._feed.poll()
        steered = self._look_at_simulation()
        for plant in snapshot.plants:
            if plant.plant in steered:
                stands = steered[plant.plant]
                plant.setpoints = dict(stands.setpoints)
                plant.disturbances = list(stands.disturbances)
                plant.state = stands.state
        seen = msgspec.json.encode((snapshot.stale, snapshot.plants))
        if seen != self._seen:
            self._seen, self._given = seen, msgspec.json.encode(snapshot)
        return self._given

    def _look_at_simulation(self) -> Mapping[str, Steered]:
        now = time.monotonic()
        if now >= self._steered_at + _STEERED_SECONDS:
            self._steered_at = now
            try:
                self._steered = self._hands.plants()
            except TepwatchError as error:
                logger.warning("the simulation does not answer: %s", error)
                self._steered = {}
        return self._steered
