"""The entries of a scenario file: their fields, and the actions that they stand for."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from simulator.actions import (
    Action,
    ActionError,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
)
from simulator.layout import CONTROL_MEMORY
from simulator.schedule import Scheduled
from simulator.strategies import Strategy

_MENDED: Final = "ok"
_FAULTS: Final = (*(fault.value for fault in SensorFault), _MENDED)

# What a field is, told when it is missing or something else.
_A_TIME: Final = Meta(description='a time in quotes such as "8h", "8.5h", "30m" or "90s"')
_A_PLANT: Final = Meta(description='a name in quotes such as "plant-2", or a list of names')
_A_SETPOINT: Final = Meta(description="the name of a set-point in quotes")
_A_TAG: Final = Meta(description='a measurement in quotes such as "xmeas_9"')
_A_FAULT: Final = Meta(description=f"one of {', '.join(_FAULTS)}, in quotes")
_A_NUMBER: Final = Meta(description="a number")
_A_PERCENT: Final = Meta(description="a number between 0 and 100")
_A_SWITCH: Final = Meta(description="true or false")
# TOML's whole numbers have no limit; a bound keeps them printable.
_AN_INTEGER: Final = Meta(description="a whole number", ge=-999_999, le=999_999)


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every entry has."""

    at: Annotated[str, _A_TIME]
    plant: Annotated[str | list[str] | None, _A_PLANT] = None

    @property
    def end(self) -> str | None:
        """When it ends, where it does."""
        return None

    def begins(self) -> Action:
        """What happens at its time.

        Raises:
            ActionError: its fields do not go together.
        """
        raise NotImplementedError

    def ends(self, strategy: Strategy) -> Action:
        """What puts an end to it.

        Raises:
            ActionError: it cannot end.
        """
        raise NotImplementedError


class _Lasting(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an entry has that can end."""

    until: Annotated[str | None, _A_TIME] = None

    @property
    def end(self) -> str | None:
        return self.until


class _Disturbance(_Lasting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    idv: Annotated[int, _AN_INTEGER]
    on: Annotated[bool, _A_SWITCH] = True

    def begins(self) -> Disturb:
        return Disturb(self.idv, self.on)

    def ends(self, strategy: Strategy) -> Disturb:
        if not self.on:
            raise ActionError("until: on = false has no end")
        return Disturb(self.idv, on=False)


class _Setpoint(_Lasting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, _A_SETPOINT]
    value: Annotated[float, _A_NUMBER]

    def begins(self) -> SetSetpoint:
        return SetSetpoint(self.name, self.value)

    def ends(self, strategy: Strategy) -> SetSetpoint:
        memory = np.zeros(CONTROL_MEMORY)
        strategy.begin(memory)
        return SetSetpoint(self.name, float(memory[strategy.setpoints[self.name].place]))


class _Valve(_Lasting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: Annotated[int, _AN_INTEGER]
    percent: Annotated[float | None, _A_PERCENT] = None
    auto: Annotated[bool, _A_SWITCH] = False

    def begins(self) -> HoldValve:
        if self.auto == (self.percent is not None):
            raise ActionError(
                f"valve {self.number} needs either percent, {_A_PERCENT.description}, "
                "or auto = true"
            )
        return HoldValve(self.number, self.percent)

    def ends(self, strategy: Strategy) -> HoldValve:
        if self.auto:
            raise ActionError("until: auto = true has no end")
        return HoldValve(self.number)


class _Sensor(_Lasting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tag: Annotated[str, _A_TAG]
    fault: Annotated[str, _A_FAULT]
    amount: Annotated[float, _A_NUMBER] = 0.0

    def begins(self) -> FailSensor:
        if self.fault not in _FAULTS:
            raise ActionError(f"fault: {self.fault!r} is not one of {', '.join(_FAULTS)}")
        if not math.isfinite(self.amount):
            raise ActionError(f"amount: {self.amount} is not a finite number")
        kind = None if self.fault == _MENDED else SensorFault(self.fault)
        return FailSensor(self.tag, kind, self.amount)

    def ends(self, strategy: Strategy) -> FailSensor:
        if self.fault == _MENDED:
            raise ActionError(f'until: fault = "{_MENDED}" has no end')
        return FailSensor(self.tag)


class _Restart(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    def begins(self) -> Restart:
        return Restart()


KINDS: Final[Mapping[str, type[Entry]]] = {
    "disturbance": _Disturbance,
    "setpoint": _Setpoint,
    "valve": _Valve,
    "sensor": _Sensor,
    "restart": _Restart,
}
"""What an entry can be, by the word above it."""


def read_entry(kind: str, fields: Mapping[str, Any]) -> Entry:
    """The entry of a kind with these fields.

    Raises:
        ActionError: a field is unknown, missing or of the wrong type.
    """
    try:
        return msgspec.convert(fields, KINDS[kind])
    except msgspec.ValidationError as error:
        raise ActionError(_explained(fields, KINDS[kind], str(error))) from error


def _explained(fields: Mapping[str, Any], type_: type[Entry], message: str) -> str:
    """Why the fields are not of the type, with what is allowed."""
    known = {field.name: field for field in msgspec.structs.fields(type_)}
    for name in fields:
        if name not in known:
            return f"{name!r} is not a field; allowed are {', '.join(known)}"
    for name, field in known.items():
        if field.required and name not in fields:
            return f"{name} is missing: {_what(field)}"
    name = re.split(r"\W", message.partition(" - at `$.")[2])[0]
    return f"{name}: {reprlib.repr(fields[name])} is not {_what(known[name])}"


def _what(field: msgspec.structs.FieldInfo) -> str:
    (meta,) = field.type.__metadata__
    return str(meta.description)


def entry_of(item: Scheduled) -> tuple[str, Entry]:
    """Kind and entry that stand for an action; the entry has no end."""
    at, plant, action = f"{float(item.hours)!r}h", item.plant, item.action
    match action:
        case Disturb(idv=idv, on=on):
            return "disturbance", _Disturbance(at=at, plant=plant, idv=idv, on=on)
        case SetSetpoint(name=name, value=value):
            return "setpoint", _Setpoint(at=at, plant=plant, name=name, value=value)
        case HoldValve(number=number, percent=percent):
            auto = percent is None
            return "valve", _Valve(at=at, plant=plant, number=number, percent=percent, auto=auto)
        case FailSensor(tag=tag, kind=kind, amount=amount):
            fault = _MENDED if kind is None else kind.value
            return "sensor", _Sensor(at=at, plant=plant, tag=tag, fault=fault, amount=amount)
        case Restart():
            return "restart", _Restart(at=at, plant=plant)
