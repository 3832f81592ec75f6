"""The state of a monitor, as it is stored."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import msgspec
import numpy as np

from detection.alarm_book import BookState, Moment
from detection.alarm_rule import AlarmRule
from detection.recorder import RecorderState
from detection.reference import Reference
from detection.sensors import SensorState
from detection.ticks import Pace, TickState
from detection.tracker import TrackerState
from detection.watch import Watch
from tepwatch.records import DetectorEventKind


class Key(NamedTuple):
    """Of the newest reading of a tick."""

    seq: int | None
    time_ns: int
    process_hours: float | None


class CommandDetail(msgspec.Struct):
    """Further fields of commands."""

    alarm: str | None = None
    hours: float = 8.0


class Followed(msgspec.Struct, array_like=True):
    """What the plant is held against, and how far it was followed."""

    version: str
    learned: bytes | None
    """The reference itself, where it was learned from the stream."""
    history: bytes
    levels: bytes

    @classmethod
    def of(cls, watch: Watch, given: Reference | None) -> Self:
        """Of a watch; what was given is not stored."""
        reference, (history, levels) = watch.reference, watch.state
        kept = None if reference is given else reference.data
        return cls(reference.version, kept, history.tobytes(), levels.tobytes())

    def tracker_state(self, reference: Reference) -> TrackerState:
        """How far it was followed, in arrays."""
        shape = reference.baseline.model.statistics.centres.shape
        return TrackerState(
            np.frombuffer(self.history).reshape(-1, shape[1]),
            np.frombuffer(self.levels).reshape(shape).copy(),
        )


class Prior(msgspec.Struct, array_like=True):
    """What was normal before; without bytes, what is given."""

    version: str
    learned: bytes | None

    @classmethod
    def of(cls, prior: Reference, given: Reference | None) -> Self:
        """Of a reference; what was given is not stored."""
        return cls(prior.version, None if prior is given else prior.data)


class Place(msgspec.Struct, array_like=True):
    """Where a monitor stands in the stream and among its states."""

    run: str | None = None
    process_clock: bool = False
    seconds: float = 0.0
    key: Key | None = None
    last_tick: int | None = None
    paces: list[Pace] = []
    settle_ticks: int = 0
    """To settle from the next tick on."""
    settled_at: int | None = None
    changing: bool = False
    """What was normal no longer is, and is not learned again yet."""
    learn_at: int = 0
    """Ticks in the recorder at which to learn."""
    flagged_since: Moment | None = None
    unsaid: list[tuple[DetectorEventKind, dict[str, Any]]] = []
    """What is to be said with the next tick."""


class State(msgspec.Struct, array_like=True):
    """All of a monitor, but for a reference that was given."""

    ticker: TickState
    recorder: RecorderState
    book: BookState
    rule: AlarmRule
    sensors: SensorState
    followed: Followed | None
    prior: Prior | None
    place: Place
