"""One plant held against one reference: tick by tick, how unlikely it is and what makes it so."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.alarm_rule import P_LIMIT
from detection.channels import variable_of
from detection.contributions import contributions
from detection.forest import FloatArray
from detection.reference import Reference
from detection.tracker import Tracker, TrackerState
from tepwatch.kernels import kernel
from tepwatch.records import Contribution, UnitScore
from tepwatch.tags import PLACES, TAG_IDS

_TOP: Final = 5
_LOG_LIMIT: Final = math.log(P_LIMIT)


class Judgement(NamedTuple):
    """Of one tick.

    `shares`, `values` and `innovations` are those of the channels, (n,).
    """

    score: float
    p_value: float
    units: tuple[UnitScore, ...]
    worst_unit: str
    """The process unit whose variables stand out."""
    shares: FloatArray
    values: FloatArray
    innovations: FloatArray


def grade(p_value: float) -> float:
    """From 0, nothing unlikely, to 1, as unlikely as an alarm.

    >>> [round(grade(p), 2) for p in (1.0, 0.01, 0.0001)]
    [0.0, 0.67, 1.0]
    """
    # At a p-value of 1 this would be a negative zero.
    return abs(min(1.0, math.log(p_value) / _LOG_LIMIT))


class Watch:
    """Follows one plant from the beginning of a run.

    Args:
        reference: what is normal.
        state: to go on from, of a watch with the same reference.
    """

    def __init__(self, reference: Reference, state: TrackerState | None = None) -> None:
        self.reference = reference
        self._baseline = reference.baseline
        self._tracker = Tracker(reference.baseline, state)
        channels = reference.baseline.channels
        self._units = channels.units
        self._columns = channels.columns
        self._width = 1 + int(channels.columns.max())
        # A mean and a last value are of one variable.
        self._variables = np.array([PLACES[variable_of(name)] for name in channels.tags])
        # The last of a variable's channels is its last value.
        self._channel_of = {place: n for n, place in enumerate(self._variables.tolist())}
        self._totals = np.empty((2, len(TAG_IDS)))
        self._newest = np.zeros(len(channels.tags))
        self.filled = 0
        """Variables of the last tick that were filled in."""

    @property
    def state(self) -> TrackerState:
        """Where it stands."""
        return self._tracker.state

    def advance(self, row: FloatArray) -> Judgement | None:
        """Take a tick in, as the reference's `row` gives it; None where it is too early to say."""
        chosen = row[self._columns]
        self.filled = 0
        if math.isnan(chosen.sum()):
            self.filled = len(set(self._variables[np.isnan(chosen)].tolist()))
        found = self._tracker.advance(row[None])
        self._newest = found.values[0]
        p_value = float(found.p_values[0])
        if math.isnan(p_value):
            return None
        calibration = self._baseline.calibration
        scores = calibration.by_norm(found.units[0])
        units = tuple(
            UnitScore(unit.name, score, p, grade(p))
            for unit, score, p in zip(
                self._units, scores.tolist(), calibration.p_values(scores).tolist(), strict=True
            )
        )
        model = self._baseline.model
        # A score says that much is odd; scores of units in which it is do not differ much.
        shares, worst = contributions(model.statistics, self._tracker.state.levels, found.ratios[0])
        return Judgement(
            float(found.fused[0]),
            p_value,
            units,
            self._units[worst].name,
            shares,
            found.values[0],
            found.innovations[0],
        )

    def warm_up(self) -> None:
        """Have everything compiled that a tick needs; what it is fed is forgotten with it."""
        for _ in range(self._baseline.model.predictor.order + 1):
            self.advance(np.full(self._width, np.nan))
        if self._baseline.namer is not None:
            for window in self._baseline.namer.windows:
                nothing = np.zeros((window, len(self._variables)))
                self._baseline.namer.suspects(nothing, nothing, nothing)

    def bridge(self, ticks: int) -> None:
        """Go on over ticks that nobody has seen."""
        self._tracker.advance(np.full((ticks, self._width), np.nan))

    def explained(self, shares: FloatArray) -> tuple[Contribution, ...]:
        """The variables that contribute most, the first one most, with their newest values.

        Args:
            shares: (n,), of the channels.
        """
        places, sizes = np.empty(_TOP, dtype=np.int64), np.empty(_TOP)
        count = _largest(shares, self._variables, self._totals, places, sizes)
        model = self._baseline.model
        top = []
        for place, share in zip(places[:count].tolist(), sizes[:count].tolist(), strict=True):
            channel = self._channel_of[place]
            normal = float(model.means[channel])
            value = normal + float(model.sds[channel] * self._newest[channel])
            top.append(Contribution(TAG_IDS[place], share, value, normal))
        return tuple(top)


@kernel
def _largest(
    shares: FloatArray,
    variables: NDArray[np.int64],
    totals: FloatArray,
    places: NDArray[np.int64],
    sizes: FloatArray,
) -> int:
    """The variables whose channels contribute most, the largest first, and how many they are.

    A variable's size is the sum of its channels' sizes, its sign that of their sum. `totals` is
    (2, variables), to reckon in.
    """
    totals[:] = 0.0
    for channel in range(len(shares)):
        totals[0, variables[channel]] += abs(shares[channel])
        totals[1, variables[channel]] += shares[channel]
    for count in range(len(places)):
        largest = np.argmax(totals[0])
        if totals[0, largest] == 0.0:
            return count
        places[count] = largest
        sizes[count] = math.copysign(totals[0, largest], totals[1, largest])
        totals[0, largest] = 0.0
    return len(places)
