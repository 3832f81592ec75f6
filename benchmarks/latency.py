"""Latency: from putting a record on the stream until a query of Timestream gives its scores."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from aws.timestream_query import TimestreamReader
from benchmarks.bars import against
from cli.kinesis_output import KinesisOutput
from cli.provision import provision
from jobs import entry
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from simulator.recordings import load
from simulator.replay import Replay
from tepwatch.settings import Settings

_PLANTS: Final = ("plant-1", "plant-2")
_RATE: Final = 100.0
_WARM_UP_SECONDS: Final = 20.0
_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02
# Longer than any latency of interest, so that no row is missed.
_BACK: Final = "5s"
_SETTLE_SECONDS: Final = 6.0
_BAR_P99_SECONDS: Final = 2.0
_GOLDEN: Final = Path(__file__).resolve().parents[1] / "tests" / "golden" / "normal.npz"


class _Watcher(threading.Thread):
    """Asks for new score rows and notes how old their readings are."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="latency-watcher")
        self._reader = TimestreamReader(region=settings.region, endpoint_url=settings.endpoint_url)
        self._table = f'"{settings.timestream_database}"."scores"'
        self._seen: set[tuple[str, str, str]] = set()
        self.seconds: list[float] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(_LOOK_SECONDS):
            rows = list(
                self._reader.query(
                    f"SELECT plant, stage, to_nanoseconds(time) FROM {self._table} "
                    f"WHERE time > ago({_BACK})"
                ).rows
            )
            now = time.time()
            for plant, stage, time_ns in rows:
                if (plant, stage, time_ns) not in self._seen:
                    self._seen.add((plant, stage, time_ns))
                    # The digits below the millisecond count records; the time was cut to those.
                    self.seconds.append(now - (time_ns // 1_000_000) / 1000)
        self._reader.close()


def run(folder: Path, console: Console) -> Table:
    """Two plants, 100 records a second in all, for a minute."""
    with LocalAws(folder / "aws") as server, FlinkCluster(folder / "flink") as cluster:
        settings = Settings(endpoint_url=server.endpoint_url, sinks="timestream,firehose")
        provision(settings)
        job_id = cluster.submit(entry.path(), environment=entry.environment(settings))
        rest = cluster.rest
        cluster.wait_until_running(job_id)
        stop = threading.Event()
        senders = [_sender(settings, plant, stop) for plant in _PLANTS]
        console.print(f"latency: {_RATE:g} records a second for {_SECONDS:g} s ...")
        time.sleep(_WARM_UP_SECONDS)
        watcher = _Watcher(settings)
        watcher.start()
        time.sleep(_SETTLE_SECONDS)
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
    table = Table(
        title=f"Latency from put to queryable scores, {_RATE:g} records a second, "
        f"{len(seconds)} score rows",
        caption=f"p99 {against(p99, _BAR_P99_SECONDS)} s",
    )
    for name in ("p50", "p95", "p99", "longest"):
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.2f} s" for value in (p50, p95, p99, max(seconds))))
    return table
