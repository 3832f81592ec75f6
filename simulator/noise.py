"""The plant's random numbers: the generator of the original, to the last bit.

G <- fl(G * 9228907) mod 2^32, where fl rounds the product to a double: not a generator of
integers. Half to even at 53 bits is done here on integers, which takes a third of the time that
floating point needs for the same numbers; `lanes` does many plants at once in floating point,
where the processor works on several at a time. Both give the same numbers (the tests say so).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.components import Floats
from tepwatch.kernels import kernel

UNIFORMS: Final = 12
"""Uniform numbers that make a normal one: their sum less 6."""

_MULTIPLIER: Final = np.uint64(9228907)
_MASK: Final = np.uint64(0xFFFFFFFF)
_MULTIPLIER_FLOAT: Final = 9228907.0
_TWO_32: Final = 4294967296.0
_A_TWO_32ND: Final = 1.0 / 4294967296.0
_ONE: Final = np.uint64(1)
_ZERO: Final = np.uint64(0)

# A product of 54, 55 or 56 bits loses 1, 2 or 3: told by the factor, before the product is there.
_LOSES_1: Final = np.uint64(-(-(2**53) // 9228907))
_LOSES_2: Final = np.uint64(-(-(2**54) // 9228907))
_LOSES_3: Final = np.uint64(-(-(2**55) // 9228907))


@kernel
def draw(state: np.uint64) -> np.uint64:
    """The generator's next state, an integer below 2^32."""
    if state > _MASK:
        return _draw_of_seed(state)
    lost = np.uint64(state >= _LOSES_1) + np.uint64(state >= _LOSES_2)
    lost += np.uint64(state >= _LOSES_3)
    below = (_ONE << lost) - _ONE
    product = state * _MULTIPLIER
    # Half to even: half a unit less one, and one more where the last digit that stays is odd.
    rounded = product + (below >> _ONE) + ((product >> lost) & below & _ONE)
    return np.uint64(rounded & ~below & _MASK)


@kernel
def _draw_of_seed(state: np.uint64) -> np.uint64:
    """The same for a seed that is larger than any state can be."""
    product = float(state) * _MULTIPLIER_FLOAT
    return np.uint64(product - np.floor(product * _A_TWO_32ND) * _TWO_32)


@kernel
def uniform(state: np.uint64) -> float:
    """A number in [0, 1) by the generator's state."""
    return float(state) * _A_TWO_32ND


@kernel
def symmetric(state: np.uint64) -> float:
    """A number in [-1, 1) by the generator's state."""
    return 2.0 * float(state) * _A_TWO_32ND - 1.0


@kernel
def normals(state: np.uint64, out: Floats) -> np.uint64:
    """Fill `out` with roughly normal numbers of standard deviation 1; returns the new state."""
    for i in range(len(out)):
        # Exact as an integer, as the sum of the uniform numbers is in floating point.
        total = _ZERO
        for _ in range(UNIFORMS):
            state = draw(state)
            total += state
        out[i] = float(total) * _A_TWO_32ND - 6.0
    return state


@kernel
def lanes(states: Floats, totals: Floats, out: Floats) -> None:
    """The same for several plants at once.

    Args:
        states: (plants,) generators, as floating point; below 2^32, and moved on.
        totals: (plants,) scratch.
        out: (numbers, plants) filled.
    """
    plants = len(states)
    for i in range(len(out)):
        for plant in range(plants):
            totals[plant] = 0.0
        for _ in range(UNIFORMS):
            for plant in range(plants):
                product = states[plant] * _MULTIPLIER_FLOAT
                states[plant] = product - np.floor(product * _A_TWO_32ND) * _TWO_32
                totals[plant] += states[plant]
        for plant in range(plants):
            out[i, plant] = totals[plant] * _A_TWO_32ND - 6.0
