"""What services answer to a put of several records: which were not accepted, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class PutFailure(NamedTuple):
    """A record of a put call that was not accepted, by its place in the call."""

    place: int
    code: str
    message: str


class PutResult(msgspec.Struct, rename="pascal"):
    """What became of one record, as it stands in the answer."""

    error_code: str | None = None
    error_message: str | None = None


def failures_among(results: Iterable[PutResult]) -> list[PutFailure]:
    """The records that were not accepted, in order."""
    return [
        PutFailure(place, result.error_code, result.error_message or "")
        for place, result in enumerate(results)
        if result.error_code
    ]
