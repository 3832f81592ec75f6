"""What InfluxDB says when it does not store: the text for a person, and the lines it names.

1.x and 2.x name the first reason and how many points were dropped for it, InfluxDB 3 each line.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_TEXT_MAX: Final = 500
_DROPPED: Final = re.compile(r" dropped=(\d+)$")


class _ErrorBody(msgspec.Struct):
    """The text is called `error` by 1.x and InfluxDB 3, `message` by 2.x."""

    error: str = ""
    message: str = ""


class _RefusedLine(msgspec.Struct):
    line_number: int
    error_message: str


class _PartialWrite(msgspec.Struct):
    """An answer of InfluxDB 3; lines are counted from 1."""

    data: list[_RefusedLine]


def error_text(body: bytes) -> str:
    """What the body of an error says, in one line."""
    try:
        decoded = msgspec.json.decode(body, type=_ErrorBody)
        text = decoded.error or decoded.message
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode(errors="replace")
    text = " ".join(text.split())
    if len(text) > _TEXT_MAX:
        # A line that cannot be parsed is repeated whole, before the reason.
        text = f"{text[: _TEXT_MAX // 2]} ... {text[-_TEXT_MAX // 2 :]}"
    return text or "no further word"


def refused_lines(body: bytes, count: int) -> dict[int, str] | None:
    """The places of the lines of a write that were refused, with the reasons.

    Args:
        body: of the answer to a write some of whose lines cannot be stored.
        count: of lines in that write.

    Returns:
        None when the answer does not tell which they are.
    """
    named = _named(body)
    if named and named.keys() <= set(range(count)):
        return named
    text = error_text(body)
    dropped = _DROPPED.search(text)
    if count == 1 or (dropped is not None and int(dropped[1]) == count):
        return dict.fromkeys(range(count), _DROPPED.sub("", text))
    return None


def _named(body: bytes) -> dict[int, str]:
    try:
        lines = msgspec.json.decode(body, type=_PartialWrite).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return {line.line_number - 1: " ".join(line.error_message.split()) for line in lines}
