"""Whole runs: the two published control strategies against recorded trajectories, and fleets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from simulator.actions import (
    VALVE4_STUCK_PERCENT,
    Action,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
)
from simulator.components import Floats, single
from simulator.fleet import Fleet, Records
from simulator.strategies import BENCHMARK_PI, OPEN_LOOP, RICKER, Strategy
from tepwatch.errors import NewerStateError, StateError
from tepwatch.sealed import seal
from tepwatch.tags import DISTURBANCES
from tests.plants import GOLDEN

FAULT_21 = len(DISTURBANCES) + 1
HOUR = 3600
SEEDS = [4651207995, 1431655765, 2994833239, 5687912315, 77]


@cache
def golden(name: str) -> dict[str, Any]:
    with np.load(GOLDEN / f"plant_{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def fault(number: int) -> Action:
    if number == FAULT_21:
        return HoldValve(4, single(VALVE4_STUCK_PERCENT))
    return Disturb(number)


def with_faults(
    fleet: Fleet, numbers: Sequence[int], fault_step: int, steps: int, every: int
) -> Floats:
    """Values of a run of so many steps whose plants get their faults at a step."""
    before = fleet.advance(fault_step - fleet.next_step, every)
    for place, number in enumerate(numbers):
        if number:
            fleet.apply(place, fault(int(number)))
    after = fleet.advance(steps + 1 - fleet.next_step, every)
    values: Floats = np.concatenate([before.values, after.values])
    return values


def far(values: Floats, expected: Floats) -> Floats:
    """How far values are from what is expected, relative, for each row."""
    distance = np.abs(values - expected) / np.maximum(np.abs(expected), 1e-3)
    farthest: Floats = distance.max(axis=-1)
    return farthest


@cache
def pi_run() -> Floats:
    d = golden("pi")
    fleet = Fleet(BENCHMARK_PI, [int(seed) for seed in d["seed"]])
    return with_faults(fleet, d["idv"], 28_800, 48 * HOUR, 180)


# Shut down, the plant's controllers go on integrating; a valve that sticks is chaotic.
PI_TOLERANCES = {6: 1e-7, 18: 1e-7, 15: 1e-8, 19: 1e-8}
IDV_14_ROWS = 160


@pytest.mark.parametrize("case", range(15))
def test_pi_control_gives_the_published_programs_numbers(case: int) -> None:
    d = golden("pi")
    number, rows = int(d["idv"][case]), d["rows"]
    values = pi_run()[rows, case]
    distance = far(values, d["y"][case])
    if number == 14:
        assert (distance[rows < IDV_14_ROWS] < 1e-9).all()
        np.testing.assert_allclose(
            values[rows >= IDV_14_ROWS].mean(axis=0),
            d["y"][case][rows >= IDV_14_ROWS].mean(axis=0),
            rtol=0.05,
            atol=0.01,
        )
        return
    frozen = d["freeze_time_h"][case]
    moving = rows < (960 if np.isnan(frozen) else frozen * 20 - 2)
    assert (
        distance[moving] < (1e-9 if number in (6, 18) else PI_TOLERANCES.get(number, 1e-9))
    ).all()
    assert (distance[~moving] < PI_TOLERANCES.get(number, 1e-9)).all()


@pytest.mark.parametrize(
    ("idv", "hours", "reason"), [(6, 13.95, "pressure"), (18, 19.5, "pressure")]
)
def test_pi_control_cannot_hold_the_plant_under_idv_6_and_18(
    idv: int, hours: float, reason: str
) -> None:
    d = golden("pi")
    case = list(d["idv"]).index(idv)
    fleet = Fleet(BENCHMARK_PI, [int(d["seed"][case])])
    with_faults(fleet, [idv], 28_800, round(hours * HOUR) - 1, 180)
    steps = 0
    while not fleet.shutdown_reason(0):
        fleet.advance(1, 180)
        steps += 1
        assert steps < 10
    assert "reactor pressure above 3000" in fleet.shutdown_reason(0)
    assert reason in fleet.shutdown_reason(0)


def test_without_noise_as_well() -> None:
    d = golden("pi")
    fleet = Fleet(BENCHMARK_PI, [int(d["noise_free_seed"])] * 15, noise=False)
    values = with_faults(fleet, d["idv"], 28_800, 48 * HOUR, 1800)[7::8]
    for case, number in enumerate(d["idv"]):
        if number != 14:
            assert (far(values[:, case], d["noise_free"][case]) < 1e-9).all(), number


def test_every_second_from_the_start() -> None:
    d = golden("pi")
    fleet = Fleet(BENCHMARK_PI, [int(d["every_second_seed"])])
    values = fleet.advance(len(d["every_second"]), 1).values[:, 0]
    assert (far(values, d["every_second"]) < 1e-9).all()


@cache
def ricker_run() -> Floats:
    d = golden("ricker")
    fleet = Fleet(RICKER, [int(d["seed"])] * len(d["idv"]))
    return with_faults(fleet, d["idv"], 16_000, 96_000, 100)


# Valves that stick: rounding grows, slowly under IDV 19.
RICKER_ROWS = {14: 180, 19: 760}


@pytest.mark.parametrize("case", range(14))
def test_rickers_strategy_gives_its_ports_numbers(case: int) -> None:
    d = golden("ricker")
    rows, expected = d["rows"], d["y"][case]
    known = ~np.isnan(expected[:, 0]) & (rows <= RICKER_ROWS.get(int(d["idv"][case]), 960))
    assert known.sum() > (25 if d["idv"][case] == 6 else 16)
    distance = far(ricker_run()[rows - 1, case], expected)
    assert (distance[known] < 1e-8).all()


@pytest.mark.parametrize("from_start", [False, True])
def test_rickers_strategy_cannot_hold_the_plant_without_a_feed(*, from_start: bool) -> None:
    d = golden("ricker")
    case = list(d["idv"]).index(6)
    hours = d["shutdown_time_h_fault_from_t0" if from_start else "shutdown_time_h"][case]
    fleet = Fleet(RICKER, [int(d["seed"])])
    with_faults(fleet, [6], 0 if from_start else 16_000, round(hours / 0.0005) - 2, 100)
    for _ in range(3):
        assert not fleet.shutdown_reason(0)
        fleet.advance(1, 100)
        if fleet.shutdown_reason(0):
            break
    assert fleet.shutdown_reason(0) == "stripper liquid below 1 m³"
    assert fleet.plants.hours[0] == pytest.approx(hours, abs=1e-9)


@cache
def run_of_2015() -> tuple[Floats, Floats]:
    """States every 300 steps, and the measurements that follow the last, in open loop."""
    d = golden("2015")
    fleet = Fleet(OPEN_LOOP.revised(), [int(seed) for seed in d["seed"]])
    fleet.plants.disturbances[:] = d["idv"]
    states = []
    for _ in range(d["states"].shape[1]):
        fleet.advance(300, 300)
        states.append(fleet.plants.states.copy())
    fleet.advance(1, 300)
    return np.stack(states, axis=1), fleet.plants.xmeas.copy()


@pytest.mark.parametrize("case", range(12))
def test_the_revision_of_2015_gives_its_c_models_numbers(case: int) -> None:
    d = golden("2015")
    states, xmeas = run_of_2015()
    assert (far(states[case], d["states"][case]) < 1e-9).all()
    assert (far(xmeas[case], d["xmeas"][case]) < 1e-9).all()


def test_what_the_revision_adds_does_something() -> None:
    d = golden("2015")
    quiet = list(d["idv"].any(axis=1)).index(False)
    for number in range(21, 29):
        (case,) = np.flatnonzero((d["idv"].sum(axis=1) == 1) & (d["idv"][:, number - 1] == 1))
        assert far(d["states"][case], d["states"][quiet]).max() > 1e-3, number


@pytest.mark.parametrize("strategy", [BENCHMARK_PI, RICKER, OPEN_LOOP, RICKER.revised()])
def test_a_plant_is_the_same_alone_and_in_a_fleet(strategy: Strategy) -> None:
    seeds = [*SEEDS, *range(1000, 1033)]
    together = Fleet(strategy, seeds)
    for place in range(len(seeds)):
        together.apply(place, Disturb(1 + place % 20))
    values = together.advance(1500, 50).values
    for place in (0, 3, 31, 32, 37):
        alone = Fleet(strategy, [seeds[place]])
        alone.apply(0, Disturb(1 + place % 20))
        assert (alone.advance(1500, 50).values[:, 0] == values[:, place]).all()


@pytest.mark.parametrize("strategy", [BENCHMARK_PI, RICKER, BENCHMARK_PI.revised()])
def test_what_is_saved_goes_on_to_the_last_bit(strategy: Strategy) -> None:
    fleet = Fleet(strategy, SEEDS)
    fleet.apply(1, Disturb(8))
    fleet.apply(2, HoldValve(10, 45.0))
    fleet.apply(3, FailSensor("xmeas_9", SensorFault.NOISE, 0.5))
    fleet.advance(2345, 100)
    copy = Fleet.from_bytes(fleet.to_bytes())
    assert (copy.advance(3000, 100).values == fleet.advance(3000, 100).values).all()
    assert copy.to_bytes() == fleet.to_bytes()


def test_state_that_cannot_be_used_is_refused() -> None:
    data = Fleet(RICKER, SEEDS).to_bytes()
    with pytest.raises(StateError, match="damaged"):
        Fleet.from_bytes(data[:-1] + b"x")
    with pytest.raises(NewerStateError, match="version 2"):
        Fleet.from_bytes(seal(b"FLET", 2, b"what a later version writes"))
    with pytest.raises(StateError, match="not readable"):
        Fleet.from_bytes(seal(b"FLET", 1, b"\x00"))


def test_records_fall_on_multiples_of_their_interval_however_the_steps_are_cut() -> None:
    whole, cut = Fleet(RICKER, SEEDS), Fleet(RICKER, SEEDS)
    expected = whole.advance(1001, 7)
    parts = [cut.advance(steps, 7) for steps in (1, 6, 1, 13, 0, 480, 500)]
    found = Records(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    assert (found.values == expected.values).all()
    assert (found.hours == expected.hours).all()
    assert expected.hours[:, 0] == pytest.approx(0.0005 * np.arange(7, 1001, 7))


def test_a_restart_begins_anew_with_further_random_numbers() -> None:
    fleet = Fleet(RICKER, SEEDS)
    first = fleet.advance(1001, 20).values
    state = int(fleet.plants.generator[2])
    fleet.apply(2, Restart())
    again = fleet.advance(1000, 20).values
    # The fleet's count of steps goes on, the plant's own begins anew.
    assert fleet.plants.hours[2] == pytest.approx(999 * 0.0005)
    assert not (again[:, 1] == first[:, 1]).any(axis=0).all()
    restarted = Fleet(RICKER, [state])
    assert (restarted.plants.states[0] != fleet.plants.states[2]).any()
    restarted.advance(1000, 20)
    assert (restarted.plants.states[0] == fleet.plants.states[2]).all()


@pytest.mark.parametrize(
    ("name", "value", "xmeas", "within"),
    [
        ("reactor-pressure", 2750.0, 7, 12.0),
        ("reactor-level", 70.0, 8, 3.0),
        ("reactor-temperature", 121.5, 9, 0.3),
        ("separator-level", 60.0, 12, 6.0),
        ("stripper-level", 40.0, 15, 6.0),
        ("production-rate", 21.5, 17, 0.4),
        ("product-mix", 50.0, 40, 1.5),
    ],
)
def test_set_points_are_followed(name: str, value: float, xmeas: int, within: float) -> None:
    fleet = Fleet(RICKER, [1431655765])
    fleet.advance(10 * 2000, 2000)
    fleet.apply(0, SetSetpoint(name, value))
    values = fleet.advance(50 * 2000, 200).values[-100:, 0, xmeas - 1]
    assert values.mean() == pytest.approx(value, abs=within)


def test_a_held_valve_stays_and_is_given_back_where_it_is() -> None:
    fleet = Fleet(RICKER, [1431655765])
    fleet.advance(2000, 2000)
    fleet.apply(0, HoldValve(10, 37.0))
    held = fleet.advance(2000, 100).values[:, 0, 41 + 9]
    assert (held == 37.0).all()
    assert fleet.plants.states[0, 38 + 9] == pytest.approx(37.0)
    fleet.apply(0, HoldValve(10, None))
    assert fleet.advance(1, 1).values[0, 0, 41 + 9] == 37.0


def shown(fault: FailSensor, tag: int = 9) -> tuple[Floats, Floats]:
    """Two plants, the second with a failing instrument after an hour: its record, and its truth."""
    fleet = Fleet(OPEN_LOOP, [1431655765] * 2)
    fleet.advance(HOUR - 1, 1)
    fleet.apply(1, fault)
    values = fleet.advance(HOUR, 1).values[:, :, tag - 1]
    return values[:, 1], values[:, 0]


def test_sensors_fail_as_told() -> None:
    # In open loop the plant itself does not mind: what is shown differs by the fault alone.
    seen, true = shown(FailSensor("xmeas_9", SensorFault.BIAS, 2.5))
    assert seen[1:] == pytest.approx(true[1:] + 2.5)
    seen, true = shown(FailSensor("xmeas_9", SensorFault.DRIFT, -1.0))
    assert seen[1:] == pytest.approx(true[1:] - np.arange(len(true) - 1) / HOUR, abs=1e-3)
    seen, true = shown(FailSensor("xmeas_9", SensorFault.STUCK))
    assert len(set(seen)) == 1
    seen, true = shown(FailSensor("xmeas_9", SensorFault.MISSING))
    assert np.isnan(seen).all()
    seen, true = shown(FailSensor("xmeas_9", SensorFault.NOISE, 0.7))
    assert (seen - true)[1:].std() == pytest.approx(0.7, rel=0.05)
    seen, true = shown(FailSensor("xmeas_30", SensorFault.BIAS, 1.0), tag=30)
    assert seen[400:] == pytest.approx(true[400:] + 1.0)


def test_controllers_see_what_is_shown_and_a_mended_sensor_shows_the_truth() -> None:
    fleet = Fleet(RICKER, [1431655765])
    fleet.advance(2000, 2000)
    fleet.apply(0, FailSensor("xmeas_9", SensorFault.BIAS, 1.0))
    fleet.advance(20_000, 20_000)
    # The loop holds what it sees at its set-point, so the reactor is a degree colder.
    assert fleet.plants.temperatures[0, 0] == pytest.approx(121.9, abs=0.2)
    fleet.apply(0, FailSensor("xmeas_9", None))
    values = fleet.advance(1, 1).values[0, 0]
    assert values[8] == pytest.approx(fleet.plants.temperatures[0, 0], abs=0.1)


def test_a_state_that_is_not_finite_is_told() -> None:
    fleet = Fleet(RICKER, SEEDS)
    fleet.plants.states[1, 0] = np.nan
    fleet.advance(1, 1)
    assert fleet.finite().tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("strategy", "step", "text"),
    [
        (BENCHMARK_PI, 2.0, "divides 3 s"),
        (BENCHMARK_PI, 0.0, "divides 3 s"),
        (RICKER, 9.0, "at most 5 s"),
    ],
)
def test_steps_that_cannot_be(strategy: Strategy, step: float, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Fleet(strategy, [1], step_seconds=step)


@pytest.mark.parametrize("seed", [0, -1, 2**53])
def test_seeds_that_cannot_be(seed: int) -> None:
    with pytest.raises(ValueError, match="a seed is between"):
        Fleet(RICKER, [seed])


def test_a_shorter_step_is_the_same_plant() -> None:
    # Without noise the two differ by the integration's error only.
    coarse, fine = (Fleet(BENCHMARK_PI, [1], noise=False, step_seconds=step) for step in (1.0, 0.5))
    slow = coarse.advance(2 * HOUR, 2 * HOUR).values[0, 0]
    fast = fine.advance(4 * HOUR, 4 * HOUR).values[0, 0]
    np.testing.assert_allclose(fast[:22], slow[:22], rtol=2e-3)
