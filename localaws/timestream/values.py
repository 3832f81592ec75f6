"""Measured values: from their text on the wire to what the store holds."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from typing import Final

from localaws.timestream.model import ScalarType

Value = str | int | float | bool

_TIME_UNITS_NS: Final = {
    "NANOSECONDS": 1,
    "MICROSECONDS": 1_000,
    "MILLISECONDS": 1_000_000,
    "SECONDS": 1_000_000_000,
}
VARCHAR_BYTES_MAX: Final = 2048

_INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_NUMBERS: Final = re.compile(r"[-+.,eE0-9]*\Z", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d{1,19}\Z", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}


def time_unit_ns(name: str | None) -> int:
    """Nanoseconds in a TimeUnit; milliseconds unless said.

    Raises:
        ValueError: no such unit.
    """
    unit = _TIME_UNITS_NS.get(name or "MILLISECONDS")
    if unit is None:
        raise ValueError(f"'{name}' is not a unit of time.")
    return unit


def parse_values(
    kinds: Sequence[ScalarType], doubles: Sequence[int], texts: Sequence[str], time_unit_ns: int
) -> tuple[Value, ...]:
    """The values of a record's measures.

    Most measures are doubles: they are checked all at once, and one by one only to find the one
    that is wrong.

    Args:
        kinds: types that the record gives.
        doubles: places of the DOUBLE ones.
        texts: values as they stand on the wire.
        time_unit_ns: nanoseconds in one unit of a TIMESTAMP value.

    Raises:
        ValueError: a text is not such a value; the message is the reason.
    """
    values: list[Value] = [*texts]
    numbers = _doubles([texts[place] for place in doubles])
    for place, number in zip(doubles, numbers, strict=True):
        values[place] = number
    if len(doubles) < len(texts):
        for place, kind in enumerate(kinds):
            if kind is not ScalarType.DOUBLE:
                values[place] = _other(kind, texts[place], time_unit_ns)
    return tuple(values)


def _other(kind: ScalarType, text: str, time_unit_ns: int) -> Value:
    """The value of a measure that is no DOUBLE."""
    match kind:
        case ScalarType.BIGINT:
            return parse_bigint(text)
        case ScalarType.BOOLEAN:
            if text.lower() not in _BOOLEANS:
                raise ValueError(f"'{text}' is not a BOOLEAN value.")
            return _BOOLEANS[text.lower()]
        case ScalarType.TIMESTAMP:
            return bounded(parse_bigint(text) * time_unit_ns)
        case _:
            if not 1 <= len(text.encode()) <= VARCHAR_BYTES_MAX:
                raise ValueError(
                    f"A VARCHAR value must have between 1 and {VARCHAR_BYTES_MAX} bytes."
                )
            return text


def _doubles(texts: Sequence[str]) -> list[float]:
    if _NUMBERS.match(",".join(texts)):
        with contextlib.suppress(ValueError):
            numbers = list(map(float, texts))
            # A sum may overflow where no number does: then they are looked at one by one.
            if math.isfinite(sum(numbers)):
                return numbers
    return [_double(text) for text in texts]


def parse_bigint(text: str) -> int:
    """A signed 64-bit integer.

    Raises:
        ValueError: it is not one.
    """
    if not _INTEGER.match(text):
        raise ValueError(f"'{text[:64]}' is not a BIGINT value.")
    return bounded(int(text))


def bounded(number: int) -> int:
    """The same number, if 64 bits hold it.

    Raises:
        ValueError: they do not.
    """
    if not _INT64_MIN <= number <= _INT64_MAX:
        raise ValueError(f"{number} is outside the range of 64 bits.")
    return number


def _double(text: str) -> float:
    # NaN and the infinities cannot be written; Python would take them, and more besides.
    if not _NUMBER.match(text):
        raise ValueError(f"'{text[:64]}' is not a DOUBLE value.")
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"'{text[:64]}' is outside the range of DOUBLE.")
    return number
