"""What can be done to a running plant, by a schedule, a scenario file or an operator.

An action is checked when it is made (`check`), so that whoever asks hears at once what is allowed;
it takes effect with the plant's next integration step, and is written to the stream as an event.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Final

import msgspec

from simulator.strategies import Strategy
from tepwatch.errors import TepwatchError
from tepwatch.records import EventKind
from tepwatch.tags import TAGS, XMEAS_IDS, XMV

VALVE4_STUCK: Final = "valve4-stuck"
"""The benchmark's fault 21, no disturbance of the paper: valve 4 held as in the base case."""
VALVE4_STUCK_PERCENT: Final = 61.302


class ActionError(TepwatchError):
    """An action that no plant can take; the text names the field and what is allowed."""


class SensorFault(enum.StrEnum):
    """How an instrument fails: the controllers see what the record shows.

    STUCK: shows what it showed last. BIAS: `amount` too much. DRIFT: `amount` more every hour.
    NOISE: an additional error of that standard deviation. MISSING: shows nothing; the controllers
    go on with what it showed last.
    """

    STUCK = "stuck"
    BIAS = "bias"
    DRIFT = "drift"
    NOISE = "noise"
    MISSING = "missing"


_NEEDS_AMOUNT: Final = frozenset({SensorFault.BIAS, SensorFault.DRIFT, SensorFault.NOISE})


class Disturb(msgspec.Struct, frozen=True, tag="disturbance"):
    """Switch a disturbance (IDV), by the paper's number."""

    idv: int
    on: bool = True


class SetSetpoint(msgspec.Struct, frozen=True, tag="setpoint"):
    """Ask the controllers for another value."""

    name: str
    value: float


class HoldValve(msgspec.Struct, frozen=True, tag="valve"):
    """Hold a valve (XMV), by the paper's number; without `percent` it is given back."""

    number: int
    percent: float | None = None


class FailSensor(msgspec.Struct, frozen=True, tag="sensor_fault"):
    """Make an instrument (xmeas_1 to xmeas_41) fail; without `kind` it is mended."""

    tag: str
    kind: SensorFault | None = None
    amount: float = 0.0


class Restart(msgspec.Struct, frozen=True, tag="restart"):
    """Put the plant back to its start, as a new run."""


Action = Disturb | SetSetpoint | HoldValve | FailSensor | Restart


def check(action: Action, strategy: Strategy) -> None:
    """Nothing, when a plant under this control can take the action.

    Raises:
        ActionError: it cannot.
    """
    match action:
        case Disturb(idv=idv):
            _within("idv", idv, 1, strategy.disturbances)
        case SetSetpoint(name=name, value=value):
            setpoint = strategy.setpoints.get(name)
            if setpoint is None:
                known = ", ".join(strategy.setpoints) or "none"
                raise ActionError(
                    f"setpoint: {name!r} under control {strategy.name} is not one of {known}"
                )
            _within(name, value, setpoint.low, setpoint.high, setpoint.unit)
        case HoldValve(number=number, percent=percent):
            _within("valve", number, 1, len(XMV))
            if percent is not None:
                _within(f"valve {number}", percent, 0.0, 100.0, "%")
        case FailSensor(tag=tag, kind=kind, amount=amount):
            if tag not in XMEAS_IDS:
                raise ActionError(
                    f"sensor: {tag!r} is not one of xmeas_1 to xmeas_{len(XMEAS_IDS)}"
                )
            if kind in _NEEDS_AMOUNT and not 0.0 < abs(amount) < math.inf:
                raise ActionError(
                    f"sensor {tag}: {kind} needs an amount in {TAGS[tag].unit}, other than 0"
                )
            if kind is SensorFault.NOISE and amount < 0.0:
                raise ActionError(f"sensor {tag}: the standard deviation of noise is above 0")
            if kind not in _NEEDS_AMOUNT and amount:
                raise ActionError(f"sensor {tag}: {kind or 'ok'} takes no amount")


def _within(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:
        text = f"{name} is between {low:g} and {high:g}"
        found = value if isinstance(value, int) else f"{value:g}"
        raise ActionError(f"{text}{' ' * bool(unit)}{unit}, not {found}")


def event_of(action: Action) -> tuple[EventKind, Mapping[str, object]]:
    """How an action is written to the stream: the kind of event and its further fields.

    >>> event_of(HoldValve(10, 45.0))
    (<EventKind.VALVE: 'valve'>, {'number': 10, 'percent': 45.0})
    """
    fields = msgspec.to_builtins(action)
    kind = EventKind(fields.pop("type"))
    return kind, fields
