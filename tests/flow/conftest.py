from __future__ import annotations

from collections.abc import Iterator

import pytest

from localaws.flink_cluster import FlinkCluster
from tests.flow.pipeline import OnFlink


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    """One real cluster for all flow tests; jobs come and go."""
    folder = tmp_path_factory.mktemp("flink")
    options = {"execution.checkpointing.interval": "2 s"}
    with FlinkCluster(folder, slots=1, options=options) as running:
        yield running


@pytest.fixture
def flink(cluster: FlinkCluster) -> Iterator[OnFlink]:
    """Starts jobs on the cluster; what a test leaves running is cancelled."""
    on_flink = OnFlink(cluster)
    yield on_flink
    on_flink.close()
