from __future__ import annotations

from collections.abc import Iterator

import pytest

from aws.timestream_query import TimestreamReader
from localaws.server import LocalAws
from tests.dashboards.run import into_influxdb, run_into_timestream
from tests.dashboards.stores import Stores


@pytest.fixture(scope="session")
def timestream(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A short run in Timestream."""
    folder = tmp_path_factory.mktemp("dashboards")
    run = run_into_timestream(folder, local_aws.endpoint_url, "dashboards")
    reader = TimestreamReader(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    yield Stores(run, reader)
    reader.close()


@pytest.fixture(scope="session")
def both(timestream: Stores, influxd: str) -> Stores:
    """The same rows in InfluxDB too."""
    timestream.influxdb = into_influxdb(timestream.run, influxd, "dashboards")
    return timestream
