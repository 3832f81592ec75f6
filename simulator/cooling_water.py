"""Cooling water of the reactor and of the condenser: well mixed on its side of the tubes."""

from __future__ import annotations

from typing import Final

from simulator.components import single
from tepwatch.kernels import kernel

REACTOR_HOLDUP: Final = 7060.0
CONDENSER_HOLDUP: Final = 11138.0
_HEAT_CAPACITY: Final = single(500.53)
_BTU_A_HEAT: Final = 1.0e6 / single(1.8)


@kernel
def outlet_change(
    flow: float, inlet_c: float, outlet_c: float, heat: float, holdup: float
) -> float:
    """Change of the outlet's temperature in °C/h.

    Args:
        flow: of water, gal/min as the valve's range has it.
        inlet_c: temperature of what comes in.
        outlet_c: temperature now.
        heat: what the process takes up from the water, 1e6 Btu/h; negative when it is cooled.
        holdup: one of the constants of this module.
    """
    taken = heat * _BTU_A_HEAT
    return (flow * _HEAT_CAPACITY * (inlet_c - outlet_c) - taken) / holdup
