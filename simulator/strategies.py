"""Control strategies by name: how a plant begins under each, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from simulator import control_pi, control_ricker, engine
from simulator.components import Floats, singles
from simulator.reactor import ORIGINAL_KINETICS, RICKER_KINETICS, Kinetics
from tepwatch.tags import DISTURBANCES, DISTURBANCES_2015

REVISED: Final = 2015
"""The revision of the model with eight disturbances more."""


class Setpoint(NamedTuple):
    """A set-point: its place in the strategy's memory, and what may be asked for."""

    place: int
    low: float
    high: float
    unit: str


class Strategy(NamedTuple):
    """A control strategy, with the start of the plant that it was published with.

    `begin` fills a plant's memory; `take_over` tells it that a valve, by its place, is given back
    at a percentage. `revision` is the year of the plant's model.
    """

    name: str
    code: int
    step_hours: float
    step_seconds: float
    kinetics: Kinetics
    states: Floats
    xmv: tuple[float, ...]
    begin: Callable[[Floats], None]
    take_over: Callable[[Floats, int, float], None]
    setpoints: Mapping[str, Setpoint]
    revision: int = 1993

    @property
    def disturbances(self) -> int:
        """How many disturbances the model has."""
        added = len(DISTURBANCES_2015) if self.revision == REVISED else 0
        return len(DISTURBANCES) + added

    def revised(self) -> Strategy:
        """The same for the revision of 2015."""
        return self._replace(revision=REVISED, kinetics=RICKER_KINETICS)


# Two of the states have a D exponent in the original, so they are not rounded.
_BASE_CASE: Final = singles(
    10.40491389, 4.363996017, 7.570059737, 0.4230042431, 24.15513437, 2.942597645,
    154.3770655, 159.1865960, 2.808522723,
    63.75581199, 26.74026066, 46.38532432, 0.2464521543, 15.20484404, 1.852266172,
    52.44639459, 41.20394008, 0.5699317760,
    0.4306056376, 0.0, 0.9056036089, 0.0, 0.7509759687, 0.0, 48.27726193, 39.38459028,
    0.3755297257,
    107.7562698, 29.77250546, 88.32481135, 23.03929507, 62.85848794, 5.546318688,
    11.92244772, 5.555448243, 0.9218489762,
    94.59927549, 77.29698353,
    63.05263039, 53.97970677, 24.64355755, 61.30192144, 22.21, 40.06374673,
    38.10034370, 46.53415582, 47.44573456, 41.10581288, 18.11349055, 50.0,
)  # fmt: skip
_BASE_CASE[19], _BASE_CASE[21], _BASE_CASE[23] = 7.9906200783e-3, 1.6054258216e-2, 8.8582855955e-2

_RICKER_MODE_1: Final = singles(
    11.952176106184915, 7.950300220587021, 4.868453724881999, 0.272972868512175,
    18.170957937566698, 6.075685760535071, 138.7724744623962, 136.1280597442423,
    2.524050242106403,
    62.627138395126366, 41.656312838317460, 25.522301888401437, 0.151685102518388,
    10.746156544195594, 3.593371216635020, 52.279082275951870, 41.117503515415950,
    0.648822831791654,
    0.424789724873510, 0.007882706366504, 0.893372204888619, 0.009602793856226,
    0.515068583569485, 0.166817153416254, 48.183122896125950, 39.420524571989105,
    0.380153203870486,
    113.6841584633928, 52.611730377082860, 66.661346315892740, 21.212165336364368,
    58.941968290602770, 14.336659127811398, 17.649098880625942, 8.512173265498266,
    1.137989657795421,
    102.4800282325948, 92.262530705397240,
    62.806559460324160, 53.286026966911585, 26.661254009105340, 60.484801083141220, 0.0,
    24.234688815797390, 37.209102766947350, 46.430892344071620, 0.0,
    35.944588369409736, 12.209547880014606, 100.0,
)  # fmt: skip


def _begin_open_loop(memory: Floats) -> None:
    memory[:] = 0.0


def _nothing_to_take_over(_memory: Floats, _valve: int, _percent: float) -> None:
    """The valves themselves are all that a velocity form remembers."""


_LEVEL: Final = (0.0, 100.0, "%")

OPEN_LOOP: Final = Strategy(
    "none",
    engine.NONE,
    control_pi.STEP_HOURS,
    1.0,
    ORIGINAL_KINETICS,
    _BASE_CASE,
    tuple(_BASE_CASE[-12:]),
    _begin_open_loop,
    _nothing_to_take_over,
    {},
)
BENCHMARK_PI: Final = Strategy(
    "pi",
    engine.PI,
    control_pi.STEP_HOURS,
    1.0,
    ORIGINAL_KINETICS,
    _BASE_CASE,
    control_pi.INITIAL_XMV,
    control_pi.begin,
    _nothing_to_take_over,
    {
        "production-rate": Setpoint(11, 0.0, 46.0, "m³/h"),
        "reactor-level": Setpoint(17, *_LEVEL),
        "reactor-temperature": Setpoint(18, 100.0, 150.0, "°C"),
        "separator-level": Setpoint(7, *_LEVEL),
        "stripper-level": Setpoint(8, *_LEVEL),
    },
)
RICKER: Final = Strategy(
    "ricker",
    engine.RICKER,
    control_ricker.STEP_HOURS,
    1.8,
    RICKER_KINETICS,
    _RICKER_MODE_1,
    control_ricker.INITIAL_XMV,
    control_ricker.begin,
    control_ricker.take_over,
    {
        "production-rate": Setpoint(control_ricker.PRODUCTION_RATE, 0.0, 46.0, "m³/h"),
        "product-mix": Setpoint(control_ricker.PERCENT_G, 0.0, 100.0, "mol% G"),
        "reactor-pressure": Setpoint(control_ricker.REACTOR_PRESSURE, 2000.0, 2995.0, "kPa gauge"),
        "reactor-level": Setpoint(control_ricker.REACTOR_LEVEL, *_LEVEL),
        "reactor-temperature": Setpoint(control_ricker.REACTOR_TEMPERATURE, 100.0, 150.0, "°C"),
        "separator-level": Setpoint(control_ricker.SEPARATOR_LEVEL, *_LEVEL),
        "stripper-level": Setpoint(control_ricker.STRIPPER_LEVEL, *_LEVEL),
    },
)

STRATEGIES: Final[Mapping[str, Strategy]] = {
    strategy.name: strategy for strategy in (RICKER, BENCHMARK_PI, OPEN_LOOP)
}
