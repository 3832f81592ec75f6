"""Failing instruments: what the controllers and the record see in place of a measurement."""

from __future__ import annotations

import numpy as np

from simulator import noise
from simulator.components import Floats
from simulator.layout import AT, MEASUREMENTS
from tepwatch.kernels import kernel

SOUND, STUCK, BIAS, DRIFT, NOISE, MISSING = range(6)
"""Codes of how an instrument fails."""


@kernel
def show(row: Floats) -> None:
    """Fill a plant's `shown` from its `xmeas` and its instruments' faults."""
    for j in range(MEASUREMENTS):
        fault, value = row[AT.faults + j], row[AT.xmeas + j]
        if fault == SOUND:
            row[AT.shown + j] = value
        elif fault == BIAS:
            row[AT.shown + j] = value + row[AT.fault_amounts + j]
        elif fault == DRIFT:
            hours = row[AT.hours] - row[AT.fault_began + j]
            row[AT.shown + j] = value + row[AT.fault_amounts + j] * hours
        elif fault == NOISE and value != row[AT.fault_values + j]:
            # An analyser's value stands between samples, and so does its error.
            row[AT.fault_values + j] = value
            row[AT.shown + j] = value + row[AT.fault_amounts + j] * _normal(row)
        # What is stuck or missing stays as it was shown last.


@kernel
def _normal(row: Floats) -> float:
    """A normal number that does not touch the plant's own."""
    state = np.uint64(row[AT.fault_generator])
    total = 0.0
    for _ in range(noise.UNIFORMS):
        state = noise.draw(state)
        total += noise.uniform(state)
    row[AT.fault_generator] = float(state)
    return total - 6.0


def fail(row: Floats, place: int, fault: int, amount: float) -> None:
    """Let an instrument, by its place, fail from now on, or mend it."""
    if not row[AT.faulty]:
        row[AT.shown : AT.shown + MEASUREMENTS] = row[AT.xmeas : AT.xmeas + MEASUREMENTS]
    row[AT.faults + place] = fault
    row[AT.fault_amounts + place] = amount
    row[AT.fault_began + place] = row[AT.hours]
    row[AT.fault_values + place] = np.nan
    row[AT.faulty] = row[AT.faults : AT.shown].any()
