"""Writing until stored: again only what failed and may succeed, with back-off, not for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aws.backoff import Backoff
from sinks.base import RejectedRow, Sink
from tepwatch.errors import TepwatchError
from tepwatch.schema import Row

_log = logging.getLogger(__name__)


class SinkUnavailableError(TepwatchError):
    """A sink took nothing for as long as the patience lasts."""


class Written(NamedTuple):
    """Rows stored, rows that never will be, and rows that were tried again."""

    stored: int
    rejected: list[RejectedRow]
    retried: int


def write(
    sink: Sink,
    rows: Sequence[Row],
    *,
    patience_seconds: float,
    backoff: Callable[[float], Backoff] = Backoff,
) -> Written:
    """Write rows and wait until each is stored or rejected.

    Args:
        sink: an open sink.
        rows: to write, in order.
        patience_seconds: how long to go on without any row being stored.
        backoff: replaced in tests.

    Raises:
        SinkUnavailableError: patience ran out. Nothing is lost: the caller's own caller still has
            the rows (the job goes back to its checkpoint).
    """
    waiting = backoff(patience_seconds)
    rejected: list[RejectedRow] = []
    pending = rows
    retried = 0
    while True:
        outcome = sink.write(pending)
        rejected.extend(outcome.rejected)
        if not outcome.failed:
            return Written(len(rows) - len(rejected), rejected, retried)
        if len(outcome.failed) < len(pending):
            waiting.reset()
        pending = outcome.failed
        retried += len(pending)
        _log.info("sink %s: %d rows again: %s", sink.name, len(pending), outcome.cause)
        if not waiting.wait(outcome.wait_seconds):
            raise SinkUnavailableError(
                f"sink {sink.name} took nothing for {patience_seconds:g} s: {outcome.cause}"
            )
