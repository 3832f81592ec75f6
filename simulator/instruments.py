"""Instruments: the plant's quantities in the units of the paper, analysers, and safety limits."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator import stripper
from simulator.components import Floats, single
from simulator.layout import CONDENSER_WATER_OUTLET, GAS_ANALYSES, REACTOR_WATER_OUTLET
from simulator.plant import FEED_D_MASS, FEED_E_MASS, Heats, Mixtures, Process
from tepwatch.kernels import kernel

# Factors, not divisors: a processor multiplies five times as fast as it divides.
_M3_A_FT3: Final = 1.0 / single(35.3145)
_KSCMH_A_LBMOL_PER_H: Final = single(0.359) / single(35.3145)
_KG_A_LB: Final = single(0.454)
_ATMOSPHERE_MMHG: Final = 760.0
_KPA_A_MMHG: Final = single(101.325) / 760.0
_STEAM_KG_A_1E6_BTU: Final = 1.04e3 * single(0.454)
_KW_A_1E6_BTU_PER_H: Final = 0.29307e3

# Standard deviation of the noise of every measurement, in its unit.
NOISE: Final = np.array(
    [
        0.0012, 18.0, 22.0, 0.05, 0.2, 0.21, 0.3, 0.5, 0.01, 0.0017, 0.01, 1.0, 0.3, 0.125, 1.0,
        0.3, 0.115, 0.01, 1.15, 0.2, 0.01, 0.01,
        0.25, 0.1, 0.25, 0.1, 0.25, 0.025,
        0.25, 0.1, 0.25, 0.1, 0.25, 0.025, 0.05, 0.05,
        0.01, 0.01, 0.01, 0.5, 0.5,
    ]
)  # fmt: skip

GAS_SAMPLE_HOURS: Final = single(0.1)
PRODUCT_SAMPLE_HOURS: Final = 0.25

SHUTDOWN_REASONS: Final = (
    "",
    "reactor pressure above 3000 kPa gauge",
    "reactor liquid above 24 m³",
    "reactor liquid below 2 m³",
    "reactor temperature above 175 °C",
    "separator liquid above 12 m³",
    "separator liquid below 1 m³",
    "stripper liquid above 8 m³",
    "stripper liquid below 1 m³",
)
"""By the code of the limit."""

# Liquid where a level shows 0 %, and what a ft3 more adds.
_REACTOR_EMPTY_FT3: Final = single(84.6)
_REACTOR_PERCENT_A_FT3: Final = 100.0 / single(666.7)
_SEPARATOR_EMPTY_FT3: Final = 27.5
_SEPARATOR_PERCENT_A_FT3: Final = 100.0 / 290.0
_STRIPPER_EMPTY_FT3: Final = 78.25
_STRIPPER_PERCENT_A_FT3: Final = 100.0 / stripper.VOLUME_FT3

_PRESSURE_MAX_KPA: Final = 3000.0
_REACTOR_MAX_M3: Final = 24.0
_REACTOR_MIN_M3: Final = 2.0
_TEMPERATURE_MAX_C: Final = 175.0
_SEPARATOR_MAX_M3: Final = 12.0
_SEPARATOR_MIN_M3: Final = 1.0
_STRIPPER_MAX_M3: Final = 8.0
_STRIPPER_MIN_M3: Final = 1.0

_REACTOR_FEED_ANALYSES: Final = 6
_PURGE_ANALYSES: Final = 8
_PRODUCT_FIRST: Final = 3


@kernel
def measure(process: Process, heats: Heats, states: Floats, out: Floats) -> None:
    """Fill `out` with the 22 continuous measurements, without noise."""
    tank_r, tank_s, foot = process.reactor, process.separator, process.stripper
    out[0] = process.a_feed * _KSCMH_A_LBMOL_PER_H
    out[1] = process.d_feed * FEED_D_MASS * _KG_A_LB
    out[2] = process.e_feed * FEED_E_MASS * _KG_A_LB
    out[3] = process.ac_feed * _KSCMH_A_LBMOL_PER_H
    out[4] = process.recycle.flow * _KSCMH_A_LBMOL_PER_H
    out[5] = process.reactor_feed * _KSCMH_A_LBMOL_PER_H
    out[6] = _gauge_kpa(tank_r.pressure_mmhg)
    out[7] = (tank_r.liquid_ft3 - _REACTOR_EMPTY_FT3) * _REACTOR_PERCENT_A_FT3
    out[8] = tank_r.temperature_c
    out[9] = process.purge * _KSCMH_A_LBMOL_PER_H
    out[10] = tank_s.temperature_c
    out[11] = (tank_s.liquid_ft3 - _SEPARATOR_EMPTY_FT3) * _SEPARATOR_PERCENT_A_FT3
    out[12] = _gauge_kpa(tank_s.pressure_mmhg)
    out[13] = process.separator_liquid / tank_s.liquid_density * _M3_A_FT3
    out[14] = (foot.liquid_ft3 - _STRIPPER_EMPTY_FT3) * _STRIPPER_PERCENT_A_FT3
    out[15] = _gauge_kpa(process.mixed.pressure_mmhg)
    out[16] = process.product / foot.liquid_density * _M3_A_FT3
    out[17] = foot.temperature_c
    out[18] = heats.steam * _STEAM_KG_A_1E6_BTU
    out[19] = process.recycle.work * _KW_A_1E6_BTU_PER_H
    out[20] = states[REACTOR_WATER_OUTLET]
    out[21] = states[CONDENSER_WATER_OUTLET]


@kernel
def analyse(mixtures: Mixtures, out: Floats) -> None:
    """Fill `out` with what the 19 analyses would show of the plant now, in mol%, without noise."""
    for i in range(_REACTOR_FEED_ANALYSES):
        out[i] = mixtures.mixed[i] * 100.0
    for i in range(_PURGE_ANALYSES):
        out[_REACTOR_FEED_ANALYSES + i] = mixtures.separator_vapour[i] * 100.0
    for i in range(len(out) - GAS_ANALYSES):
        out[GAS_ANALYSES + i] = mixtures.stripper_liquid[_PRODUCT_FIRST + i] * 100.0


@kernel
def limit_passed(process: Process, clean: Floats) -> int:
    """Code of the safety limit that is passed, 0 for none; the last one where there are several."""
    code = 0
    if clean[6] > _PRESSURE_MAX_KPA:
        code = 1
    reactor_m3 = process.reactor.liquid_ft3 * _M3_A_FT3
    if reactor_m3 > _REACTOR_MAX_M3:
        code = 2
    if reactor_m3 < _REACTOR_MIN_M3:
        code = 3
    if process.reactor.temperature_c > _TEMPERATURE_MAX_C:
        code = 4
    separator_m3 = process.separator.liquid_ft3 * _M3_A_FT3
    if separator_m3 > _SEPARATOR_MAX_M3:
        code = 5
    if separator_m3 < _SEPARATOR_MIN_M3:
        code = 6
    stripper_m3 = process.stripper.liquid_ft3 * _M3_A_FT3
    if stripper_m3 > _STRIPPER_MAX_M3:
        code = 7
    if stripper_m3 < _STRIPPER_MIN_M3:
        code = 8
    return code


@kernel
def _gauge_kpa(pressure_mmhg: float) -> float:
    return (pressure_mmhg - _ATMOSPHERE_MMHG) * _KPA_A_MMHG
