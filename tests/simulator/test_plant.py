"""The model against single calls of the original program, and against what must hold anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import disturbances, engine, instruments, plant, valves, vessel
from simulator.components import MOLAR_MASS_LB_PER_LBMOL, Floats
from simulator.layout import (
    CONTINUOUS,
    MIXING,
    REACTOR,
    REACTOR_ENERGY,
    SEPARATOR,
    STATES,
    STRIPPER,
    VALVES,
    Plants,
    empty_plants,
)
from simulator.reactor import ORIGINAL_KINETICS, STOICHIOMETRY
from simulator.strategies import OPEN_LOOP
from tests.plants import GOLDEN

PLAN = engine.Plan(engine.NONE, False, OPEN_LOOP.step_hours, 3, ORIGINAL_KINETICS, 1.0)


@cache
def golden() -> dict[str, Floats]:
    with np.load(GOLDEN / "plant_derivatives.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


OF_1993 = 12 * 6
"""Numbers of the walks that the original has."""


def called(d: dict[str, Floats], n: int) -> Plants:
    """One call of the model from the state before the original's call `n`."""
    plants, scratch = empty_plants(1), engine.new_scratch()
    plants.hours[0] = d["time"][n]
    plants.states[0] = d["yy"][n]
    plants.xmv[0] = d["xmv"][n]
    plants.disturbances[0, :20] = d["idv"][n]
    plants.generator[0] = d["seed_before"][n]
    plants.xmeas[0] = d["xmeas_before"][n]
    plants.valve_commands[0] = d["vcv_before"][n]
    plants.temperatures[0] = d["tguess"][n]
    plants.analyses[0] = d["xdel_before"][n][CONTINUOUS:]
    plants.next_analysis[0] = d["tgas_before"][n], d["tprod_before"][n]
    plants.walks[0, :OF_1993] = d["walk_before"][n].T.ravel()
    begun = np.empty(120)
    disturbances.begin(begun)
    plants.walks[0, OF_1993:] = begun[OF_1993:]
    engine.look(plants.rows, 0, PLAN, scratch)
    return plants


@pytest.mark.parametrize("n", range(len(golden()["time"])))
def test_a_call_leaves_what_the_original_leaves(n: int) -> None:
    d = golden()
    plants = called(d, n)
    scale = np.abs(d["yp"]).max(axis=0)
    np.testing.assert_array_less(np.abs(plants.changes[0] - d["yp"][n]), 1e-12 * scale + 1e-300)
    difference = np.abs(plants.xmeas[0] - d["xmeas_noisy"][n])
    assert (difference <= 1e-11 * np.maximum(np.abs(d["xmeas_noisy"][n]), 1.0)).all()
    assert plants.generator[0] == d["seed_after"][n]
    assert bool(plants.shutdown[0]) == d["shutdown"][n]
    np.testing.assert_array_equal(
        plants.next_analysis[0], [d["tgas_after"][n], d["tprod_after"][n]]
    )
    np.testing.assert_array_equal(plants.valve_commands[0], d["vcv_after"][n])
    np.testing.assert_allclose(
        plants.walks[0, :OF_1993], d["walk_after"][n].T.ravel(), rtol=1e-13, atol=1e-13
    )
    np.testing.assert_allclose(plants.analyses[0], d["xdel_after"][n][CONTINUOUS:], rtol=1e-11)


def test_the_calls_reach_every_branch_that_matters() -> None:
    d = golden()
    assert {int(i) for row in d["idv"] for i in np.flatnonzero(row)} == set(range(20))
    assert 5 < d["shutdown"].sum() < 60
    assert (d["time"] == 0).any()


PLAIN = """
import sys
sys.path.insert(0, ".")
from tests.simulator.test_plant import golden, test_a_call_leaves_what_the_original_leaves as test
names = [str(label) for label in golden()["label"]]
for n in (0, 4, 60, len(names) - 1):
    test.__wrapped__(n) if hasattr(test, "__wrapped__") else test(n)
print("same")
"""


def test_the_kernels_are_plain_python_too() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAIN],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "same\n", done.stderr


def test_constants_are_the_originals() -> None:
    d = golden()
    walks = np.empty(120)
    disturbances.begin(walks)
    outside = disturbances.conditions(walks, 0.0, np.zeros(28), False)
    flows = [outside.d_feed_a_percent, outside.e_feed_a_percent, outside.a_feed_a_percent]
    flows += [outside.ac_feed_a_percent, 0.0, 0.0, valves.SEPARATOR_LIQUID_A_PERCENT]
    flows += [valves.STRIPPER_LIQUID_A_PERCENT, valves.STEAM_A_PERCENT]
    flows += [outside.reactor_water_a_percent, outside.condenser_water_a_percent, 0.0]
    np.testing.assert_allclose(flows, d["const_vrng"] / 100.0, rtol=1e-15)
    np.testing.assert_array_equal(valves.LAG_HOURS, d["const_vtau"])


def test_reactions_keep_the_mass_exactly() -> None:
    # Of B the molar mass is rounded, and no reaction touches it.
    assert (STOICHIOMETRY @ MOLAR_MASS_LB_PER_LBMOL == 0.0).all()


factors = st.lists(st.floats(0.8, 1.25), min_size=STATES, max_size=STATES)


@settings(max_examples=200)
@given(factors, st.floats(0.0, 60.0))
def test_the_plants_mass_balance_closes(factor: list[float], hours: float) -> None:
    states = OPEN_LOOP.states * np.array(factor)
    walks = np.empty(120)
    disturbances.begin(walks)
    conditions = disturbances.conditions(walks, 0.05, np.zeros(28), False)
    mixtures, changes = plant.new_mixtures(), np.zeros(STATES)
    process, _ = plant.derivatives(
        states, conditions, ORIGINAL_KINETICS, np.full(4, 90.0), mixtures, changes
    )
    mass = MOLAR_MASS_LB_PER_LBMOL
    held = sum(
        changes[first : first + 8] @ mass for first in (REACTOR, SEPARATOR, STRIPPER, MIXING)
    )
    into = (
        process.d_feed * plant.FEED_D_MASS
        + process.e_feed * plant.FEED_E_MASS
        + process.a_feed * (plant.FEED_A @ mass)
        + process.ac_feed * (mixtures.ac_feed @ mass)
    )
    out = process.purge * process.separator.vapour_molar_mass + process.product * (
        mixtures.stripper_liquid @ mass
    )
    assert held == pytest.approx(into - out, abs=float(1e-9 * into))
    for fractions in (mixtures.mixed, mixtures.reactor_vapour, mixtures.overhead):
        assert fractions.sum() == pytest.approx(1.0, abs=1e-14)


LIMITS = [
    ("reactor pressure above 3000 kPa gauge", "pressure", 23_270.0),
    ("reactor liquid above 24 m³", "reactor", 24.01),
    ("reactor liquid below 2 m³", "reactor", 1.99),
    ("reactor temperature above 175 °C", "temperature", 175.01),
    ("separator liquid above 12 m³", "separator", 12.01),
    ("separator liquid below 1 m³", "separator", 0.99),
    ("stripper liquid above 8 m³", "stripper", 8.01),
    ("stripper liquid below 1 m³", "stripper", 0.99),
]


@pytest.mark.parametrize(("reason", "what", "value"), LIMITS)
def test_every_safety_limit_has_its_reason(reason: str, what: str, value: float) -> None:
    states, changes = OPEN_LOOP.states, np.zeros(STATES)
    walks = np.empty(120)
    disturbances.begin(walks)
    conditions = disturbances.conditions(walks, 0.0, np.zeros(28), False)
    process, heats = plant.derivatives(
        states, conditions, ORIGINAL_KINETICS, np.zeros(4), plant.new_mixtures(), changes
    )
    clean = np.zeros(CONTINUOUS)
    instruments.measure(process, heats, states, clean)
    assert instruments.limit_passed(process, clean) == 0
    ft3 = value * 35.3145
    changed: dict[str, plant.Process] = {
        "pressure": process._replace(reactor=process.reactor._replace(pressure_mmhg=value)),
        "temperature": process._replace(reactor=process.reactor._replace(temperature_c=value)),
        "reactor": process._replace(reactor=process.reactor._replace(liquid_ft3=ft3)),
        "separator": process._replace(separator=process.separator._replace(liquid_ft3=ft3)),
        "stripper": process._replace(stripper=process.stripper._replace(liquid_ft3=ft3)),
    }
    instruments.measure(changed[what], heats, states, clean)
    code = instruments.limit_passed(changed[what], clean)
    assert instruments.SHUTDOWN_REASONS[code] == reason


def test_a_vessel_holds_what_is_put_into_it() -> None:
    holdups, liquid, vapour, partial = OPEN_LOOP.states[REACTOR:8], *(np.zeros(8) for _ in range(3))
    found = vessel.contents(
        holdups, OPEN_LOOP.states[REACTOR_ENERGY], 1300.0, 0.0, liquid, vapour, partial
    )
    # The base case of the paper: 120.4 °C, 2705 kPa gauge.
    assert found.temperature_c == pytest.approx(120.40, abs=0.01)
    assert (found.pressure_mmhg / 760.0 - 1.0) * 101.325 == pytest.approx(2705.0, abs=0.5)
    assert found.liquid_ft3 * found.liquid_density == pytest.approx(holdups[3:].sum())
    assert (liquid[:3] == 0.0).all()


def test_a_sticking_valve_takes_only_a_large_change() -> None:
    commands, switches = np.full(12, 40.0), np.zeros(28)
    switches[disturbances.REACTOR_VALVE_STICKS] = 1.0
    asked = np.full(12, 41.9)
    valves.command(asked, commands, switches, False)
    assert commands[valves.REACTOR_WATER] == 40.0
    assert commands[valves.CONDENSER_WATER] == 41.9
    valves.command(np.full(12, 42.1), commands, switches, False)
    assert commands[valves.REACTOR_WATER] == 42.1
    valves.command(np.full(12, 130.0), commands, np.zeros(20), False)
    assert (commands == 100.0).all()


def test_valves_lead_the_states() -> None:
    assert VALVES + len(valves.LAG_HOURS) == STATES
