"""A baseline in force: what is normal, where that comes from, and what to compare with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

import numpy as np

from detection import artefact
from detection.artefact import Origin
from detection.baseline import Baseline
from detection.channels import COLUMNS
from detection.forest import FloatArray
from detection.sensors import SensorState, SensorWatch
from detection.ticks import MiddlePace, Pace, Tick, has_means, middle
from tepwatch.tags import PLACES

_RATE_MAX: Final = 1.5
"""Times the learned readings of a tick, or a part of them, that are still the same rate."""

_PHASE_MAX: Final = 0.1
_VERSION_LENGTH: Final = 12


def misfit_of(pace: MiddlePace, origin: Origin) -> str | None:
    """Why ticks of a pace cannot be held against a baseline of that origin; None where they can."""
    learned = origin.readings
    if not learned / _RATE_MAX <= pace.readings <= learned * _RATE_MAX:
        return f"{pace.readings:g} readings a tick, learned from {learned:g}"
    if abs(pace.phase - origin.phase) > _PHASE_MAX:
        return (
            f"the newest reading is {pace.phase:.2f} of a tick before its end, "
            f"{origin.phase:.2f} when it was learned"
        )
    return None


class Reference(NamedTuple):
    """A baseline, its origin, its bytes and what these are called."""

    baseline: Baseline
    origin: Origin
    data: bytes
    version: str

    @classmethod
    def of(cls, baseline: Baseline, origin: Origin) -> Self:
        """That of a baseline just learned."""
        return cls.from_bytes(artefact.to_bytes(baseline, origin))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """That of an artefact.

        Raises:
            StateError: it cannot be read.
        """
        baseline, origin = artefact.from_bytes(data)
        version = hashlib.sha256(data).hexdigest()[:_VERSION_LENGTH]
        return cls(baseline, origin, data, version)

    @property
    def means_of_ticks(self) -> bool:
        """Whether ticks are held against it with their means."""
        return has_means(self.origin.readings)

    def row(self, tick: Tick, failed: Sequence[int]) -> FloatArray:
        """A tick as the baseline takes it, (53,) or (106,); NaN where instruments have failed."""
        last, mean = tick.last, tick.mean
        if failed:
            last, mean = last.copy(), mean.copy()
            last[failed] = mean[failed] = np.nan
        return np.concatenate([last, mean]) if self.means_of_ticks else last

    def sensors(self, state: SensorState) -> SensorWatch:
        """A watch of the instruments that knows them, from a state on."""
        constants = self.baseline.channels.constants
        places = {PLACES[each.tag]: each.value for each in constants}
        return SensorWatch(self.baseline.still, places, state)

    def misfit(self, paces: Sequence[Pace], never_seen: Sequence[str]) -> str | None:
        """Why a stream cannot be held against the baseline; None where it can.

        Args:
            paces: of its last ticks.
            never_seen: variables that it does not have.
        """
        misfit = misfit_of(middle(paces), self.origin)
        if misfit is not None:
            return misfit
        missing = sorted(set(never_seen) & set(self.baseline.channels.tags), key=COLUMNS.index)
        if missing:
            return f"no values of {', '.join(missing)}"
        return None
