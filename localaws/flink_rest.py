"""Flink's REST interface: the calls that the product makes, typed."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from tepwatch.errors import UnreachableError

_CALL_SECONDS: Final = 10.0
_METRICS_AT_ONCE: Final = 100


class JobState(NamedTuple):
    """A job as the JobManager sees it."""

    state: str
    restarts: int
    vertices: tuple[tuple[str, str], ...]


class Checkpoints(NamedTuple):
    """Checkpoints of a job so far; `latest_path` is None before the first."""

    completed: int
    failed: int
    latest_path: str | None
    latest_duration_ms: int | None
    latest_bytes: int | None


class FlinkRest:
    """Talks to one JobManager. Every method raises `UnreachableError` when it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def free_slots(self) -> int:
        """Task slots that wait for work."""
        return int(self._get("/overview")["slots-available"])

    def job(self, job_id: str) -> JobState:
        """State of a job, how often it restarted, and its vertices as (id, name)."""
        job = self._get(f"/jobs/{job_id}")
        metrics = self._get(f"/jobs/{job_id}/metrics?get=numRestarts")
        restarts = next((int(float(item["value"])) for item in metrics), 0)
        vertices = tuple((vertex["id"], vertex["name"]) for vertex in job["vertices"])
        return JobState(job["state"], restarts, vertices)

    def tasks_running(self, job_id: str) -> bool:
        """Whether every task of the job runs."""
        job = self._get(f"/jobs/{job_id}")
        return job["state"] == "RUNNING" and all(
            vertex["tasks"].get("RUNNING", 0) == vertex["parallelism"]
            for vertex in job["vertices"]
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
        """First lines of the last exception, for a person."""
        history = self._get(f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
        return "\n".join(history[0]["stacktrace"].splitlines()[:30]) if history else None

    def metrics(self, job_id: str, wanted: Callable[[str], bool]) -> dict[str, int]:
        """User metrics of a job, summed over operators and subtasks, by their last name.

        Args:
            job_id: the job.
            wanted: tells by its full name in Flink whether a metric is asked for.
        """
        sums: dict[str, int] = {}
        for vertex in self._get(f"/jobs/{job_id}")["vertices"]:
            for subtask in range(vertex["parallelism"]):
                prefix = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/{subtask}/metrics"
                names = [item["id"] for item in self._get(prefix) if wanted(item["id"])]
                for start in range(0, len(names), _METRICS_AT_ONCE):
                    chunk = ",".join(names[start : start + _METRICS_AT_ONCE])
                    for item in self._get(f"{prefix}?get={chunk}"):
                        sums[item["id"]] = sums.get(item["id"], 0) + int(float(item["value"]))
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
