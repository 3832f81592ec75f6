"""How long Firehose at home waits between attempts of the same thing."""

from __future__ import annotations

from typing import Final

FIRST_SECONDS: Final = 0.2
LONGEST_SECONDS: Final = 5.0
_DOUBLINGS_MAX: Final = 16


def pause_seconds(attempt: int) -> float:
    """Before the attempt after attempt number `attempt`, counted from 0.

    >>> [pause_seconds(attempt) for attempt in (0, 1, 2, 50)]
    [0.2, 0.4, 0.8, 5.0]
    """
    return min(FIRST_SECONDS * 2.0 ** min(attempt, _DOUBLINGS_MAX), LONGEST_SECONDS)
