"""Thermodynamics of mixtures: enthalpies and their temperatures, densities, vapour pressures.

Enthalpies are in 1e6 Btu/lbmol above the liquid (or the ideal gas) at 0 °C, temperatures in °C.
A mixture's enthalpy is a cubic in the temperature whose coefficients are the components' weighted
by their mole fractions: found once, it is cheap to evaluate and to solve. Source: Downs and Vogel
1993, appendix; heat capacities are quadratic in the temperature.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from simulator.components import (
    ANTOINE_A,
    ANTOINE_B,
    ANTOINE_C,
    COMPONENTS,
    GAS_HEAT_A,
    GAS_HEAT_B,
    GAS_HEAT_C,
    HEAT_OF_VAPORISATION,
    KELVIN_OFFSET,
    LIQUID_DENSITY_A,
    LIQUID_DENSITY_B,
    LIQUID_DENSITY_C,
    LIQUID_HEAT_A,
    LIQUID_HEAT_B,
    LIQUID_HEAT_C,
    MOLAR_MASS_LB_PER_LBMOL,
    A,
    B,
    C,
    D,
    E,
    F,
    Floats,
    G,
    H,
    single,
)
from tepwatch.kernels import kernel

GAS_CONSTANT_MMHG_FT3: Final = single(998.9)
"""mmHg ft3 / (lbmol K)."""
_GAS_CONSTANT_BTU: Final = 3.57696 / 1e6
_FAHRENHEIT_A_KELVIN: Final = 1.8
_STEPS_MAX: Final = 100
# The error is cubed with every step, and an enthalpy's curvature is small: after a step of 1e-3 °C
# what is left is less than a double tells. From one second to the next that is one step.
_STEP_C: Final = 1e-3

_MOLAR: Final = _FAHRENHEIT_A_KELVIN * MOLAR_MASS_LB_PER_LBMOL
_LIQUID_1: Final = _MOLAR * LIQUID_HEAT_A
_LIQUID_2: Final = _MOLAR * LIQUID_HEAT_B / 2.0
_LIQUID_3: Final = _MOLAR * LIQUID_HEAT_C / 3.0
_GAS_0: Final = MOLAR_MASS_LB_PER_LBMOL * HEAT_OF_VAPORISATION
_GAS_1: Final = _MOLAR * GAS_HEAT_A
_GAS_2: Final = _MOLAR * GAS_HEAT_B / 2.0
_GAS_3: Final = _MOLAR * GAS_HEAT_C / 3.0


class Heat(NamedTuple):
    """Coefficients of a mixture's enthalpy, constant first."""

    constant: float
    linear: float
    quadratic: float
    cubic: float


@kernel
def mole_fractions(amounts: Floats, first: int, fractions: Floats) -> float:
    """Fill the fractions of the components from `first` on; returns the sum of their amounts."""
    together = 0.0
    for i in range(first, COMPONENTS):
        together += amounts[i]
    share = 1.0 / together
    for i in range(first, COMPONENTS):
        fractions[i] = amounts[i] * share
    return together


@kernel
def total(fractions: Floats, values: Floats) -> float:
    """Sum over the components of fraction times value.

    Added in pairs: the processor works on them side by side, where a loop waits for each sum.
    """
    first = (fractions[A] * values[A] + fractions[B] * values[B]) + (
        fractions[C] * values[C] + fractions[D] * values[D]
    )
    last = (fractions[E] * values[E] + fractions[F] * values[F]) + (
        fractions[G] * values[G] + fractions[H] * values[H]
    )
    return float(first + last)


@kernel
def liquid_heat(fractions: Floats) -> Heat:
    """Enthalpy of a liquid mixture, by its mole fractions."""
    return Heat(
        0.0, total(fractions, _LIQUID_1), total(fractions, _LIQUID_2), total(fractions, _LIQUID_3)
    )


@kernel
def gas_heat(fractions: Floats) -> Heat:
    """Enthalpy of a gas mixture, by its mole fractions."""
    return Heat(
        total(fractions, _GAS_0),
        total(fractions, _GAS_1),
        total(fractions, _GAS_2),
        total(fractions, _GAS_3),
    )


@kernel
def internal_energy(gas: Heat) -> Heat:
    """A gas's internal energy, by its enthalpy: less R T."""
    return Heat(
        gas.constant - _GAS_CONSTANT_BTU * KELVIN_OFFSET,
        gas.linear - _GAS_CONSTANT_BTU,
        gas.quadratic,
        gas.cubic,
    )


@kernel
def enthalpy(heat: Heat, temperature_c: float) -> float:
    """Enthalpy at a temperature."""
    return heat.constant + temperature_c * (
        heat.linear + temperature_c * (heat.quadratic + temperature_c * heat.cubic)
    )


@kernel
def temperature(heat: Heat, value: float, start_c: float) -> float:
    """The temperature at which the enthalpy is `value`, by Halley's method from `start_c`.

    Returns the start where the search does not end, as the original does (which takes Newton's).
    """
    found = start_c
    for _ in range(_STEPS_MAX):
        excess = enthalpy(heat, found) - value
        slope = heat.linear + found * (2.0 * heat.quadratic + found * 3.0 * heat.cubic)
        curvature = heat.quadratic + 3.0 * found * heat.cubic
        step = excess * slope / (slope * slope - excess * curvature)
        found -= step
        if abs(step) < _STEP_C:
            return found
    return start_c


@kernel
def liquid_density(fractions: Floats, temperature_c: float, first: int) -> float:
    """Molar density in lbmol/ft3 of a liquid mixture of the components from `first` on."""
    volume_ft3 = 0.0
    for i in range(first, COMPONENTS):
        density = LIQUID_DENSITY_A[i] + temperature_c * (
            LIQUID_DENSITY_B[i] + temperature_c * LIQUID_DENSITY_C[i]
        )
        volume_ft3 += fractions[i] * MOLAR_MASS_LB_PER_LBMOL[i] / density
    return 1.0 / volume_ft3


@kernel
def vapour_pressure(component: int, temperature_c: float) -> float:
    """Antoine's equation, in mmHg."""
    return math.exp(
        ANTOINE_A[component] + ANTOINE_B[component] / (temperature_c + ANTOINE_C[component])
    )


@kernel
def molar_mass(fractions: Floats) -> float:
    """Of a mixture, in lb/lbmol."""
    return total(fractions, MOLAR_MASS_LB_PER_LBMOL)
