"""The hands of the live page: what it asks for is done as the commands of the same names do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cli.control_client import ControlClient
from cli.operate import send_command
from cli.steer import words_of
from dashboards.page.requests import (
    Acknowledge,
    Clear,
    Inject,
    Setpoint,
    SetpointRange,
    Shelve,
    Steered,
    Wish,
)
from simulator.actions import VALVE4_STUCK, Action, SetSetpoint
from simulator.schedule import switch_of
from simulator.strategies import STRATEGIES
from tepwatch.errors import TepwatchError
from tepwatch.records import CommandKind
from tepwatch.settings import Settings
from tepwatch.tags import VALVE_4_HELD


class OperatorHands:
    """Steers a simulation, where there is one, and puts commands on the stream.

    Args:
        settings: of the stream.
        client: of the simulation's control interface.
    """

    def __init__(self, settings: Settings, client: ControlClient | None) -> None:
        self._settings = settings
        self._client = client

    def do(self, wish: Wish) -> str:
        """Do it, and say in a line what was done.

        Raises:
            TepwatchError: it cannot be done; the text says why.
        """
        match wish:
            case Inject(idv=idv, plant=plant):
                return self._steer(_switch(idv)[0], plant)
            case Clear(idv=idv, plant=plant):
                return self._steer(_switch(idv)[1], plant)
            case Setpoint(name=name, value=value, plant=plant):
                return self._steer(SetSetpoint(name, value), plant)
            case Acknowledge(plant=plant, alarm=alarm):
                detail = {} if alarm is None else {"alarm": alarm}
                send_command(self._settings, plant, CommandKind.ACKNOWLEDGE, detail)
                return f"{plant}: {alarm or 'all alarms'} acknowledged"
            case Shelve(plant=plant, hours=hours):
                send_command(self._settings, plant, CommandKind.SHELVE, {"hours": hours})
                return f"{plant}: alarms shelved for {hours:g} h of process time"

    def setpoints(self) -> Sequence[SetpointRange]:
        """What can be set; nothing where no simulation is steered."""
        if self._client is None:
            return []
        strategy = STRATEGIES[self._client.status().control]
        return [
            SetpointRange(name, each.low, each.high, each.unit)
            for name, each in strategy.setpoints.items()
        ]

    def plants(self) -> Mapping[str, Steered]:
        """The simulated plants, by name; none where no simulation is steered."""
        if self._client is None:
            return {}
        return {
            each.plant: Steered(each.setpoints, list(each.disturbances), each.state)
            for each in self._client.status().plants
        }

    def _steer(self, action: Action, plant: str) -> str:
        if self._client is None:
            raise TepwatchError("no simulation is steered from here")
        done = self._client.act(action, [plant])
        return "; ".join(
            f"{one.plant}: {words_of(action)} from {one.process_hours:.2f} h" for one in done
        )


def _switch(idv: int) -> tuple[Action, Action]:
    return switch_of(VALVE4_STUCK if idv == VALVE_4_HELD.number else str(idv))
