"""`tepwatch localaws`: AWS on this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from localaws.launcher import serve


def localaws(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 4566,
    kinesis_mb: Annotated[
        int, typer.Option(help="Bound on all stored Kinesis records, in MiB.", min=1)
    ] = 512,
) -> None:
    """Run the local AWS in the foreground, on 127.0.0.1, until Ctrl-C.

    Prints its address as soon as it listens; point any AWS client there. The product's streams are
    there from the start. What Kinesis had to drop to stay within its bounds is counted under
    /_tepwatch/kinesis.
    """
    with tempfile.TemporaryDirectory(prefix="tepwatch-localaws-") as scratch:
        serve(port, kinesis_mb, Path(scratch), follow=False)
