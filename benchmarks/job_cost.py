"""CPU of the job per 1,000 records, on Flink and split into its steps.

On Flink: a warm-up, then records at full speed on a running job; CPU of the TaskManager's JVM and
of its Python workers until all are through; without forests and sinks, and with them.
Where there are forests the warm-up lasts until their samplers are in their steady state: while a
sample fills up, a point costs several times as much.
The steps: records through the local runner's parts, each step timed by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.console import Console, Group
from rich.table import Table

from aws.kinesis import KinesisClient, OutgoingRecord
from aws.producer import OrderedProducer
from benchmarks import cpu
from benchmarks.bars import against
from benchmarks.cpu import Cpu
from benchmarks.rows import PlantRows, interleaved
from cli.provision import provision
from detection.stages import StageDetectors, parse_stages
from jobs import entry
from jobs.bucket import BucketDetector
from jobs.fan_out import FanOut
from jobs.local import DictStore
from jobs.metrics import DictMetrics
from jobs.parse import Batch, Parser
from jobs.results import Result, decode_parsed
from jobs.shards import StreamReader
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from sinks.registry import make_sinks
from tepwatch.errors import StartupError
from tepwatch.records import Message, Reading
from tepwatch.settings import Settings

_PLANTS: Final = (1, 10, 100)
_WARM_UP: Final = 20_000
_WARM_UP_A_PLANT: Final = 6_000
_MEASURED: Final = 80_000
_STEPS_MEASURED: Final = 20_000
_PUT_AT_ONCE: Final = 50_000
_SNAPSHOTS: Final = 20
_ARRIVAL_MS: Final = 1_800_000_000_000
_RUN_SECONDS: Final = 900.0
_BAR_BASE: Final = 0.09
_BAR_WHOLE: Final = 0.40
_BAR_PLANTS: Final = 1.5


class _Variant(NamedTuple):
    name: str
    stages: str
    sinks: str


_VARIANTS: Final = (
    _Variant("reading, decoding, state", "none", ""),
    _Variant("with forests and all sinks", "default", "timestream,firehose"),
)


def run(folder: Path, console: Console) -> Group:
    """The steps and the whole job at 1, 10 and 100 plants."""
    with LocalAws(folder / "aws", kinesis_mb=2048) as server:
        provision(Settings(endpoint_url=server.endpoint_url))
        steps = {count: _steps(server, count, folder, console) for count in _PLANTS}
        costs = _costs(server, _VARIANTS, folder, console)
    return Group(_flink_table(costs), _whole(costs), _steps_table(steps))


def run_base(folder: Path, console: Console) -> Table:
    """Only the job without forests and sinks."""
    with LocalAws(folder / "aws", kinesis_mb=2048) as server:
        provision(Settings(endpoint_url=server.endpoint_url))
        return _flink_table(_costs(server, _VARIANTS[:1], folder, console))


def _costs(
    server: LocalAws, variants: Sequence[_Variant], folder: Path, console: Console
) -> dict[tuple[str, int], Cpu]:
    costs = {}
    options = {"taskmanager.memory.process.size": "3072m"}
    with FlinkCluster(folder / "flink", options=options) as cluster:
        for variant in variants:
            for plants in _PLANTS:
                console.print(f"job on Flink: {variant.name}, {plants} plants ...")
                costs[variant.name, plants] = _on_flink(server, cluster, variant, plants, folder)
    return costs


def _on_flink(
    server: LocalAws, cluster: FlinkCluster, variant: _Variant, plants: int, folder: Path
) -> Cpu:
    """CPU seconds per 1,000 records."""
    stream = f"cost-{_VARIANTS.index(variant)}-{plants}"
    with _filled_stream(server, stream) as producer:
        settings = Settings(
            stream=stream,
            endpoint_url=server.endpoint_url,
            stages=variant.stages,
            sinks=variant.sinks,
        )
        job_id = cluster.submit(entry.path(), environment=entry.environment(settings))
        # Plants of this run's own: what is stored already costs the stores another way.
        rows = [PlantRows(f"{stream}-{number}", number) for number in range(plants)]
        warm_up = _WARM_UP if variant.stages == "none" else max(_WARM_UP, _WARM_UP_A_PLANT * plants)
        for start in range(0, warm_up, _PUT_AT_ONCE):
            producer.put(interleaved(rows, min(_PUT_AT_ONCE, warm_up - start)))
        _wait(cluster, job_id, warm_up)
        records = interleaved(rows, _MEASURED)
        before = cpu.of_task_manager(cluster.task_manager_pid)
        producer.put(records)
        _wait(cluster, job_id, warm_up + _MEASURED)
        spent = cpu.of_task_manager(cluster.task_manager_pid).since(before)
        cluster.rest.cancel(job_id)
        cluster.rest.wait_until(lambda: cluster.rest.job(job_id).state == "CANCELED", 30)
    return Cpu(*(seconds / (_MEASURED / 1000) for seconds in spent))


@contextmanager
def _filled_stream(server: LocalAws, stream: str) -> Iterator[OrderedProducer]:
    client = KinesisClient(region="us-east-1", endpoint_url=server.endpoint_url)
    client.create_stream(stream, 2)
    try:
        yield OrderedProducer(client, stream)
    finally:
        client.delete_stream(stream)
        client.close()


def _wait(cluster: FlinkCluster, job_id: str, count: int) -> None:
    rest = cluster.rest

    def through() -> bool:
        return rest.metrics(job_id, lambda name: name == "records").get("records", 0) >= count

    if not rest.wait_until(through, _RUN_SECONDS, every_seconds=1.0):
        raise StartupError(
            f"{count} records did not get through in {_RUN_SECONDS:g} s; "
            f"last failure: {rest.last_failure(job_id)}; see {cluster.log_folder}"
        )


def _steps(server: LocalAws, plants: int, folder: Path, console: Console) -> dict[str, float]:
    """CPU seconds of each step's own code, per 1,000 records."""
    console.print(f"steps by themselves: {plants} plants ...")
    stream = f"steps-{plants}"
    bare = Settings(stream=stream, endpoint_url=server.endpoint_url, stages="none")
    scoring = msgspec.structs.replace(bare, stages="default")
    rows = [PlantRows(f"{stream}-{number}", number) for number in range(plants)]
    without, with_forests = _Detectors(bare), _Detectors(scoring)
    for _ in range(_WARM_UP_A_PLANT * plants // _STEPS_MEASURED):
        with_forests.run(Parser(scoring).parse(_as_messages(interleaved(rows, _STEPS_MEASURED))))
    spent: dict[str, float] = {}
    with _filled_stream(server, stream) as producer:
        producer.put(interleaved(rows, _STEPS_MEASURED))
        with _timed(spent, "reading"):
            messages = _read(server, bare)
    with _timed(spent, "decoding"):
        batches = list(Parser(bare).parse(messages))
    with _timed(spent, "state: order, journal"):
        without.run(batches)
    with _timed(spent, "forests"):
        results = with_forests.run(batches)
    for names in ("timestream,memory", "firehose", "files"):
        sink = make_sinks(
            msgspec.structs.replace(bare, sinks=names, files_path=str(folder / stream))
        )[0]
        fan_out = FanOut([sink], DictMetrics(), patience_seconds=10)
        with _timed(spent, f"sink {sink.name}"):
            for batch in results:
                fan_out.write(batch)
        fan_out.close()
    snapshots = _snapshot_seconds(scoring, rows[0]) * 1000 / scoring.snapshot_records
    spent["state: snapshots of the forests"] = snapshots
    spent["forests"] -= spent["state: order, journal"] + snapshots
    return spent


def _snapshot_seconds(settings: Settings, rows: PlantRows) -> float:
    """CPU seconds of one snapshot of one plant whose forests are full."""
    detectors = StageDetectors(parse_stages(settings.stages), settings)
    parser = Parser(settings)
    readings = [
        item
        for batch in parser.parse(_as_messages(rows.take(2_000)))
        for item in decode_parsed(batch.data)
        if isinstance(item, Reading)
    ]
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


def _as_messages(records: list[OutgoingRecord]) -> list[Message]:
    return [
        Message(record.data, "shard", str(number), record.partition_key, _ARRIVAL_MS)
        for number, record in enumerate(records)
    ]


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    before = time.process_time()
    yield
    spent[name] = (time.process_time() - before) / (_STEPS_MEASURED / 1000)


def _read(server: LocalAws, settings: Settings) -> list[Message]:
    reader = StreamReader(
        partial(KinesisClient, region=settings.region, endpoint_url=server.endpoint_url),
        settings.stream,
        initial_position=settings.initial_position,
        poll_seconds=settings.batch_seconds,
    )
    messages: list[Message] = []
    while len(messages) < _STEPS_MEASURED:
        messages += reader.poll().messages
    reader.close()
    return messages


def _flink_table(costs: dict[tuple[str, int], Cpu]) -> Table:
    table = Table(
        title="The job on Flink: CPU seconds per 1,000 records, Python + JVM "
        "(checkpoints every 10 s, batches of 100)"
    )
    table.add_column("variant")
    for plants in _PLANTS:
        table.add_column(f"{plants} plants", justify="right")
    for variant in dict.fromkeys(name for name, _plants in costs):
        cells = []
        for plants in _PLANTS:
            cost = costs[variant, plants]
            cells.append(f"{sum(cost):.3f} = {cost.python:.3f} + {cost.jvm:.3f}")
        table.add_row(variant, *cells)
    base = max(sum(costs[_VARIANTS[0].name, plants]) for plants in _PLANTS)
    table.caption = f"{_VARIANTS[0].name}: {base:.3f} at most, {against(base, _BAR_BASE)}"
    return table


def _whole(costs: dict[tuple[str, int], Cpu]) -> str:
    whole = [sum(costs[_VARIANTS[-1].name, plants]) for plants in _PLANTS]
    ratio = whole[-1] / whole[0]
    return (
        f"{_VARIANTS[-1].name}: {max(whole):.3f} at most, {against(max(whole), _BAR_WHOLE)}; "
        f"100 plants cost x {ratio:.2f} of one, {against(ratio, _BAR_PLANTS)}"
    )


def _steps_table(steps: dict[int, dict[str, float]]) -> Table:
    table = Table(title="The steps by themselves, in Python: CPU seconds per 1,000 records")
    table.add_column("step")
    for plants in steps:
        table.add_column(f"{plants} plants", justify="right")
    for name in steps[_PLANTS[0]]:
        table.add_row(name, *(f"{steps[plants][name]:.4f}" for plants in steps))
    return table
