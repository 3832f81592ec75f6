"""Plants on the move: the checked face of the kernels.

A fleet's plants run in step and under the same control strategy; each has its own random numbers,
disturbances and operator. What a plant does is the same alone and in a fleet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator import control_pi, disturbances, engine, sensors
from simulator.actions import (
    Action,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
)
from simulator.components import Floats
from simulator.instruments import SHUTDOWN_REASONS
from simulator.layout import MANIPULATED, MEASUREMENTS, WIDTH, empty_plants
from simulator.strategies import REVISED, STRATEGIES, Strategy
from tepwatch.errors import StateError
from tepwatch.sealed import seal, unseal
from tepwatch.tags import XMEAS_IDS

_KIND: Final = b"FLET"
_VERSION: Final = 1
_SEED_LIMIT: Final = 2**53
_SECONDS_AN_HOUR: Final = 3600.0
_COLUMNS: Final = MEASUREMENTS + MANIPULATED
_FAULTS: Final = {
    SensorFault.STUCK: sensors.STUCK,
    SensorFault.BIAS: sensors.BIAS,
    SensorFault.DRIFT: sensors.DRIFT,
    SensorFault.NOISE: sensors.NOISE,
    SensorFault.MISSING: sensors.MISSING,
}
_STEP_MAX_SECONDS: Final = 5.0


class Records(NamedTuple):
    """What was recorded on the way.

    `values` (records, plants, 53): measurements, then manipulated variables as the controllers set
    them, NaN where a sensor shows nothing; `hours` (records, plants): process time; `shutdown`
    (records, plants): code of the safety limit that was passed, 0 while the plant runs.
    """

    values: Floats
    hours: Floats
    shutdown: NDArray[np.int64]


class DoneTo(NamedTuple):
    """What acts on a plant: disturbances that are on, set-points, held valves, failing sensors."""

    disturbances: list[int]
    setpoints: dict[str, float]
    valves: dict[int, float]
    sensors: dict[str, str]


class _State(msgspec.Struct, array_like=True):
    strategy: str
    revision: int
    step_seconds: float
    noise: bool
    steps_done: int
    rows: bytes


class Fleet:
    """Plants under one control strategy, from its start on.

    Args:
        strategy: one of `STRATEGIES`.
        seeds: of the random numbers, one a plant, between 1 and 2^53.
        step_seconds: integration step; None for the one that the strategy was published with.
        noise: whether the instruments err.

    Raises:
        ValueError: a seed or the step is out of range; the text says what is allowed.
    """

    def __init__(
        self,
        strategy: Strategy,
        seeds: Sequence[int],
        *,
        step_seconds: float | None = None,
        noise: bool = True,
    ) -> None:
        for seed in seeds:
            if not 0 < seed < _SEED_LIMIT:
                raise ValueError(f"a seed is between 1 and 2^53, not {seed}")
        self.strategy = strategy
        self.step_seconds = strategy.step_seconds if step_seconds is None else step_seconds
        self.noise = noise
        self.plants = empty_plants(len(seeds))
        self._plan = _plan(strategy, self.step_seconds, noise=noise)
        self.steps_done = 0
        self._scratch = engine.new_scratch()
        for plant, seed in enumerate(seeds):
            self._begin(plant, seed)

    @property
    def next_step(self) -> int:
        """Number of the step that is next; a record is taken at multiples of its interval."""
        return int(engine.number_of(self.steps_done, self._plan))

    def process_hours(self, plant: int) -> float:
        """Process time of a plant's next step, since its own start."""
        number = engine.number_of(int(self.plants.steps[plant]), self._plan)
        return float(number * self.step_seconds / _SECONDS_AN_HOUR)

    def _begin(self, plant: int, seed: float) -> None:
        """Put a plant to its start; its process time begins anew."""
        plants = self.plants
        plants.rows[plant] = 0.0
        plants.manual[plant] = np.nan
        plants.states[plant] = self.strategy.states
        plants.xmv[plant] = self.strategy.xmv
        plants.generator[plant] = seed
        plants.noise_generator[plant] = seed
        plants.fault_generator[plant] = seed
        disturbances.begin(plants.walks[plant])
        self.strategy.begin(plants.memory[plant])
        engine.look(plants.rows, plant, self._plan, self._scratch)

    def advance(self, steps: int, every: int) -> Records:
        """Run all plants so many integration steps, with a record every so many.

        A record's process time is the plant's own, since its start.

        A shut-down plant stands still: its measurements stay, without noise.
        """
        number = self.next_step
        count = max(0, (number + steps - 1) // every - (max(number, 1) - 1) // every)
        shape = (count, len(self.plants))
        values = np.empty((*shape, _COLUMNS))
        numbers, shutdown = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
        engine.advance(
            self.plants.rows,
            self._plan,
            number,
            steps,
            every,
            self._scratch,
            values,
            numbers,
            shutdown,
        )
        self.steps_done += steps
        return Records(values, numbers * self.step_seconds / _SECONDS_AN_HOUR, shutdown)

    def apply(self, plant: int, action: Action) -> None:
        """Let a checked action take effect with the plant's next step."""
        match action:
            case Disturb(idv=idv, on=on):
                self.plants.disturbances[plant, idv - 1] = float(on)
            case SetSetpoint(name=name, value=value):
                self.plants.memory[plant, self.strategy.setpoints[name].place] = value
            case HoldValve(number=number, percent=percent):
                self._hold(plant, number - 1, percent)
            case FailSensor(tag=tag, kind=kind, amount=amount):
                code = sensors.SOUND if kind is None else _FAULTS[kind]
                sensors.fail(self.plants.rows[plant], XMEAS_IDS.index(tag), code, amount)
            case Restart():
                # Random numbers go on: the next run is not the last one over again.
                self._begin(plant, self.plants.generator[plant])

    def _hold(self, plant: int, valve: int, percent: float | None) -> None:
        held = self.plants.manual[plant, valve]
        if percent is None and not np.isnan(held):
            # The controllers go on from where the valve is, not from where they would have it.
            self.strategy.take_over(self.plants.memory[plant], valve, float(held))
        self.plants.manual[plant, valve] = np.nan if percent is None else percent
        self.plants.holding[plant] = not np.isnan(self.plants.manual[plant]).all()

    def done_to(self, plant: int) -> DoneTo:
        """What acts on a plant just now."""
        plants, names = self.plants, {code: kind for kind, code in _FAULTS.items()}
        return DoneTo(
            [int(place) + 1 for place in np.flatnonzero(plants.disturbances[plant])],
            {
                name: float(plants.memory[plant, setpoint.place])
                for name, setpoint in self.strategy.setpoints.items()
            },
            {
                int(place) + 1: float(plants.manual[plant, place])
                for place in np.flatnonzero(~np.isnan(plants.manual[plant]))
            },
            {
                XMEAS_IDS[place]: names[int(plants.faults[plant, place])].value
                for place in np.flatnonzero(plants.faults[plant])
            },
        )

    def shutdown_reason(self, plant: int) -> str:
        """The safety limit that shut a plant down; empty while it runs."""
        return SHUTDOWN_REASONS[int(self.plants.shutdown[plant])]

    def finite(self) -> Floats:
        """For each plant whether all its states are finite."""
        result: Floats = np.isfinite(self.plants.states).all(axis=1)
        return result

    def to_bytes(self) -> bytes:
        """The whole state; what follows from it is the same to the last bit."""
        state = _State(
            self.strategy.name,
            self.strategy.revision,
            self.step_seconds,
            self.noise,
            self.steps_done,
            self.plants.rows.tobytes(),
        )
        return seal(_KIND, _VERSION, msgspec.msgpack.encode(state))

    @classmethod
    def from_bytes(cls, data: bytes) -> Fleet:
        """The fleet that `to_bytes` wrote.

        Raises:
            NewerStateError: written by a newer version.
            StateError: written by an older one, or damaged.
        """
        payload = unseal(_KIND, _VERSION, data)
        try:
            state = msgspec.msgpack.decode(payload, type=_State)
            strategy = STRATEGIES[state.strategy]
            rows = np.frombuffer(state.rows).reshape(-1, WIDTH)
        except (msgspec.DecodeError, KeyError, ValueError) as error:
            raise StateError(f"the plant's state is not readable: {error}") from error
        fleet = cls(
            strategy.revised() if state.revision == REVISED else strategy,
            [1] * len(rows),
            step_seconds=state.step_seconds,
            noise=state.noise,
        )
        fleet.plants.rows[:] = rows
        fleet.steps_done = state.steps_done
        return fleet


def _plan(strategy: Strategy, step_seconds: float, *, noise: bool) -> engine.Plan:
    """How the kernels run a fleet.

    The published step is taken as the program has it, in hours and rounded as there.
    """
    published = step_seconds == strategy.step_seconds
    step_hours = strategy.step_hours if published else step_seconds / _SECONDS_AN_HOUR
    fast_steps = 0
    if strategy.code == engine.RICKER:
        if not 0.0 < step_seconds <= _STEP_MAX_SECONDS:
            raise ValueError(f"the step is at most {_STEP_MAX_SECONDS:g} s, not {step_seconds:g}")
    else:
        fast_steps = round(control_pi.FAST_SECONDS / step_seconds) if step_seconds > 0 else 0
        if fast_steps < 1 or fast_steps * step_seconds != control_pi.FAST_SECONDS:
            raise ValueError(
                f"the step divides {control_pi.FAST_SECONDS} s, at which the loops act, "
                f"not {step_seconds:g} s"
            )
    return engine.Plan(
        strategy.code,
        strategy.revision == REVISED,
        step_hours,
        fast_steps,
        strategy.kinetics,
        float(noise),
    )
