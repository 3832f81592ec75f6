"""A closed vessel with liquid and vapour: what its holdups and its energy say about it.

Reactor and separator are alike. A, B and C are all in the vapour; of D to H the liquid is the
state, and its vapour follows from Raoult's law.
"""

from __future__ import annotations

from typing import NamedTuple

from simulator.components import (
    FIRST_CONDENSABLE,
    KELVIN_OFFSET,
    A,
    D,
    E,
    F,
    Floats,
    G,
    H,
)
from simulator.thermo import (
    GAS_CONSTANT_MMHG_FT3,
    enthalpy,
    gas_heat,
    liquid_density,
    liquid_heat,
    molar_mass,
    mole_fractions,
    temperature,
    vapour_pressure,
)
from tepwatch.kernels import kernel


class Vessel(NamedTuple):
    """What is in a vessel.

    Volumes in ft3, densities in lbmol/ft3, molar mass in lb/lbmol, enthalpies in 1e6 Btu/lbmol.
    """

    temperature_c: float
    pressure_mmhg: float
    liquid_ft3: float
    vapour_ft3: float
    liquid_density: float
    vapour_molar_mass: float
    vapour_enthalpy: float
    liquid_enthalpy: float


@kernel
def contents(
    holdups: Floats,
    energy: float,
    volume_ft3: float,
    start_c: float,
    liquid: Floats,
    vapour: Floats,
    partial_mmhg: Floats,
) -> Vessel:
    """What is in a vessel.

    Args:
        holdups: (8,) lbmol, of A to C in the vapour and of D to H in the liquid.
        energy: of the liquid, 1e6 Btu.
        volume_ft3: of the vessel.
        start_c: where the search for the temperature begins.
        liquid: (8,) filled with the liquid's mole fractions.
        vapour: (8,) filled with the vapour's.
        partial_mmhg: (8,) filled with the partial pressures.
    """
    for i in range(FIRST_CONDENSABLE):
        liquid[i] = 0.0
    liquid_lbmol = mole_fractions(holdups, FIRST_CONDENSABLE, liquid)
    heat = liquid_heat(liquid)
    temperature_c = temperature(heat, energy / liquid_lbmol, start_c)
    density = liquid_density(liquid, temperature_c, FIRST_CONDENSABLE)
    liquid_ft3 = liquid_lbmol / density
    vapour_ft3 = volume_ft3 - liquid_ft3
    kelvin = temperature_c + KELVIN_OFFSET
    mmhg_a_lbmol = GAS_CONSTANT_MMHG_FT3 * kelvin / vapour_ft3
    for i in range(FIRST_CONDENSABLE):
        partial_mmhg[i] = holdups[i] * mmhg_a_lbmol
    # E and F evaporate alike.
    alike = vapour_pressure(E, temperature_c)
    partial_mmhg[D] = vapour_pressure(D, temperature_c) * liquid[D]
    partial_mmhg[E] = alike * liquid[E]
    partial_mmhg[F] = alike * liquid[F]
    partial_mmhg[G] = vapour_pressure(G, temperature_c) * liquid[G]
    partial_mmhg[H] = vapour_pressure(H, temperature_c) * liquid[H]
    pressure_mmhg = mole_fractions(partial_mmhg, A, vapour)
    return Vessel(
        temperature_c,
        pressure_mmhg,
        liquid_ft3,
        vapour_ft3,
        density,
        molar_mass(vapour),
        enthalpy(gas_heat(vapour), temperature_c),
        enthalpy(heat, temperature_c),
    )
