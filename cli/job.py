"""`tepwatch job`: run the detection job here."""

from __future__ import annotations

import contextlib
import enum
import math
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from aws.kinesis import KinesisClient
from cli.kinesis_output import connect
from cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    EndpointOption,
    RegionOption,
    StreamOption,
    load_settings,
    parse_duration,
)
from jobs import entry
from jobs.local import LocalJob
from jobs.shards import StreamReader
from localaws.flink_cluster import FlinkCluster
from localaws.flink_rest import FlinkRest
from sinks.registry import make_sinks
from tepwatch.errors import StartupError, UnreachableError
from tepwatch.settings import Settings

_WATCH_SECONDS: Final = 2.0
_ENDED: Final = frozenset({"FAILED", "CANCELED", "FINISHED"})

app = typer.Typer(help="The detection job.", no_args_is_help=True)


class Runner(enum.StrEnum):
    """What runs the job."""

    FLINK = "flink"
    LOCAL = "local"


@app.callback()
def _group() -> None:
    """The detection job."""


@app.command("run")
def run(
    runner: Annotated[
        Runner,
        typer.Option(help="A Flink cluster on this machine, or the same steps in this process."),
    ] = Runner.FLINK,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    sinks: Annotated[
        str | None,
        typer.Option(
            help="Where to store: timestream, influxdb, firehose, files, kinesis, alarms, memory; "
            "comma separated."
        ),
    ] = None,
    restore: Annotated[
        str | None,
        typer.Option(help="Checkpoint to go on from (Flink): a path that an earlier run printed."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", help="End by itself after 90, 60s, 5m or 1h.")
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Read the stream, score it, store readings and scores, until Ctrl-C.

    All other settings come from the environment: TEPWATCH_TREES=100, TEPWATCH_STAGES=units, ... as
    docs/settings.md lists them.
    """
    settings = load_settings(
        stream=stream,
        endpoint_url=endpoint,
        region=region,
        sinks=sinks,
        files_path=str((data_dir / "tables").resolve()),
    )
    connect(settings).close()
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    seconds = None if duration is None else parse_duration(duration)
    if runner is Runner.LOCAL:
        _run_local(settings, stop, seconds)
    else:
        _run_flink(settings, stop, seconds, data_dir, restore)


def _run_local(settings: Settings, stop: threading.Event, seconds: float | None) -> None:
    reader = StreamReader(
        partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url),
        settings.stream,
        initial_position=settings.initial_position,
        poll_seconds=settings.batch_seconds,
    )
    job = LocalJob(settings, reader, make_sinks(settings))
    deadline = None if seconds is None else time.monotonic() + seconds
    _say(f"reading {settings.stream}, storing to {settings.sinks}; Ctrl-C ends")
    try:
        while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
            stop.wait(job.step())
    finally:
        job.close()
        counted = ", ".join(f"{name} {value}" for name, value in job.metrics.values().items())
        _say(f"ended: {counted}")


def _run_flink(
    settings: Settings,
    stop: threading.Event,
    seconds: float | None,
    data_dir: Path,
    restore: str | None,
) -> None:
    _say("starting Flink ...")
    with FlinkCluster(data_dir / "flink", slots=settings.parallelism) as cluster:
        _say(f"submitting the job; Flink's own page is {cluster.rest.url}")
        job_id = cluster.submit(
            entry.path(),
            environment=entry.environment(settings),
            parallelism=settings.parallelism,
            restore_from=restore,
        )
        rest = cluster.rest
        cluster.wait_until_running(job_id)
        _say(f"job {job_id} runs, storing to {settings.sinks}; Ctrl-C ends")
        _watch(rest, job_id, stop, seconds)
        checkpoints = rest.checkpoints(job_id)
        rest.cancel(job_id)
        _say(f"ended; last checkpoint, for --restore: {checkpoints.latest_path or 'none'}")


def _watch(rest: FlinkRest, job_id: str, stop: threading.Event, seconds: float | None) -> None:
    """Wait for the end; say when the job restarts, and why.

    Raises:
        StartupError: the job ended by itself.
    """
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    restarts = 0
    while not stop.is_set() and time.monotonic() < deadline:
        stop.wait(min(_WATCH_SECONDS, deadline - time.monotonic()))
        with contextlib.suppress(UnreachableError):
            job = rest.job(job_id)
            if job.restarts > restarts:
                restarts = job.restarts
                _say(f"the job restarted ({restarts}): {rest.last_failure(job_id)}")
            if job.state in _ENDED:
                raise StartupError(f"the job is {job.state}: {rest.last_failure(job_id)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
