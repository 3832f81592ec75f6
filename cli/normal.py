"""Normal operation as commands take it: so many simulated days, or a file."""

from __future__ import annotations

import enum
import re
import sys
from pathlib import Path
from typing import Final

from detection.forest import FloatArray
from simulator.strategies import STRATEGIES
from studies import normal_operation
from studies.normal_operation import PUBLISHED, Cadence
from tepwatch.errors import InputFileError

_DAYS: Final = re.compile(r"(\d{1,3})d")


class Control(enum.StrEnum):
    """Control strategy of simulated normal operation."""

    RICKER = "ricker"
    PI = "pi"


def days_of(text: str) -> int | None:
    """The days that an option such as 44d says, None where it is something else.

    Raises:
        InputFileError: days that cannot be simulated.
    """
    found = _DAYS.fullmatch(text)
    if found is None:
        return None
    days = int(found[1])
    if days == 0 or days % 2:
        raise InputFileError(f"{text}: runs are of two days each; give an even number of days")
    return days


def known_days(text: str) -> int:
    """The days that an option such as 28d says.

    Raises:
        InputFileError: it says none, or such as cannot be simulated.
    """
    days = days_of(text)
    if days is None:
        raise InputFileError(f"{text}: days are given as 28d")
    return days


def simulated(
    control: Control, days: int, first_seed: int, cadence: Cadence = PUBLISHED
) -> list[FloatArray]:
    """Simulated runs; says so on the terminal."""
    print(f"simulating {days} days of normal operation ...", file=sys.stderr)
    return normal_operation.simulate(STRATEGIES[control], days, first_seed, cadence=cadence)


def runs_of(text: str, control: Control, first_seed: int) -> list[FloatArray]:
    """Runs by an option: days to simulate, or an npz file.

    Raises:
        InputFileError: neither.
    """
    days = days_of(text)
    if days is None:
        return list(normal_operation.from_file(Path(text)).values())
    return simulated(control, days, first_seed)
