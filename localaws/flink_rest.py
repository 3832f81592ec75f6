"""Flink's REST interface: the calls that the product makes, typed."""

from __future__ import annotations

import http.client
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from tepwatch.errors import UnreachableError

_CALL_SECONDS: Final = 10.0
_METRICS_AT_ONCE: Final = 100
_FRAME: Final = re.compile(r"at |\.\.\. |File |\^|~|return |self\.")


class ListedJob(NamedTuple):
    """A job in a cluster's list; `state` is Flink's word, `runs` whether every task does."""

    id: str
    name: str
    state: str
    runs: bool
    started_ms: int


class JobState(NamedTuple):
    """A job as the JobManager sees it."""

    state: str
    restarts: int


class Checkpoints(NamedTuple):
    """Checkpoints of a job so far; `latest_path` is None before the first."""

    completed: int
    failed: int
    latest_path: str | None
    latest_duration_ms: int | None
    latest_bytes: int | None


class _Job(msgspec.Struct, rename="kebab"):
    jid: str
    name: str
    state: str
    start_time: int
    tasks: dict[str, int]


class _Jobs(msgspec.Struct):
    jobs: list[_Job]


class FlinkRest:
    """Talks to one JobManager. Every method raises `UnreachableError` when it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def free_slots(self) -> int:
        """Task slots that wait for work."""
        return int(self._get("/overview")["slots-available"])

    def jobs(self) -> list[ListedJob]:
        """All jobs that the JobManager remembers, ended ones among them."""
        answer = self._call("GET", "/jobs/overview")
        try:
            listed = msgspec.json.decode(answer, type=_Jobs).jobs
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreachableError(
                f"{self.url} does not answer as Flink does: {error}", code="NotFlink"
            ) from error
        return [
            ListedJob(job.jid, job.name, job.state, _all_run(job), job.start_time) for job in listed
        ]

    def job(self, job_id: str) -> JobState:
        """State of a job and how often it restarted."""
        job = self._get(f"/jobs/{job_id}")
        return JobState(job["state"], self.restarts(job_id) or 0)

    def restarts(self, job_id: str) -> int | None:
        """How often a job restarted; None while Flink has not fetched its metrics."""
        metrics = self._get(f"/jobs/{job_id}/metrics?get=numRestarts")
        return next((_whole(item["value"]) for item in metrics), None)

    def tasks_running(self, job_id: str) -> bool:
        """Whether every task of the job runs."""
        job = self._get(f"/jobs/{job_id}")
        return job["state"] == "RUNNING" and all(
            vertex["tasks"].get("RUNNING", 0) == vertex["parallelism"] for vertex in job["vertices"]
        )

    def checkpoints(self, job_id: str) -> Checkpoints:
        """Checkpoints of a job."""
        answer = self._get(f"/jobs/{job_id}/checkpoints")
        latest = answer["latest"].get("completed") or {}
        return Checkpoints(
            answer["counts"]["completed"],
            answer["counts"]["failed"],
            latest.get("external_path"),
            latest.get("end_to_end_duration"),
            latest.get("state_size"),
        )

    def last_failure(self, job_id: str) -> str | None:
        """The innermost cause of the last exception, in one line; None when there was none."""
        history = self._get(f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
        if not history:
            return None
        lines = [line.strip() for line in history[0]["stacktrace"].splitlines()]
        # Frames are left out: what remains are Java's and Python's messages, the cause last.
        told = [line for line in lines if line and not _FRAME.match(line)]
        return told[-1][:500] if told else None

    def fetch_metrics(self) -> None:
        """Have the JobManager fetch all metrics anew, unless it did within its own interval.

        It fetches when it is asked, and answers with what it had before: how long nobody asked is
        how old that is. The new ones are there a moment later.
        """
        self._call("GET", "/jobmanager/metrics")

    def metrics(self, job_id: str, wanted: Callable[[str], bool]) -> dict[str, int]:
        """Metrics of a job's operators by their own names, summed over operators and subtasks.

        Args:
            job_id: the job.
            wanted: tells by its own name whether a metric is asked for.
        """
        sums: dict[str, int] = {}
        for vertex in self._get(f"/jobs/{job_id}")["vertices"]:
            for subtask in range(vertex["parallelism"]):
                path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/{subtask}/metrics"
                ids = [item["id"] for item in self._get(path) if wanted(_own_name(item["id"]))]
                for start in range(0, len(ids), _METRICS_AT_ONCE):
                    chunk = urllib.parse.quote(",".join(ids[start : start + _METRICS_AT_ONCE]))
                    for item in self._get(f"{path}?get={chunk}"):
                        name = _own_name(item["id"])
                        sums[name] = sums.get(name, 0) + _whole(item["value"])
        return sums

    def cancel(self, job_id: str) -> None:
        """Ask a job to end."""
        self._call("PATCH", f"/jobs/{job_id}?mode=cancel")

    def wait_until(
        self, done: Callable[[], bool], seconds: float, *, every_seconds: float = 0.25
    ) -> bool:
        """Whether `done` came true within the time; while the JobManager is away it is not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if done():
                    return True
            except UnreachableError:
                pass
            time.sleep(every_seconds)
        return False

    def _get(self, path: str) -> Any:
        return msgspec.json.decode(self._call("GET", path))

    def _call(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            text = error.read()[:300].decode(errors="replace")
            raise UnreachableError(
                f"Flink {method} {path}: {error.code}: {text}", code="Flink", status=error.code
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                f"Flink at {self.url} cannot be reached: {error}", code="Unreachable"
            ) from error


def _all_run(job: _Job) -> bool:
    running = job.tasks.get("running", 0)
    return job.state == "RUNNING" and running == job.tasks.get("total")


def _whole(value: str) -> int:
    """A metric's value; those that are no numbers, or none yet, count as 0."""
    try:
        number = float(value)
    except ValueError:
        return 0
    return int(number) if math.isfinite(number) else 0


def _own_name(metric_id: str) -> str:
    """A metric's name without the operator's in front of it."""
    return metric_id.rpartition(".")[2]
