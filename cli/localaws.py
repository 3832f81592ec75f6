"""`tepwatch localaws`: AWS on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Annotated, Final

import msgspec
import typer

from cli.options import DEFAULT_DATA_DIR, DataDirOption, load_settings
from cli.provision import provision
from localaws.launcher import Ready
from localaws.server import LocalAws
from tepwatch.errors import StartupError

_LOOK_SECONDS: Final = 1.0


def localaws(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 4566,
    kinesis_mb: Annotated[
        int, typer.Option(help="Bound on all stored Kinesis records, in MiB.", min=1)
    ] = 512,
    s3_mb: Annotated[
        int, typer.Option(help="Bound on what Firehose has written to S3, in MiB.", min=1)
    ] = 2048,
    timestream_mb: Annotated[
        int, typer.Option(help="Bound on what Timestream holds, in MiB.", min=1)
    ] = 4096,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Run the local AWS in the foreground, on 127.0.0.1, until Ctrl-C.

    Prints its address once everything is there that the job reads and writes: streams, Timestream
    tables, delivery streams, the bucket. Point any AWS client to it. Timestream and S3 are kept in
    the data folder. Past a bound the oldest goes, and is counted under /_tepwatch/kinesis,
    /_tepwatch/firehose and /_tepwatch/timestream.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with LocalAws(
        data_dir,
        port=port,
        kinesis_mb=kinesis_mb,
        s3_mb=s3_mb,
        timestream_mb=timestream_mb,
        data_dir=(data_dir / "aws").resolve(),
    ) as server:
        provision(load_settings(endpoint_url=server.endpoint_url))
        ready = Ready(server.endpoint_url, server.pid)
        print(msgspec.json.encode(ready).decode(), flush=True)
        while not stop.wait(_LOOK_SECONDS):
            if not server.running:
                raise StartupError(f"the local AWS ended: see {data_dir / 'localaws.log'}")
    print("ended", file=sys.stderr)
