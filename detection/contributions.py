"""Which channels make a statistic large, and which way they are off.

By reconstruction (Alcala and Qin, "Reconstruction-based contribution for process monitoring",
Automatica 45(7), 2009): what a channel contributes to a distance is how much smaller it could be if
that channel alone were another. Of all statistics the one farthest beyond its limit is taken.
"""

from __future__ import annotations

import numpy as np

from detection.forest import FloatArray
from detection.statistics import Statistics, seen
from tepwatch.kernels import kernel


def contributions(
    statistics: Statistics, levels: FloatArray, ratios: FloatArray
) -> tuple[FloatArray, int]:
    """The share of each channel, (n,); above zero where it is too high. Sizes add up to 1.

    Also the place of the process unit whose statistic it is; channels of others have no share.

    Args:
        statistics: of normal operation.
        levels: of the statistics after the tick.
        ratios: (units, statistics) of the tick.
    """
    shares = np.zeros(levels.shape[1])
    unit = _share(statistics, levels, ratios, shares)
    return shares, unit


@kernel
def _share(
    statistics: Statistics, levels: FloatArray, ratios: FloatArray, shares: FloatArray
) -> int:
    unit, number = 0, 0
    for place in range(ratios.shape[0]):
        for other in range(ratios.shape[1]):
            if ratios[place, other] > ratios[unit, number]:
                unit, number = place, other
    first, end = statistics.starts[unit], statistics.starts[unit + 1]
    factor = statistics.factors[number]
    away, along = np.zeros(end - first), np.zeros(end - first)
    for source in range(first, end):
        level = seen(statistics.quantities[number], levels[number, source])
        away[source - first] = level - statistics.centres[number, source]
    for source in range(first, end):
        for target in range(first, end):
            along[target - first] += away[source - first] * factor[source, target]
    total = 0.0
    for channel in range(first, end):
        pull, spread = 0.0, 0.0
        for target in range(first, end):
            pull += factor[channel, target] * along[target - first]
            spread += factor[channel, target] ** 2
        shares[channel] = pull * abs(pull) / spread
        total += abs(shares[channel])
    if total > 0.0:
        for channel in range(first, end):
            shares[channel] /= total
    return unit
