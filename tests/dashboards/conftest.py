from __future__ import annotations

from collections.abc import Iterator

import pytest

from aws.timestream_query import TimestreamReader
from localaws.server import LocalAws
from tests.dashboards import health, influxd
from tests.dashboards.run import run_into_timestream
from tests.dashboards.stores import Stores


@pytest.fixture(scope="session")
def timestream(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A short run in Timestream."""
    folder = tmp_path_factory.mktemp("dashboards")
    run = run_into_timestream(folder, local_aws.endpoint_url, "dashboards")
    health.into_timestream(
        health.samples(run.range.end_ms), local_aws.endpoint_url, run.settings.timestream_database
    )
    reader = TimestreamReader(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    yield Stores(run, reader)
    reader.close()


@pytest.fixture(scope="session")
def both(timestream: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The same rows in InfluxDB too."""
    with influxd.running(tmp_path_factory.mktemp("influxd")) as server:
        server.write(influxd.lines_of(timestream.run.rows))
        server.write(health.lines(health.samples(timestream.run.range.end_ms)))
        timestream.influxd = server
        yield timestream
        timestream.influxd = None
