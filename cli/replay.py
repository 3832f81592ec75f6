"""`tepwatch replay`: a recording as a live stream."""

from __future__ import annotations

import datetime as dt
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.kinesis_output import KinesisOutput
from cli.options import (
    Destination,
    EndpointOption,
    RegionOption,
    StreamOption,
    load_settings,
    parse_rate,
)
from simulator.outputs import FileOutput, Output, StdoutOutput
from simulator.recordings import load
from simulator.replay import Replay
from tepwatch.errors import TepwatchError

_PROGRESS_SECONDS: Final = 2.0


def replay(
    file: Annotated[
        Path,
        typer.Argument(
            help="Recording: .npz (array y), .csv (columns by tag id) or .ndjson (records)."
        ),
    ],
    to: Annotated[Destination, typer.Option(help="Where to send the records.")] = (
        Destination.KINESIS
    ),
    out: Annotated[Path | None, typer.Option(help="File to write, with --to file.")] = None,
    plant: Annotated[str, typer.Option(help="Name of the plant.")] = "plant-1",
    rate: Annotated[
        str, typer.Option(help="Records per second, or `unlimited`.", metavar="NUMBER|unlimited")
    ] = "5",
    row_seconds: Annotated[
        float | None,
        typer.Option(
            help="Process time per row, in seconds. Default: the file's own, else 180.", min=0.001
        ),
    ] = None,
    case: Annotated[int | None, typer.Option(help="Which run, of a file with several.")] = None,
    loop: Annotated[bool, typer.Option(help="Begin again, as a new run, at the end.")] = False,
    limit: Annotated[int | None, typer.Option(help="End after so many records.", min=1)] = None,
    start_time: Annotated[
        dt.datetime | None,
        typer.Option(
            help="Event time of the start, UTC; rows follow at their process time. "
            "Default: the time of sending."
        ),
    ] = None,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Replay a recorded run as a live stream of one plant.

    Each plant's order is kept; what the stream does not take at once is tried again. Ends with the
    number of records accepted.

    Example: tepwatch replay tests/golden/idv6.npz --plant plant-2 --rate 50 --endpoint http://...
    """
    recording = load(file, case=case, row_seconds=row_seconds)
    source = Replay(
        recording,
        plant,
        rate=parse_rate(rate),
        loop=loop,
        limit=limit,
        start=None if start_time is None else start_time.replace(tzinfo=dt.UTC),
    )
    output = _output(to, out, stream=stream, endpoint=endpoint, region=region)
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        _run(source, output, stop)
    finally:
        output.close()
        print(_summary(source, output), file=sys.stderr)


def _run(source: Replay, output: Output, stop: threading.Event) -> None:
    """Send in a thread of its own and say, every few seconds, how far it is."""
    with ThreadPoolExecutor(1, thread_name_prefix="replay") as pool:
        sending = pool.submit(source.run, output, stop)
        while not wait([sending], timeout=_PROGRESS_SECONDS).done:
            print(f"{source.sent} records sent", file=sys.stderr)
        sending.result()


def _output(
    to: Destination,
    out: Path | None,
    *,
    stream: str | None,
    endpoint: str | None,
    region: str | None,
) -> Output:
    match to:
        case Destination.STDOUT:
            return StdoutOutput()
        case Destination.FILE:
            if out is None:
                raise TepwatchError("--to file needs --out FILE")
            return FileOutput(out)
        case Destination.KINESIS:
            return KinesisOutput(load_settings(stream=stream, endpoint_url=endpoint, region=region))


def _summary(source: Replay, output: Output) -> str:
    text = f"{source.sent} records accepted, {source.readings} of them readings"
    if isinstance(output, KinesisOutput):
        counts = output.counts
        text = (
            f"{counts.accepted} records accepted ({counts.resent} sent twice, {counts.waits} waits)"
        )
    if source.slipped_seconds > 0:
        text += f"; fell {source.slipped_seconds:.1f} s behind the rate"
    return text
