"""The job's metrics in Flink, visible in its REST interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyflink.datastream import RuntimeContext

from jobs.metrics import Counter

# Managed Service for Apache Flink passes metrics of this group on to CloudWatch, and no others.
_GROUP: Final = "KinesisAnalytics"


class FlinkMetrics:
    """Registers metrics with the operator whose context it was made with."""

    def __init__(self, runtime_context: RuntimeContext) -> None:
        self._group = runtime_context.get_metrics_group().add_group(_GROUP)
        self._counters: dict[str, Counter] = {}

    def counter(self, name: str) -> Counter:
        """The counter of that name, made at the first call."""
        if name not in self._counters:
            self._counters[name] = self._group.counter(name)
        return self._counters[name]

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Register a value."""
        self._group.gauge(name, read)
