"""Random numbers of the trees, computed from a number instead of drawn from a state.

The sampler's number for a point depends on the seed, the tree and the number of the point alone;
those of an insertion follow from it. So there is no generator whose state would have to be kept,
and what a forest does is the same however points are cut into calls.
SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.trees.lanes import integer
from tepwatch.kernels import kernel, part

STEP: Final = np.uint64(0x9E3779B97F4A7C15)
"""What is added from one number to the next."""

_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_30: Final = np.uint64(30)
_27: Final = np.uint64(27)
_31: Final = np.uint64(31)
_11: Final = np.uint64(11)
_2_53: Final = 2.0**-53


@part
def mixed(number: np.uint64) -> np.uint64:
    """64 bits that look random, by a number; one to one."""
    number = (number ^ (number >> _30)) * _FIRST
    number = (number ^ (number >> _27)) * _SECOND
    return np.uint64(number ^ (number >> _31))


@part
def uniform(bits: np.uint64) -> float:
    """A number in (0, 1) by 64 bits: neither end is ever given."""
    return (float(integer(bits >> _11)) + 0.5) * _2_53


@kernel
def starts_of(seed: np.uint64, trees: int) -> NDArray[np.uint64]:
    """Where the numbers of each tree begin."""
    starts = np.empty(trees, np.uint64)
    number = mixed(seed)
    for tree in range(trees):
        number += STEP
        starts[tree] = mixed(number)
    return starts


@part
def of_point(start: np.uint64, number: int) -> np.uint64:
    """The 64 bits that a tree has for the point of a number."""
    return mixed(start + np.uint64(number) * STEP)
