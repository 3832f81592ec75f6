"""The PI loops of the published benchmark: what its 22 series were made with.

Velocity form, in percent of the measurement's span. Loops 1 to 11 set the valves of their number;
the slower ones set the set-points of those. Source: the program of the benchmark, described in
Chiang, Russell and Braatz, "Fault Detection and Diagnosis in Industrial Systems", 2001.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from simulator.components import Floats, single
from tepwatch.kernels import kernel

STEP_HOURS: Final = float(np.float32(1.0) / np.float32(3600.0))
"""One second, as the program has it."""
INITIAL_XMV: Final = tuple(
    single(value)
    for value in (
        63.053, 53.980, 24.644, 61.302, 22.210, 40.064, 38.100, 46.534, 47.446, 41.106, 18.114, 50.0
    )
)  # fmt: skip

FAST_SECONDS: Final = 3
_FAST, _ANALYSIS, _PRODUCT_ANALYSIS = 1, 120, 300
"""Times `FAST_SECONDS` between two actions of a loop."""
_FAST_HOURS: Final = STEP_HOURS * FAST_SECONDS


class _Loop(NamedTuple):
    """One loop; `sets` is a loop's number for those that act on another's set-point, else 0."""

    number: int
    xmeas: int
    setpoint: float
    span: float
    gain: float
    reset_seconds: float
    every: int
    sets: int = 0
    sets_span: float = 0.0


def _quotient(value: float, *divisors: float) -> float:
    """A value divided in turn, in single precision, as the compiler folds it."""
    result = np.float32(value)
    for divisor in divisors:
        result = np.float32(result / np.float32(divisor))
    return float(result)


_NO_RESET: Final = 0.0

# In the order in which they act.
_LOOPS: Final = (
    _Loop(1, 2, 3664.0, 5811.0, 1.0, _NO_RESET, _FAST),
    _Loop(2, 3, 4509.3, 8354.0, 1.0, _NO_RESET, _FAST),
    _Loop(3, 1, 0.25052, 1.017, 1.0, _NO_RESET, _FAST),
    _Loop(4, 4, 9.3477, 15.25, 1.0, _NO_RESET, _FAST),
    _Loop(5, 5, 26.902, 53.0, -0.083, 1.0, _FAST),
    _Loop(6, 10, 0.33712, 1.0, 1.22, _NO_RESET, _FAST),
    _Loop(7, 12, 50.0, 70.0, -2.06, _NO_RESET, _FAST),
    _Loop(8, 15, 50.0, 70.0, -1.62, _NO_RESET, _FAST),
    _Loop(9, 19, 230.31, 460.0, 0.41, _NO_RESET, _FAST),
    _Loop(10, 21, 94.599, 150.0, single(single(-0.156) * 10.0), 1452.0, _FAST),
    _Loop(11, 17, 22.949, 46.0, 1.09, 2600.0, _FAST),
    _Loop(16, 18, 65.731, 130.0, _quotient(1.69, 10), 236.0, _FAST, 9, 460.0),
    _Loop(17, 8, 75.0, 50.0, _quotient(11.1, 10), 3168.0, _FAST, 4, 15.25),
    _Loop(18, 9, 120.40, 150.0, single(single(2.83) * 10.0), 982.0, _FAST, 10, 150.0),
    _Loop(13, 23, 32.188, 100.0, 18.0, 3168.0, _ANALYSIS, 3, 1.017),
    _Loop(14, 26, 6.8820, 100.0, 8.3, 3168.0, _ANALYSIS, 1, 5811.0),
    _Loop(15, 27, 18.776, 100.0, 2.37, 5069.0, _ANALYSIS, 2, 8354.0),
    _Loop(19, 30, 13.823, 26.0, _quotient(-83.2, 5, 3), 6336.0, _ANALYSIS, 6, 1.0),
    _Loop(20, 38, 0.83570, 1.6, _quotient(-16.3, 5), 12408.0, _PRODUCT_ANALYSIS, 16, 130.0),
)


def _column(name: str) -> Floats:
    return np.array([single(getattr(loop, name)) for loop in _LOOPS])


_NUMBERS: Final = np.array([loop.number for loop in _LOOPS])
_XMEAS: Final = np.array([loop.xmeas - 1 for loop in _LOOPS])
_SPANS: Final = _column("span")
_GAINS: Final = _column("gain")
_EVERY: Final = np.array([loop.every for loop in _LOOPS])
_SETS: Final = np.array([loop.sets for loop in _LOOPS])
_SETS_SPANS: Final = _column("sets_span")
_RESETS_HOURS: Final = np.array([_quotient(loop.reset_seconds, 3600) for loop in _LOOPS])

# What is kept: set-points by the loop's number, last errors likewise, and the purge's override.
_ERRORS: Final = 24
_OVERRIDE: Final = 48
_VALVES: Final = 11
_PURGE_LOOP: Final = 6
_PURGE_MIDDLE: Final = single(40.060)
_PURGE_SETPOINT: Final = single(0.33712)
_NORMAL, _OPEN, _CLOSED = 0.0, 1.0, 2.0
_PRESSURE: Final = 12
"""Separator pressure, which overrides the purge's loop."""
_PRESSURE_HIGH_KPA: Final = 2950.0
_PRESSURE_LOW_KPA: Final = 2300.0
_PRESSURE_BACK_KPA: Final = single(2633.7)


def begin(memory: Floats) -> None:
    """Set a plant's memory to the start."""
    memory[:] = 0.0
    for loop in _LOOPS:
        memory[loop.number] = single(loop.setpoint)


@kernel
def act(memory: Floats, xmeas: Floats, xmv: Floats, number: int) -> None:
    """Set the valves (12,) by the measurements (41,).

    Args:
        memory: of the strategy.
        xmeas: as measured last.
        xmv: changed, not clamped.
        number: of this action of the fast loops, counted from 1.
    """
    for i in range(len(_NUMBERS)):
        if number % _EVERY[i] != 0:
            continue
        loop = _NUMBERS[i]
        if loop == _PURGE_LOOP and _overridden(memory, xmeas, xmv):
            continue
        error = (memory[loop] - xmeas[_XMEAS[i]]) * 100.0 / _SPANS[i]
        change = error - memory[_ERRORS + loop]
        if _RESETS_HOURS[i] > 0.0:
            change += error * _FAST_HOURS * _EVERY[i] / _RESETS_HOURS[i]
        change *= _GAINS[i]
        if _SETS[i]:
            memory[_SETS[i]] += change * _SETS_SPANS[i] / 100.0
        else:
            xmv[loop - 1] += change
        memory[_ERRORS + loop] = error


@kernel
def _overridden(memory: Floats, xmeas: Floats, xmv: Floats) -> bool:
    """Whether the separator's pressure opens or shuts the purge in place of its loop."""
    pressure_kpa = xmeas[_PRESSURE]
    purge = _PURGE_LOOP - 1
    if pressure_kpa >= _PRESSURE_HIGH_KPA:
        memory[_OVERRIDE] = _OPEN
        xmv[purge] = 100.0
    elif memory[_OVERRIDE] == _OPEN and pressure_kpa >= _PRESSURE_BACK_KPA:
        xmv[purge] = 100.0
    elif memory[_OVERRIDE] == _OPEN:
        _give_back(memory, xmv)
    elif pressure_kpa <= _PRESSURE_LOW_KPA:
        memory[_OVERRIDE] = _CLOSED
        xmv[purge] = 0.0
    elif memory[_OVERRIDE] == _CLOSED and pressure_kpa <= _PRESSURE_BACK_KPA:
        xmv[purge] = 0.0
    elif memory[_OVERRIDE] == _CLOSED:
        _give_back(memory, xmv)
    else:
        return False
    return True


@kernel
def _give_back(memory: Floats, xmv: Floats) -> None:
    """Let the purge's loop go on from the middle."""
    memory[_OVERRIDE] = _NORMAL
    memory[_PURGE_LOOP] = _PURGE_SETPOINT
    memory[_ERRORS + _PURGE_LOOP] = 0.0
    xmv[_PURGE_LOOP - 1] = _PURGE_MIDDLE


@kernel
def clamp(xmv: Floats) -> None:
    """Keep what the loops ask of valves 1 to 11 within 0 and 100 %, after it was recorded."""
    for valve in range(_VALVES):
        xmv[valve] = min(max(xmv[valve], 0.0), 100.0)
