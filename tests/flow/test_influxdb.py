"""The whole job, without Flink, into a real InfluxDB."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import msgspec
import pytest

from aws.kinesis import KinesisClient, OutgoingRecord
from jobs.local import LocalJob
from jobs.metrics import RECORDS_READ_TOTAL
from jobs.shards import StreamReader
from localaws.server import LocalAws
from sinks.influxdb_database import create_database
from sinks.memory import MemorySink
from sinks.registry import make_sinks
from tepwatch.schema import row_key
from tepwatch.settings import InfluxdbApi, Settings
from tests.flow.pipeline import WAIT_SECONDS, interleaved, new_stream, put, with_faults
from tests.influx import as_kept, in_influxdb

pytestmark = pytest.mark.flow

# The monitor judges once it has learned: five hours to start, 400 ticks of three minutes.
COUNT = 560
COMMAND = OutgoingRecord(
    "plant-1", msgspec.json.encode({"plant": "plant-1", "command": "shelve", "hours": 8})
)


def test_everything_is_there_that_the_memory_sink_has(
    local_aws: LocalAws, influxd: str, tmp_path: Path, stream_name: str
) -> None:
    settings = Settings(
        stream=stream_name,
        endpoint_url=local_aws.endpoint_url,
        sinks="influxdb,memory",
        influxdb_url=influxd,
        influxdb_api=InfluxdbApi.V1,
        influxdb_database=tmp_path.name,
        batch_seconds=0.25,
        learn_ticks=400,
    )
    create_database(settings)
    records = [*with_faults(interleaved(COUNT)), COMMAND]
    client = new_stream(local_aws, stream_name)
    put(client, stream_name, records)
    client.close()
    sinks = make_sinks(settings)
    memory = sinks[1]
    assert isinstance(memory, MemorySink)
    reader = StreamReader(
        partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url),
        settings.stream,
        initial_position=settings.initial_position,
        poll_seconds=settings.batch_seconds,
    )
    job = LocalJob(settings, reader, sinks)
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while job.metrics.values()[RECORDS_READ_TOTAL] < len(records):
            assert time.monotonic() < deadline, "the local job does not get there"
            job.step()
        metrics = job.metrics.values()
    finally:
        job.close()
    rows = [as_kept(row) for row in memory.rows.values()]
    assert {row.table for row in rows} >= {
        "readings", "scores", "assessments", "unit_scores", "events", "commands", "dead_letters",
    }  # fmt: skip
    assert in_influxdb(settings) == {row_key(row): row for row in rows}
    assert (metrics["influxdb_stored"], metrics["influxdb_retried"]) == (len(rows), 0)
