"""`tepwatch alarms`, `ack`, `shelve`, `accept-normal`: what an operator does about alarms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console

from aws.timestream_query import TimestreamReader
from cli.alarm_table import AlarmLine, table_of
from cli.kinesis_output import KinesisOutput
from cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    EndpointOption,
    RegionOption,
    StreamOption,
    load_settings,
)
from cli.stored_alarms import stored_alarms
from simulator import channel_file
from tepwatch.errors import TepwatchError
from tepwatch.records import (
    NANOSECONDS_PER_MILLISECOND,
    AlarmState,
    Command,
    CommandKind,
    Origin,
)
from tepwatch.settings import Settings

_NOWHERE: Final = Origin("", "0", 0, 0)

PlantOption = Annotated[str | None, typer.Option("--plant", help="The plant.", show_default=False)]


def alarms(
    plant: PlantOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also alarms that are over and acknowledged.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line an alarm.")] = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """List alarms: onset, how long, state, what stands out, which disturbance it looks like.

    Without --endpoint those of the demo that runs with this data folder, if one does.
    """
    settings = settings_of(data_dir, endpoint_url=endpoint, region=region)
    lines = [
        line
        for line in _stored_alarms(settings, plant)
        if every or line.state is not AlarmState.CLOSED
    ]
    if as_json:
        for line in lines:
            print(msgspec.json.encode(line).decode())
    elif lines:
        console = Console(highlight=False)
        console.print(table_of(lines))
    else:
        print("no alarm" if every else "no open alarm")


def ack(
    alarm: Annotated[
        str | None, typer.Argument(help="The alarm; without it all of the plant.")
    ] = None,
    plant: PlantOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Acknowledge an alarm, or all of a plant: it goes once its condition is over."""
    settings = settings_of(data_dir, stream=stream, endpoint_url=endpoint, region=region)
    if plant is None:
        if alarm is None:
            raise TepwatchError("ack: which alarm? Give its name, or --plant for all of a plant")
        found = [line.plant for line in _stored_alarms(settings, None) if line.alarm == alarm]
        if not found:
            raise TepwatchError(f"ack: no alarm {alarm} is stored; `tepwatch alarms` lists them")
        plant = found[0]
    detail = {} if alarm is None else {"alarm": alarm}
    _send(settings, plant, CommandKind.ACKNOWLEDGE, detail)


def shelve(
    plant: Annotated[str, typer.Option("--plant", help="The plant.")],
    hours: Annotated[
        float, typer.Option(min=0.0, max=10_000.0, help="Process time; 0 ends it.")
    ] = 8.0,
    why: Annotated[str, typer.Option(help="Kept with the command.")] = "",
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Shelve a plant's alarms for a time: they are raised and kept, but marked."""
    settings = settings_of(data_dir, stream=stream, endpoint_url=endpoint, region=region)
    _send(settings, plant, CommandKind.SHELVE, {"hours": hours, **({"why": why} if why else {})})


def accept_normal(
    plant: Annotated[str, typer.Option("--plant", help="The plant.")],
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Say that how a plant runs now is normal: it settles, and is learned again."""
    settings = settings_of(data_dir, stream=stream, endpoint_url=endpoint, region=region)
    _send(settings, plant, CommandKind.ACCEPT_NORMAL, {})


def settings_of(data_dir: Path, **given: str | None) -> Settings:
    """The settings; where nothing names an endpoint, the demo's with this data folder."""
    settings = load_settings(**given)
    demo = channel_file.find(data_dir)
    if settings.endpoint_url is not None or demo is None or demo.aws_url is None:
        return settings
    return load_settings(**{**given, "endpoint_url": demo.aws_url})


def send_command(
    settings: Settings, plant: str, kind: CommandKind, detail: Mapping[str, Any]
) -> None:
    """Put a command on the stream.

    Raises:
        TepwatchError: the stream does not take it.
    """
    text = msgspec.json.encode(detail).decode() if detail else None
    now = time.time_ns() // NANOSECONDS_PER_MILLISECOND
    output = KinesisOutput(settings)
    try:
        output.write([Command(plant, "", None, now, None, kind, text, _NOWHERE)])
    finally:
        output.close()


def _send(settings: Settings, plant: str, kind: CommandKind, detail: Mapping[str, Any]) -> None:
    send_command(settings, plant, kind, detail)
    print(f"{plant}: {kind.value.replace('_', ' ')} is on the stream {settings.stream}")


def _stored_alarms(settings: Settings, plant: str | None) -> list[AlarmLine]:
    reader = TimestreamReader(
        region=settings.timestream_region or settings.region, endpoint_url=settings.endpoint_url
    )
    try:
        lines = stored_alarms(reader, settings.timestream_database)
    finally:
        reader.close()
    return [line for line in lines if plant in {None, line.plant}]


COMMANDS: Final = (alarms, ack, shelve, accept_normal)
