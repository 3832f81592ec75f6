"""The eight components of the process and their physical properties.

A, B and C are gases that do not condense here, D to H are in both phases. Source of all values:
Downs and Vogel 1993, table 2, as the original program holds them.

A literal of the original without a D exponent is a single-precision number that is widened
afterwards. Only with the same rounding do random draws fall on the same moments, so `single`
rounds every such number.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COMPONENTS: Final = 8
A, B, C, D, E, F, G, H = range(COMPONENTS)
FIRST_CONDENSABLE: Final = D

KELVIN_OFFSET: Final = float(np.float32(273.15))


def single(value: float) -> float:
    """A number as single precision holds it.

    >>> single(0.1)
    0.10000000149011612
    """
    return float(np.float32(value))


def singles(*values: float) -> Floats:
    """Numbers as single precision holds them."""
    return np.array(values, dtype=np.float32).astype(np.float64)


MOLAR_MASS_LB_PER_LBMOL: Final = singles(2.0, 25.4, 28.0, 32.0, 46.0, 48.0, 62.0, 76.0)

# Antoine equation, ln(p) = a + b / (T + c): p in mmHg, T in °C. Nothing for what does not condense.
ANTOINE_A: Final = singles(0.0, 0.0, 0.0, 15.92, 16.35, 16.35, 16.43, 17.21)
ANTOINE_B: Final = singles(0.0, 0.0, 0.0, -1444.0, -2114.0, -2114.0, -2748.0, -3318.0)
ANTOINE_C: Final = singles(0.0, 0.0, 0.0, 259.0, 265.5, 265.5, 232.9, 249.6)

# Liquid density in lb/ft3: a + (b + c T) T with T in °C.
LIQUID_DENSITY_A: Final = singles(1.0, 1.0, 1.0, 23.3, 33.9, 32.8, 49.9, 50.5)
LIQUID_DENSITY_B: Final = singles(0.0, 0.0, 0.0, -0.0700, -0.0957, -0.0995, -0.0191, -0.0541)
LIQUID_DENSITY_C: Final = singles(
    0.0, 0.0, 0.0, -0.0002, -0.000152, -0.000233, -0.000425, -0.000150
)

# Heat capacity of the liquid, a + b T + c T² with T in °C, in 1e6 Btu/lb/°F.
LIQUID_HEAT_A: Final = np.array(
    [1.0e-6, 1.0e-6, 1.0e-6, 0.960e-6, 0.573e-6, 0.652e-6, 0.515e-6, 0.471e-6]
)
LIQUID_HEAT_B: Final = np.array([0.0, 0.0, 0.0, 8.70e-9, 2.41e-9, 2.18e-9, 5.65e-10, 8.70e-10])
LIQUID_HEAT_C: Final = np.array([0.0, 0.0, 0.0, 4.81e-11, 1.82e-11, 1.94e-11, 3.82e-12, 2.62e-12])

# The same of the gas, and the heat of vaporisation at 0 °C in 1e6 Btu/lb.
GAS_HEAT_A: Final = np.array(
    [3.411e-6, 0.3799e-6, 0.2491e-6, 0.3567e-6, 0.3463e-6, 0.3930e-6, 0.170e-6, 0.150e-6]
)
GAS_HEAT_B: Final = np.array([7.18e-10, 1.08e-9, 1.36e-11, 8.51e-10, 8.96e-10, 1.02e-9, 0.0, 0.0])
GAS_HEAT_C: Final = np.array(
    [6.0e-13, -3.98e-13, -3.93e-14, -3.12e-13, -3.27e-13, -3.12e-13, 0.0, 0.0]
)
HEAT_OF_VAPORISATION: Final = np.array(
    [1.0e-6, 1.0e-6, 1.0e-6, 86.7e-6, 160.0e-6, 160.0e-6, 225.0e-6, 209.0e-6]
)
