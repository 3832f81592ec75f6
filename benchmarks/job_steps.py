"""The job's steps by themselves, without Flink: CPU of each step's own code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table

from aws.kinesis import KinesisClient, OutgoingRecord
from benchmarks.flink_job import filled_stream
from benchmarks.rows import PlantRows, interleaved
from detection.stages import StageDetectors, parse_stages
from jobs.bucket import BucketDetector
from jobs.fan_out import FanOut
from jobs.local import DictStore
from jobs.metrics import DictMetrics
from jobs.parse import Batch, Parser
from jobs.results import Result, decode_parsed
from jobs.shards import StreamReader
from localaws.server import LocalAws
from sinks.registry import make_sinks
from tepwatch.errors import StartupError
from tepwatch.records import Message, Reading
from tepwatch.settings import Settings

_MEASURED: Final = 20_000
_SNAPSHOT_READINGS: Final = 2_000
_SNAPSHOTS: Final = 20
_READ_SECONDS: Final = 120.0
_ARRIVAL_MS: Final = 1_800_000_000_000


def cost_of_steps(
    server: LocalAws,
    settings: Settings,
    rows: Sequence[PlantRows],
    folder: Path,
    *,
    warm_up: int,
    sinks: Iterable[str],
) -> dict[str, float]:
    """CPU seconds per 1,000 records, by step.

    Args:
        server: with everything provisioned.
        settings: of the job; the steps read a new stream of their name.
        rows: the plants.
        folder: for sinks that write files.
        warm_up: records before, until the samplers of the forests are in their steady state.
        sinks: settings of `sinks` whose first sink is a step.

    Raises:
        StartupError: the stream did not give its records in time.
    """
    bare = msgspec.structs.replace(settings, stages="none")
    without, with_forests = _Detectors(bare), _Detectors(settings)
    for start in range(0, warm_up, _MEASURED):
        records = interleaved(rows, min(_MEASURED, warm_up - start))
        with_forests.run(Parser(settings).parse(_as_messages(records)))
    spent: dict[str, float] = {}
    with filled_stream(server, settings.stream) as producer:
        producer.put(interleaved(rows, _MEASURED))
        with _timed(spent, "reading"):
            messages = _read(server, bare)
    with _timed(spent, "decoding"):
        batches = list(Parser(bare).parse(messages))
    with _timed(spent, "state: order, journal"):
        without.run(batches)
    with _timed(spent, "forests"):
        results = with_forests.run(batches)
    for names in sinks:
        sink = make_sinks(
            msgspec.structs.replace(bare, sinks=names, files_path=str(folder / settings.stream))
        )[0]
        fan_out = FanOut([sink], DictMetrics(), patience_seconds=10)
        with _timed(spent, f"sink {sink.name}"):
            for batch in results:
                fan_out.write(batch)
        fan_out.close()
    snapshots = _snapshot_seconds(settings, rows[0]) * 1000 / settings.snapshot_records
    spent["state: snapshots of the forests"] = snapshots
    spent["forests"] -= spent["state: order, journal"] + snapshots
    return spent


def steps_table(steps: Mapping[str, Mapping[str, float]]) -> Table:
    """The steps, a column for each of the cases given by name."""
    table = Table(title="The steps by themselves, in Python: CPU seconds per 1,000 records")
    table.add_column("step")
    for case in steps:
        table.add_column(case, justify="right")
    for step in next(iter(steps.values())):
        table.add_row(step, *(f"{spent[step]:.4f}" for spent in steps.values()))
    return table


def readings_of(settings: Settings, records: Iterable[OutgoingRecord]) -> list[Reading]:
    """Readings as the job's parser gives them."""
    return [
        item
        for batch in Parser(settings).parse(_as_messages(records))
        for item in decode_parsed(batch.data)
        if isinstance(item, Reading)
    ]


def results_of(settings: Settings, rows: Sequence[PlantRows], count: int) -> list[list[Result]]:
    """What the detect step makes of records of some plants, batch by batch."""
    messages = _as_messages(interleaved(rows, count))
    return _Detectors(settings).run(Parser(settings).parse(messages))


def _snapshot_seconds(settings: Settings, rows: PlantRows) -> float:
    """CPU seconds of one snapshot of one plant whose forests are full."""
    detectors = StageDetectors(parse_stages(settings.stages), settings)
    readings = readings_of(settings, rows.take(_SNAPSHOT_READINGS))
    detectors.score([reading.xmeas + reading.xmv for reading in readings])
    before = time.process_time()
    for _ in range(_SNAPSHOTS):
        detectors.to_bytes()
    return (time.process_time() - before) / _SNAPSHOTS


class _Detectors:
    """The detect step without Flink."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: dict[int, BucketDetector] = {}

    def run(self, batches: Iterable[Batch]) -> list[list[Result]]:
        results = []
        for number, data in batches:
            if number not in self._buckets:
                self._buckets[number] = BucketDetector(self._settings, DictStore({}, {}))
            results.append(self._buckets[number].process(data))
        return results


def _as_messages(records: Iterable[OutgoingRecord]) -> list[Message]:
    return [
        Message(record.data, "shard", str(number), record.partition_key, _ARRIVAL_MS)
        for number, record in enumerate(records)
    ]


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    before = time.process_time()
    yield
    spent[name] = (time.process_time() - before) / (_MEASURED / 1000)


def _read(server: LocalAws, settings: Settings) -> list[Message]:
    reader = StreamReader(
        partial(KinesisClient, region=settings.region, endpoint_url=server.endpoint_url),
        settings.stream,
        initial_position=settings.initial_position,
        poll_seconds=settings.batch_seconds,
    )
    messages: list[Message] = []
    deadline = time.monotonic() + _READ_SECONDS
    while len(messages) < _MEASURED:
        if time.monotonic() > deadline:
            raise StartupError(f"{len(messages)} records were read in {_READ_SECONDS:g} s")
        messages += reader.poll().messages
    reader.close()
    return messages
