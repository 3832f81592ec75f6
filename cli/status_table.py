"""How a running simulation stands, on a screen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from simulator.layout import CONTROL_MEMORY
from simulator.steering import PlantStatus, SimulationStatus
from simulator.strategies import STRATEGIES

_TABLE_WIDTH: Final = 200


def print_status(stands: SimulationStatus) -> None:
    """A row a plant, and a line about all of them."""
    table = Table()
    for name in ("plant", "run"):
        table.add_column(name, overflow="fold")
    table.add_column("process h", justify="right")
    for name in ("state", "disturbances", "set-points changed", "valves held", "sensors"):
        table.add_column(name, overflow="fold")
    table.add_column("sent", justify="right")
    usual = _usual_setpoints(stands.control)
    for one in stands.plants:
        table.add_row(*_cells(one, usual))
    console = Console(highlight=False)
    if not sys.stdout.isatty():
        # No screen to fit into.
        console.width = max(console.width, _TABLE_WIDTH)
    console.print(table)
    text = f"control {stands.control}, {stands.speed:.4g} times as fast as the clock, "
    text += f"{stands.slipped_seconds:.1f} s slipped"
    console.print(f"{text}, {stands.dropped} records left out" if stands.dropped else text)


def _cells(one: PlantStatus, usual: Mapping[str, float]) -> list[str]:
    changed = {name: value for name, value in one.setpoints.items() if value != usual.get(name)}
    return [
        one.plant,
        one.run,
        f"{one.process_hours:.4f}",
        f"{one.state}: {one.shutdown}" if one.shutdown else one.state,
        ", ".join(f"IDV {idv}" for idv in one.disturbances),
        ", ".join(f"{name} {value:.10g}" for name, value in changed.items()),
        ", ".join(f"{number}: {percent:.10g} %" for number, percent in one.valves.items()),
        ", ".join(f"{tag} {fault}" for tag, fault in one.sensors.items()),
        str(one.sent),
    ]


def _usual_setpoints(control: str) -> Mapping[str, float]:
    """Those that plants begin with under this control; none if it is of another version."""
    strategy = STRATEGIES.get(control)
    if strategy is None:
        return {}
    memory = np.zeros(CONTROL_MEMORY)
    strategy.begin(memory)
    return {name: float(memory[one.place]) for name, one in strategy.setpoints.items()}
