"""Names of the job's metrics, and where they go: Flink's REST interface, or a dictionary.

Counters count since the operator (re)started, as Flink's own do; `*_total` gauges are kept with the
state and are exact across restarts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from jobs.shards import StreamReader

RECORDS_IN: Final = "records_in"
RECORDS_READ_TOTAL: Final = "records_read_total"
REJECTED: Final = "rejected"
TRIMS: Final = "positions_trimmed"
MILLIS_BEHIND: Final = "millis_behind_latest"

# Of the plants in the operator's memory; field names of jobs.plant.PlantCounts.
PLANT_COUNTS: Final = ("records", "missing", "late", "duplicates", "gaps", "scored", "held")
REPLAYED: Final = "replayed_records"

STORED: Final = "stored"
RETRIED: Final = "retried"
DEAD_LETTERS: Final = "dead_letters"


class Counter(Protocol):
    """Counts up."""

    def inc(self, n: int = 1) -> None:
        """Add."""


class Metrics(Protocol):
    """Where an operator registers what it measures."""

    def counter(self, name: str) -> Counter:
        """A counter by name."""

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """A value that is read when somebody looks."""


def measure_lag(reader: StreamReader, metrics: Metrics, measured: set[str]) -> set[str]:
    """Register a gauge for each shard not yet in `measured`; returns all that have one."""
    shards = set(reader.lag())
    for shard in shards - measured:
        metrics.gauge(f"{MILLIS_BEHIND}_{shard}", partial(_millis_behind, reader, shard))
    return measured | shards


def _millis_behind(reader: StreamReader, shard: str) -> int:
    lag = reader.lag().get(shard)
    return 0 if lag is None else lag.millis_behind


class _DictCounter:
    def __init__(self) -> None:
        self.value = 0

    def inc(self, n: int = 1) -> None:
        self.value += n


class DictMetrics:
    """Metrics of a run without Flink."""

    def __init__(self) -> None:
        self._counters: dict[str, _DictCounter] = {}
        self._gauges: dict[str, Callable[[], int]] = {}

    def counter(self, name: str) -> Counter:
        """The counter of that name, made at the first call."""
        return self._counters.setdefault(name, _DictCounter())

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Register a value."""
        self._gauges[name] = read

    def values(self) -> dict[str, int]:
        """Everything as it stands."""
        counted = {name: counter.value for name, counter in self._counters.items()}
        return counted | {name: read() for name, read in self._gauges.items()}
