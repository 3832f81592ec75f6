"""The detect step as a Flink operator, keyed by bucket of plants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapState, MapStateDescriptor

from jobs.baseline import load_reference
from jobs.bucket import BucketDetector
from jobs.flink_metrics import FlinkMetrics
from jobs.metrics import PLANT_COUNTS, REPLAYED
from jobs.results import Result
from tepwatch.settings import Settings


class _FlinkStore:
    """The state of the bucket that is the current key."""

    def __init__(self, snapshots: MapState, journal: MapState) -> None:
        self._snapshots = snapshots
        self._journal = journal

    def snapshots(self) -> Iterable[tuple[str, bytes]]:
        return [(plant, bytes(data)) for plant, data in self._snapshots.items()]

    def put_snapshot(self, plant: str, data: bytes) -> None:
        self._snapshots.put(plant, data)

    def journal(self) -> Iterable[tuple[int, bytes]]:
        return [(number, bytes(data)) for number, data in self._journal.items()]

    def append(self, number: int, data: bytes) -> None:
        self._journal.put(number, data)

    def forget(self, number: int) -> None:
        self._journal.remove(number)


class DetectAnomalies(KeyedProcessFunction):
    """Batches of parsed records in, lists of results out.

    Args:
        settings: of the job.
        prepare: what has to be done before the first batch is run.
    """

    def __init__(self, settings: Settings, prepare: Callable[[], None]) -> None:
        self._settings = settings
        self._prepare = prepare

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called by Flink before the first batch."""
        self._prepare()
        self._reference = load_reference(self._settings)
        as_bytes = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._store = _FlinkStore(
            runtime_context.get_map_state(
                MapStateDescriptor("snapshots", Types.STRING(), as_bytes)
            ),
            runtime_context.get_map_state(MapStateDescriptor("journal", Types.LONG(), as_bytes)),
        )
        # Restored when first touched: only then is the bucket the current key.
        self._buckets: dict[int, BucketDetector] = {}
        metrics = FlinkMetrics(runtime_context)
        for name in PLANT_COUNTS:
            metrics.gauge(name, partial(self._count, name))
        metrics.gauge(
            REPLAYED, lambda: sum(bucket.replayed_records for bucket in self._buckets.values())
        )

    def process_element(
        self, value: tuple[int, bytes], ctx: KeyedProcessFunction.Context
    ) -> Iterator[list[Result]]:
        """Run one batch."""
        number, batch = value
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = BucketDetector(
                self._settings, self._store, self._reference
            )
        yield bucket.process(bytes(batch))

    def _count(self, name: str) -> int:
        return sum(
            getattr(counts, name) for bucket in self._buckets.values() for counts in bucket.counts()
        )
