"""The recycle compressor, with the bypass that its valve opens."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from simulator.components import single
from tepwatch.kernels import kernel

_FLOW_MAX_LB_PER_H: Final = 280275.0
_PRESSURE_RATIO_MAX: Final = single(1.3)
_FLOW_SLOPE: Final = _FLOW_MAX_LB_PER_H / 1.197
_BYPASS_LB_PER_H: Final = 53.349
_FLOW_MIN_LB_PER_H: Final = 1.0e-3
_KELVIN_OFFSET: Final = 273.15
_WORK_UNIT: Final = 1.8e-6 * 1.9872


class Recycle(NamedTuple):
    """Flow in lbmol/h, work in 1e6 Btu/h."""

    flow: float
    work: float


@kernel
def run(
    suction_mmhg: float,
    discharge_mmhg: float,
    suction_c: float,
    molar_mass: float,
    bypass_percent: float,
) -> Recycle:
    """Flow and work of the compressor.

    Args:
        suction_mmhg: pressure of the separator.
        discharge_mmhg: pressure of the mixing zone.
        suction_c: temperature of the separator.
        molar_mass: of the gas, lb/lbmol.
        bypass_percent: position of the recycle valve.
    """
    ratio = min(max(discharge_mmhg / suction_mmhg, 1.0), _PRESSURE_RATIO_MAX)
    through = _FLOW_MAX_LB_PER_H + _FLOW_SLOPE * (1.0 - ratio**3)
    rise_mmhg = discharge_mmhg - suction_mmhg
    work = (
        through
        * (suction_c + _KELVIN_OFFSET)
        * _WORK_UNIT
        * rise_mmhg
        / (molar_mass * suction_mmhg)
    )
    back = bypass_percent * _BYPASS_LB_PER_H * math.sqrt(max(rise_mmhg, 0.0))
    return Recycle(max(through - back, _FLOW_MIN_LB_PER_H) / molar_mass, work)
