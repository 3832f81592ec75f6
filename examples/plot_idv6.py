"""A day of the plant: normal operation, and the loss of the A feed (IDV 6) after eight hours.

Run with `python examples/plot_idv6.py [FILE.png]`; both runs take about a second.
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

from simulator.actions import Disturb
from simulator.components import Floats
from simulator.fleet import Fleet
from simulator.strategies import RICKER
from tepwatch.tags import TAGS, XMEAS_IDS

HOURS = 24
FAULT_HOURS = 8
RECORD_SECONDS = 180
SHOWN = ("xmeas_1", "xmeas_7", "xmeas_8", "xmeas_9", "xmeas_15", "xmeas_29")


def simulate(*, fault: bool) -> tuple[Floats, Floats]:
    """Process hours (records,) and measurements (records, 41) of a run until it shuts down."""
    plant = Fleet(RICKER, [1431655765])
    steps_an_hour = round(3600 / plant.step_seconds)
    every = round(RECORD_SECONDS / plant.step_seconds)
    before = plant.advance(FAULT_HOURS * steps_an_hour, every)
    if fault:
        plant.apply(0, Disturb(6))
    after = plant.advance((HOURS - FAULT_HOURS) * steps_an_hour, every)
    running = np.concatenate([before.shutdown, after.shutdown])[:, 0] == 0
    hours = np.concatenate([before.hours, after.hours])[running, 0]
    values = np.concatenate([before.values, after.values])[running, 0, : len(XMEAS_IDS)]
    return hours, values


def main(path: str) -> None:
    """Draw both runs."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(3, 2, sharex=True)
    for name, fault in (("normal", False), ("A feed lost after 8 h", True)):
        hours, values = simulate(fault=fault)
        for axis, tag_id in zip(axes.flat, SHOWN, strict=True):
            tag = TAGS[tag_id]
            axis.plot(hours, values[:, XMEAS_IDS.index(tag_id)], linewidth=0.8, label=name)
            axis.set_title(f"{tag_id}: {tag.title}", fontsize=10)
            axis.set_ylabel(tag.unit)
            axis.axvline(FAULT_HOURS, color="grey", linewidth=0.6, linestyle=":")
        if fault:
            print(f"{name}: shut down at {hours[-1]:.2f} h")
    axes.flat[0].legend(fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("process time, h")
    figure.savefig(path, dpi=110)
    print(f"drawn to {path}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "idv6.png")
