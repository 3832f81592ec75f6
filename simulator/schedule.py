"""What is to happen to the plants, and when: the schedule of a simulation, and `--idv`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from simulator.actions import (
    VALVE4_STUCK,
    VALVE4_STUCK_PERCENT,
    Action,
    ActionError,
    Disturb,
    HoldValve,
    check,
)
from simulator.strategies import OPEN_LOOP, Strategy
from tepwatch.tags import DISTURBANCES

_PER_HOUR: Final = {"h": 1.0, "m": 60.0, "s": 3600.0}
_TIME: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)([hms])")
_IDV: Final = re.compile(
    r"(?:(?P<plant>.+):)?(?P<fault>[^:@]+)(?:@(?P<at>.+?)(?:\.\.(?P<until>.+))?)?"
)
_IDV_EXAMPLES: Final = f"6, 6@8h, 4@2h..5h, plant-2:6@8h or {VALVE4_STUCK}@8h"
_VALVE4: Final = 4
_LISTED_MAX: Final = 10


class Scheduled(NamedTuple):
    """An action and its time.

    `hours` is process time since the start of the simulation, which restarts do not set back;
    `plant` None means all plants.
    """

    hours: float
    plant: str | None
    action: Action


class Schedule:
    """What is still to happen, in the order of time; at the same time in the order of adding."""

    def __init__(self, items: Iterable[Scheduled] = ()) -> None:
        self._items: list[Scheduled] = []
        self.add(items)

    @property
    def next_hours(self) -> float | None:
        """Time of what comes next; None when nothing does."""
        return self._items[0].hours if self._items else None

    def add(self, items: Iterable[Scheduled]) -> None:
        """Put more on the schedule."""
        self._items = sorted([*self._items, *items], key=_hours)

    def take(self, until_hours: float) -> list[Scheduled]:
        """Take off everything up to this time, this time included."""
        count = sum(item.hours <= until_hours for item in self._items)
        taken, self._items = self._items[:count], self._items[count:]
        return taken


def _hours(item: Scheduled) -> float:
    return item.hours


def parse_hours(text: str) -> float:
    """Process time of a text, in hours.

    >>> parse_hours("8.5h"), parse_hours("30m"), parse_hours("90s")
    (8.5, 0.5, 0.025)

    Raises:
        ActionError: it is no time, or one before the start.
    """
    match = _TIME.fullmatch(text.strip())
    hours = float(match[1]) / _PER_HOUR[match[2]] if match else math.inf
    if not math.isfinite(hours):
        raise ActionError(f"{text!r} is not a time since the start, such as 8h, 8.5h, 30m or 90s")
    return hours


def parse_span(at: str, until: str | None) -> tuple[float, float | None]:
    """Beginning and end in hours, of texts.

    Raises:
        ActionError: either is no time, or the end is not after the beginning.
    """
    begin = parse_hours(at)
    end = None if until is None else parse_hours(until)
    if end is not None and end <= begin:
        raise ActionError(f"the end, {until}, is not after the beginning, {at}")
    return begin, end


def check_plant(plant: str, plants: Sequence[str]) -> None:
    """Nothing, when there is a plant of that name.

    Raises:
        ActionError: there is none.
    """
    if plant not in plants:
        known = ", ".join(plants)
        if len(plants) > _LISTED_MAX:
            known = f"{', '.join(plants[: _LISTED_MAX - 1])} ... {plants[-1]}"
        raise ActionError(f"plant: {plant!r} is not one of {known or 'none'}")


def parse_idv(
    text: str, plants: Sequence[str] | None = None, strategy: Strategy = OPEN_LOOP
) -> list[Scheduled]:
    """What `--idv` asks for: a disturbance, from when to when, in one plant or in all.

    >>> parse_idv("plant-2:6@8h")
    [Scheduled(hours=8.0, plant='plant-2', action=Disturb(idv=6, on=True))]
    >>> [(item.hours, item.action.on) for item in parse_idv("4@2h..5h")]
    [(2.0, True), (5.0, False)]

    Args:
        text: `6` from the start on, `6@8h`, `4@2h..5h`; before it the plant and a colon;
            `valve4-stuck` in place of the number for the benchmark's fault 21.
        plants: the names that exist; None leaves the name to be checked later.
        strategy: of the plants.

    Raises:
        ActionError: not in this form, or there is no such disturbance, time or plant.
    """
    try:
        return _parse_idv(text.strip(), plants, strategy)
    except ActionError as error:
        raise ActionError(f"--idv {text!r}: {error}; allowed is e.g. {_IDV_EXAMPLES}") from error


def _parse_idv(text: str, plants: Sequence[str] | None, strategy: Strategy) -> list[Scheduled]:
    match = _IDV.fullmatch(text)
    if match is None:
        raise ActionError("not a disturbance with its time")
    plant = match["plant"]
    if plant is not None and plants is not None:
        check_plant(plant, plants)
    begin, end = parse_span(match["at"] or "0h", match["until"])
    on, off = switch_of(match["fault"])
    check(on, strategy)
    items = [Scheduled(begin, plant, on)]
    if end is not None:
        items.append(Scheduled(end, plant, off))
    return items


def switch_of(fault: str) -> tuple[Action, Action]:
    """What switches a fault on, and off: a disturbance by its number, or the stuck valve.

    Raises:
        ActionError: it is neither.
    """
    if fault == VALVE4_STUCK:
        return HoldValve(_VALVE4, VALVE4_STUCK_PERCENT), HoldValve(_VALVE4)
    if not re.fullmatch("[0-9]{1,9}", fault):
        raise ActionError(f"idv is 1 to {len(DISTURBANCES)} or {VALVE4_STUCK}, not {fault!r}")
    on = Disturb(int(fault))
    return on, Disturb(on.idv, on=False)
