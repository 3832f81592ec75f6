"""One pipeline run, with or without Flink, behind the same face."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Final, Protocol

import msgspec
import psutil

from aws.kinesis import KinesisClient, OutgoingRecord
from aws.producer import OrderedProducer
from jobs import entry
from jobs.health import sample
from jobs.local import LocalJob
from jobs.metrics import (
    MILLIS_BEHIND,
    PLANT_COUNTS,
    RECORDS_IN,
    RECORDS_READ_TOTAL,
    REJECTED,
)
from jobs.shards import StreamReader
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from simulator.actions import Disturb, Restart
from simulator.fleet import Fleet
from simulator.runs import RunNames
from simulator.simulation import Simulation
from simulator.strategies import RICKER
from sinks.files import read_table
from sinks.registry import make_sinks
from tepwatch.records import StreamRecord
from tepwatch.resources import JOB_NAME
from tepwatch.schema import TABLES, Row, Scalar
from tepwatch.settings import Settings
from tepwatch.wire import encode
from tests.plants import START_MS

WAIT_SECONDS: Final = 60.0
METRICS_SECONDS: Final = 2.0
_OURS: Final = (RECORDS_IN, RECORDS_READ_TOTAL, REJECTED, MILLIS_BEHIND, "files_", *PLANT_COUNTS)
_WORKER: Final = "pyflink.fn_execution.beam"

Stored = dict[tuple[Scalar, ...], Row]

BAD: Final = [
    b"",
    b"{",
    b'{"xmeas_1":NaN}',
    b'{"xmeas_1":"high"}',
    b'{"xmv_1":1}',
    b'{"xmeas_1":1,"time":"1900-01-01T00:00:00Z"}',
    b'{"xmeas_1":1,"time":"2200-01-01T00:00:00Z"}',
    b'{"event":"earthquake"}',
    b"\xf3\x89\x9a\xc2aggregated",
    b'{"xmeas_1":1,"x":"' + b"x" * 900_000 + b'"}',
]
"""Records that have to become dead letters, one each."""


class Runs(Protocol):
    """Runs the job of some settings until told to end."""

    def run(self, settings: Settings, until: Callable[[], bool]) -> dict[str, int]:
        """Start the job, wait until `until` is true, end the job; returns its metrics."""


class OnLocal:
    """The steps in this process."""

    def run(self, settings: Settings, until: Callable[[], bool]) -> dict[str, int]:
        reader = StreamReader(
            partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url),
            settings.stream,
            initial_position=settings.initial_position,
            poll_seconds=settings.batch_seconds,
        )
        job = LocalJob(settings, reader, make_sinks(settings))
        deadline = time.monotonic() + WAIT_SECONDS
        try:
            while not until():
                assert time.monotonic() < deadline, "the local job does not get there"
                job.step()
            return job.metrics.values()
        finally:
            job.close()


class OnFlink:
    """A job on a real cluster."""

    def __init__(self, cluster: FlinkCluster) -> None:
        self.cluster = cluster
        self._running: str | None = None
        self.health: Row | None = None
        """How the last job was, before it ended."""

    def start(self, settings: Settings, restore_from: str | None = None) -> str:
        job_id = self.cluster.submit(
            entry.path(), environment=entry.environment(settings), restore_from=restore_from
        )
        self._running = job_id
        self.wait(lambda: self.cluster.rest.tasks_running(job_id), job_id, "the job runs")
        return job_id

    def wait(self, done: Callable[[], bool], job_id: str, what: str) -> None:
        if not self.cluster.rest.wait_until(done, WAIT_SECONDS):
            failure = self.cluster.rest.last_failure(job_id)
            raise AssertionError(f"not within {WAIT_SECONDS} s: {what}; last failure: {failure}")

    def cancel(self, job_id: str) -> None:
        rest = self.cluster.rest
        rest.cancel(job_id)
        self.wait(lambda: rest.job(job_id).state == "CANCELED", job_id, "the job is cancelled")
        self._running = None

    def close(self) -> None:
        """Leave the cluster free for the next test, also after a failure."""
        if self._running is not None:
            self.cancel(self._running)

    def run(self, settings: Settings, until: Callable[[], bool]) -> dict[str, int]:
        try:
            job_id = self.start(settings)
            self.wait(until, job_id, "everything is stored")
            metrics = self._settled_metrics(job_id)
            self.health = sample(self.cluster.rest, JOB_NAME)
            return metrics
        finally:
            self.close()

    def python_workers(self) -> list[int]:
        """Process ids of the TaskManager's Python workers."""
        children = psutil.Process(self.cluster.task_manager_pid).children(recursive=True)
        return [child.pid for child in children if _WORKER in " ".join(child.cmdline())]

    def _settled_metrics(self, job_id: str) -> dict[str, int]:
        """Our metrics once they no longer change.

        Flink answers with what it last fetched and then fetches anew: the second answer may still
        be of the moment of the first, before the last bundle ended. Only the third is surely later.
        """
        seen: list[dict[str, int]] = [{}, {}]

        def settled() -> bool:
            seen.append(self.cluster.rest.metrics(job_id, lambda name: name.startswith(_OURS)))
            time.sleep(METRICS_SECONDS)
            return "records" in seen[-1] and seen[-1] == seen[-2] == seen[-3]

        self.wait(settled, job_id, "metrics settle")
        return seen[-1]

    def metric(self, job_id: str, name: str) -> int:
        return self.cluster.rest.metrics(job_id, lambda found: found == name).get(name, 0)

    def read_total(self, job_id: str) -> int:
        return self.metric(job_id, RECORDS_READ_TOTAL)


def stored(folder: Path) -> Stored:
    """Everything in a folder of the files sink, unique by key."""
    rows: Stored = {}
    for table in TABLES:
        rows.update(read_table(folder, table))
    return rows


def records_of(plant: str, count: int, run: str) -> Iterator[StreamRecord]:
    """A run of the simulated plant that begins with an event; times are near to now."""
    yield from renamed(simulated(count), plant, run)


def renamed(records: Iterable[StreamRecord], plant: str, run: str) -> Iterator[StreamRecord]:
    """Records as those of a run of another plant."""
    for seq, record in enumerate(records):
        time_ms = START_MS + seq * 180_000
        yield msgspec.structs.replace(record, plant=plant, run=run, seq=seq, time_ms=time_ms)


@cache
def simulated(count: int, disturbed_after: int | None = None) -> tuple[StreamRecord, ...]:
    """A restart and the readings after it, three minutes of process time apart.

    After so many records the plant is disturbed (IDV 4), which is a record too.
    """
    plant = Simulation(Fleet(RICKER, [1431655765]), ["plant"], tick_seconds=180.0, runs=RunNames())
    _, records = plant.act(Restart(), None, 0)
    while len(records) < count:
        if len(records) == disturbed_after:
            records += plant.act(Disturb(4), None, 0)[1]
        records += plant.tick(0)
    return tuple(records)


def interleaved(count: int, run: str = "20260101T000000Z") -> list[OutgoingRecord]:
    """Two plants, in turn."""
    return in_turn(*(records_of(plant, count, run) for plant in ("plant-1", "plant-2")))


def in_turn(*plants: Iterable[StreamRecord]) -> list[OutgoingRecord]:
    """The records of plants, one of each after the other."""
    return [
        OutgoingRecord(record.plant, encode(record))
        for group in zip(*plants, strict=True)
        for record in group
    ]


def with_faults(records: list[OutgoingRecord]) -> list[OutgoingRecord]:
    """The same stream as the world sends it: bad records, copies, swaps, several a record."""
    out = list(records)
    for place in range(20, len(out) - 8, 31):
        out[place], out[place + 4] = out[place + 4], out[place]
        out.insert(place + 2, out[place - 6])
    out.insert(50, OutgoingRecord("plant-1", out[60].data + b"\n" + out[62].data + b"\nnonsense"))
    out.insert(70, OutgoingRecord("edge", msgspec.json.encode({"xmeas_1": 0.25, "xmeas_7": 2705})))
    for place, data in enumerate(BAD):
        out.insert(90 + 7 * place, OutgoingRecord(f"bad-{place}", data))
    return out


def new_stream(server: LocalAws, name: str) -> KinesisClient:
    client = KinesisClient(region="us-east-1", endpoint_url=server.endpoint_url)
    client.create_stream(name, 2)
    return client


def put(client: KinesisClient, stream: str, records: list[OutgoingRecord]) -> None:
    OrderedProducer(client, stream).put(records)


def settings_for(
    server: LocalAws, stream: str, folder: Path, sinks: str = "files", baseline: Path | None = None
) -> Settings:
    """Everything that is written to is named after the folder."""
    return Settings(
        baseline=None if baseline is None else str(baseline),
        stream=stream,
        endpoint_url=server.endpoint_url,
        sinks=sinks,
        timestream_database=f"{stream}-{folder.name}",
        delivery_stream_prefix=f"{stream}-{folder.name}-",
        bucket=f"{stream}-{folder.name}",
        files_path=str(folder),
        snapshot_records=150,
        batch_seconds=0.25,
    )
