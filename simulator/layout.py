"""Where everything about the plants of a fleet lies: one array, with a row a plant.

A row is all there is of a plant, its random numbers and the memory of its controllers included: a
copy of the row is a copy of the plant. Kernels take rows and the places below; everything else sees
the same numbers by name (`Plants`).
"""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import numpy as np

from simulator.components import Floats
from tepwatch.tags import DISTURBANCES, DISTURBANCES_2015, XMEAS, XMV

# States: holdups in lbmol, internal energies in 1e6 Btu, temperatures in °C, valves in %.
# Of reactor and separator the holdups of A, B and C are in the vapour, of D to H in the liquid.
REACTOR: Final = 0
REACTOR_ENERGY: Final = 8
SEPARATOR: Final = 9
SEPARATOR_ENERGY: Final = 17
STRIPPER: Final = 18
STRIPPER_ENERGY: Final = 26
MIXING: Final = 27
MIXING_ENERGY: Final = 35
REACTOR_WATER_OUTLET: Final = 36
CONDENSER_WATER_OUTLET: Final = 37
VALVES: Final = 38
STATES: Final = 50

CONTINUOUS: Final = 22
"""Measurements that are there at all times; the rest comes from analysers."""
GAS_ANALYSES: Final = 14
PRODUCT_ANALYSES: Final = 5
ANALYSES: Final = GAS_ANALYSES + PRODUCT_ANALYSES

WALKS_1993: Final = 12
WALKS: Final = 20
"""Of the revision of 2015; the first 12 are the paper's."""
WALK_COEFFICIENTS: Final = 6
"""Of a cubic: value, slope, quadratic, cubic; hours when it began and ends."""

# Temperatures, which the next search begins from.
(
    REACTOR_TEMPERATURE,
    SEPARATOR_TEMPERATURE,
    STRIPPER_TEMPERATURE,
    MIXING_TEMPERATURE,
) = range(4)
TEMPERATURES: Final = 4

CONTROL_MEMORY: Final = 64
"""Numbers that a control strategy keeps; the strategies say which."""

MEASUREMENTS: Final = len(XMEAS)
MANIPULATED: Final = len(XMV)


class Places(NamedTuple):
    """What makes a plant, in the order of its row; as `AT` the first place of each, or a width.

    Of failing instruments: `faulty` whether there is one; `faults` codes of `simulator.sensors`;
    `shown` what is seen in place of `xmeas` while one fails; `fault_began` in hours.
    """

    steps: int
    """Integration steps since the start."""
    hours: int
    """Process time."""
    generator: int
    """State of the random numbers, an integer."""
    noise_generator: int
    """The same for the instruments' errors, where the revision keeps them apart."""
    shutdown: int
    """Code of the safety limit that was passed, 0 for none."""
    holding: int
    """Whether an operator holds a valve."""
    faulty: int
    next_analysis: int
    """Hours of the gas and the product analysers' next sample."""
    next_walk: int
    """Hours when the first of the walks needs a new segment."""
    temperatures: int
    states: int
    changes: int
    """Of the states, per hour."""
    clean: int
    """What the continuous instruments would show without error."""
    xmeas: int
    """As measured last."""
    xmv: int
    """As the controllers set them, not clamped."""
    valve_commands: int
    """What the valves were told, with stiction."""
    disturbances: int
    """0 or 1."""
    walks: int
    analysed: int
    """What the analysers would show without error and delay, when a sample was drawn last."""
    analyses: int
    """Drawn samples whose results are not out yet."""
    memory: int
    """Of the control strategy."""
    manual: int
    """At what a valve is held, NaN where the controllers have it."""
    faults: int
    shown: int
    fault_amounts: int
    fault_began: int
    fault_values: int
    fault_generator: int


_WIDTHS: Final = Places(
    steps=1,
    hours=1,
    generator=1,
    noise_generator=1,
    shutdown=1,
    holding=1,
    faulty=1,
    next_analysis=2,
    next_walk=1,
    temperatures=TEMPERATURES,
    states=STATES,
    changes=STATES,
    clean=CONTINUOUS,
    xmeas=MEASUREMENTS,
    xmv=MANIPULATED,
    valve_commands=MANIPULATED,
    disturbances=len(DISTURBANCES) + len(DISTURBANCES_2015),
    walks=WALKS * WALK_COEFFICIENTS,
    analysed=ANALYSES,
    analyses=ANALYSES,
    memory=CONTROL_MEMORY,
    manual=MANIPULATED,
    faults=MEASUREMENTS,
    shown=MEASUREMENTS,
    fault_amounts=MEASUREMENTS,
    fault_began=MEASUREMENTS,
    fault_values=MEASUREMENTS,
    fault_generator=1,
)
AT: Final = Places(*itertools.accumulate(_WIDTHS[:-1], initial=0))
"""The first place of everything."""
WIDTH: Final = sum(_WIDTHS)


class Plants:
    """The array of a fleet's plants, and views of its parts by the names of `Places`.

    A part of width 1 is (plants,), any other (plants, width).

    >>> plants = Plants(np.zeros((3, WIDTH)))
    >>> plants.hours.shape, plants.states.shape
    ((3,), (3, 50))
    """

    def __init__(self, rows: Floats) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getattr__(self, name: str) -> Floats:
        if name not in Places._fields:
            raise AttributeError(name)
        first, width = getattr(AT, name), getattr(_WIDTHS, name)
        part: Floats = self.rows[:, first : first + width]
        return part[:, 0] if width == 1 else part


def empty_plants(count: int) -> Plants:
    """So many plants of zeros, in whose valves no operator has a hand."""
    plants = Plants(np.zeros((count, WIDTH)))
    plants.manual[:] = np.nan
    return plants
