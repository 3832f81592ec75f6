"""A simulation that is none, to be steered by tests."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.actions import Action, ActionError, check
from simulator.steering import Acknowledgement, PlantStatus, SimulationStatus
from simulator.strategies import RICKER

PLANTS = ("plant-1", "plant-2")
_SETPOINTS = {"reactor-pressure": 2800.0, "reactor-level": 65.0}


class RecordedSteering:
    """Takes what a plant under Ricker's control would, and keeps it.

    `failure` is raised instead by every call.
    """

    def __init__(self, failure: Exception | None = None) -> None:
        self.taken: list[tuple[Action, Sequence[str]]] = []
        self.failure = failure

    def act(
        self, action: Action, plants: Sequence[str] | None = None, timeout_seconds: float = 5.0
    ) -> list[Acknowledgement]:
        if self.failure is not None:
            raise self.failure
        check(action, RICKER)
        named = PLANTS if plants is None else plants
        for plant in named:
            if plant not in PLANTS:
                raise ActionError(f"plant: {plant!r} is not one of {', '.join(PLANTS)}")
        self.taken.append((action, tuple(named)))
        return [Acknowledgement(plant, 8.0005, f"{plant}-run", 1234) for plant in named]

    def status(self) -> SimulationStatus:
        if self.failure is not None:
            raise self.failure
        plants = [
            PlantStatus(
                "plant-1", "run-a", 8.0005, 1234, "running", "", [6, 13],
                {**_SETPOINTS, "reactor-pressure": 2750.0}, {4: 61.302}, {"xmeas_9": "bias"},
            ),
            PlantStatus(
                "plant-2", "run-b", 3.5, 99, "shut down", "reactor pressure high", [], _SETPOINTS,
                {}, {},
            ),
        ]  # fmt: skip
        return SimulationStatus("ricker", plants, 59.94, 1.25, 0)
