"""The separator and the condenser in front of it."""

from __future__ import annotations

from typing import Final

from simulator.components import single
from tepwatch.kernels import kernel

VOLUME_FT3: Final = 3500.0
_HEAT_TRANSFER: Final = single(0.404655)
_HALF_TRANSFER_LBMOL_PER_H: Final = single(3528.73)
_FOULING: Final = 0.25


@kernel
def condensing(flow: float, gas_c: float, water_outlet_c: float, fouling: float) -> float:
    """Heat that the reactor's product takes up in the condenser (negative), 1e6 Btu/h.

    Args:
        flow: of the product, lbmol/h.
        gas_c: its temperature.
        water_outlet_c: temperature of the cooling water's outlet.
        fouling: IDV 18's walk.
    """
    transfer = _HEAT_TRANSFER * (1.0 - 1.0 / (1.0 + (flow / _HALF_TRANSFER_LBMOL_PER_H) ** 4))
    return transfer * (water_outlet_c - gas_c) * (1.0 - _FOULING * fouling)
