"""Valves: a first-order lag behind their command, and stiction where a disturbance asks for it."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.components import Floats, single
from simulator.disturbances import CONDENSER_VALVE_STICKS, REACTOR_VALVE_STICKS, VALVES_STICK
from tepwatch.kernels import kernel

# Places in xmv: one less than the paper's number.
(
    D_FEED,
    E_FEED,
    A_FEED,
    AC_FEED,
    RECYCLE,
    PURGE,
    SEPARATOR_LIQUID,
    STRIPPER_LIQUID,
    STEAM,
    REACTOR_WATER,
    CONDENSER_WATER,
    AGITATOR,
) = range(12)

# For a percent: flows in lbmol/h, heat transfer of the steam in 1e6 Btu/h/K. Those of feeds and
# cooling water may be disturbed (`simulator.disturbances`), recycle and purge flow by pressure.
SEPARATOR_LIQUID_A_PERCENT: Final = 1500.0 / 100.0
STRIPPER_LIQUID_A_PERCENT: Final = 1000.0 / 100.0
STEAM_A_PERCENT: Final = single(0.03) / 100.0

LAG_HOURS: Final = np.array([8, 8, 6, 9, 7, 5, 5, 5, 120, 5, 5, 5]) / 3600.0
LAGS_AN_HOUR: Final = 1.0 / LAG_HOURS
_STICTION_PERCENT: Final = 2.0
_NEVER: Final = -1
_STUCK_BY: Final = np.array(
    [
        _NEVER,
        _NEVER,
        _NEVER,
        _NEVER,
        VALVES_STICK,
        _NEVER,
        VALVES_STICK,
        VALVES_STICK,
        VALVES_STICK,
        REACTOR_VALVE_STICKS,
        CONDENSER_VALVE_STICKS,
        _NEVER,
    ]
)


@kernel
def command(xmv: Floats, commands: Floats, disturbances: Floats, first: bool) -> None:
    """Tell (12,) valves what the controllers ask for.

    A sticking valve takes a command only when it is further than 2 % from the last that it took;
    at the `first` moment of a plant all take it.
    """
    sticking = disturbances[REACTOR_VALVE_STICKS] + disturbances[CONDENSER_VALVE_STICKS]
    if sticking + disturbances[VALVES_STICK] == 0.0:
        for i in range(len(xmv)):
            commands[i] = min(max(xmv[i], 0.0), 100.0)
        return
    for i in range(len(xmv)):
        switch = _STUCK_BY[i]
        stiction = 0.0 if switch == _NEVER else _STICTION_PERCENT * disturbances[switch]
        if first or abs(commands[i] - xmv[i]) > stiction:
            commands[i] = xmv[i]
        commands[i] = min(max(commands[i], 0.0), 100.0)
