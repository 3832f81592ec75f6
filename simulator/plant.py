"""The whole plant: the change of its 50 states, by what is in its vessels and flows between them.

Pure: nothing is drawn at random, nothing remembered but the temperatures where the searches begin.
Feeds, reactor, condenser, separator, compressor and stripper are modules of their own; here is how
they are connected.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from simulator import (
    compressor,
    cooling_water,
    mixing,
    reactor,
    separator,
    stripper,
    valves,
    vessel,
)
from simulator.components import COMPONENTS, A, B, C, D, E, F, Floats, single
from simulator.disturbances import Conditions
from simulator.layout import (
    CONDENSER_WATER_OUTLET,
    MIXING,
    MIXING_ENERGY,
    MIXING_TEMPERATURE,
    REACTOR,
    REACTOR_ENERGY,
    REACTOR_TEMPERATURE,
    REACTOR_WATER_OUTLET,
    SEPARATOR,
    SEPARATOR_ENERGY,
    SEPARATOR_TEMPERATURE,
    STRIPPER,
    STRIPPER_ENERGY,
    STRIPPER_TEMPERATURE,
    VALVES,
)
from simulator.reactor import STOICHIOMETRY, Kinetics
from simulator.thermo import enthalpy, gas_heat, molar_mass
from tepwatch.kernels import kernel

_MOSTLY: Final = single(0.9999)
_TRACE: Final = single(0.0001)
_REACTOR_FEED_FLOW: Final = 1937.6
_REACTOR_PRODUCT_FLOW: Final = 4574.21
_PRODUCT_FLOW_LOSS: Final = 0.25
_PURGE_FLOW: Final = 0.151169
_ATMOSPHERE_MMHG: Final = 760.0
_AC_FEED_MIN: Final = 1.0e-10


def _feed(**fractions: float) -> Floats:
    places = {"a": A, "b": B, "d": D, "e": E, "f": F}
    feed = np.zeros(COMPONENTS)
    for name, fraction in fractions.items():
        feed[places[name]] = fraction
    return feed


FEED_D: Final = _feed(b=_TRACE, d=_MOSTLY)
FEED_E: Final = _feed(e=_MOSTLY, f=_TRACE)
FEED_A: Final = _feed(a=_MOSTLY, b=_TRACE)
_FEED_D_MASS: Final = float(molar_mass(FEED_D))
_FEED_E_MASS: Final = float(molar_mass(FEED_E))
_FEED_A_HEAT: Final = gas_heat(FEED_A)
_FEED_D_HEAT: Final = gas_heat(FEED_D)
_FEED_E_HEAT: Final = gas_heat(FEED_E)


class Mixtures(NamedTuple):
    """Mole fractions (8,) of holdups and streams, and what else has a value a component.

    Filled by `derivatives`; its owner makes them once.
    """

    ac_feed: Floats
    mixed: Floats
    reactor_liquid: Floats
    reactor_vapour: Floats
    reactor_partial_mmhg: Floats
    separator_liquid: Floats
    separator_vapour: Floats
    separator_partial_mmhg: Floats
    stripper_liquid: Floats
    overhead_flows: Floats
    overhead: Floats


def new_mixtures() -> Mixtures:
    """Mixtures to be filled."""
    return Mixtures(*(np.zeros(COMPONENTS) for _ in Mixtures._fields))


class Process(NamedTuple):
    """What goes on in the plant at one moment, for the instruments.

    Flows in lbmol/h, mass flows in lb/h, pressures in mmHg, liquids in ft3 and lbmol/ft3, heat in
    1e6 Btu/h.
    """

    reactor: vessel.Vessel
    separator: vessel.Vessel
    stripper: stripper.Stripper
    mixed: mixing.Mixed
    d_feed_mass: float
    e_feed_mass: float
    a_feed: float
    ac_feed: float
    reactor_feed: float
    recycle: float
    purge: float
    separator_liquid: float
    product: float
    steam_heat: float
    compressor_work: float


@kernel
def derivatives(
    states: Floats,
    conditions: Conditions,
    kinetics: Kinetics,
    temperatures: Floats,
    mixtures: Mixtures,
    changes: Floats,
) -> Process:
    """Change of the states per hour, valves left out.

    Args:
        states: (50,) as `layout` has them.
        conditions: what acts from outside.
        kinetics: activation energies.
        temperatures: (4,) where the searches begin; the temperatures found when it returns.
        mixtures: filled.
        changes: (50,) filled but for the valves.
    """
    x = mixtures
    tank_r = vessel.contents(
        states[REACTOR:REACTOR_ENERGY],
        states[REACTOR_ENERGY],
        reactor.VOLUME_FT3,
        temperatures[REACTOR_TEMPERATURE],
        x.reactor_liquid,
        x.reactor_vapour,
        x.reactor_partial_mmhg,
    )
    tank_s = vessel.contents(
        states[SEPARATOR:SEPARATOR_ENERGY],
        states[SEPARATOR_ENERGY],
        separator.VOLUME_FT3,
        temperatures[SEPARATOR_TEMPERATURE],
        x.separator_liquid,
        x.separator_vapour,
        x.separator_partial_mmhg,
    )
    foot = stripper.contents(
        states[STRIPPER:STRIPPER_ENERGY],
        states[STRIPPER_ENERGY],
        temperatures[STRIPPER_TEMPERATURE],
        x.stripper_liquid,
    )
    zone = mixing.contents(
        states[MIXING:MIXING_ENERGY],
        states[MIXING_ENERGY],
        temperatures[MIXING_TEMPERATURE],
        x.mixed,
    )
    temperatures[REACTOR_TEMPERATURE] = tank_r.temperature_c
    temperatures[SEPARATOR_TEMPERATURE] = tank_s.temperature_c
    temperatures[STRIPPER_TEMPERATURE] = foot.temperature_c
    temperatures[MIXING_TEMPERATURE] = zone.temperature_c

    position = states[VALVES:]
    d_feed = position[valves.D_FEED] * conditions.d_feed_a_percent
    e_feed = position[valves.E_FEED] * conditions.e_feed_a_percent
    a_feed = position[valves.A_FEED] * conditions.a_feed_share * conditions.a_feed_a_percent
    ac_feed = (
        position[valves.AC_FEED] * conditions.ac_feed_share * conditions.ac_feed_a_percent
        + _AC_FEED_MIN
    )
    underflow = position[valves.SEPARATOR_LIQUID] * valves.SEPARATOR_LIQUID_A_PERCENT
    product = position[valves.STRIPPER_LIQUID] * valves.STRIPPER_LIQUID_A_PERCENT
    reactor_feed = (
        _REACTOR_FEED_FLOW
        * math.sqrt(max(zone.pressure_mmhg - tank_r.pressure_mmhg, 0.0))
        / zone.molar_mass
    )
    reactor_product = (
        _REACTOR_PRODUCT_FLOW
        * math.sqrt(max(tank_r.pressure_mmhg - tank_s.pressure_mmhg, 0.0))
        * (1.0 - _PRODUCT_FLOW_LOSS * conditions.product_flow_loss)
        / tank_r.vapour_molar_mass
    )
    purge = (
        position[valves.PURGE]
        * _PURGE_FLOW
        * math.sqrt(max(tank_s.pressure_mmhg - _ATMOSPHERE_MMHG, 0.0))
        / tank_s.vapour_molar_mass
    )
    recycle = compressor.run(
        tank_s.pressure_mmhg,
        zone.pressure_mmhg,
        tank_s.temperature_c,
        tank_s.vapour_molar_mass,
        position[valves.RECYCLE],
    )
    x.ac_feed[A] = conditions.ac_feed_a
    x.ac_feed[B] = conditions.ac_feed_b
    x.ac_feed[C] = conditions.ac_feed_c
    overhead = stripper.overhead(
        ac_feed,
        x.ac_feed,
        underflow,
        x.separator_liquid,
        foot.temperature_c,
        x.overhead_flows,
        x.overhead,
    )

    reaction = reactor.reactions(
        tank_r, x.reactor_partial_mmhg, conditions.kinetics_1, conditions.kinetics_2, kinetics
    )
    reactor_heat = reactor.cooling(
        tank_r,
        states[REACTOR_WATER_OUTLET],
        position[valves.AGITATOR],
        conditions.reactor_fouling,
    )
    condenser_heat = separator.condensing(
        reactor_product,
        tank_r.temperature_c,
        states[CONDENSER_WATER_OUTLET],
        conditions.condenser_fouling,
    )
    steam = position[valves.STEAM] * valves.STEAM_A_PERCENT * (1.0 + conditions.steam_gain)
    steam_heat = stripper.steam_heating(steam, foot.temperature_c)

    for i in range(COMPONENTS):
        made = (
            STOICHIOMETRY[0, i] * reaction.rate_1
            + STOICHIOMETRY[1, i] * reaction.rate_2
            + STOICHIOMETRY[2, i] * reaction.rate_3
            + STOICHIOMETRY[3, i] * reaction.rate_4
        )
        into_reactor = x.mixed[i] * reactor_feed
        out_of_reactor = x.reactor_vapour[i] * reactor_product
        recycled = x.separator_vapour[i] * recycle.flow
        drawn_off = x.separator_liquid[i] * underflow
        changes[REACTOR + i] = into_reactor - out_of_reactor + made
        changes[SEPARATOR + i] = (
            out_of_reactor - recycled - x.separator_vapour[i] * purge - drawn_off
        )
        changes[STRIPPER + i] = (
            x.ac_feed[i] * ac_feed
            + drawn_off
            - x.overhead_flows[i]
            - x.stripper_liquid[i] * product
        )
        changes[MIXING + i] = (
            FEED_D[i] * d_feed
            + FEED_E[i] * e_feed
            + FEED_A[i] * a_feed
            + x.overhead_flows[i]
            + recycled
            - into_reactor
        )

    # The recycle carries the compressor's work already where it leaves the separator: a slip of
    # the original which every variant of the model keeps.
    recycle_enthalpy = tank_s.vapour_enthalpy + recycle.work / recycle.flow
    changes[REACTOR_ENERGY] = (
        zone.enthalpy * reactor_feed
        - tank_r.vapour_enthalpy * reactor_product
        + reaction.heat
        + reactor_heat
    )
    changes[SEPARATOR_ENERGY] = (
        tank_r.vapour_enthalpy * reactor_product
        - recycle_enthalpy * recycle.flow
        - tank_s.vapour_enthalpy * purge
        - tank_s.liquid_enthalpy * underflow
        + condenser_heat
    )
    changes[STRIPPER_ENERGY] = (
        enthalpy(gas_heat(x.ac_feed), conditions.ac_feed_celsius) * ac_feed
        + tank_s.liquid_enthalpy * underflow
        - overhead.enthalpy * overhead.flow
        - foot.liquid_enthalpy * product
        + steam_heat
    )
    changes[MIXING_ENERGY] = (
        enthalpy(_FEED_D_HEAT, conditions.d_feed_c) * d_feed
        + enthalpy(_FEED_E_HEAT, conditions.e_feed_celsius) * e_feed
        + enthalpy(_FEED_A_HEAT, conditions.a_feed_celsius) * a_feed
        + overhead.enthalpy * overhead.flow
        + recycle_enthalpy * recycle.flow
        - zone.enthalpy * reactor_feed
    )
    changes[REACTOR_WATER_OUTLET] = cooling_water.outlet_change(
        position[valves.REACTOR_WATER] * conditions.reactor_water_a_percent,
        conditions.reactor_water_c,
        states[REACTOR_WATER_OUTLET],
        reactor_heat,
        cooling_water.REACTOR_HOLDUP,
    )
    changes[CONDENSER_WATER_OUTLET] = cooling_water.outlet_change(
        position[valves.CONDENSER_WATER] * conditions.condenser_water_a_percent,
        conditions.condenser_water_c,
        states[CONDENSER_WATER_OUTLET],
        condenser_heat,
        cooling_water.CONDENSER_HOLDUP,
    )
    return Process(
        tank_r,
        tank_s,
        foot,
        zone,
        d_feed * _FEED_D_MASS,
        e_feed * _FEED_E_MASS,
        a_feed,
        ac_feed,
        reactor_feed,
        recycle.flow,
        purge,
        underflow,
        product,
        steam_heat,
        recycle.work,
    )
