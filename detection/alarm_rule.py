"""When a run of p-values is an alarm.

Three ticks in a row have to be unlikely together: the geometric mean of their p-values is below the
limit. Of a strong disturbance two ticks are enough, a single odd tick never is. The alarm is over
after seven ticks that are not unlikely.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import msgspec

P_LIMIT: Final = 0.001
_TOGETHER: Final = 3
_CLEAR: Final = 7


class AlarmRule(msgspec.Struct, array_like=True):
    """Where the rule stands.

    >>> rule = AlarmRule()
    >>> [rule.advance(p) for p in (0.5, 1e-6, 0.5, 0.4, 1e-5, 1e-5)]
    [False, False, False, False, False, True]
    """

    last: list[float] = []
    """Natural logarithms of the last p-values."""
    active: bool = False
    clear: int = 0
    """Ticks in a row that were not unlikely, of an active alarm."""

    def advance(self, p_value: float) -> bool:
        """Take the next tick in; whether there is an alarm."""
        self.last = [*self.last, math.log(p_value)][-_TOGETHER:]
        unlikely = p_value < P_LIMIT
        if self.active:
            self.clear = 0 if unlikely else self.clear + 1
            self.active = self.clear < _CLEAR
            if not self.active:
                self.last = []
        elif len(self.last) == _TOGETHER and sum(self.last) < _TOGETHER * math.log(P_LIMIT):
            self.active, self.clear = True, 0
        return self.active


def alarms(p_values: Iterable[float]) -> list[bool]:
    """Whether there is an alarm at each tick of a run."""
    rule = AlarmRule()
    return [rule.advance(p_value) for p_value in p_values]


def stretches(p_values: Iterable[float]) -> list[tuple[int, int]]:
    """From which tick to before which there is an alarm.

    >>> stretches([0.5] * 5 + [1e-5] * 4 + [0.5] * 12)
    [(6, 15)]
    """
    active = [False, *alarms(p_values), False]
    changes = [tick for tick, (was, now) in enumerate(pairwise(active)) if was != now]
    return list(zip(changes[::2], changes[1::2], strict=True))
