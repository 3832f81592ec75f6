from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from localaws.server import LocalAws
from simulator.channel import ControlChannel
from tests import servers
from tests.steering import RecordedSteering

settings.register_profile("tests", deadline=None, print_blob=True)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that the tests share; each test takes streams of its own."""
    with LocalAws(tmp_path_factory.mktemp("localaws")) as server:
        yield server


REQUIRE_SERVERS = "TEPWATCH_REQUIRE_SERVERS"


def need(server: str) -> None:
    """Skip the test, saying so, or fail it where all has to be tested, without a server."""
    try:
        servers.command_of(server)
    except servers.NotInstalledError as error:
        if os.environ.get(REQUIRE_SERVERS) == "1":
            pytest.fail(str(error))
        pytest.skip(f"NOT TESTED here: {error}")


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An InfluxDB 1.6 that the tests share, by its address; each takes a database of its own."""
    need(servers.INFLUXD)
    with servers.influxd(tmp_path_factory.mktemp("influxd")) as url:
        yield url


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[str]:
    """A VictoriaMetrics, by its address."""
    need(servers.VICTORIA_METRICS)
    with servers.victoria_metrics(tmp_path) as url:
        yield url


@pytest.fixture
def stream_name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A name no other test has."""
    return f"test-{tmp_path.name}"[:100].strip("-")


@pytest.fixture
def steering() -> RecordedSteering:
    """A simulation that only keeps what is asked of it."""
    return RecordedSteering()


@pytest.fixture
def served(steering: RecordedSteering) -> Iterator[ControlChannel]:
    """Its control interface."""
    with ControlChannel(steering) as channel:
        yield channel


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing = "Debian's chromium is not installed: the page was not tried in a browser"
        if os.environ.get("TEPWATCH_REQUIRE_SERVERS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            timeout=60_000,
        )
        yield launched
        launched.close()
