"""Timestream's SQL text to tokens, each with its place.

Two things differ from other SQL: identifiers may contain `:` and `@` (`measure_value::double` is
one identifier), and a number followed by a unit is an interval (`15m`, `500ms`).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from localaws.timestream.model import TimestreamError


class Place(NamedTuple):
    """Where something stands in the statement; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Token(NamedTuple):
    """One token.

    `kind` is name, quoted, string, whole, decimal, duration, symbol or end. `text` is the text
    as written, for quoted and string without the quotes.
    """

    kind: str
    text: str
    place: Place

    @property
    def word(self) -> str:
        """The upper-case word, empty for what cannot be a keyword."""
        return self.text.upper() if self.kind == "name" else ""


NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "nanosecond": 1,
    "microsecond": 1_000,
    "millisecond": 1_000_000,
    "second": 1_000_000_000,
    "minute": 60_000_000_000,
    "hour": 3_600_000_000_000,
    "day": 86_400_000_000_000,
}
"""Units of interval literals."""

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|--[^\r\n]*|/\*.*?\*/)
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<decimal>(?:(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?![A-Za-z_@:\d]))
  | (?P<duration>\d+[A-Za-z]+(?![A-Za-z_@:\d]))
  | (?P<whole>\d+(?![A-Za-z_@:\d]))
  | (?P<name>[A-Za-z_][A-Za-z0-9_@:]*)
  | (?P<symbol><>|!=|<=|>=|\|\||->|[-+*/%(),.;<>=\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)


def invalid(place: Place, message: str) -> TimestreamError:
    """Make the error of a statement that cannot be run, at its place."""
    return TimestreamError("ValidationException", f"line {place}: {message}")


def bad_syntax(place: Place) -> TimestreamError:
    """Make the error of a statement that cannot be read."""
    return TimestreamError("ValidationException", f"The query syntax is invalid at line {place}")


def tokenize(text: str) -> list[Token]:
    """Split a statement into tokens, the last one of kind end.

    Raises:
        TimestreamError: a character that begins no token.

    >>> [token.text for token in tokenize("bin(time, 15m) -- by quarter")]
    ['bin', '(', 'time', ',', '15m', ')', '']
    """
    tokens: list[Token] = []
    position, line, line_start = 0, 1, 0
    while position < len(text):
        place = Place(line, position - line_start + 1)
        found = _TOKEN.match(text, position)
        if found is None:
            raise bad_syntax(place)
        kind, written = str(found.lastgroup), found.group()
        if "\0" in written:
            raise bad_syntax(place)
        if kind != "space":
            tokens.append(Token(kind, _content(kind, written), place))
        if newlines := written.count("\n"):
            line += newlines
            line_start = position + written.rindex("\n") + 1
        position = found.end()
    tokens.append(Token("end", "", Place(line, position - line_start + 1)))
    return tokens


def _content(kind: str, written: str) -> str:
    match kind:
        case "string":
            return written[1:-1].replace("''", "'")
        case "quoted":
            return written[1:-1].replace('""', '"')
        case _:
            return written
