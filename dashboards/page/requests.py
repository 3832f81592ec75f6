"""What the page's hands ask for, and what it needs of whoever can do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

import msgspec

_HOURS_MAX = 10_000.0


class Inject(msgspec.Struct, frozen=True, tag_field="do", tag="inject"):
    """Switch a disturbance on."""

    idv: int
    plant: str


class Clear(msgspec.Struct, frozen=True, tag_field="do", tag="clear"):
    """Switch a disturbance off."""

    idv: int
    plant: str


class Setpoint(msgspec.Struct, frozen=True, tag_field="do", tag="setpoint"):
    """Ask the controllers for another value."""

    name: str
    value: float
    plant: str


class Acknowledge(msgspec.Struct, frozen=True, tag_field="do", tag="acknowledge"):
    """Acknowledge an alarm, or all of a plant."""

    plant: str
    alarm: str | None = None


class Shelve(msgspec.Struct, frozen=True, tag_field="do", tag="shelve"):
    """Shelve a plant's alarms for hours of process time."""

    plant: str
    hours: Annotated[float, msgspec.Meta(ge=0.0, le=_HOURS_MAX)]


Wish = Inject | Clear | Setpoint | Acknowledge | Shelve


class SetpointRange(msgspec.Struct, frozen=True):
    """What may be asked for."""

    name: str
    low: float
    high: float
    unit: str


class Steered(msgspec.Struct, frozen=True):
    """How a simulated plant stands."""

    setpoints: Mapping[str, float]
    disturbances: Sequence[int]
    state: str


class Hands(Protocol):
    """Carries out what an operator wants; called from several threads."""

    def do(self, wish: Wish) -> str:
        """Do it, and say in a line what was done.

        Raises:
            TepwatchError: it cannot be done; the text says why.
        """

    def setpoints(self) -> Sequence[SetpointRange]:
        """What can be set; nothing where no simulation is steered."""

    def plants(self) -> Mapping[str, Steered]:
        """The simulated plants, by name; none where no simulation is steered."""
