"""A Flink cluster on this machine: JobManager and TaskManager from the apache-flink wheel.

Real separate processes, as on a real cluster; a TaskManager that dies is started again.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from localaws.flink_rest import FlinkRest
from localaws.java import VERSIONS, find_java
from localaws.process import ChildProcess
from tepwatch.errors import StartupError

START_SECONDS: Final = 90.0
SUBMIT_SECONDS: Final = 120.0
RUNNING_SECONDS: Final = 60.0
_HOST: Final = "127.0.0.1"
_SUBMITTED: Final = re.compile(r"JobID ([0-9a-f]{32})")
_JAVA_OPTIONS: Final = re.compile(r"^\s+all: (--add-\S.*)$", re.MULTILINE)
# Flink hands bytes to Python and back: compiling that a second time, and collecting its small heap
# in parallel, takes more than half of the JVM's processor time and saves little.
_JAVA_FRUGAL: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_WATCH_SECONDS: Final = 0.5


def find_flink() -> Path | None:
    """Home of the Flink that the apache-flink wheel brings; None when it is not installed."""
    spec = importlib.util.find_spec("pyflink")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


class FlinkCluster:
    """Starts a cluster at once; use as a context manager, or call `stop`.

    Args:
        folder: for configuration, logs, checkpoints and scratch files.
        slots: task slots, at least the parallelism of the jobs to run.
        options: Flink options in place of the ones here.

    Raises:
        StartupError: no Java, no Flink, or a process did not start.
    """

    def __init__(
        self, folder: Path, *, slots: int = 1, options: Mapping[str, str] | None = None
    ) -> None:
        home, java = find_flink(), find_java()
        if home is None:
            raise StartupError("Flink is not installed: run `make setup`")
        if java is None:
            wanted = ", ".join(str(version) for version in VERSIONS)
            raise StartupError(f"no Java {wanted} found: run `make setup`")
        self._home = home
        self._folder = folder.resolve()
        rest_port, rpc_port = _free_ports(2)
        self.rest = FlinkRest(f"http://{_HOST}:{rest_port}")
        self.checkpoints = self._folder / "checkpoints"
        self._environment = {
            **os.environ,
            "JAVA_HOME": str(java.home),
            "FLINK_CONF_DIR": str(self._folder / "conf"),
            "FLINK_LOG_DIR": str(self._folder / "log"),
            "FLINK_PID_DIR": str(self._folder / "pid"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        self._configure(rest_port, rpc_port, slots, options or {})
        self._stopping = threading.Event()
        self.task_manager_restarts = 0
        self._job_manager = self._start("jobmanager")
        self._task_manager = self._start("taskmanager")
        self._watcher = threading.Thread(target=self._watch, name="task-manager-watch")
        try:
            self._wait_for_slots()
        except BaseException:
            self.stop()
            raise
        self._watcher.start()

    @property
    def task_manager_pid(self) -> int:
        """Process id of the TaskManager that runs now."""
        return self._task_manager.pid

    @property
    def log_folder(self) -> Path:
        """Where the logs of all processes are."""
        return self._folder / "log"

    def submit(
        self,
        entry: Path,
        *,
        environment: Mapping[str, str],
        parallelism: int = 1,
        restore_from: str | None = None,
    ) -> str:
        """Submit a Python job and return its id.

        Args:
            entry: the job's Python file.
            environment: added to the one in which the job's graph is built.
            parallelism: default of the job.
            restore_from: path of a checkpoint or savepoint to start from.

        Raises:
            StartupError: the job was not accepted; the text says why or where to look.
        """
        command = [
            str(self._home / "bin" / "flink"),
            "run",
            "--detached",
            "--parallelism",
            str(parallelism),
            *(["--fromSavepoint", restore_from] if restore_from else []),
            "--pyExecutable",
            sys.executable,
            "--pyClientExecutable",
            sys.executable,
            "--python",
            str(entry),
        ]
        log = self.log_folder / "submit.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            answer = subprocess.run(
                command,
                env={**self._environment, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=SUBMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StartupError(f"the job was not accepted in {SUBMIT_SECONDS:g} s") from error
        log.write_text(answer.stdout)
        found = _SUBMITTED.search(answer.stdout)
        if answer.returncode or found is None:
            raise StartupError(
                f"the job was not accepted ({_last_error(answer.stdout)}): see {log}"
            )
        return found.group(1)

    def wait_until_running(self, job_id: str) -> None:
        """Wait until every task of a job runs.

        Raises:
            StartupError: it does not; the text says why and where the logs are.
        """
        if not self.rest.wait_until(lambda: self.rest.tasks_running(job_id), RUNNING_SECONDS):
            failure = self.rest.last_failure(job_id)
            raise StartupError(f"the job does not run: {failure}: see {self.log_folder}")

    def kill_task_manager(self) -> None:
        """SIGKILL to the TaskManager, as a crash would be; another is started at once."""
        self._task_manager.kill()

    def stop(self) -> None:
        """End all processes."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._task_manager.terminate()
        self._job_manager.terminate()
        self._task_manager.stop(3.0)
        self._job_manager.stop(3.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _configure(
        self, rest_port: int, rpc_port: int, slots: int, options: Mapping[str, str]
    ) -> None:
        configuration = self._folder / "conf"
        shutil.copytree(self._home / "conf", configuration, dirs_exist_ok=True)
        for name in ("log", "pid", "tmp", "checkpoints", "savepoints"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        values = {
            "jobmanager.rpc.address": _HOST,
            "jobmanager.rpc.port": str(rpc_port),
            "jobmanager.bind-host": _HOST,
            "jobmanager.memory.process.size": "1024m",
            "jobmanager.execution.failover-strategy": "region",
            "taskmanager.host": _HOST,
            "taskmanager.bind-host": _HOST,
            "taskmanager.memory.process.size": "1728m",
            "taskmanager.numberOfTaskSlots": str(slots),
            "rest.address": _HOST,
            "rest.bind-address": _HOST,
            "rest.port": str(rest_port),
            "io.tmp.dirs": str(self._folder / "tmp"),
            # A dead TaskManager is noticed by its broken connection, at the latest by this.
            "heartbeat.interval": "2000",
            "heartbeat.timeout": "15000",
            "restart-strategy.type": "exponential-delay",
            "restart-strategy.exponential-delay.initial-backoff": "500 ms",
            "restart-strategy.exponential-delay.max-backoff": "10 s",
            "execution.checkpointing.interval": "10 s",
            "execution.checkpointing.mode": "EXACTLY_ONCE",
            "execution.checkpointing.dir": self.checkpoints.as_uri(),
            "execution.checkpointing.savepoint-dir": (self._folder / "savepoints").as_uri(),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.incremental": "true",
            "state.backend.type": "rocksdb",
            # Forests are random numbers: compressing them costs more than it saves.
            "state.backend.rocksdb.compression.per.level": "NO_COMPRESSION",
            "python.execution-mode": "process",
            "python.executable": sys.executable,
            "python.client.executable": sys.executable,
            "python.fn-execution.bundle.time": "200",
            "metrics.fetcher.update-interval": "1000",
            "pipeline.object-reuse": "true",
            "env.java.opts.all": self._java_options(),
            **options,
        }
        text = "".join(f"{name}: {value}\n" for name, value in values.items())
        (configuration / "config.yaml").write_text(text)

    def _java_options(self) -> str:
        """For all processes: the module openings of the shipped configuration, and our own."""
        shipped = (self._home / "conf" / "config.yaml").read_text()
        found = _JAVA_OPTIONS.search(shipped)
        if found is None:
            raise StartupError(f"{self._home}/conf/config.yaml sets no env.java.opts.all")
        return f"{found.group(1)} {_JAVA_FRUGAL}"

    def _start(self, kind: str) -> ChildProcess:
        return ChildProcess(
            f"Flink's {kind}",
            [str(self._home / "bin" / f"{kind}.sh"), "start-foreground"],
            self.log_folder / f"{kind}.out",
            environment=self._environment,
            # A JVM that crashes leaves its report where it was started.
            folder=self.log_folder,
        )

    def _wait_for_slots(self) -> None:
        def ready() -> bool:
            for process in (self._job_manager, self._task_manager):
                if not process.running:
                    raise StartupError(f"{process.name} ended: see {process.log}")
            return self.rest.free_slots() > 0

        if not self.rest.wait_until(ready, START_SECONDS):
            raise StartupError(
                f"Flink did not start within {START_SECONDS:g} s: see {self.log_folder}"
            )

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_SECONDS):
            if not self._task_manager.running:
                self._task_manager.stop(1.0)
                self._task_manager = self._start("taskmanager")
                self.task_manager_restarts += 1


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server((_HOST, 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def _last_error(output: str) -> str:
    errors = [
        line.strip() for line in output.splitlines() if "Error" in line or "Exception" in line
    ]
    return errors[-1][:300] if errors else "no error was printed"
