"""Latency: from putting a record on the stream to its scores in the files."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from aws.kinesis import KinesisClient
from cli.kinesis_output import KinesisOutput
from jobs import entry
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from simulator.recordings import load
from simulator.replay import Replay
from sinks.row_json import from_iso_time
from tepwatch.settings import Settings

_STREAM: Final = "latency"
_PLANTS: Final = ("plant-1", "plant-2")
_RATE: Final = 100.0
_WARM_UP_SECONDS: Final = 20.0
_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.005
_BAR_P99_SECONDS: Final = 1.5
_GOLDEN: Final = Path(__file__).resolve().parents[1] / "tests" / "golden" / "normal.npz"


class _Line(msgspec.Struct):
    time: str


class _Watcher(threading.Thread):
    """Looks for new lines of score files and notes how old their readings are."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="latency-watcher")
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self.seconds: list[float] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(_LOOK_SECONDS):
            for path in self._folder.glob("scores/part-*.ndjson"):
                self._look(path)

    def _look(self, path: Path) -> None:
        offset = self._offsets.get(path, 0)
        if path.stat().st_size == offset:
            return
        with path.open("rb") as lines:
            lines.seek(offset)
            data = lines.read()
        now = time.time()
        whole = data[: data.rfind(b"\n") + 1]
        self._offsets[path] = offset + len(whole)
        for line in whole.splitlines():
            put_ns = from_iso_time(msgspec.json.decode(line, type=_Line).time)
            # The digits below the millisecond count records; the time was cut to milliseconds.
            self.seconds.append(now - (put_ns // 1_000_000) / 1000)


def run(folder: Path, console: Console) -> Table:
    """Two plants, 100 records a second in all, for a minute."""
    tables = folder / "tables"
    with LocalAws(folder / "aws") as server, FlinkCluster(folder / "flink") as cluster:
        client = KinesisClient(region="us-east-1", endpoint_url=server.endpoint_url)
        client.create_stream(_STREAM, 2)
        client.close()
        settings = Settings(
            stream=_STREAM, endpoint_url=server.endpoint_url, files_path=str(tables)
        )
        job_id = cluster.submit(entry.path(), environment=entry.environment(settings))
        rest = cluster.rest
        cluster.wait_until_running(job_id)
        stop = threading.Event()
        senders = [_sender(settings, plant, stop) for plant in _PLANTS]
        console.print(f"latency: {_RATE:g} records a second for {_SECONDS:g} s ...")
        time.sleep(_WARM_UP_SECONDS)
        watcher = _Watcher(tables)
        watcher.start()
        time.sleep(1.0)
        watcher.seconds.clear()
        time.sleep(_SECONDS)
        watcher.stop.set()
        stop.set()
        for thread in (*senders, watcher):
            thread.join()
        rest.cancel(job_id)
    return _table(watcher.seconds)


def _sender(settings: Settings, plant: str, stop: threading.Event) -> threading.Thread:
    replay = Replay(load(_GOLDEN), plant, rate=_RATE / len(_PLANTS), loop=True)
    thread = threading.Thread(target=replay.run, args=(KinesisOutput(settings), stop))
    thread.start()
    return thread


def _table(seconds: list[float]) -> Table:
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    verdict = "within" if p99 <= _BAR_P99_SECONDS else "MISSES"
    table = Table(
        title=f"Latency from put to stored scores, {_RATE:g} records a second, "
        f"{len(seconds)} score rows",
        caption=f"p99 {verdict} the bar of {_BAR_P99_SECONDS} s",
    )
    for name in ("p50", "p95", "p99", "longest"):
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.2f} s" for value in (p50, p95, p99, max(seconds))))
    return table
