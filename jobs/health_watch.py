"""Sampling the job's health every few seconds, and storing the rows in stores that may be away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from jobs.health import sample
from localaws.flink_rest import FlinkRest
from sinks.base import Sink
from tepwatch.errors import ThrottledError, UnreachableError
from tepwatch.schema import Row

EVERY_SECONDS: Final = 10.0
ROWS_KEPT_MAX: Final = 360
"""Rows that wait for a store that is away: an hour's, at the usual pace."""

_log = logging.getLogger(__name__)


class HealthWatch:
    """Samples a job and stores the rows.

    Args:
        rest: of the job's cluster.
        job: its name.
        makers: make the sinks to store to.
        told: called with each row before it is stored.
    """

    def __init__(
        self,
        rest: FlinkRest,
        job: str,
        makers: Iterable[Callable[[], Sink]],
        told: Callable[[Row], None] = lambda _row: None,
    ) -> None:
        self._rest = rest
        self._job = job
        self._stores = [_Store(make) for make in makers]
        self._told = told

    def run(self, stop: threading.Event, every_seconds: float = EVERY_SECONDS) -> None:
        """Sample until `stop` is set; what is due while a sample takes its time is left out.

        Raises:
            TepwatchError: a sink cannot be used as configured. One that is away is no error.
        """
        due = time.monotonic()
        while not stop.wait(due - time.monotonic()):
            self.step(stop)
            due = max(due + every_seconds, time.monotonic())

    def step(self, stop: threading.Event) -> bool:
        """Sample once; whether the row is stored everywhere. `stop` cuts waiting short.

        Raises:
            TepwatchError: see `run`.
        """
        row = sample(self._rest, self._job, stop.wait)
        self._told(row)
        return all([store.write(row) for store in self._stores])

    def close(self) -> None:
        """Close the sinks."""
        for store in self._stores:
            store.close()


class _Store:
    """One sink; while it is away the rows wait here, and past a bound the oldest go."""

    def __init__(self, make: Callable[[], Sink]) -> None:
        self._make = make
        self._sink: Sink | None = None
        self._waiting: Sequence[Row] = ()

    def write(self, row: Row) -> bool:
        """Store a row, after those that wait; whether all of them are stored."""
        rows = [*self._waiting, row]
        sink = self._opened()
        if sink is None:
            self._keep(rows)
            return False
        outcome = sink.write(rows)
        for item in outcome.rejected:
            _log.error("sink %s refuses a row of health: %s", sink.name, item.reason)
        if outcome.failed:
            _say_away(sink, outcome.cause)
        self._keep(outcome.failed)
        return not outcome.failed and not outcome.rejected

    def _opened(self) -> Sink | None:
        if self._sink is None:
            # A new one each time: a sink is opened once only.
            sink = self._make()
            try:
                sink.open()
            except (ThrottledError, UnreachableError) as error:
                sink.close()
                _say_away(sink, str(error))
                return None
            except BaseException:
                sink.close()
                raise
            self._sink = sink
        return self._sink

    def _keep(self, rows: Sequence[Row]) -> None:
        self._waiting = rows[-ROWS_KEPT_MAX:]
        lost = len(rows) - len(self._waiting)
        if lost:
            _log.error("%d rows of health are lost: none was stored for too long", lost)

    def close(self) -> None:
        """Close the sink."""
        if self._sink is not None:
            self._sink.close()


def _say_away(sink: Sink, cause: str) -> None:
    _log.warning("sink %s: rows of health wait: %s", sink.name, cause)
