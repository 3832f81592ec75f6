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
from tepwatch.kernels import part

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
FEED_D_MASS: Final = float(molar_mass(FEED_D))
FEED_E_MASS: Final = float(molar_mass(FEED_E))
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
    """What is in the plant's vessels at one moment, and what flows between them.

    Flows in lbmol/h, enthalpies in 1e6 Btu/lbmol, heat and work in 1e6 Btu/h; cooling water in the
    unit of its valve.
    """

    reactor: vessel.Vessel
    separator: vessel.Vessel
    stripper: stripper.Stripper
    mixed: mixing.Mixed
    d_feed: float
    e_feed: float
    a_feed: float
    ac_feed: float
    reactor_feed: float
    reactor_product: float
    recycle: compressor.Recycle
    purge: float
    separator_liquid: float
    overhead: stripper.Overhead
    product: float
    reactor_water: float
    condenser_water: float


class Heats(NamedTuple):
    """Heat that reactor, condenser and stripper take up, in 1e6 Btu/h; cooling is negative."""

    reactor: float
    condenser: float
    steam: float


@part
def derivatives(
    states: Floats,
    conditions: Conditions,
    kinetics: Kinetics,
    temperatures: Floats,
    mixtures: Mixtures,
    changes: Floats,
) -> tuple[Process, Heats]:
    """Change of the states per hour, valves left out.

    Args:
        states: (50,) as `layout` has them.
        conditions: what acts from outside.
        kinetics: activation energies.
        temperatures: (4,) where the searches begin; the temperatures found when it returns.
        mixtures: filled.
        changes: (50,) filled but for the valves.
    """
    process = _process(states, conditions, temperatures, mixtures)
    reaction = reactor.reactions(
        process.reactor,
        mixtures.reactor_partial_mmhg,
        conditions.kinetics_1,
        conditions.kinetics_2,
        kinetics,
    )
    heats = _heats(process, states, conditions)
    _balance_components(process, mixtures, reaction, changes)
    _balance_energy(process, mixtures, conditions, heats, reaction.heat, changes)
    changes[REACTOR_WATER_OUTLET] = cooling_water.outlet_change(
        process.reactor_water,
        conditions.reactor_water_c,
        states[REACTOR_WATER_OUTLET],
        heats.reactor,
        cooling_water.REACTOR_HOLDUP,
    )
    changes[CONDENSER_WATER_OUTLET] = cooling_water.outlet_change(
        process.condenser_water,
        conditions.condenser_water_c,
        states[CONDENSER_WATER_OUTLET],
        heats.condenser,
        cooling_water.CONDENSER_HOLDUP,
    )
    return process, heats


@part
def _process(
    states: Floats, conditions: Conditions, temperatures: Floats, mixtures: Mixtures
) -> Process:
    """What is in the vessels, and the flows that valves and pressures let through."""
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
    a_feed_percent = position[valves.A_FEED] * conditions.a_feed_share
    ac_feed_percent = position[valves.AC_FEED] * conditions.ac_feed_share
    ac_feed = ac_feed_percent * conditions.ac_feed_a_percent + _AC_FEED_MIN
    underflow = position[valves.SEPARATOR_LIQUID] * valves.SEPARATOR_LIQUID_A_PERCENT
    x.ac_feed[A] = conditions.ac_feed_a
    x.ac_feed[B] = conditions.ac_feed_b
    x.ac_feed[C] = conditions.ac_feed_c
    lost = _PRODUCT_FLOW_LOSS * conditions.product_flow_loss
    return Process(
        tank_r,
        tank_s,
        foot,
        zone,
        position[valves.D_FEED] * conditions.d_feed_a_percent,
        position[valves.E_FEED] * conditions.e_feed_a_percent,
        a_feed_percent * conditions.a_feed_a_percent,
        ac_feed,
        _REACTOR_FEED_FLOW
        * _root_of_drop(zone.pressure_mmhg, tank_r.pressure_mmhg)
        / zone.molar_mass,
        _REACTOR_PRODUCT_FLOW
        * _root_of_drop(tank_r.pressure_mmhg, tank_s.pressure_mmhg)
        * (1.0 - lost)
        / tank_r.vapour_molar_mass,
        compressor.run(
            tank_s.pressure_mmhg,
            zone.pressure_mmhg,
            tank_s.temperature_c,
            tank_s.vapour_molar_mass,
            position[valves.RECYCLE],
        ),
        position[valves.PURGE]
        * _PURGE_FLOW
        * _root_of_drop(tank_s.pressure_mmhg, _ATMOSPHERE_MMHG)
        / tank_s.vapour_molar_mass,
        underflow,
        stripper.overhead(
            ac_feed,
            x.ac_feed,
            underflow,
            x.separator_liquid,
            foot.temperature_c,
            x.overhead_flows,
            x.overhead,
        ),
        position[valves.STRIPPER_LIQUID] * valves.STRIPPER_LIQUID_A_PERCENT,
        position[valves.REACTOR_WATER] * conditions.reactor_water_a_percent,
        position[valves.CONDENSER_WATER] * conditions.condenser_water_a_percent,
    )


@part
def _root_of_drop(before_mmhg: float, after_mmhg: float) -> float:
    """Square root of a pressure drop; nothing flows back."""
    return math.sqrt(max(before_mmhg - after_mmhg, 0.0))


@part
def _heats(process: Process, states: Floats, conditions: Conditions) -> Heats:
    position = states[VALVES:]
    steam = position[valves.STEAM] * valves.STEAM_A_PERCENT * (1.0 + conditions.steam_gain)
    return Heats(
        reactor.cooling(
            process.reactor,
            states[REACTOR_WATER_OUTLET],
            position[valves.AGITATOR],
            conditions.reactor_fouling,
        ),
        separator.condensing(
            process.reactor_product,
            process.reactor.temperature_c,
            states[CONDENSER_WATER_OUTLET],
            conditions.condenser_fouling,
        ),
        stripper.steam_heating(steam, process.stripper.temperature_c),
    )


@part
def _balance_components(
    process: Process, mixtures: Mixtures, reaction: reactor.Reactions, changes: Floats
) -> None:
    """Change of the holdups: what comes in and is made, less what goes out."""
    x = mixtures
    for i in range(COMPONENTS):
        made = (
            STOICHIOMETRY[0, i] * reaction.rate_1
            + STOICHIOMETRY[1, i] * reaction.rate_2
            + STOICHIOMETRY[2, i] * reaction.rate_3
            + STOICHIOMETRY[3, i] * reaction.rate_4
        )
        into_reactor = x.mixed[i] * process.reactor_feed
        out_of_reactor = x.reactor_vapour[i] * process.reactor_product
        recycled = x.separator_vapour[i] * process.recycle.flow
        purged = x.separator_vapour[i] * process.purge
        drawn_off = x.separator_liquid[i] * process.separator_liquid
        changes[REACTOR + i] = into_reactor - out_of_reactor + made
        changes[SEPARATOR + i] = out_of_reactor - recycled - purged - drawn_off
        changes[STRIPPER + i] = (
            x.ac_feed[i] * process.ac_feed
            + drawn_off
            - x.overhead_flows[i]
            - x.stripper_liquid[i] * process.product
        )
        changes[MIXING + i] = (
            FEED_D[i] * process.d_feed
            + FEED_E[i] * process.e_feed
            + FEED_A[i] * process.a_feed
            + x.overhead_flows[i]
            + recycled
            - into_reactor
        )


@part
def _balance_energy(
    process: Process,
    mixtures: Mixtures,
    conditions: Conditions,
    heats: Heats,
    reaction_heat: float,
    changes: Floats,
) -> None:
    """Change of the energies: what streams bring and heat adds, less what streams take."""
    tank_s, overhead = process.separator, process.overhead
    # The recycle carries the compressor's work already where it leaves the separator: a slip of
    # the original which every variant of the model keeps.
    recycled = tank_s.vapour_enthalpy * process.recycle.flow + process.recycle.work
    into_reactor = process.mixed.enthalpy * process.reactor_feed
    out_of_reactor = process.reactor.vapour_enthalpy * process.reactor_product
    drawn_off = tank_s.liquid_enthalpy * process.separator_liquid
    stripped = overhead.enthalpy * overhead.flow
    ac_feed = enthalpy(gas_heat(mixtures.ac_feed), conditions.ac_feed_celsius) * process.ac_feed
    changes[REACTOR_ENERGY] = into_reactor - out_of_reactor + reaction_heat + heats.reactor
    changes[SEPARATOR_ENERGY] = (
        out_of_reactor
        - recycled
        - tank_s.vapour_enthalpy * process.purge
        - drawn_off
        + heats.condenser
    )
    changes[STRIPPER_ENERGY] = (
        ac_feed
        + drawn_off
        - stripped
        - process.stripper.liquid_enthalpy * process.product
        + heats.steam
    )
    changes[MIXING_ENERGY] = (
        enthalpy(_FEED_D_HEAT, conditions.d_feed_c) * process.d_feed
        + enthalpy(_FEED_E_HEAT, conditions.e_feed_celsius) * process.e_feed
        + enthalpy(_FEED_A_HEAT, conditions.a_feed_celsius) * process.a_feed
        + stripped
        + recycled
        - into_reactor
    )
