"""The demo as a whole: local AWS, Flink, the job, and two live plants."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from cli.alarm_table import AlarmLine
from cli.demo_stores import DemoStores, LastScore
from cli.kinesis_output import KinesisOutput
from cli.provision import provision
from detection.stages import parse_stages
from jobs import entry
from jobs.health_watch import HealthWatch
from jobs.metrics import MILLIS_BEHIND, RECORDS_READ_TOTAL
from localaws.flink_cluster import FlinkCluster
from localaws.flink_rest import Checkpoints
from localaws.process import ChildProcess
from localaws.server import LocalAws
from simulator.actions import Disturb
from simulator.channel import ControlChannel
from simulator.channel_file import announce, forget
from simulator.fleet import Fleet
from simulator.live import LiveSimulation
from simulator.runs import RunNames
from simulator.schedule import Scheduled
from simulator.simulation import OnShutdown, Simulation
from simulator.steering import SimulationStatus
from simulator.strategies import RICKER
from sinks.registry import makers_for
from studies.normal_operation import TICK_SECONDS, readings_a_tick
from tepwatch.errors import StartupError, TepwatchError, UnreachableError
from tepwatch.kernels import cache_folder
from tepwatch.resources import JOB_NAME
from tepwatch.schema import COMMANDS, DEAD_LETTERS, HEALTH, READINGS, SCORES
from tepwatch.settings import load as load_settings

PLANTS: Final = ("plant-1", "plant-2")
"""The plants of the demo: the first runs normally, the second loses its A feed."""
FAULT: Final = Scheduled(8.0, PLANTS[1], Disturb(6))

_STARTED_HOURS: Final = 8
_SECONDS_AN_HOUR: Final = 3600
_LEARNING_SECONDS: Final = 900.0
_LEARNED: Final = ("--simulate", "16d", "--faults", "simulated", "--fault-runs", "8")
"""What a baseline of the demo is learned from, as options of `tepwatch learn`."""
_PAGE_SECONDS: Final = 60.0
_SEEDS: Final = (1431655765, 4651207995)
_RUNS_KEPT: Final = 3

_log = logging.getLogger(__name__)


class Status(NamedTuple):
    """How the demo stands at one moment."""

    sent: int
    plants: SimulationStatus
    read: int
    stored: int
    millis_behind: int
    checkpoints: Checkpoints
    restarts: int
    scores: dict[str, dict[str, LastScore]]
    alarms: list[AlarmLine]


class Summary(msgspec.Struct):
    """What the demo sent, read, scored and stored; `problems` is empty when all counts agree."""

    seconds: float
    records_sent: int
    records_read: int
    readings_sent: int
    readings_scored: int
    records_stored: int
    dead_letters: int
    restarts: int
    health_rows: int
    timestream_rows: dict[str, int]
    s3_lines: dict[str, int]
    data: str
    problems: list[str]


class DemoRun:
    """Everything that runs; use as a context manager: leaving it ends every process.

    Args:
        data_dir: a folder for this run is made below it.
        rate: records a second of each plant.
        speed: process time over wall time.
        say: told, in a line each, what is being started.

    Raises (from `__enter__`):
        TepwatchError: something did not start; the text says what and where its log is.
    """

    def __init__(
        self, data_dir: Path, rate: float, speed: float, say: Callable[[str], None]
    ) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        runs = data_dir / "demo"
        _forget_old_runs(runs)
        self.folder = (runs / stamp).resolve()
        self.data = self.folder / "aws"
        self._announced_in = data_dir
        self._rate = rate
        self._tick_seconds = speed / rate
        self._say = say
        self._stack = contextlib.ExitStack()
        self._stop = threading.Event()
        self._failure: TepwatchError | None = None
        self._thread: threading.Thread | None = None
        self._watched_enough = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop_sending()
        self._stack.close()

    def _start(self) -> None:
        self._say("preparing plants and detectors (compiled once after an update, then kept) ...")
        compiler = ChildProcess(
            "the detectors' compiler",
            [sys.executable, "-m", "jobs.prepare"],
            self.folder / "prepare.log",
        )
        self._stack.callback(compiler.stop, 1.0)
        fleet = Fleet(RICKER, _SEEDS)
        # The plants are in operation when one begins to look.
        steps = round(_STARTED_HOURS * _SECONDS_AN_HOUR / fleet.step_seconds)
        fleet.advance(steps, steps)
        self._simulation = Simulation(
            fleet,
            PLANTS,
            tick_seconds=self._tick_seconds,
            runs=RunNames(),
            schedule=[FAULT],
            on_shutdown=OnShutdown.RESTART,
        )
        self.live = LiveSimulation(self._simulation, rate=self._rate)
        baseline = self._baseline()
        self._say("starting the local AWS ...")
        self.local_aws = self._stack.enter_context(LocalAws(self.folder, data_dir=self.data))
        self._settings = load_settings(
            {
                "endpoint_url": self.local_aws.endpoint_url,
                "sinks": "timestream,firehose,alarms",
                "baseline": baseline,
                "tick_seconds": max(float(TICK_SECONDS), self._tick_seconds),
            }
        )
        self._stages = len(parse_stages(self._settings.stages))
        self._say("creating its streams, tables and delivery streams ...")
        provision(self._settings)
        self._stores = DemoStores(self._settings)
        self._stack.callback(self._stores.close)
        self._say("starting Flink (about 10 s) ...")
        self.flink = self._stack.enter_context(FlinkCluster(self.folder / "flink"))
        self._say("submitting the job (about 15 s) ...")
        self._job_id = self.flink.submit(
            entry.path(), environment=entry.environment(self._settings)
        )
        self.flink.wait_until_running(self._job_id)
        self.control = self._stack.enter_context(ControlChannel(self.live))
        announce(self._announced_in, self.control, aws_url=self.local_aws.endpoint_url)
        self._stack.callback(forget, self._announced_in)
        self._say("starting the live page ...")
        self.page_url = self._page()
        self._say(f"look at {self.page_url}")
        self._say(f"simulating {' and '.join(PLANTS)} ...")
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._send, name="simulation")
        self._thread.start()
        self._stack.callback(self._stop_watching)
        self._watcher = threading.Thread(target=self._watch_health, name="health")
        self._watcher.start()

    def _page(self) -> str:
        """Start the live page; its address."""
        page = ChildProcess(
            "the live page",
            [
                sys.executable,
                "-m",
                "cli.main",
                "page",
                "--port=0",
                f"--data-dir={self._announced_in}",
                f"--endpoint={self.local_aws.endpoint_url}",
            ],
            self.folder / "page.log",
            pipe_output=True,
        )
        self._stack.callback(page.stop)
        return page.read_line(_PAGE_SECONDS)

    def _baseline(self) -> str | None:
        """What is normal for such a stream, learned once and kept; None where it cannot be."""
        readings = readings_a_tick(self._tick_seconds)
        if readings is None:
            self._say(
                f"records are {self._tick_seconds:g} s of process time apart, which is no part of "
                f"{TICK_SECONDS} s: the monitor learns from the stream"
            )
            return None
        path = cache_folder() / f"demo-{readings}.baseline"
        if not path.exists():
            self._say("learning normal operation and its disturbances (two minutes, once) ...")
            seconds = ("--record-seconds", str(self._tick_seconds))
            learner = ChildProcess(
                "the learner of the demo's baseline",
                [sys.executable, "-m", "cli.main", "learn", str(path), *_LEARNED, *seconds],
                self.folder / "learn.log",
            )
            try:
                status = learner.wait(_LEARNING_SECONDS)
            finally:
                learner.stop(1.0)
            if status != 0:
                raise StartupError(f"the demo's baseline was not learned: see {learner.log}")
        return str(path)

    def _send(self) -> None:
        try:
            output = KinesisOutput(self._settings)
            try:
                self.live.run(output, self._stop)
            finally:
                output.close()
        except TepwatchError as error:
            self._failure = error
            self._stop.set()

    def _watch_health(self) -> None:
        makers = makers_for(self._settings, HEALTH.name)
        watch = HealthWatch(self.flink.rest, JOB_NAME, makers)
        try:
            watch.run(self._watched_enough)
        except TepwatchError as error:
            _log.error("the job's health is not stored: %s", error)
        finally:
            watch.close()

    def _stop_watching(self) -> None:
        self._watched_enough.set()
        if self._watcher is not None:
            self._watcher.join()

    def status(self) -> Status:
        """How it stands.

        Raises:
            TepwatchError: the plants could not go on, or Flink does not answer.
        """
        if self._failure is not None:
            raise self._failure
        self._stores.read_on()
        rest = self.flink.rest
        metrics = rest.metrics(
            self._job_id, lambda name: name.startswith((RECORDS_READ_TOTAL, MILLIS_BEHIND))
        )
        behind = [value for name, value in metrics.items() if name.startswith(MILLIS_BEHIND)]
        return Status(
            self.live.sent,
            self.live.status(),
            metrics.get(RECORDS_READ_TOTAL, 0),
            self._scored(),
            max(behind, default=0),
            rest.checkpoints(self._job_id),
            rest.job(self._job_id).restarts,
            self._stores.last_scores(),
            self._stores.alarms(),
        )

    def last_failure(self) -> str | None:
        """Why the job restarted last."""
        return self.flink.rest.last_failure(self._job_id)

    def stop_sending(self) -> None:
        """End the simulation; returns when its last records are accepted."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def finish(self, patience_seconds: float) -> Summary:
        """End the simulation, let the job catch up, and count what was stored.

        Args:
            patience_seconds: how long the job may take to catch up.
        """
        self.stop_sending()
        seconds = time.monotonic() - self._started
        sent, readings = self.live.sent, self.live.readings
        self.flink.rest.wait_until(
            lambda: self._read_total() >= sent and self._scored() >= readings,
            patience_seconds,
        )
        self._stop_watching()
        read, restarts = self._read_total(), 0
        with contextlib.suppress(UnreachableError):
            restarts = self.flink.rest.job(self._job_id).restarts
            self.flink.rest.cancel(self._job_id)
        return self._summary(seconds, sent, readings, read, restarts)

    def _scored(self) -> int:
        """Readings whose scores are stored."""
        return self._stores.rows(SCORES.name) // self._stages

    def _read_total(self) -> int:
        try:
            metrics = self.flink.rest.metrics(self._job_id, lambda name: name == RECORDS_READ_TOTAL)
        except UnreachableError:
            return 0
        return metrics.get(RECORDS_READ_TOTAL, 0)

    def _summary(
        self, seconds: float, sent: int, readings_sent: int, read: int, restarts: int
    ) -> Summary:
        self._say("delivering what Firehose has gathered ...")
        flushed = self.local_aws.flush_firehose()
        rows, lines = self._stores.all_rows(), self._stores.read_on()
        scored = rows[SCORES.name] // self._stages
        stored = rows[READINGS.name] + rows[COMMANDS.name] + self._stores.plant_events()
        problems = [] if self._failure is None else [str(self._failure)]
        if not flushed:
            problems.append("Firehose could not deliver everything")
        for what, count, expected in (
            # What operators put on the stream is read and stored too.
            ("records read", read, sent + rows[COMMANDS.name]),
            ("records stored", stored, sent + rows[COMMANDS.name]),
            ("readings scored", scored, readings_sent),
            ("dead letters", rows[DEAD_LETTERS.name], 0),
            *((f"lines of {name} in S3", lines[name], count) for name, count in rows.items()),
        ):
            if count != expected:
                problems.append(f"{what}: {count}, expected {expected}")
        return Summary(
            round(seconds, 1),
            sent,
            read,
            readings_sent,
            scored,
            stored,
            rows[DEAD_LETTERS.name],
            restarts,
            self._stores.rows(HEALTH.name),
            rows,
            lines,
            str(self.data),
            problems,
        )


def _forget_old_runs(runs: Path) -> None:
    for old in sorted(runs.glob("*Z"))[: -(_RUNS_KEPT - 1)]:
        shutil.rmtree(old, ignore_errors=True)
