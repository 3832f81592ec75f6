"""What the control interface needs of a running simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from simulator.actions import Action


class Acknowledgement(msgspec.Struct, frozen=True):
    """An action has taken effect in a plant, at that process time and place in the stream."""

    plant: str
    process_hours: float
    run: str
    seq: int


class PlantStatus(msgspec.Struct, frozen=True):
    """One plant as it stands.

    `disturbances` are the numbers of those that are on, `valves` what is held at which percentage,
    `sensors` which instrument fails and how, `shutdown` the limit that was passed or empty.
    """

    plant: str
    run: str
    process_hours: float
    sent: int
    state: str
    shutdown: str
    disturbances: Sequence[int]
    setpoints: dict[str, float]
    valves: dict[int, float]
    sensors: dict[str, str]


class SimulationStatus(msgspec.Struct, frozen=True):
    """The whole simulation as it stands.

    `speed` is process time over wall time of the last seconds, `slipped_seconds` what was given up
    of the schedule, `dropped` records that were left out because the stream was slow.
    """

    control: str
    plants: Sequence[PlantStatus]
    speed: float
    slipped_seconds: float
    dropped: int


class Steering(Protocol):
    """A running simulation, from another thread."""

    def act(
        self, action: Action, plants: Sequence[str] | None = None, timeout_seconds: float = 5.0
    ) -> list[Acknowledgement]:
        """Have an action take effect in some plants, in all without names; returns when it has.

        Raises:
            ActionError: no such plant, or one that cannot take the action; nothing was done.
            TimeoutError: the simulation did not come to it in time.
        """

    def status(self) -> SimulationStatus:
        """How it stands."""
