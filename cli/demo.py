"""`tepwatch demo`: everything on this machine, live."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from cli import demo_view
from cli.demo_run import DemoRun
from cli.options import DEFAULT_DATA_DIR, DataDirOption, parse_duration
from tepwatch.errors import InputFileError, UnreachableError

# Ctrl-C has to end everything within 10 s; a run that ends by itself may catch up in peace.
_CATCH_UP_INTERRUPTED_SECONDS: Final = 4.0
_CATCH_UP_SECONDS: Final = 30.0
_LINE_SECONDS: Final = 5.0


def demo(
    duration: Annotated[
        str | None, typer.Option("--for", help="End by itself after 90, 60s, 5m or 1h.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the summary to this file.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Records per second of each plant.", min=0.01)] = 5.0,
    speed: Annotated[float, typer.Option(help="Times real time.", min=0.01)] = 300.0,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Run everything here: local AWS, Flink, the job, and two live plants.

    plant-1 runs normally; plant-2 loses its A feed (IDV 6) after 8 hours, which are a minute and a
    half, shuts down and begins again. The alarm says what stands out and what it looks like. Steer
    both from another terminal: `tepwatch inject 4`, `tepwatch alarms`, `tepwatch status`. Ctrl-C
    ends it all and says what was stored. The exit status is 0 when every count agrees.
    """
    seconds = None if duration is None else parse_duration(duration)
    if json_file is not None and not json_file.resolve().parent.is_dir():
        raise InputFileError(f"--json {json_file}: its folder does not exist")
    broken_off, interrupted = threading.Event(), threading.Event()

    def break_off(*_: object) -> None:
        broken_off.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, break_off)
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        with console.status("starting") as status:

            def say(text: str) -> None:
                # Python cannot pass an interrupt on that comes while it finalizes an object.
                if broken_off.is_set():
                    raise KeyboardInterrupt
                console.print(text, highlight=False)
                status.update(text)

            run = stack.enter_context(DemoRun(data_dir, rate, speed, say))
        # Until here Ctrl-C breaks off the start; from here on it ends the demo in order.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: interrupted.set())
        _show(run, console, interrupted, seconds)
        console.print("ending: the job catches up, then everything stops ...")
        patience = _CATCH_UP_INTERRUPTED_SECONDS if interrupted.is_set() else _CATCH_UP_SECONDS
        summary = run.finish(patience)
    console.print(demo_view.ended(summary))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    if summary.problems:
        sys.exit(1)


def _show(
    run: DemoRun, console: Console, interrupted: threading.Event, seconds: float | None
) -> None:
    """Show how it goes until the time is over or somebody interrupts."""
    deadline = None if seconds is None else time.monotonic() + seconds
    live = Live(console=console, refresh_per_second=2, transient=True)
    next_line = 0.0
    restarts = 0
    said: set[str] = set()
    with live:
        while not interrupted.is_set() and (deadline is None or time.monotonic() < deadline):
            try:
                status = run.status()
            except UnreachableError as error:
                console.print(f"{error}")
            else:
                if status.restarts > restarts:
                    restarts = status.restarts
                    console.print(f"the job restarted: {run.last_failure()}", highlight=False)
                for text in map(demo_view.alarm_line, reversed(status.alarms)):
                    if text not in said and not console.is_terminal:
                        console.print(text, highlight=False, soft_wrap=True)
                    said.add(text)
                if console.is_terminal:
                    live.update(demo_view.live(run, status))
                elif time.monotonic() >= next_line:
                    next_line = time.monotonic() + _LINE_SECONDS
                    console.print(demo_view.line(status), highlight=False, soft_wrap=True)
            left = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
            interrupted.wait(max(left, 0.05))
    if not console.is_terminal:
        console.print(demo_view.places(run))
