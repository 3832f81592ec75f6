"""Which channels make a statistic large, and which way they are off.

By reconstruction (Alcala and Qin, "Reconstruction-based contribution for process monitoring",
Automatica 45(7), 2009): what a channel contributes to a distance is how much smaller it could be if
that channel alone were another. Of all statistics the one farthest beyond its limit is taken.
"""

from __future__ import annotations

import numpy as np

from detection.channels import Unit
from detection.forest import FloatArray
from detection.statistics import Statistics, seen


def contributions(
    statistics: Statistics, units: list[Unit], levels: FloatArray, ratios: FloatArray
) -> FloatArray:
    """The share of each channel, (n,); above zero where it is too high. Sizes add up to 1.

    Args:
        statistics: of normal operation.
        units: the channels' process units.
        levels: of the statistics after the tick.
        ratios: (units, statistics) of the tick.
    """
    place, number = np.unravel_index(np.argmax(ratios), ratios.shape)
    unit = units[place]
    mine = slice(unit.first, unit.end)
    level = seen(statistics.quantities[number], levels[number, mine])
    factor = statistics.factors[number, mine, mine]
    pull = factor @ ((level - statistics.centres[number, mine]) @ factor)
    sizes = pull**2 / (factor**2).sum(axis=1)
    shares = np.zeros(levels.shape[1])
    shares[mine] = np.sign(pull) * sizes / max(sizes.sum(), np.finfo(np.float64).tiny)
    return shares
