"""The whole graph on one screen.

ticker -> read -> parse -> by bucket -> detect -> fan out
[one Python worker]          [one Python worker]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pyflink.common import Types
from pyflink.datastream import FlatMapFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

from jobs.detect import DetectAnomalies
from jobs.fan_out import FanOut
from jobs.flink_metrics import FlinkMetrics
from jobs.metrics import RECORDS_IN, REJECTED
from jobs.parse import Parser
from jobs.prepare import prepare
from jobs.results import Result
from jobs.source import ReadStream
from sinks.registry import make_sinks
from tepwatch.records import Message
from tepwatch.settings import Settings

_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
# Between operators of one Python worker an object is handed on as it is, never pickled.
_OBJECT = Types.PICKLED_BYTE_ARRAY()
_ONE_READER = "reader"
_TICKER = (
    "CREATE TEMPORARY TABLE ticker (tick INT) "
    "WITH ('connector' = 'datagen', 'rows-per-second' = '1')"
)


class ParseMessages(FlatMapFunction):
    """Lists of stream records in, batches by bucket out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called by Flink before the first element."""
        self._parser = Parser(self._settings)
        metrics = FlinkMetrics(runtime_context)
        self._records = metrics.counter(RECORDS_IN)
        self._rejected = metrics.counter(REJECTED)

    def flat_map(self, value: list[Message]) -> Iterator[tuple[int, bytes]]:
        """Parse."""
        before = self._parser.counts
        # Plain tuples: Flink's coder takes no other.
        yield from map(tuple, self._parser.parse(value))
        after = self._parser.counts
        self._records.inc(after.records - before.records)
        self._rejected.inc(after.rejected - before.rejected)


class WriteResults(FlatMapFunction):
    """Lists of results in; nothing out, the sinks are written to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called by Flink before the first element."""
        self._fan_out = FanOut(
            make_sinks(self._settings),
            FlinkMetrics(runtime_context),
            patience_seconds=self._settings.sink_patience_seconds,
        )

    def flat_map(self, value: list[Result]) -> Iterator[bytes]:
        """Write."""
        self._fan_out.write(value)
        return iter(())

    def close(self) -> None:
        """Called by Flink at the end."""
        self._fan_out.close()


def build(environment: StreamExecutionEnvironment, settings: Settings) -> None:
    """Add the job's operators to an environment."""
    # In both workers: what the reader's has compiled, the other one loads from the cache on disk.
    before = partial(prepare, settings)
    tables = StreamTableEnvironment.create(environment)
    tables.execute_sql(_TICKER)
    batches = (
        tables.to_data_stream(tables.from_path("ticker"))
        .key_by(lambda _tick: _ONE_READER, key_type=Types.STRING())
        .process(ReadStream(settings, before), output_type=_OBJECT)
        .name("read")
        .uid("read")
        .set_parallelism(1)
        .flat_map(ParseMessages(settings), output_type=Types.TUPLE([Types.INT(), _BYTES]))
        .name("parse")
        .uid("parse")
        .set_parallelism(1)
    )
    (
        batches.key_by(lambda batch: batch[0], key_type=Types.INT())
        .process(DetectAnomalies(settings, before), output_type=_OBJECT)
        .name("detect")
        .uid("detect")
        .set_parallelism(settings.parallelism)
        .flat_map(WriteResults(settings), output_type=_BYTES)
        .name("fan out")
        .uid("fan-out")
        .set_parallelism(settings.parallelism)
    )
