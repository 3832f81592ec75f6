"""The reactor: four exothermic gas-phase reactions, and the cooling bundle that holds them.

1. A + C + D -> G    2. A + C + E -> H    3. A + E -> F    4. 3/2 D -> F

Source: Downs and Vogel 1993, table 1 and appendix; constants as in the original program.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from simulator.components import KELVIN_OFFSET, A, C, D, E, Floats, single
from simulator.vessel import Vessel
from tepwatch.kernels import kernel

VOLUME_FT3: Final = 1300.0

STOICHIOMETRY: Final = np.array(
    [
        # A, B, C, D, E, F, G, H: lbmol made a lbmol of reaction
        [-1.0, 0.0, -1.0, -1.0, 0.0, 0.0, 1.0, 0.0],
        [-1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 0.0, 1.0],
        [-1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, -1.5, 0.0, 1.0, 0.0, 0.0],
    ]
)

_PRE_EXPONENTIAL_1: Final = single(31.5859536)
_PRE_EXPONENTIAL_2: Final = single(3.00094014)
_PRE_EXPONENTIAL_3: Final = single(53.4060443)
_RATE_4_TO_3: Final = 0.767488334
_HEAT_1: Final = 0.06899381054
_HEAT_2: Final = 0.05

_FT3_A_LEVEL_PERCENT: Final = single(7.8)
_LEVEL_ALL_COVERED: Final = 50.0
_LEVEL_NONE_COVERED: Final = 10.0
_COVERED_A_LEVEL: Final = single(0.025)
_HEAT_TRANSFER: Final = 855490.0e-6
_FOULING: Final = 0.35


class Kinetics(NamedTuple):
    """Activation energies over the gas constant, in K, and the orders of A and C."""

    activation_1_k: float
    activation_2_k: float
    activation_3_k: float
    order_a: float
    order_c: float


def _activation(energy: float) -> float:
    return float(np.float32(energy) / np.float32(1.987))


ORIGINAL_KINETICS: Final = Kinetics(
    _activation(40000.0), _activation(20000.0), _activation(60000.0), single(1.1544), single(0.3735)
)
"""In single precision throughout, as the Fortran compiler has them."""

RICKER_KINETICS: Final = Kinetics(
    single(20130.85052843482), single(10065.42526421741), single(30196.27579265224), 1.1544, 0.3735
)
"""As Ricker's model and its ports hold them: divided first, then rounded; orders in full."""


class Reactions(NamedTuple):
    """Rates in lbmol/h of the four reactions; heat set free in 1e6 Btu/h."""

    rate_1: float
    rate_2: float
    rate_3: float
    rate_4: float
    heat: float


@kernel
def reactions(
    reactor: Vessel, partial_mmhg: Floats, drift_1: float, drift_2: float, kinetics: Kinetics
) -> Reactions:
    """Arrhenius rates by the partial pressures; `drift_1` and `drift_2` are IDV 13's factors."""
    inverse_k = 1.0 / (reactor.temperature_c + KELVIN_OFFSET)
    pressure_a, pressure_c = partial_mmhg[A], partial_mmhg[C]
    rate_1 = rate_2 = 0.0
    if pressure_a > 0.0 and pressure_c > 0.0:
        # Powers as logarithms, which join the exponent: a pow takes three times as long.
        common = kinetics.order_a * math.log(pressure_a) + kinetics.order_c * math.log(pressure_c)
        rate_1 = math.exp(_PRE_EXPONENTIAL_1 - kinetics.activation_1_k * inverse_k + common)
        rate_1 *= drift_1 * partial_mmhg[D] * reactor.vapour_ft3
        rate_2 = math.exp(_PRE_EXPONENTIAL_2 - kinetics.activation_2_k * inverse_k + common)
        rate_2 *= drift_2 * partial_mmhg[E] * reactor.vapour_ft3
    base_3 = math.exp(_PRE_EXPONENTIAL_3 - kinetics.activation_3_k * inverse_k)
    base_3 *= pressure_a * reactor.vapour_ft3
    return Reactions(
        rate_1,
        rate_2,
        base_3 * partial_mmhg[E],
        base_3 * _RATE_4_TO_3 * partial_mmhg[D],
        rate_1 * _HEAT_1 + rate_2 * _HEAT_2,
    )


@kernel
def cooling(
    reactor: Vessel, water_outlet_c: float, agitator_percent: float, fouling: float
) -> float:
    """Heat that the reactor takes up from its cooling water (negative), in 1e6 Btu/h.

    The bundle is covered in part below half of the level's range. `fouling` is IDV 17's walk.
    """
    level = reactor.liquid_ft3 / _FT3_A_LEVEL_PERCENT
    covered = _COVERED_A_LEVEL * reactor.liquid_ft3 / _FT3_A_LEVEL_PERCENT - 0.25
    if level > _LEVEL_ALL_COVERED:
        covered = 1.0
    elif level < _LEVEL_NONE_COVERED:
        covered = 0.0
    agitation = (agitator_percent + 150.0) / 100.0
    transfer = covered * (-0.5 * agitation**2 + 2.75 * agitation - 2.5) * _HEAT_TRANSFER
    return transfer * (water_outlet_c - reactor.temperature_c) * (1.0 - _FOULING * fouling)
