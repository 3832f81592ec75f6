"""The mixing zone in front of the reactor: gas only, at its own pressure."""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.components import KELVIN_OFFSET, A, Floats
from simulator.thermo import (
    GAS_CONSTANT_MMHG_FT3,
    enthalpy,
    gas_heat,
    internal_energy,
    molar_mass,
    mole_fractions,
    temperature,
)
from tepwatch.kernels import kernel

VOLUME_FT3: Final = 5000.0


class Mixed(NamedTuple):
    """The gas of the mixing zone: molar mass in lb/lbmol, enthalpy in 1e6 Btu/lbmol."""

    temperature_c: float
    pressure_mmhg: float
    molar_mass: float
    enthalpy: float


@kernel
def contents(holdups: Floats, energy: float, start_c: float, fractions: Floats) -> Mixed:
    """What is in the mixing zone.

    Args:
        holdups: (8,) lbmol.
        energy: internal energy of the gas, 1e6 Btu.
        start_c: where the search for the temperature begins.
        fractions: (8,) filled with the mole fractions.
    """
    gas_lbmol = mole_fractions(holdups, A, fractions)
    heat = gas_heat(fractions)
    temperature_c = temperature(internal_energy(heat), energy / gas_lbmol, start_c)
    kelvin = temperature_c + KELVIN_OFFSET
    return Mixed(
        temperature_c,
        gas_lbmol * GAS_CONSTANT_MMHG_FT3 * kelvin / VOLUME_FT3,
        molar_mass(fractions),
        enthalpy(heat, temperature_c),
    )
