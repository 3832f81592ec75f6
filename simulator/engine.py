"""Time goes on: controllers act, instruments look, states are integrated, for blocks of plants.

The order within a step is that of the program whose numbers a strategy is compared with: the PI
loops act on what was measured a step ago, then the plant moves; under Ricker's strategy the plant
moves, the controllers act, and the plant is looked at once more, which draws noise a second time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator import (
    control_pi,
    control_ricker,
    disturbances,
    instruments,
    noise,
    plant,
    sensors,
    valves,
)
from simulator.components import Floats
from simulator.layout import (
    ANALYSES,
    AT,
    CONTINUOUS,
    GAS_ANALYSES,
    MANIPULATED,
    MEASUREMENTS,
    STATES,
    VALVES,
    WALK_COEFFICIENTS,
    WALKS,
)
from simulator.reactor import Kinetics
from tepwatch.kernels import kernel

NONE, PI, RICKER = range(3)
"""Control strategies."""

BLOCK: Final = 32
"""Plants that are stepped together: few enough for the processor's cache."""

_LANES_MIN: Final = 4
"""From so many plants on their noise is drawn side by side."""


class Plan(NamedTuple):
    """How the plants of a fleet are run, the same for all.

    `fast_steps` are the integration steps between two actions of the PI loops' fastest; `noise`
    is 1, or 0 for instruments without error (what is drawn at random is drawn all the same);
    `revised` is whether the model is that of 2015, with random numbers of their own for noise.
    """

    strategy: int
    revised: bool
    step_hours: float
    fast_steps: int
    kinetics: Kinetics
    noise: float


class Scratch(NamedTuple):
    """Room to work in, for one block."""

    mixtures: plant.Mixtures
    normals: Floats
    lanes: Floats
    totals: Floats
    generators: Floats
    running: NDArray[np.int64]


def new_scratch() -> Scratch:
    """Room to work in."""
    return Scratch(
        plant.new_mixtures(),
        np.zeros(max(CONTINUOUS, ANALYSES)),
        np.zeros((CONTINUOUS, BLOCK)),
        np.zeros(BLOCK),
        np.zeros(BLOCK),
        np.zeros(BLOCK, dtype=np.int64),
    )


@kernel
def advance(
    rows: Floats,
    plan: Plan,
    number: int,
    steps: int,
    every: int,
    scratch: Scratch,
    out: Floats,
    out_numbers: NDArray[np.int64],
    out_shutdown: NDArray[np.int64],
) -> None:
    """Run all plants so many steps.

    Args:
        rows: the plants, changed.
        plan: how they are run.
        number: of the next step, as the fleet counts them.
        steps: integration steps to go.
        every: steps a record.
        scratch: room to work in.
        out: (records, plants, 53) filled with a record for every step whose number is a multiple
            of `every`: measurements (NaN for missing ones), then manipulated variables.
        out_numbers: (records, plants) filled with the plants' own numbers of those steps.
        out_shutdown: (records, plants) filled with the code of the limit that was passed.
    """
    for first in range(0, len(rows), BLOCK):
        last = min(first + BLOCK, len(rows))
        record = 0
        for step in range(number, number + steps):
            if plan.strategy == RICKER:
                _move(rows, first, last, plan, scratch)
            for i in range(first, last):
                _control(rows[i], plan)
            if step > 0 and step % every == 0:
                for i in range(first, last):
                    _record(rows[i], out[record, i])
                    out_numbers[record, i] = number_of(int(rows[i, AT.steps]), plan)
                    out_shutdown[record, i] = int(rows[i, AT.shutdown])
                record += 1
            if plan.strategy == RICKER:
                _observe(rows, first, last, plan, scratch, False)
            else:
                _move(rows, first, last, plan, scratch)
            for i in range(first, last):
                rows[i, AT.steps] += 1.0


@kernel
def number_of(steps: int, plan: Plan) -> int:
    """Number of the step that comes after so many: Ricker's begins at time 0, the others' at 1."""
    return steps if plan.strategy == RICKER else steps + 1


@kernel
def look(rows: Floats, i: int, plan: Plan, scratch: Scratch) -> None:
    """Measure a plant that is at its start, before its first step."""
    _observe(rows, i, i + 1, plan, scratch, True)


@kernel
def _move(rows: Floats, first: int, last: int, plan: Plan, scratch: Scratch) -> None:
    """Look at the plants of a block, then integrate with Euler's step."""
    # The programs compared with count time in two ways.
    if plan.strategy == RICKER:
        for i in range(first, last):
            rows[i, AT.hours] = rows[i, AT.steps] * plan.step_hours
    _observe(rows, first, last, plan, scratch, True)
    for i in range(first, last):
        row = rows[i]
        for j in range(STATES):
            row[AT.states + j] += row[AT.changes + j] * plan.step_hours
        if plan.strategy != RICKER:
            row[AT.hours] += plan.step_hours
        if plan.strategy == PI:
            control_pi.clamp(row[AT.xmv : AT.xmv + MANIPULATED])


@kernel
def _control(row: Floats, plan: Plan) -> None:
    """Let the controllers of a plant act, and its operator."""
    if plan.strategy != NONE:
        seen = AT.shown if row[AT.faulty] else AT.xmeas
        xmeas = row[seen : seen + MEASUREMENTS]
        xmv = row[AT.xmv : AT.xmv + MANIPULATED]
        memory = row[AT.memory : AT.manual]
        if plan.strategy == RICKER:
            control_ricker.act(memory, xmeas, xmv, row[AT.hours], plan.step_hours)
        else:
            number = number_of(int(row[AT.steps]), plan)
            if number % plan.fast_steps == 0:
                control_pi.act(memory, xmeas, xmv, number // plan.fast_steps)
    if row[AT.holding]:
        for valve in range(MANIPULATED):
            if not np.isnan(row[AT.manual + valve]):
                row[AT.xmv + valve] = row[AT.manual + valve]


@kernel
def _record(row: Floats, out: Floats) -> None:
    """Fill (53,) with what is known of a plant."""
    seen = AT.shown if row[AT.faulty] else AT.xmeas
    for j in range(MEASUREMENTS):
        missing = row[AT.faults + j] == sensors.MISSING
        out[j] = np.nan if missing else row[seen + j]
    for j in range(MANIPULATED):
        out[MEASUREMENTS + j] = row[AT.xmv + j]


@kernel
def _observe(rows: Floats, first: int, last: int, plan: Plan, scratch: Scratch, keep: bool) -> None:
    """Look at the plants of a block: what is measured, and how the states change.

    With `keep` false only the analysers' samples and the safety limits count, but noise is drawn.
    """
    running = 0
    for i in range(first, last):
        row = rows[i]
        _look(row, plan, scratch.mixtures)
        if row[AT.hours] > 0.0 and row[AT.shutdown] == 0.0:
            scratch.running[running] = i
            running += 1
        elif keep:
            for j in range(CONTINUOUS):
                row[AT.xmeas + j] = row[AT.clean + j]
    if running >= _LANES_MIN:
        _measure_side_by_side(rows, running, plan, scratch, keep)
    else:
        for lane in range(running):
            _measure(rows[scratch.running[lane]], plan, scratch.normals[:CONTINUOUS], keep)
    for i in range(first, last):
        row = rows[i]
        _sample(row, plan, scratch.normals)
        if row[AT.faulty]:
            sensors.show(row)
        if keep:
            _move_valves(row)


@kernel
def _look(row: Floats, plan: Plan, mixtures: plant.Mixtures) -> None:
    """Quantities without noise; the walks go on."""
    hours = row[AT.hours]
    walks = row[AT.walks : AT.walks + WALKS * WALK_COEFFICIENTS]
    switches = row[AT.disturbances : AT.walks]
    if hours >= row[AT.next_walk]:
        generator = np.uint64(row[AT.generator])
        generator = disturbances.advance(walks, hours, switches, generator, plan.revised)
        row[AT.generator] = float(generator)
        row[AT.next_walk] = disturbances.next_end(walks, plan.revised)
    states = row[AT.states : AT.states + STATES]
    process, heats = plant.derivatives(
        states,
        disturbances.conditions(walks, hours, switches, plan.revised),
        plan.kinetics,
        row[AT.temperatures : AT.states],
        mixtures,
        row[AT.changes : AT.clean],
    )
    clean = row[AT.clean : AT.xmeas]
    instruments.measure(process, heats, states, clean)
    row[AT.shutdown] = float(instruments.limit_passed(process, clean))
    next_sample = min(row[AT.next_analysis], row[AT.next_analysis + 1])
    if hours == 0.0 or hours >= next_sample:
        instruments.analyse(mixtures, row[AT.analysed : AT.analyses])


@kernel
def _noise_source(plan: Plan) -> int:
    """Place of the random numbers that errors are made of."""
    return AT.noise_generator if plan.revised else AT.generator


@kernel
def _measure(row: Floats, plan: Plan, normals: Floats, keep: bool) -> None:
    """Measure a plant alone."""
    source = _noise_source(plan)
    row[source] = float(noise.normals(np.uint64(row[source]), normals))
    if keep:
        for j in range(CONTINUOUS):
            error = normals[j] * instruments.NOISE[j] * plan.noise
            row[AT.xmeas + j] = row[AT.clean + j] + error


@kernel
def _measure_side_by_side(
    rows: Floats, running: int, plan: Plan, scratch: Scratch, keep: bool
) -> None:
    """Measure the plants that run: the noise of all is drawn at once."""
    source = _noise_source(plan)
    for lane in range(running):
        scratch.generators[lane] = rows[scratch.running[lane], source]
    noise.lanes(scratch.generators[:running], scratch.totals, scratch.lanes)
    for lane in range(running):
        row = rows[scratch.running[lane]]
        row[source] = scratch.generators[lane]
        if keep:
            for j in range(CONTINUOUS):
                error = scratch.lanes[j, lane] * instruments.NOISE[j] * plan.noise
                row[AT.xmeas + j] = row[AT.clean + j] + error


@kernel
def _sample(row: Floats, plan: Plan, normals: Floats) -> None:
    """Let the analysers that are due show their last sample, with noise, and draw the next."""
    hours = row[AT.hours]
    if hours == 0.0:
        for j in range(ANALYSES):
            row[AT.analyses + j] = row[AT.analysed + j]
            row[AT.xmeas + CONTINUOUS + j] = row[AT.analysed + j]
        row[AT.next_analysis] = instruments.GAS_SAMPLE_HOURS
        row[AT.next_analysis + 1] = instruments.PRODUCT_SAMPLE_HOURS
    if hours >= row[AT.next_analysis]:
        _show(row, plan, normals, 0, GAS_ANALYSES)
        row[AT.next_analysis] += instruments.GAS_SAMPLE_HOURS
    if hours >= row[AT.next_analysis + 1]:
        _show(row, plan, normals, GAS_ANALYSES, ANALYSES)
        row[AT.next_analysis + 1] += instruments.PRODUCT_SAMPLE_HOURS


@kernel
def _show(row: Floats, plan: Plan, normals: Floats, first: int, last: int) -> None:
    source = _noise_source(plan)
    row[source] = float(noise.normals(np.uint64(row[source]), normals[first:last]))
    for j in range(first, last):
        error = normals[j] * instruments.NOISE[CONTINUOUS + j] * plan.noise
        row[AT.xmeas + CONTINUOUS + j] = row[AT.analyses + j] + error
        row[AT.analyses + j] = row[AT.analysed + j]


@kernel
def _move_valves(row: Floats) -> None:
    """The valves' part of the changes; and none at all in a plant that is shut down."""
    first = row[AT.hours] == 0.0
    valves.command(
        row[AT.xmv : AT.valve_commands],
        row[AT.valve_commands : AT.disturbances],
        row[AT.disturbances : AT.walks],
        first,
    )
    for j in range(MANIPULATED):
        lag = row[AT.valve_commands + j] - row[AT.states + VALVES + j]
        row[AT.changes + VALVES + j] = lag * valves.LAGS_AN_HOUR[j]
    if row[AT.shutdown] and not first:
        for j in range(STATES):
            row[AT.changes + j] = 0.0
