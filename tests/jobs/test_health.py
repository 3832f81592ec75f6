"""A row of health from what Flink answered, and rows into stores that may be away."""

from __future__ import annotations

import copy
import functools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

import pytest

from cli.provision import provision
from jobs.health import sample
from jobs.health_watch import ROWS_KEPT_MAX, HealthWatch
from localaws.flink_rest import FlinkRest
from localaws.server import LocalAws
from sinks.base import Outcome, RejectedRow, Sink
from sinks.registry import makers_for
from tepwatch.errors import SettingsError, ThrottledError, UnreachableError
from tepwatch.schema import HEALTH, Row, row_key
from tepwatch.settings import Settings
from tests.plants import GOLDEN
from tests.stored import in_timestream

JOB: Final = "tepwatch"
COUNTS: Final = [column.name for column in HEALTH.columns if column.name not in {"time", "job"}]
UNKNOWN: Final = dict.fromkeys(COUNTS)
OVERVIEW: Final = "/jobs/overview"

Answers = dict[str, Any]


@functools.cache
def recorded() -> dict[str, Answers]:
    answers: dict[str, Answers] = json.loads((GOLDEN / "flink_health.json").read_bytes())
    return answers


class Flink:
    """Answers as Flink did; `answers` can be changed."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.asked: list[str] = []
        flink = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = flink.answer(unquote(self.path))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.rest = FlinkRest(f"http://127.0.0.1:{self.server.server_port}")

    def answer(self, asked: str) -> tuple[int, bytes]:
        self.asked.append(asked)
        path, _, names = asked.partition("?get=")
        if not names:
            found = self.answers.get(path)
        else:
            values = self.answers.get(f"{path}?get", [])
            found = [item for item in values if item["id"] in names.split(",")]
        if found is None:
            return 404, b'{"errors":["Not found."]}'
        return 200, found if isinstance(found, bytes) else json.dumps(found).encode()

    def as_recorded(self, moment: str) -> None:
        self.answers = copy.deepcopy(recorded()[moment])

    def change(self, metric: str, *values: int) -> None:
        """Other values of a metric, one a subtask or shard."""
        found = [
            item
            for path, items in self.answers.items()
            if path.endswith("?get")
            for item in items
            if metric in item["id"]
        ]
        for item, value in zip(found, values, strict=True):
            item["value"] = str(value)

    def sample(self) -> dict[str, Any]:
        return known(sample(self.rest, JOB, lambda _seconds: None))


def known(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.values.items() if name in COUNTS}


@pytest.fixture
def flink() -> Iterator[Flink]:
    served = Flink()
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


def test_subtasks_and_sinks_are_added_up(flink: Flink) -> None:
    flink.as_recorded("running")
    row = sample(flink.rest, "tepwatch", lambda _seconds: None)
    assert row.values == {
        "time": row.time,
        "job": "tepwatch",
        "state": "RUNNING",
        "records_read": 1041,
        "millis_behind": 0,
        "late": 10,
        "duplicates": 21,
        "gaps": 400,
        "rejected": 11,
        # 9 and 3, of two subtasks, by both of the sinks that take them.
        "dead_letters": 12,
        # 5,019 in Timestream and 5,018 in Firehose.
        "stored": 10037,
        "retried": 0,
        "checkpoints_completed": 51,
        "checkpoints_failed": 5,
        "checkpoint_ms": 35,
        "restarts": 0,
    }


def test_lag_is_that_of_the_shard_furthest_behind(flink: Flink) -> None:
    flink.as_recorded("running")
    flink.change("millis_behind_latest", 7000, 3000)
    flink.change("timestream_retried", 1, 20)
    flink.change("firehose_retried", 300, 4000)
    found = flink.sample()
    assert (found["millis_behind"], found["retried"]) == (7000, 4321)


def test_metrics_are_fetched_before_they_are_asked_for(flink: Flink) -> None:
    flink.as_recorded("running")
    waited: list[tuple[float, int]] = []
    sample(flink.rest, JOB, lambda seconds: waited.append((seconds, len(flink.asked))))
    assert flink.asked[0] == "/jobmanager/metrics"
    assert waited == [(1.0, 1)]


@pytest.mark.parametrize(
    ("moment", "state", "checkpoints", "restarts"),
    [("restarting", "RESTARTING", (53, 5, 36), 1), ("starting", "STARTING", (58, 12, 39), 2)],
)
def test_numbers_of_tasks_that_do_not_run_are_not_known(
    flink: Flink, moment: str, state: str, checkpoints: tuple[int, int, int], restarts: int
) -> None:
    # Flink goes on answering with the last ones.
    flink.as_recorded(moment)
    completed, failed, duration_ms = checkpoints
    assert flink.sample() == UNKNOWN | {
        "state": state,
        "checkpoints_completed": completed,
        "checkpoints_failed": failed,
        "checkpoint_ms": duration_ms,
        "restarts": restarts,
    }


def test_what_flink_has_not_fetched_yet_is_not_known(flink: Flink) -> None:
    flink.as_recorded("running")
    for path in flink.answers:
        if "/metrics" in path:
            flink.answers[path] = []
    assert flink.sample() == UNKNOWN | {
        "state": "RUNNING",
        "checkpoints_completed": 51,
        "checkpoints_failed": 5,
        "checkpoint_ms": 35,
    }


def test_the_job_that_goes_on_is_taken_then_the_latest(flink: Flink) -> None:
    flink.as_recorded("running")
    jobs = flink.answers[OVERVIEW]["jobs"]
    (running,) = jobs
    later = running["start-time"] + 1000
    jobs.insert(0, running | {"name": "another", "jid": "0" * 32, "start-time": later})
    jobs.append(running | {"state": "FAILED", "jid": "1" * 32, "start-time": later})
    assert flink.sample()["state"] == "RUNNING"
    # Once it has ended there is nothing but the latest: it has another id, and answers none.
    del jobs[1]
    flink.answers.update(
        {path.replace(running["jid"], "1" * 32): told for path, told in flink.answers.items()}
    )
    assert flink.sample()["state"] == "FAILED"
    del jobs[1]
    assert flink.sample() == UNKNOWN | {"state": "NO_JOB"}


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"jobs":[{"jid":"x"}]}', b'{"jobs":"\xff\xfe"}', b"[]", None]
)
def test_what_is_no_answer_of_flink_is_none(flink: Flink, body: bytes | None) -> None:
    flink.as_recorded("running")
    flink.answers[OVERVIEW] = body
    assert flink.sample() == UNKNOWN | {"state": "UNREACHABLE"}


def test_nobody_answers(caplog: pytest.LogCaptureFixture) -> None:
    row = sample(FlinkRest("http://127.0.0.1:9"), "other", lambda _seconds: None)
    assert known(row) == UNKNOWN | {"state": "UNREACHABLE"}
    assert row.values["job"] == "other"
    assert "http://127.0.0.1:9 cannot be reached" in caplog.text


class FlakySink:
    """Fails as it is told to, one word for each `open` and `write`; `rows` is what it stored."""

    name = "flaky"
    keeps_bytes = True

    def __init__(self, *course: str) -> None:
        self.course = list(course)
        self.rows: list[Row] = []
        self.closed = 0

    def takes(self, _table: str) -> bool:
        return True

    def open(self) -> None:
        match self.course.pop(0):
            case "away":
                raise UnreachableError("away", code="Unreachable")
            case "busy":
                raise ThrottledError("busy", code="Throttling")
            case "absent":
                raise SettingsError("no such table")

    def write(self, rows: Sequence[Row]) -> Outcome:
        match self.course.pop(0) if self.course else "well":
            case "away":
                return Outcome(failed=rows, cause="away")
            case "refuses":
                return Outcome(rejected=[RejectedRow(row, "too old") for row in rows])
        self.rows += rows
        return Outcome()

    def close(self) -> None:
        self.closed += 1


def watching(*sinks: FlakySink) -> tuple[HealthWatch, list[Row]]:
    """A watch of a Flink that is away; what it sampled."""
    told: list[Row] = []
    rest = FlinkRest("http://127.0.0.1:9")
    makers: list[Callable[[], Sink]] = [functools.partial(_same, sink) for sink in sinks]
    return HealthWatch(rest, JOB, makers, told.append), told


def _same(sink: Sink) -> Sink:
    return sink


def stopped() -> threading.Event:
    """An event that lets nothing wait."""
    stop = threading.Event()
    stop.set()
    return stop


def test_rows_wait_for_a_store_that_is_away_and_others_go_on() -> None:
    away, well = FlakySink("away", "busy", "well", "away"), FlakySink("well")
    watch, told = watching(away, well)
    assert [watch.step(stopped()) for _ in range(3)] == [False, False, False]
    assert (away.rows, well.rows) == ([], told)
    assert watch.step(stopped())
    assert away.rows == well.rows == told
    assert len({row_key(row) for row in told}) == 4
    watch.close()
    # Once for each time that it could not be opened, and at the end.
    assert (away.closed, well.closed) == (3, 1)


def test_past_a_bound_the_oldest_rows_are_lost(caplog: pytest.LogCaptureFixture) -> None:
    sink = FlakySink("well", *["away"] * (ROWS_KEPT_MAX + 3))
    watch, told = watching(sink)
    for _ in range(ROWS_KEPT_MAX + 3):
        assert not watch.step(stopped())
    assert "1 rows of health are lost" in caplog.text
    assert watch.step(stopped())
    assert sink.rows == told[3:]


def test_a_row_that_is_refused_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    sink = FlakySink("well", "refuses")
    watch, told = watching(sink)
    assert not watch.step(stopped())
    assert "too old" in caplog.text
    assert watch.step(stopped())
    assert sink.rows == told[1:]


def test_a_store_that_is_not_there_is_said_at_once() -> None:
    sink = FlakySink("absent")
    watch, _ = watching(sink)
    with pytest.raises(SettingsError, match="no such table"):
        watch.step(stopped())
    watch.close()
    assert sink.closed == 1


def test_it_samples_at_once_and_until_it_is_stopped() -> None:
    stop = threading.Event()
    told: list[Row] = []

    def tell(row: Row) -> None:
        told.append(row)
        if len(told) == 3:
            stop.set()

    HealthWatch(FlinkRest("http://127.0.0.1:9"), JOB, [], tell).run(stop, 0.01)
    assert len(told) == 3


def test_rows_are_stored_in_timestream_as_they_are(
    flink: Flink, local_aws: LocalAws, stream_name: str
) -> None:
    settings = Settings(endpoint_url=local_aws.endpoint_url, timestream_database=stream_name)
    provision(settings)
    told: list[Row] = []
    watch = HealthWatch(flink.rest, JOB, makers_for(settings, HEALTH.name), told.append)
    for moment in ("running", "restarting"):
        flink.as_recorded(moment)
        assert watch.step(stopped())
    watch.close()
    assert in_timestream(settings, [HEALTH.name]) == {row_key(row): row for row in told}
    assert len(told) == 2
