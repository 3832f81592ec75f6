"""`tepwatch localaws`: AWS on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from localaws.launcher import Options, serve


def localaws(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 4566,
    kinesis_mb: Annotated[
        int, typer.Option(help="Bound on all stored Kinesis records, in MiB.", min=1)
    ] = 512,
    s3_mb: Annotated[
        int, typer.Option(help="Bound on what Firehose leaves in S3, in MiB.", min=1)
    ] = 2048,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that keeps S3 over restarts.")
    ] = None,
) -> None:
    """Run the local AWS in the foreground, on 127.0.0.1, until Ctrl-C.

    Prints its address as soon as it listens; point any AWS client there. The product's streams are
    there from the start. What Kinesis had to drop to stay within its bounds is counted under
    /_tepwatch/kinesis, what became of Firehose's records under /_tepwatch/firehose.
    """
    serve(Options(port=port, kinesis_mb=kinesis_mb, s3_mb=s3_mb, data_dir=data_dir))
