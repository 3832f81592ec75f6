"""The reader as a Flink operator.

A ticker wakes the operator; a processing-time timer polls. The timer is known in memory only and
armed again on a tick: in process mode a timer that is registered in the bundle which a barrier
flushes is missing from the snapshot. All shards are read under one key, so a split or merge never
has to be agreed upon between subtasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueState, ValueStateDescriptor

from aws.kinesis import KinesisClient
from jobs.flink_metrics import FlinkMetrics
from jobs.metrics import RECORDS_READ_TOTAL, TRIMS, measure_lag
from jobs.shards import StreamReader
from tepwatch.records import Message
from tepwatch.settings import Settings

# A timer that has not fired this long after its time was lost.
_OVERDUE_MS: Final = 10_000
_MESSAGES_PER_ELEMENT: Final = 5_000


class ReadStream(KeyedProcessFunction):
    """Ticks in, lists of stream records out.

    Args:
        settings: of the job.
        prepare: what has to be done before the first record is read.
    """

    def __init__(self, settings: Settings, prepare: Callable[[], None]) -> None:
        self._settings = settings
        self._prepare = prepare

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called by Flink before the first tick."""
        self._prepare()
        self._state: ValueState = runtime_context.get_state(
            ValueStateDescriptor("positions", Types.PRIMITIVE_ARRAY(Types.BYTE()))
        )
        self._metrics = FlinkMetrics(runtime_context)
        self._measured_shards: set[str] = set()
        self._reader: StreamReader | None = None
        self._due_ms: int | None = None

    def process_element(self, value: object, ctx: KeyedProcessFunction.Context) -> None:
        """Arm the timer when none is."""
        now_ms = ctx.timer_service().current_processing_time()
        if self._due_ms is None or now_ms > self._due_ms + _OVERDUE_MS:
            self._arm(ctx, now_ms)

    def on_timer(
        self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext
    ) -> Iterator[list[Message]]:
        """Poll once."""
        if timestamp != self._due_ms:
            return
        reader = self._reader or self._open_reader()
        poll = reader.poll()
        for start in range(0, len(poll.messages), _MESSAGES_PER_ELEMENT):
            yield poll.messages[start : start + _MESSAGES_PER_ELEMENT]
        self._state.update(reader.to_bytes())
        self._measured_shards = measure_lag(reader, self._metrics, self._measured_shards)
        self._arm(
            ctx, ctx.timer_service().current_processing_time() + round(poll.next_seconds * 1000)
        )

    def close(self) -> None:
        """Called by Flink at the end."""
        if self._reader is not None:
            self._reader.close()

    def _arm(self, ctx: KeyedProcessFunction.Context, due_ms: int) -> None:
        self._due_ms = due_ms
        ctx.timer_service().register_processing_time_timer(due_ms)

    def _open_reader(self) -> StreamReader:
        settings = self._settings
        data: bytes | None = self._state.value()
        reader = self._reader = StreamReader(
            partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url),
            settings.stream,
            initial_position=settings.initial_position,
            poll_seconds=settings.batch_seconds,
            state=None if data is None else StreamReader.state_from_bytes(bytes(data)),
        )
        # Not before: after a restart they would be 0 until the state is read.
        self._metrics.gauge(RECORDS_READ_TOTAL, lambda: reader.records)
        self._metrics.gauge(TRIMS, lambda: reader.trims)
        return reader
