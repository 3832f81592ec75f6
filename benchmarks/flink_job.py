"""The job on a Flink cluster, at full speed: CPU per 1,000 records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aws.kinesis import KinesisClient
from aws.producer import OrderedProducer
from benchmarks import cpu
from benchmarks.cpu import Cpu
from benchmarks.rows import PlantRows, interleaved
from jobs import entry
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from tepwatch.errors import StartupError
from tepwatch.settings import Settings

_PUT_AT_ONCE: Final = 50_000
_RUN_SECONDS: Final = 900.0
_CANCEL_SECONDS: Final = 30.0


def roomy_cluster(folder: Path) -> FlinkCluster:
    """A cluster whose TaskManager has the memory for a hundred plants."""
    return FlinkCluster(folder, options={"taskmanager.memory.process.size": "3072m"})


def cost_of_job(
    server: LocalAws,
    cluster: FlinkCluster,
    settings: Settings,
    rows: Sequence[PlantRows],
    *,
    warm_up: int,
    measured: int,
) -> Cpu:
    """CPU seconds per 1,000 records of the TaskManager and what it started, after a warm-up.

    The job reads a new stream of the settings' name and is cancelled in the end.

    Raises:
        StartupError: the records did not get through in time, or the job had to be restarted,
            which costs what is not to be measured.
    """
    with filled_stream(server, settings.stream) as producer:
        job_id = cluster.submit(entry.path(), environment=entry.environment(settings))
        for start in range(0, warm_up, _PUT_AT_ONCE):
            producer.put(interleaved(rows, min(_PUT_AT_ONCE, warm_up - start)))
        _wait(cluster, job_id, warm_up)
        records = interleaved(rows, measured)
        before = cpu.of_task_manager(cluster.task_manager_pid)
        producer.put(records)
        _wait(cluster, job_id, warm_up + measured)
        spent = cpu.of_task_manager(cluster.task_manager_pid).since(before)
        cluster.rest.cancel(job_id)
        cluster.rest.wait_until(
            lambda: cluster.rest.job(job_id).state == "CANCELED", _CANCEL_SECONDS
        )
    return Cpu(*(seconds / (measured / 1000) for seconds in spent))


@contextmanager
def filled_stream(server: LocalAws, stream: str) -> Iterator[OrderedProducer]:
    """A stream of two shards, to be filled by the producer given, deleted in the end."""
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
        if rest.job(job_id).restarts:
            raise StartupError(
                f"the job was restarted: {rest.last_failure(job_id)}; see {cluster.log_folder}"
            )
        return rest.metrics(job_id, lambda name: name == "records").get("records", 0) >= count

    if not rest.wait_until(through, _RUN_SECONDS, every_seconds=1.0):
        raise StartupError(
            f"{count} records did not get through in {_RUN_SECONDS:g} s; "
            f"last failure: {rest.last_failure(job_id)}; see {cluster.log_folder}"
        )
