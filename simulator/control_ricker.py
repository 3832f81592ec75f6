"""Ricker's decentralised strategy, in mode 1 (50/50 product, base rate) of the paper.

The production rate sets all flows by ratios, which slower loops trim; levels, pressure and
temperatures have loops of their own. Source: Ricker, "Decentralized control of the Tennessee
Eastman challenge process", Journal of Process Control 6(4), 1996, with the numbers of its port by
NIST (tesim).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from simulator import valves
from simulator.components import Floats
from tepwatch.kernels import kernel

STEP_HOURS: Final = 0.0005
INITIAL_XMV: Final = (
    62.8069839011592, 53.2867088613521, 26.6621725633624, 60.4828539928762, 0.0, 24.2293009065651,
    37.2081981280914, 46.4305263951036, 0.0, 35.8653215123278, 12.9306420475438, 100.0,
)  # fmt: skip

# Set-points, at the start of the memory.
(
    PRODUCTION_RATE,
    REACTOR_PRESSURE,
    REACTOR_LEVEL,
    REACTOR_TEMPERATURE,
    PERCENT_G,
    SEPARATOR_LEVEL,
    STRIPPER_LEVEL,
) = range(7)
INITIAL_SETPOINTS: Final = (22.89, 2800.0, 65.0, 122.9, 53.8, 50.0, 50.0)

# Then the ratios of flows to the production rate, and the set-points behind their rate limits.
_RATIO_A, _RATIO_C = 7, 8
_LIMITED_RATE, _LIMITED_G = 9, 10
_TRIM_ERROR_A, _TRIM_ERROR_AC = 11, 12
_OUTPUTS: Final = 16
_ERRORS: Final = 32

(
    _A_FEED,
    _D_FEED,
    _E_FEED,
    _C_FEED,
    _PURGE,
    _SEPARATOR_FLOW,
    _STRIPPER_FLOW,
    _SEPARATOR_COOLING,
    _REACTOR_COOLING,
    _PRESSURE_TO_PURGE,
    _SEPARATOR_LEVEL_LOOP,
    _STRIPPER_LEVEL_LOOP,
    _REACTOR_LEVEL_LOOP,
    _G_LOOP,
    _PRODUCTION_LOOP,
) = range(15)


class _Loop(NamedTuple):
    """A PI loop in velocity form with a delay of one scan; the start is of output and error."""

    output: float
    error: float
    gain: float
    low: float
    high: float
    reset_hours: float


_NO_LIMIT: Final = np.inf
_FLOW_RESET_HOURS: Final = 0.001 / 60.0

_LOOPS: Final = (
    _Loop(26.6621725633624, 0.002694050999489, 0.01, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(62.8069839011592, 62.429570964992760, 1.6e-6, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(53.2867088613521, 9.723386274665245, 1.8e-6, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(60.4828539928762, 0.083514558990949, 0.003, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(24.2293009065651, -0.006360143307706, 0.01, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(37.2081981280914, 0.048094569533532, 4.0e-4, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(46.4305263951036, 0.077381965807636, 4.0e-4, 0.0, 100.0, _FLOW_RESET_HOURS),
    _Loop(12.9306420475438, -0.141566616033629, -4.0, 0.0, 100.0, 15.0 / 60.0),
    _Loop(35.8653215123278, 0.007961389832360, -8.0, 0.0, 100.0, 7.5 / 60.0),
    _Loop(0.001915509802465, 1.040853861903997, -1.0e-4, 0.0, 100.0, 20.0 / 60.0),
    _Loop(0.253705005583181, -1.041770047054492, -1.0e-3, 0.0, 100.0, 200.0 / 60.0),
    _Loop(0.228711771174511, 0.949174713615896, -2.0e-4, 0.0, 100.0, 200.0 / 60.0),
    _Loop(92.020048977831070, 0.040751615684570, 0.8, 0.0, 120.0, 60.0 / 60.0),
    _Loop(0.632250244508519, -0.506656747709997, -0.4, -_NO_LIMIT, _NO_LIMIT, 100.0 / 60.0),
    _Loop(-0.448883361482739, -0.140664345075038, 3.2, -30.0, 30.0, 120.0 / 60.0),
)
_LOOP_OF_VALVE: Final = {
    valves.A_FEED: _A_FEED,
    valves.D_FEED: _D_FEED,
    valves.E_FEED: _E_FEED,
    valves.AC_FEED: _C_FEED,
    valves.PURGE: _PURGE,
    valves.SEPARATOR_LIQUID: _SEPARATOR_FLOW,
    valves.STRIPPER_LIQUID: _STRIPPER_FLOW,
    valves.CONDENSER_WATER: _SEPARATOR_COOLING,
    valves.REACTOR_WATER: _REACTOR_COOLING,
}
_GAINS: Final = np.array([loop.gain for loop in _LOOPS])
_LOWS: Final = np.array([loop.low for loop in _LOOPS])
_HIGHS: Final = np.array([loop.high for loop in _LOOPS])
_RESETS_HOURS: Final = np.array([loop.reset_hours for loop in _LOOPS])

_TRIM_HOURS: Final = 0.1
_TRIM_WINDOW_HOURS: Final = 0.00005
_TRIM_SETPOINT_A: Final = 63.1372
_TRIM_SETPOINT_AC: Final = 51.0
_TRIM_GAIN_A, _TRIM_RESET_A_HOURS = 2.0e-4, 1.0
_TRIM_GAIN_AC, _TRIM_RESET_AC_HOURS = 3.0e-4, 2.0
_INITIAL_TRIM_ERROR_A: Final = 0.156799893651460
_INITIAL_TRIM_ERROR_AC: Final = -0.193592358293763
_INITIAL_RATIO_A: Final = 0.002722836244293
_INITIAL_RATIO_C: Final = 0.092236609900323

_SETPOINT_CHANGE_MAX: Final = 0.3 * 22.95 / 24.0
"""Of the production rate and the product's %G, per hour."""
_BASE_RATE: Final = 22.89
_D_BY_G: Final = (1.5192e-3, 5.9446e-1, 2.7690e-1)
_E_BY_G: Final = (-1.1377e-3, -8.0893e-1, 9.1060e1)
_MOLAR_MASS_D, _MOLAR_MASS_E = 32.0, 46.0


def begin(memory: Floats) -> None:
    """Set a plant's memory to the start."""
    memory[:] = 0.0
    memory[: len(INITIAL_SETPOINTS)] = INITIAL_SETPOINTS
    memory[_RATIO_A], memory[_RATIO_C] = _INITIAL_RATIO_A, _INITIAL_RATIO_C
    memory[_TRIM_ERROR_A] = _INITIAL_TRIM_ERROR_A
    memory[_TRIM_ERROR_AC] = _INITIAL_TRIM_ERROR_AC
    for place, loop in enumerate(_LOOPS):
        memory[_OUTPUTS + place] = loop.output
        memory[_ERRORS + place] = loop.error


def take_over(memory: Floats, valve: int, percent: float) -> None:
    """Let the loop that sets a valve go on from where the valve is."""
    if valve in _LOOP_OF_VALVE:
        memory[_OUTPUTS + _LOOP_OF_VALVE[valve]] = percent


@kernel
def act(memory: Floats, xmeas: Floats, xmv: Floats, hours: float, step_hours: float) -> None:
    """Set the valves (12,) by the measurements (41,).

    Args:
        memory: of the strategy.
        xmeas: as measured last.
        xmv: changed; what this strategy leaves alone stays.
        hours: process time.
        step_hours: since the last action.
    """
    if hours == 0.0:
        memory[_LIMITED_G] = memory[PERCENT_G]
        memory[_LIMITED_RATE] = memory[PRODUCTION_RATE]
    else:
        _limit(memory, _LIMITED_G, memory[PERCENT_G], step_hours)
        _limit(memory, _LIMITED_RATE, memory[PRODUCTION_RATE], step_hours)
    percent_g, rate_setpoint = memory[_LIMITED_G], memory[_LIMITED_RATE]
    adjustment = _loop(memory, _G_LOOP, percent_g - xmeas[39], step_hours)

    phase = hours % _TRIM_HOURS
    if phase < _TRIM_WINDOW_HOURS or _TRIM_HOURS - phase < _TRIM_WINDOW_HOURS:
        _trim(memory, xmeas)

    rate = rate_setpoint * (100.0 / _BASE_RATE)
    rate += _loop(memory, _PRODUCTION_LOOP, rate_setpoint - xmeas[16], step_hours)
    ratio_d = _quadratic(_D_BY_G, percent_g) - adjustment * _MOLAR_MASS_D / rate
    ratio_e = _quadratic(_E_BY_G, percent_g) + adjustment * _MOLAR_MASS_E / rate

    xmv[valves.A_FEED] = _loop(memory, _A_FEED, memory[_RATIO_A] * rate - xmeas[0], step_hours)
    xmv[valves.D_FEED] = _loop(memory, _D_FEED, ratio_d * rate - xmeas[1], step_hours)
    xmv[valves.E_FEED] = _loop(memory, _E_FEED, ratio_e * rate - xmeas[2], step_hours)
    xmv[valves.AC_FEED] = _loop(memory, _C_FEED, memory[_RATIO_C] * rate - xmeas[3], step_hours)

    ratio = _loop(memory, _PRESSURE_TO_PURGE, memory[REACTOR_PRESSURE] - xmeas[6], step_hours)
    xmv[valves.PURGE] = _loop(memory, _PURGE, ratio * rate - xmeas[9], step_hours)
    separator_c = _loop(memory, _REACTOR_LEVEL_LOOP, memory[REACTOR_LEVEL] - xmeas[7], step_hours)
    xmv[valves.REACTOR_WATER] = _loop(
        memory, _REACTOR_COOLING, memory[REACTOR_TEMPERATURE] - xmeas[8], step_hours
    )
    ratio = _loop(memory, _SEPARATOR_LEVEL_LOOP, memory[SEPARATOR_LEVEL] - xmeas[11], step_hours)
    xmv[valves.SEPARATOR_LIQUID] = _loop(
        memory, _SEPARATOR_FLOW, ratio * rate - xmeas[13], step_hours
    )
    xmv[valves.CONDENSER_WATER] = _loop(
        memory, _SEPARATOR_COOLING, separator_c - xmeas[10], step_hours
    )
    ratio = _loop(memory, _STRIPPER_LEVEL_LOOP, memory[STRIPPER_LEVEL] - xmeas[14], step_hours)
    xmv[valves.STRIPPER_LIQUID] = _loop(
        memory, _STRIPPER_FLOW, ratio * rate - xmeas[16], step_hours
    )


@kernel
def _loop(memory: Floats, loop: int, error: float, step_hours: float) -> float:
    """One action of a loop; what it returns is the output of its last action."""
    change = _GAINS[loop] * (
        error + error * (step_hours / _RESETS_HOURS[loop]) - memory[_ERRORS + loop]
    )
    memory[_ERRORS + loop] = error
    output: float = memory[_OUTPUTS + loop]
    memory[_OUTPUTS + loop] = min(max(output + change, _LOWS[loop]), _HIGHS[loop])
    return output


@kernel
def _trim(memory: Floats, xmeas: Floats) -> None:
    """Correct the ratios of the A feed and of the A and C feed by what the reactor gets."""
    share_ac = xmeas[22] + xmeas[24]
    error_a = _TRIM_SETPOINT_A - xmeas[22] * 100.0 / share_ac
    error_ac = _TRIM_SETPOINT_AC - share_ac
    trim_a = _TRIM_GAIN_A * (
        error_a + error_a * (_TRIM_HOURS / _TRIM_RESET_A_HOURS) - memory[_TRIM_ERROR_A]
    )
    trim_ac = _TRIM_GAIN_AC * (
        error_ac + error_ac * (_TRIM_HOURS / _TRIM_RESET_AC_HOURS) - memory[_TRIM_ERROR_AC]
    )
    memory[_TRIM_ERROR_A] = error_a
    memory[_TRIM_ERROR_AC] = error_ac
    memory[_RATIO_A] += trim_a
    memory[_RATIO_C] += trim_ac - trim_a


@kernel
def _limit(memory: Floats, place: int, setpoint: float, step_hours: float) -> None:
    """Move a set-point towards what is asked for, no faster than allowed."""
    change = _SETPOINT_CHANGE_MAX * step_hours
    memory[place] = min(max(setpoint, memory[place] - change), memory[place] + change)


@kernel
def _quadratic(coefficients: tuple[float, float, float], x: float) -> float:
    return coefficients[0] * x**2 + coefficients[1] * x + coefficients[2]
