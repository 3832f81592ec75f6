"""`tepwatch simulate`: the plant itself, live or as fast as it goes."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.kinesis_output import KinesisOutput
from cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    Destination,
    EndpointOption,
    RegionOption,
    StreamOption,
    load_settings,
    parse_duration,
    parse_rate,
)
from simulator import scenario
from simulator.channel import ControlChannel
from simulator.channel_file import announce, forget
from simulator.dropping_output import DroppingOutput
from simulator.fleet import Fleet
from simulator.live import LiveSimulation, NotFiniteError
from simulator.outputs import FileOutput, Output, StdoutOutput, open_new
from simulator.runs import RunNames
from simulator.schedule import parse_idv
from simulator.simulation import OnShutdown, Simulation
from simulator.strategies import STRATEGIES, Strategy
from simulator.table_outputs import COLUMNS, ArrayOutput, CsvOutput
from tepwatch.errors import InputFileError, SettingsError, StateError

_PROGRESS_SECONDS: Final = 2.0
_LIVE_RATE: Final = 50.0
_HOUR_SECONDS: Final = 3600.0
_DEFAULT_SEED: Final = 1431655765
# Another name of the same.
_ENDINGS: Final = {"jsonl": "ndjson"}


class Control(enum.StrEnum):
    """How the plant is controlled."""

    RICKER = "ricker"
    PI = "pi"
    NONE = "none"


class Revision(enum.StrEnum):
    """Year of the plant's model."""

    ORIGINAL = "1993"
    REVISED = "2015"


class FileFormat(enum.StrEnum):
    """What a file holds."""

    NPZ = "npz"
    CSV = "csv"
    NDJSON = "ndjson"


class WhenSlow(enum.StrEnum):
    """What becomes of the plant when the stream does not take its records in time."""

    WAIT = "wait"
    DROP = "drop"


def simulate(
    plants: Annotated[int, typer.Option(help="How many plants.", min=1, max=100_000)] = 1,
    name: Annotated[
        list[str] | None,
        typer.Option("--plant", help="Name of a plant, again for each. Default: plant-1, ..."),
    ] = None,
    control: Annotated[
        Control,
        typer.Option(
            help="Ricker's strategy, the published benchmark's PI loops, or none (open loop)."
        ),
    ] = Control.RICKER,
    revision: Annotated[
        Revision,
        typer.Option(help="Of the model: the paper's, or that of 2015 with IDV 21 to 28."),
    ] = Revision.ORIGINAL,
    seed: Annotated[
        int, typer.Option(help="Of the first plant's random numbers; the next has one more.")
    ] = _DEFAULT_SEED,
    hours: Annotated[
        float | None, typer.Option(help="Process time to simulate. Default: no end.", min=0.0)
    ] = None,
    every: Annotated[str, typer.Option(help="Process time per record, as 180s or 3m.")] = "180s",
    rate: Annotated[
        str | None,
        typer.Option(
            help="Records per second of each plant, or `unlimited`. Default: 50 live, unlimited "
            "into a file.",
            metavar="NUMBER|unlimited",
        ),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(help="Integration step in s. Default: the control strategy's own."),
    ] = None,
    idv: Annotated[
        list[str] | None,
        typer.Option(help="Disturbance: 6, 6@8h, 4@2h..5h, plant-2:6@8h; or valve4-stuck@8h."),
    ] = None,
    scenario_file: Annotated[
        Path | None, typer.Option("--scenario", help="TOML file of what is to happen.")
    ] = None,
    record_scenario: Annotated[
        Path | None, typer.Option(help="Write what was done, as a scenario, to this file.")
    ] = None,
    load: Annotated[Path | None, typer.Option(help="Go on from a saved state.")] = None,
    save: Annotated[Path | None, typer.Option(help="Save the state at the end.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Process time to let pass before the first record.")
    ] = None,
    noise: Annotated[bool, typer.Option(help="Whether the instruments err.")] = True,
    on_shutdown: Annotated[
        OnShutdown, typer.Option(help="What becomes of a plant that is shut down.")
    ] = OnShutdown.STOP,
    to: Annotated[
        Destination | None,
        typer.Option(help="Where to send the records. Default: file with --out, else kinesis."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    file_format: Annotated[
        FileFormat | None,
        typer.Option("--format", help="What the file holds. Default: by its name."),
    ] = None,
    columns: Annotated[
        int,
        typer.Option(help="Of npz and CSV: 53, 52 as published (no agitator), or 41."),
    ] = COLUMNS[0],
    when_slow: Annotated[
        WhenSlow,
        typer.Option(help="When the stream is too slow: the plant waits, or readings are dropped."),
    ] = WhenSlow.WAIT,
    start_time: Annotated[
        dt.datetime | None,
        typer.Option(
            help="Event time of the start, UTC; records follow at their process time. "
            "Default: the time of sending."
        ),
    ] = None,
    control_port: Annotated[
        int | None,
        typer.Option(help="Port of the control interface; 0 picks one. Default: 0 when live."),
    ] = None,
    control_host: Annotated[
        str, typer.Option(help="Address that the control interface is bound to.")
    ] = "127.0.0.1",
    control_token: Annotated[
        str | None,
        typer.Option(
            envvar="TEPWATCH_CONTROL_TOKEN", help="Demanded of who steers; needed elsewhere."
        ),
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Simulate Tennessee Eastman plants and stream what their instruments show.

    While it runs, `tepwatch inject`, `clear`, `setpoint`, `valve`, `sensor`, `restart` and `status`
    steer it. A plant that passes a safety limit is shut down, which is said and sent as an event.

    Example: tepwatch simulate --control pi --seed 2994833239 --idv 1@8h --hours 48 --columns 52
    --out fault1.npz
    """
    destination = to or (Destination.KINESIS if out is None else Destination.FILE)
    live = destination is not Destination.FILE
    names = _names(name, plants)
    print("preparing the plant ...", file=sys.stderr)
    strategy = STRATEGIES[control.value]
    if revision is Revision.REVISED:
        strategy = strategy.revised()
    fleet = _fleet(load, strategy, seed, len(names), step, noise=noise)
    tick_seconds = parse_duration(every)
    items = [item for text in idv or () for item in parse_idv(text, names, fleet.strategy)]
    if scenario_file is not None:
        items += scenario.load(scenario_file, fleet.strategy, names)
    # Nothing moves yet: compiling takes its time after an update, and should delay no record.
    fleet.advance(0, 1)
    if after is not None:
        steps = round(parse_duration(after) / fleet.step_seconds)
        fleet.advance(steps + 1 - fleet.next_step, steps + 1)
    simulation = Simulation(
        fleet,
        names,
        tick_seconds=tick_seconds,
        runs=RunNames(),
        schedule=items,
        on_shutdown=on_shutdown,
    )
    with contextlib.ExitStack() as stack:
        output = _output(
            destination, out, file_format, columns, stream=stream, endpoint=endpoint, region=region
        )
        dropping = DroppingOutput(output) if when_slow is WhenSlow.DROP else None
        stack.callback((dropping or output).close)
        running = LiveSimulation(
            simulation,
            rate=_rate(rate, live=live),
            ticks=None if hours is None else round(hours * _HOUR_SECONDS / tick_seconds),
            start=None if start_time is None else start_time.replace(tzinfo=dt.UTC),
            dropped=lambda: 0 if dropping is None else dropping.dropped,
        )
        if live or control_port is not None:
            channel = ControlChannel(
                running, host=control_host, port=control_port or 0, token=control_token
            )
            stack.enter_context(_announced(channel, data_dir))
        try:
            _run(running, simulation, dropping or output)
        except NotFiniteError:
            _save(fleet, data_dir / "not-finite.state")
            raise
        finally:
            if record_scenario is not None:
                _write(record_scenario, scenario.dump(simulation.done).encode())
            if save is not None:
                _save(fleet, save)
            print(_summary(running, output, dropping), file=sys.stderr)


def _names(given: list[str] | None, count: int) -> list[str]:
    """Names of the plants: those given, or so many."""
    if not given:
        return [f"plant-{number}" for number in range(1, count + 1)]
    doubled = [name for name in given if given.count(name) > 1]
    if doubled:
        raise SettingsError(f"--plant {doubled[0]} is given twice")
    if count not in (1, len(given)):
        raise SettingsError(f"--plants {count} does not fit {len(given)} names given by --plant")
    return given


def _fleet(
    load: Path | None, strategy: Strategy, seed: int, count: int, step: float | None, *, noise: bool
) -> Fleet:
    if load is None:
        try:
            return Fleet(
                strategy,
                range(seed, seed + count),
                step_seconds=step,
                noise=noise,
            )
        except ValueError as error:
            raise SettingsError(f"--seed or --step: {error}") from error
    try:
        fleet = Fleet.from_bytes(load.read_bytes())
    except OSError as error:
        raise InputFileError(f"--load {load}: {error.strerror}") from error
    except StateError as error:
        raise InputFileError(f"--load {load}: {error}") from error
    if len(fleet.plants) != count:
        raise SettingsError(
            f"--load {load} holds {len(fleet.plants)} plants, --plants or --plant names {count}"
        )
    return fleet


def _rate(text: str | None, *, live: bool) -> float | None:
    if text is None:
        return _LIVE_RATE if live else None
    return parse_rate(text)


def _output(
    destination: Destination,
    out: Path | None,
    file_format: FileFormat | None,
    columns: int,
    *,
    stream: str | None,
    endpoint: str | None,
    region: str | None,
) -> Output:
    if columns not in COLUMNS:
        raise SettingsError(f"--columns is one of {', '.join(map(str, COLUMNS))}, not {columns}")
    match destination:
        case Destination.STDOUT:
            return StdoutOutput()
        case Destination.KINESIS:
            return KinesisOutput(load_settings(stream=stream, endpoint_url=endpoint, region=region))
    if out is None:
        raise SettingsError("--to file needs --out FILE")
    match file_format or _format_of(out):
        case FileFormat.NPZ:
            return ArrayOutput(out, columns)
        case FileFormat.CSV:
            return CsvOutput(out, columns)
        case FileFormat.NDJSON:
            return FileOutput(out)


def _format_of(path: Path) -> FileFormat:
    ending = path.suffix.removeprefix(".")
    try:
        return FileFormat(_ENDINGS.get(ending, ending))
    except ValueError as error:
        allowed = ", ".join(FileFormat)
        raise SettingsError(f"--out {path}: say --format, one of {allowed}") from error


@contextlib.contextmanager
def _announced(channel: ControlChannel, data_dir: Path) -> Iterator[None]:
    """A control interface that the steering commands find."""
    with channel:
        announce(data_dir, channel)
        print(f"steered at {channel.url}", file=sys.stderr)
        try:
            yield
        finally:
            forget(data_dir)


def _run(running: LiveSimulation, simulation: Simulation, output: Output) -> None:
    """Run in a thread of its own and say, every few seconds, how far it is."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    said = 0
    with ThreadPoolExecutor(1, thread_name_prefix="simulation") as pool:
        going = pool.submit(running.run, output, stop)
        finished = False
        while not finished:
            finished = bool(wait([going], timeout=_PROGRESS_SECONDS).done)
            for plant, hours, reason in simulation.shutdowns[said:]:
                print(f"{plant} was shut down at {hours:.4g} h: {reason}", file=sys.stderr)
                said += 1
            if not finished:
                print(f"process time {simulation.hours:.2f} h, {_so_far(running)}", file=sys.stderr)
        going.result()


def _save(fleet: Fleet, path: Path) -> None:
    _write(path, fleet.to_bytes())
    print(f"state saved to {path}", file=sys.stderr)


def _write(path: Path, content: bytes) -> None:
    with open_new(path) as file:
        file.write(content)


def _summary(running: LiveSimulation, output: Output, dropping: DroppingOutput | None) -> str:
    text = f"{_so_far(running)}, {running.readings} of them readings"
    if isinstance(output, KinesisOutput):
        text += f" ({output.counts.resent} sent twice, {output.counts.waits} waits)"
    if dropping is not None and dropping.dropped:
        text += f"; {dropping.dropped} readings dropped, since the stream was too slow"
    return text


def _so_far(running: LiveSimulation) -> str:
    """What was sent, and how far it fell behind."""
    slipped = running.slipped_seconds
    behind = f" ({slipped:.1f} s behind the rate)" if slipped > 0 else ""
    return f"{running.sent} records sent{behind}"
