"""The stripper: the A and C feed drives the reactants out of the separator's liquid."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from simulator.components import COMPONENTS, FIRST_CONDENSABLE, A, Floats, single
from simulator.thermo import (
    enthalpy,
    gas_heat,
    liquid_density,
    liquid_heat,
    mole_fractions,
    temperature,
)
from tepwatch.kernels import kernel

VOLUME_FT3: Final = 156.5

# The share of a component that leaves at the top: fixed for the gases, by the vapour-to-liquid
# ratio for the rest; and what it is without liquid.
_SHARE_OF_GASES: Final = np.array([single(0.99500), single(0.99100), single(0.99000)])
_VOLATILITY: Final = np.array(
    [0.0, 0.0, 0.0] + [single(value) for value in (8.5010, 11.402, 11.795, 0.0480, 0.0242)]
)
_SHARE_WHEN_DRY: Final = np.array(
    [0.0, 0.0, 0.0] + [single(value) for value in (0.9999, 0.999, 0.999, 0.99, 0.98)]
)
_DRY_LBMOL_PER_H: Final = single(0.1)
_HOT_C: Final = 170.0
_COLD_C: Final = single(5.292)
_HOT_OFFSET_C: Final = single(120.262)
_COLD_FACTOR: Final = single(0.1)
_FACTOR_SCALE_C: Final = single(363.744)
_FACTOR_POLE_C: Final = 177.0
_FACTOR_OFFSET: Final = single(2.22579488)
_STEAM_C: Final = 100.0


class Stripper(NamedTuple):
    """What is at the stripper's foot: liquid in ft3 and lbmol/ft3, enthalpy in 1e6 Btu/lbmol."""

    temperature_c: float
    liquid_ft3: float
    liquid_density: float
    liquid_enthalpy: float


@kernel
def contents(holdups: Floats, energy: float, start_c: float, fractions: Floats) -> Stripper:
    """What is at the stripper's foot.

    Args:
        holdups: (8,) lbmol, all liquid.
        energy: 1e6 Btu.
        start_c: where the search for the temperature begins.
        fractions: (8,) filled with the mole fractions.
    """
    liquid_lbmol = mole_fractions(holdups, A, fractions)
    heat = liquid_heat(fractions)
    temperature_c = temperature(heat, energy / liquid_lbmol, start_c)
    density = liquid_density(fractions, temperature_c, A)
    return Stripper(temperature_c, liquid_lbmol / density, density, enthalpy(heat, temperature_c))


class Overhead(NamedTuple):
    """What leaves at the top: lbmol/h and 1e6 Btu/lbmol."""

    flow: float
    enthalpy: float


@kernel
def overhead(
    gas_feed: float,
    gas_fractions: Floats,
    liquid_feed: float,
    liquid_fractions: Floats,
    temperature_c: float,
    leaving: Floats,
    fractions: Floats,
) -> Overhead:
    """What the gas feed takes along.

    Args:
        gas_feed: the A and C feed, lbmol/h.
        gas_fractions: (8,) its mole fractions.
        liquid_feed: the separator's liquid, lbmol/h.
        liquid_fractions: (8,) its mole fractions.
        temperature_c: at the stripper's foot.
        leaving: (8,) filled with the flow of each component at the top, lbmol/h.
        fractions: (8,) filled with its mole fractions.
    """
    wet = liquid_feed > _DRY_LBMOL_PER_H
    ratio = gas_feed / liquid_feed * _temperature_factor(temperature_c) if wet else 0.0
    for i in range(COMPONENTS):
        if i < FIRST_CONDENSABLE:
            share = _SHARE_OF_GASES[i]
        elif wet:
            share = _VOLATILITY[i] * ratio / (1.0 + _VOLATILITY[i] * ratio)
        else:
            share = _SHARE_WHEN_DRY[i]
        leaving[i] = share * (gas_fractions[i] * gas_feed + liquid_fractions[i] * liquid_feed)
    flow = mole_fractions(leaving, A, fractions)
    return Overhead(flow, enthalpy(gas_heat(fractions), temperature_c))


@kernel
def _temperature_factor(temperature_c: float) -> float:
    """How much more volatile everything is at a temperature."""
    if temperature_c > _HOT_C:
        return temperature_c - _HOT_OFFSET_C
    if temperature_c < _COLD_C:
        return _COLD_FACTOR
    return _FACTOR_SCALE_C / (_FACTOR_POLE_C - temperature_c) - _FACTOR_OFFSET


@kernel
def steam_heating(transfer: float, temperature_c: float) -> float:
    """Heat from the steam, 1e6 Btu/h; `transfer` in 1e6 Btu/h/K."""
    if temperature_c < _STEAM_C:
        return transfer * (_STEAM_C - temperature_c)
    return 0.0
