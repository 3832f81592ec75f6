"""Disturbances: steps, and walks along cubics whose ends are drawn at random.

Walks go on while their disturbance is off, with an end where they began: the draws are the same
with and without it. A walk is six numbers: the value, slope, quadratic and cubic coefficient of its
segment, and the hours when that began and ends.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from simulator.components import Floats
from simulator.layout import WALK_COEFFICIENTS, WALKS, WALKS_1993
from simulator.noise import draw, symmetric
from tepwatch.kernels import kernel

# Places of the disturbances in `PlantArrays.disturbances`: one less than the paper's number.
(
    AC_RATIO,
    B_COMPOSITION,
    D_FEED_STEP,
    REACTOR_WATER_STEP,
    CONDENSER_WATER_STEP,
    A_FEED_LOSS,
    AC_HEADER_LOSS,
    AC_COMPOSITION,
    D_FEED_WALK,
    AC_FEED_WALK,
    REACTOR_WATER_WALK,
    CONDENSER_WATER_WALK,
    KINETICS_DRIFT,
    REACTOR_VALVE_STICKS,
    CONDENSER_VALVE_STICKS,
    STEAM_FOULING,
    REACTOR_FOULING,
    CONDENSER_FOULING,
    VALVES_STICK,
    PRODUCT_FLOW_LOSS,
    A_FEED_WALK,
    E_FEED_WALK,
    A_FLOW_WALK,
    D_FLOW_WALK,
    E_FLOW_WALK,
    AC_FLOW_WALK,
    REACTOR_FLOW_WALK,
    CONDENSER_FLOW_WALK,
) = range(28)

# Of each walk: the disturbance that lets it go, and how its segments are drawn.
_SWITCHES: Final = np.array(
    [
        AC_COMPOSITION,
        AC_COMPOSITION,
        D_FEED_WALK,
        AC_FEED_WALK,
        REACTOR_WATER_WALK,
        CONDENSER_WATER_WALK,
        KINETICS_DRIFT,
        KINETICS_DRIFT,
        STEAM_FOULING,
        REACTOR_FOULING,
        CONDENSER_FOULING,
        PRODUCT_FLOW_LOSS,
        A_FEED_WALK,
        E_FEED_WALK,
        A_FLOW_WALK,
        D_FLOW_WALK,
        E_FLOW_WALK,
        AC_FLOW_WALK,
        REACTOR_FLOW_WALK,
        CONDENSER_FLOW_WALK,
    ]
)
_HOURS_SPAN: Final = np.array(
    [
        0.2, 0.7, 0.25, 0.7, 0.15, 0.15, 1.0, 1.0, 0.4, 1.5, 2.0, 1.5,
        0.15, 0.25, 0.15, 0.25, 0.25, 0.7, 0.1, 0.1,
    ]
)  # fmt: skip
_HOURS_BASE: Final = np.array(
    [
        0.5, 1.0, 0.5, 1.0, 0.25, 0.25, 2.0, 2.0, 0.5, 2.0, 3.0, 2.0,
        0.25, 0.5, 0.25, 0.5, 0.5, 1.0, 0.2, 0.2,
    ]
)  # fmt: skip
_VALUE_SPAN: Final = np.array(
    [
        0.03, 0.003, 10.0, 10.0, 10.0, 10.0, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0,
        10.0, 10.0, 5.0, 20.0, 20.0, 75.0, 50.0, 60.0,
    ]
)  # fmt: skip
_VALUE_BASE: Final = np.array(
    [
        0.485, 0.005, 45.0, 45.0, 35.0, 40.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0,
        45.0, 45.0, 100.0, 400.0, 400.0, 1500.0, 1000.0, 1200.0,
    ]
)  # fmt: skip
_FIRST_HOURS: Final = 0.1
_FIRST_PULSE: Final = 9
"""Walks from here to the 12th rise to a peak and fall back to 0; all others wander about a base."""
_PULSE_HOURS: Final = 0.1
_PULSE_OVER: Final = 0.1

_VALUE, _SLOPE, _QUADRATIC, _CUBIC, _BEGAN, _ENDS = range(WALK_COEFFICIENTS)
(
    _A_OF_AC_FEED,
    _B_OF_AC_FEED,
    _D_FEED_C,
    _AC_FEED_C,
    _REACTOR_WATER_C,
    _CONDENSER_WATER_C,
    _KINETICS_1,
    _KINETICS_2,
    _STEAM_GAIN,
    _REACTOR_FOULING,
    _CONDENSER_FOULING,
    _PRODUCT_FLOW_LOSS,
    _A_FEED_C,
    _E_FEED_C,
    _A_FEED_RANGE,
    _D_FEED_RANGE,
    _E_FEED_RANGE,
    _AC_FEED_RANGE,
    _REACTOR_WATER_RANGE,
    _CONDENSER_WATER_RANGE,
) = range(0, WALKS * WALK_COEFFICIENTS, WALK_COEFFICIENTS)


class Conditions(NamedTuple):
    """What acts on the plant from outside at one moment.

    Mole fractions of the A and C feed; temperatures of feeds and cooling water in °C; factors on
    the first two reactions; the share of the steam's heat transfer that is gained, of the reactor's
    and the condenser's cooling and of the reactor's outlet flow that is lost; the share of the A
    feed and of the A and C feed that is there; what a percent of a valve lets through.
    """

    ac_feed_a: float
    ac_feed_b: float
    ac_feed_c: float
    d_feed_c: float
    ac_feed_celsius: float
    reactor_water_c: float
    condenser_water_c: float
    kinetics_1: float
    kinetics_2: float
    steam_gain: float
    reactor_fouling: float
    condenser_fouling: float
    product_flow_loss: float
    a_feed_share: float
    ac_feed_share: float
    a_feed_celsius: float
    e_feed_celsius: float
    a_feed_a_percent: float
    d_feed_a_percent: float
    e_feed_a_percent: float
    ac_feed_a_percent: float
    reactor_water_a_percent: float
    condenser_water_a_percent: float


@kernel
def begin(walks: Floats) -> None:
    """Set walks (120,) to their start, at hour 0."""
    for i in range(WALKS):
        at = i * WALK_COEFFICIENTS
        walks[at + _VALUE] = _VALUE_BASE[i]
        walks[at + _SLOPE] = walks[at + _QUADRATIC] = walks[at + _CUBIC] = 0.0
        walks[at + _BEGAN] = 0.0
        walks[at + _ENDS] = _FIRST_HOURS


@kernel
def next_end(walks: Floats, revised: bool) -> float:
    """When the first of the segments ends, in hours."""
    first: float = walks[_ENDS]
    for i in range(1, WALKS if revised else WALKS_1993):
        first = min(first, walks[i * WALK_COEFFICIENTS + _ENDS])
    return first


@kernel
def advance(
    walks: Floats, hours: float, disturbances: Floats, generator: np.uint64, revised: bool
) -> np.uint64:
    """Draw a new segment for each walk whose last one is over; returns the generator's state.

    The revision of 2015 has eight walks more, and draws for the pulses last of all.
    """
    for i in range(_FIRST_PULSE):
        generator = _wander(walks, i, hours, disturbances, generator)
    if revised:
        for i in range(WALKS_1993, WALKS):
            generator = _wander(walks, i, hours, disturbances, generator)
    for i in range(_FIRST_PULSE, WALKS_1993):
        generator = _pulse(walks, i, hours, disturbances, generator, revised)
    return generator


@kernel
def _end(walks: Floats, i: int) -> tuple[float, float]:
    """Value and slope at the end of a walk's segment, where the next begins."""
    at = i * WALK_COEFFICIENTS
    span = walks[at + _ENDS] - walks[at + _BEGAN]
    value = _value_at(walks, at, walks[at + _ENDS])
    slope = walks[at + _SLOPE] + span * (
        2.0 * walks[at + _QUADRATIC] + 3.0 * span * walks[at + _CUBIC]
    )
    walks[at + _BEGAN] = walks[at + _ENDS]
    return value, slope


@kernel
def _wander(
    walks: Floats, i: int, hours: float, disturbances: Floats, generator: np.uint64
) -> np.uint64:
    """A cubic from where the walk is to a value about its base, level at its end."""
    at = i * WALK_COEFFICIENTS
    if hours < walks[at + _ENDS]:
        return generator
    value, slope = _end(walks, i)
    generator = draw(generator)
    span = _HOURS_SPAN[i] * symmetric(generator) + _HOURS_BASE[i]
    generator = draw(generator)
    on = disturbances[_SWITCHES[i]]
    target = _VALUE_SPAN[i] * symmetric(generator) * on + _VALUE_BASE[i]
    # For the slope at the end, which is 0 in all walks.
    generator = draw(generator)
    walks[at + _VALUE] = value
    walks[at + _SLOPE] = slope
    walks[at + _QUADRATIC] = (3.0 * (target - value) - span * (2.0 * slope)) / span**2
    walks[at + _CUBIC] = (2.0 * (value - target) + span * slope) / span**3
    walks[at + _ENDS] = walks[at + _BEGAN] + span
    return generator


@kernel
def _pulse(
    walks: Floats,
    i: int,
    hours: float,
    disturbances: Floats,
    generator: np.uint64,
    revised: bool,
) -> np.uint64:
    """A rise to 1, or, where it is over, a cubic to 0 within a tenth of an hour.

    The original rises along a parabola from 0, the revision from where the last cubic has ended.
    """
    at = i * WALK_COEFFICIENTS
    if hours < walks[at + _ENDS]:
        return generator
    value, slope = _end(walks, i)
    if value > _PULSE_OVER:
        walks[at + _VALUE] = value
        walks[at + _SLOPE] = slope
        walks[at + _QUADRATIC] = -(3.0 * value + 0.2 * slope) / 0.01
        walks[at + _CUBIC] = (2.0 * value + 0.1 * slope) / 0.001
        walks[at + _ENDS] = walks[at + _BEGAN] + _PULSE_HOURS
        return generator
    generator = draw(generator)
    span = _HOURS_SPAN[i] * symmetric(generator) + _HOURS_BASE[i]
    if not revised:
        value = slope = 0.0
    on = disturbances[_SWITCHES[i]]
    walks[at + _VALUE] = value
    walks[at + _SLOPE] = slope
    walks[at + _QUADRATIC] = (on - 2.0 * slope * span) / span**2
    walks[at + _CUBIC] = slope / span**2
    walks[at + _ENDS] = walks[at + _BEGAN] + span
    return generator


@kernel
def _value_at(walks: Floats, at: int, hours: float) -> float:
    h = hours - walks[at + _BEGAN]
    value: float = walks[at + _VALUE] + h * (
        walks[at + _SLOPE] + h * (walks[at + _QUADRATIC] + h * walks[at + _CUBIC])
    )
    return value


@kernel
def conditions(walks: Floats, hours: float, disturbances: Floats, revised: bool) -> Conditions:
    """What acts on the plant at one moment."""
    a = (
        _value_at(walks, _A_OF_AC_FEED, hours)
        - disturbances[AC_RATIO] * 0.03
        - disturbances[B_COMPOSITION] * 2.43719e-3
    )
    b = _value_at(walks, _B_OF_AC_FEED, hours) + disturbances[B_COMPOSITION] * 0.005
    return Conditions(
        a,
        b,
        1.0 - a - b,
        _value_at(walks, _D_FEED_C, hours) + disturbances[D_FEED_STEP] * 5.0,
        _value_at(walks, _AC_FEED_C, hours),
        _value_at(walks, _REACTOR_WATER_C, hours) + disturbances[REACTOR_WATER_STEP] * 5.0,
        _value_at(walks, _CONDENSER_WATER_C, hours) + disturbances[CONDENSER_WATER_STEP] * 5.0,
        _value_at(walks, _KINETICS_1, hours),
        _value_at(walks, _KINETICS_2, hours),
        _value_at(walks, _STEAM_GAIN, hours),
        _value_at(walks, _REACTOR_FOULING, hours),
        _value_at(walks, _CONDENSER_FOULING, hours),
        _value_at(walks, _PRODUCT_FLOW_LOSS, hours),
        1.0 - disturbances[A_FEED_LOSS],
        1.0 - disturbances[AC_HEADER_LOSS] * 0.2,
        _added(walks, _A_FEED_C, hours, revised),
        _added(walks, _E_FEED_C, hours, revised),
        _added(walks, _A_FEED_RANGE, hours, revised) * 0.01,
        _added(walks, _D_FEED_RANGE, hours, revised) * 0.01,
        _added(walks, _E_FEED_RANGE, hours, revised) * 0.01,
        _added(walks, _AC_FEED_RANGE, hours, revised) * 0.01,
        _added(walks, _REACTOR_WATER_RANGE, hours, revised) * 0.01,
        _added(walks, _CONDENSER_WATER_RANGE, hours, revised) * 0.01,
    )


@kernel
def _added(walks: Floats, at: int, hours: float, revised: bool) -> float:
    """A walk of the revision's; elsewhere it stands at its base."""
    if revised:
        return _value_at(walks, at, hours)
    base: float = _VALUE_BASE[at // WALK_COEFFICIENTS]
    return base
