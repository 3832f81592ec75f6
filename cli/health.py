"""`tepwatch health`: the job's own health, shown and stored."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Annotated, Final

import typer

from cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    EndpointOption,
    RegionOption,
    is_http_address,
    load_settings,
    parse_duration,
)
from jobs.health_watch import EVERY_SECONDS, HealthWatch
from localaws.flink_rest import FlinkRest
from sinks.registry import makers_for
from sinks.row_json import iso_time
from tepwatch.errors import SettingsError
from tepwatch.resources import JOB_NAME
from tepwatch.schema import HEALTH, Row

EVERY_SECONDS_MIN: Final = 2.0
_LINE: Final = (
    "{time} {job} {state} read {records_read} behind {millis_behind} ms late {late} "
    "duplicates {duplicates} gaps {gaps} rejected {rejected} dead letters {dead_letters} "
    "stored {stored} retried {retried} checkpoints {checkpoints_completed}, "
    "failed {checkpoints_failed}, last {checkpoint_ms} ms, restarts {restarts}"
)


def health(
    flink: Annotated[
        str, typer.Option(help="Address of Flink's own page, as `job run` and the demo print it.")
    ],
    job: Annotated[str, typer.Option(help="Name of the job in Flink.")] = JOB_NAME,
    every: Annotated[
        str, typer.Option(help="Time between samples: 10, 10s, 1m.")
    ] = f"{EVERY_SECONDS:g}s",
    once: Annotated[
        bool, typer.Option("--once", help="Take one sample; status 1 if it is not stored.")
    ] = False,
    sinks: Annotated[
        str | None,
        typer.Option(
            help="Where to store: timestream, files, kinesis; comma separated. Those of the job "
            "that take no such rows are passed over."
        ),
    ] = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Watch a running job: a line and a row of the table `health` every few seconds, until Ctrl-C.

    Where Flink does not answer, the row says UNREACHABLE; where a store does not, rows wait for it.
    An unknown number is a dash, and null in the row.
    """
    if not is_http_address(flink):
        raise SettingsError(f"--flink {flink} is not an http:// or https:// address")
    seconds = parse_duration(every)
    if seconds < EVERY_SECONDS_MIN:
        raise typer.BadParameter(f"--every takes {EVERY_SECONDS_MIN:g}s or more, not {every!r}")
    settings = load_settings(
        endpoint_url=endpoint,
        region=region,
        sinks=sinks,
        files_path=str((data_dir / "tables").resolve()),
    )
    watch = HealthWatch(FlinkRest(flink), job, makers_for(settings, HEALTH.name), _print)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        if not once:
            watch.run(stop, seconds)
        elif not watch.step(stop):
            sys.exit(1)
    finally:
        watch.close()


def _print(row: Row) -> None:
    shown: dict[str, object] = {
        name: "-" if value is None else value for name, value in row.values.items()
    }
    shown["time"] = iso_time(row.time).partition(".")[0] + "Z"
    print(_LINE.format(**shown), flush=True)
