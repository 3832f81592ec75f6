"""Servers of other people, as Debian has them: started on free ports, ended with their callers.

Each raises `StartupError` where it is not installed or does not start.
"""

from __future__ import annotations

import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from localaws.process import ChildProcess
from tepwatch.errors import StartupError

INFLUXD: Final = "influxd"
VICTORIA_METRICS: Final = "victoria-metrics"

_PACKAGES: Final = {INFLUXD: "influxdb", VICTORIA_METRICS: "victoria-metrics"}
_START_SECONDS: Final = 30.0
_LISTENING: Final = re.compile(r"Listening on HTTP.* addr=(\S+)")
_INFLUXD: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


class NotInstalledError(StartupError):
    """There is no such command here."""


def command_of(name: str) -> str:
    """The path of a server's command.

    Raises:
        NotInstalledError: the text says which package has it.
    """
    path = shutil.which(name)
    if path is None:
        raise NotInstalledError(f"{name} is not installed: apt-get install {_PACKAGES[name]}")
    return path


@contextmanager
def influxd(folder: Path, *, port: int = 0, http_options: Iterable[str] = ()) -> Iterator[str]:
    """InfluxDB 1.6; gives its address.

    Args:
        folder: for its data and log; another one can go on with them later.
        port: 0 for a free one.
        http_options: lines added to its section `[http]`.
    """
    command = command_of(INFLUXD)
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "influxd.conf"
    options = "".join(f"  {line}\n" for line in http_options)
    configuration.write_text(_INFLUXD.format(folder=folder, port=port) + options)
    log = folder / "influxd.log"
    log.unlink(missing_ok=True)
    process = ChildProcess(INFLUXD, [command, "-config", str(configuration)], log)
    try:
        yield f"http://{_said(process, _LISTENING)}"
    finally:
        process.stop()


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """VictoriaMetrics, which keeps one sample of a series a millisecond; gives its address."""
    command = command_of(VICTORIA_METRICS)
    address = f"127.0.0.1:{_free_port()}"
    process = ChildProcess(
        VICTORIA_METRICS,
        [
            command,
            f"-httpListenAddr={address}",
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
            "-dedup.minScrapeInterval=1ms",
        ],
        folder / "victoria-metrics.log",
    )
    try:
        _answers(process, f"http://{address}/health")
        yield f"http://{address}"
    finally:
        process.stop()


def _said(process: ChildProcess, pattern: re.Pattern[str]) -> str:
    """What a process writes to its log, once it does."""
    deadline = time.monotonic() + _START_SECONDS
    while process.running and time.monotonic() < deadline:
        found = pattern.search(process.log.read_text(errors="replace"))
        if found is not None:
            return found[1]
        time.sleep(0.05)
    raise StartupError(f"{process.name} did not start: see {process.log}")


def _answers(process: ChildProcess, url: str) -> None:
    """Wait until something answers."""
    deadline = time.monotonic() + _START_SECONDS
    while process.running and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise StartupError(f"{process.name} did not start: see {process.log}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
