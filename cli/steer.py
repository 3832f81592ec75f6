"""`tepwatch inject`, `clear`, `setpoint`, `valve`, `sensor`, `restart`, `status`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import typer

from cli.control_client import ControlClient
from cli.options import DEFAULT_DATA_DIR, DataDirOption
from cli.status_table import print_status
from simulator import channel_file
from simulator.actions import (
    VALVE4_STUCK,
    Action,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
)
from simulator.schedule import switch_of
from simulator.steering import SimulationStatus
from tepwatch.errors import TepwatchError
from tepwatch.tags import DISTURBANCES, XMV

NEGATIVE_NUMBERS: Final = {"ignore_unknown_options": True}
"""Context settings of these commands: `-2` is a value, not an option."""

_AUTO: Final = "auto"
_OK: Final = "ok"

PlantOption = Annotated[
    list[str] | None,
    typer.Option("--plant", help="Only this plant; repeatable.", show_default="all plants"),
]
ControlOption = Annotated[
    str | None,
    typer.Option(
        "--control",
        envvar="TEPWATCH_CONTROL_URL",
        help="Address of the simulation's control interface. Default: that of the simulation "
        "with this data folder.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="TEPWATCH_CONTROL_TOKEN",
        help="What the control interface demands, if it listens for other machines.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, a line a plant.")]
IdvArgument = Annotated[
    str,
    typer.Argument(
        help=f"Disturbance, 1 to {len(DISTURBANCES)} (28 in the revision of 2015), or "
        f"{VALVE4_STUCK}.",
        metavar="IDV",
    ),
]


class _Target(NamedTuple):
    """What is steered, and how it is told."""

    plants: list[str] | None
    control: str | None
    token: str | None
    data_dir: Path
    as_json: bool


def inject(
    idv: IdvArgument,
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Switch a disturbance on, or make valve 4 stick as in the benchmark's fault 21.

    Example: tepwatch inject 6 --plant plant-1
    """
    _act(switch_of(idv)[0], _Target(plant, control, token, data_dir, as_json))


def clear(
    idv: IdvArgument,
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Switch a disturbance off.

    Example: tepwatch clear 6
    """
    _act(switch_of(idv)[1], _Target(plant, control, token, data_dir, as_json))


def setpoint(
    name: Annotated[str, typer.Argument(help="Set-point, such as reactor-pressure.")],
    value: Annotated[str, typer.Argument(help="What it is to be, in its own unit.")],
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Ask the controllers for another value.

    A name or value that the control strategy does not have is answered with those it has.

    Example: tepwatch setpoint reactor-pressure 2750
    """
    action = SetSetpoint(name, _number(name, value))
    _act(action, _Target(plant, control, token, data_dir, as_json))


def valve(
    number: Annotated[str, typer.Argument(help="Valve, by the paper's XMV number.")],
    percent: Annotated[
        str,
        typer.Argument(
            help=f"Where it is held, or {_AUTO}: the controllers have it again.",
            metavar=f"PERCENT|{_AUTO}",
        ),
    ],
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Hold a valve, or give it back to the controllers.

    Example: tepwatch valve 10 45
    """
    whole = _whole_number("valve", number, f"a number from 1 to {len(XMV)}")
    allowed = f"a number from 0 to 100 or {_AUTO}"
    held = None if percent == _AUTO else _number(f"valve {number}", percent, allowed)
    _act(HoldValve(whole, held), _Target(plant, control, token, data_dir, as_json))


def sensor(
    tag: Annotated[str, typer.Argument(help="Instrument, xmeas_1 to xmeas_41.")],
    kind: Annotated[
        str, typer.Argument(help="How it fails.", metavar="|".join([*SensorFault, _OK]))
    ],
    amount: Annotated[
        str | None,
        typer.Argument(
            help="Of a bias, of a drift in an hour, or a noise's standard deviation; "
            "in the instrument's unit.",
            show_default=False,
        ),
    ] = None,
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Make an instrument fail, or mend it: the controllers see what it shows.

    Example: tepwatch sensor xmeas_9 bias -2
    """
    known = [*SensorFault, _OK]
    if kind not in known:
        raise TepwatchError(f"sensor {tag}: {kind!r} is not one of {', '.join(known)}")
    action = FailSensor(
        tag,
        None if kind == _OK else SensorFault(kind),
        0.0 if amount is None else _number(f"sensor {tag}: the amount", amount),
    )
    _act(action, _Target(plant, control, token, data_dir, as_json))


def restart(
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Put the plants back to their start, as new runs."""
    _act(Restart(), _Target(plant, control, token, data_dir, as_json))


def status(
    plant: PlantOption = None,
    control: ControlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how the running simulation stands."""
    target = _Target(plant, control, token, data_dir, as_json)
    stands = _only(_client(target).status(), target.plants)
    if as_json:
        print(msgspec.json.encode(stands).decode())
    else:
        print_status(stands)


COMMANDS: Final = (inject, clear, setpoint, valve, sensor, restart, status)


def _act(action: Action, target: _Target) -> None:
    acknowledged = _client(target).act(action, target.plants)
    for one in acknowledged:
        if target.as_json:
            print(msgspec.json.encode(one).decode())
        else:
            when = f"from process time {one.process_hours:.4f} h (seq {one.seq})"
            run = f" as run {one.run}" if isinstance(action, Restart) else ""
            print(f"{one.plant}: {words_of(action)}{run} {when}")


def _client(target: _Target) -> ControlClient:
    if target.control is not None:
        return ControlClient(target.control, target.token)
    found = channel_file.find(target.data_dir)
    if found is None:
        raise TepwatchError(
            f"no simulation runs with the data folder {target.data_dir}: start one with "
            "`tepwatch simulate`, or give --data-dir or --control"
        )
    return ControlClient(found.url, target.token or found.token)


def _whole_number(field: str, text: str, allowed: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise TepwatchError(f"{field}: {text!r} is not {allowed}") from None


def _number(field: str, text: str, allowed: str = "a number") -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TepwatchError(f"{field}: {text!r} is not {allowed}")
    return value


def words_of(action: Action) -> str:
    """What an action does, in a few words."""
    match action:
        case Disturb(idv=idv, on=on):
            return f"IDV {idv} {'on' if on else 'off'}"
        case SetSetpoint(name=name, value=value):
            return f"{name} {value:.10g}"
        case HoldValve(number=number, percent=None):
            return f"valve {number} {_AUTO}"
        case HoldValve(number=number, percent=percent):
            return f"valve {number} held at {percent:.10g} %"
        case FailSensor(tag=tag, kind=kind, amount=amount):
            return f"{tag} {kind or _OK}{f' {amount:.10g}' if amount else ''}"
        case Restart():
            return "restarted"


def _only(stands: SimulationStatus, plants: list[str] | None) -> SimulationStatus:
    if not plants:
        return stands
    known = {one.plant: one for one in stands.plants}
    for name in plants:
        if name not in known:
            raise TepwatchError(f"plant: {name!r} is not one of {', '.join(known)}")
    return msgspec.structs.replace(stands, plants=[known[name] for name in plants])
