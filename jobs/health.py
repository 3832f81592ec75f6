"""The job's own health as a row, told by Flink's REST interface. Runs beside the job, never in it.

What is not known at the moment is null. Where Flink has no word of its own for how things stand,
the row's state is one of those below.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from jobs.metrics import (
    DEAD_LETTERS,
    MILLIS_BEHIND,
    RECORDS_READ_TOTAL,
    REJECTED,
    RETRIED,
    STORED,
)
from localaws.flink_rest import Checkpoints, FlinkRest, ListedJob
from tepwatch.errors import UnreachableError
from tepwatch.schema import HEALTH, Row, Scalar, make_row

UNREACHABLE: Final = "UNREACHABLE"
"""The state where Flink does not answer."""
NO_JOB: Final = "NO_JOB"
"""The state where Flink answers, but has no job of that name."""
STARTING: Final = "STARTING"
"""The state where not all tasks run yet; Flink's own is RUNNING from the moment it deploys them."""

# Until metrics that Flink was asked to fetch are there.
_FETCH_SECONDS: Final = 1.0
_RUNNING: Final = "RUNNING"
_ENDED: Final = frozenset({"FAILED", "CANCELED", "FINISHED"})
# Metrics that are a column as they are: names of the metric and of the column.
_COLUMN_OF: Final[Mapping[str, str]] = {
    RECORDS_READ_TOTAL: "records_read",
    "late": "late",
    "duplicates": "duplicates",
    "gaps": "gaps",
    REJECTED: "rejected",
}
# Each sink has one of each, behind its own name.
_OF_SINKS: Final = (STORED, RETRIED, DEAD_LETTERS)

_log = logging.getLogger(__name__)


def sample(rest: FlinkRest, job: str, wait: Callable[[float], object] = time.sleep) -> Row:
    """A row of how a job is now.

    Args:
        rest: of the cluster. Without an answer the row's state is UNREACHABLE.
        job: its name. Of several jobs it is the one that has not ended, then the latest.
        wait: called with the seconds to wait until Flink has fetched its metrics.
    """
    try:
        rest.fetch_metrics()
        wait(_FETCH_SECONDS)
        found = _current(rest.jobs(), job)
        if found is None:
            return _row(job, NO_JOB, {})
        state = STARTING if found.state == _RUNNING and not found.runs else found.state
        # Flink keeps the last metrics of tasks that are no more.
        metrics = _from_metrics(rest.metrics(found.id, _is_wanted)) if found.runs else {}
        checkpoints = _from_checkpoints(rest.checkpoints(found.id))
        restarts = rest.restarts(found.id)
    except UnreachableError as error:
        _log.warning("%s", error)
        return _row(job, UNREACHABLE, {})
    return _row(job, state, {**metrics, **checkpoints, "restarts": restarts})


def _current(jobs: Iterable[ListedJob], name: str) -> ListedJob | None:
    return max(
        (job for job in jobs if job.name == name),
        key=lambda job: (job.state not in _ENDED, job.started_ms),
        default=None,
    )


def _is_wanted(metric: str) -> bool:
    return (
        metric in _COLUMN_OF
        or metric.startswith(MILLIS_BEHIND)
        or any(metric.endswith(f"_{name}") for name in _OF_SINKS)
    )


def _from_metrics(metrics: Mapping[str, int]) -> dict[str, Scalar]:
    behind = [value for name, value in metrics.items() if name.startswith(MILLIS_BEHIND)]
    stored, retried, dead_letters = (
        [value for metric, value in metrics.items() if metric.endswith(f"_{name}")]
        for name in _OF_SINKS
    )
    return {
        **{column: metrics.get(metric) for metric, column in _COLUMN_OF.items()},
        "millis_behind": max(behind, default=None),
        "stored": sum(stored) if stored else None,
        "retried": sum(retried) if retried else None,
        # Every sink that takes dead letters is given all of them.
        "dead_letters": max(dead_letters, default=None),
    }


def _from_checkpoints(checkpoints: Checkpoints) -> dict[str, Scalar]:
    return {
        "checkpoints_completed": checkpoints.completed,
        "checkpoints_failed": checkpoints.failed,
        "checkpoint_ms": checkpoints.latest_duration_ms,
    }


def _row(job: str, state: str, known: Mapping[str, Scalar]) -> Row:
    values: dict[str, Scalar] = dict.fromkeys(column.name for column in HEALTH.columns)
    values.update(known, time=time.time_ns(), job=job, state=state)
    return make_row(HEALTH.name, values)
