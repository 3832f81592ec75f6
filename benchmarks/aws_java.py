"""The anchor: the same forests in AWS's own Java library, on one thread of a JVM.

The Maven project in `aws_java/` is built in a temporary folder, where the machine has Maven and a
JDK; Maven gets the packages it needs as it is set up to. Each reading is parsed, scored and
learned; what is counted begins after a warm-up, when samplers are in their steady state and the JVM
has compiled what is hot.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from aws.kinesis import OutgoingRecord
from detection.stages import parse_stages
from localaws.process import ChildProcess
from tepwatch.errors import StartupError
from tepwatch.settings import Settings

RECORDED: Final = "6,200-7,700 records a second (recorded, not run here)"
"""What a CPU second gave elsewhere, for where it cannot be measured."""

_PROJECT: Final = Path(__file__).with_suffix("")
_JAR: Final = Path("target", "aws-java.jar")
_TOOLS: Final = ("mvn", "javac", "java")
_BUILD_SECONDS: Final = 300.0
_RUN_SECONDS: Final = 600.0


class JavaCost(msgspec.Struct, frozen=True):
    """CPU of `records` readings: of the one thread, and of the JVM with collector and compiler."""

    records: int
    thread_cpu_seconds: float
    process_cpu_seconds: float
    mean_score: float

    @property
    def records_per_cpu_second(self) -> float:
        """Readings that a CPU second of the whole JVM is enough for."""
        return self.records / self.process_cpu_seconds


class Anchor(NamedTuple):
    """What was measured; None, with the reason, where it could not be."""

    cost: JavaCost | None
    reason: str = ""


def measure(
    records: Iterable[OutgoingRecord], settings: Settings, folder: Path, *, warm_up: int
) -> Anchor:
    """Build, run and measure; neither takes longer than some minutes, and both end with the caller.

    Args:
        records: readings of one plant, those of the warm-up first.
        settings: the stages and the parameters of their forests, shingles excepted.
        folder: for everything that is written.
        warm_up: how many of the records are not measured.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return Anchor(None, f"not on the path: {', '.join(missing)}")
    try:
        jar = _build(folder / "project")
        rows = folder / "rows.ndjson"
        rows.write_bytes(b"".join(record.data + b"\n" for record in records))
        return Anchor(_run(jar, _arguments(rows, warm_up, settings), folder))
    except StartupError as error:
        return Anchor(None, str(error))


def _build(project: Path) -> Path:
    shutil.copytree(_PROJECT, project)
    log = project / "build.log"
    maven = ChildProcess("mvn", ["mvn", "-q", "-B", "package"], log, folder=project)
    try:
        status = maven.wait(_BUILD_SECONDS)
    finally:
        maven.stop()
    if status == 0:
        return project / _JAR
    ended = f"status {status}" if status is not None else f"not in {_BUILD_SECONDS:g} s"
    raise StartupError(f"the build failed, {ended}: {_first_error(log)}")


def _first_error(log: Path) -> str:
    """What Maven or Java says first of what is wrong: the log goes with its folder."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line for line in lines if "ERROR" in line or "Exception" in line), "no error said")


def _arguments(rows: Path, warm_up: int, settings: Settings) -> list[str]:
    decay = settings.time_decay
    return [
        str(rows),
        str(warm_up),
        str(settings.trees),
        str(settings.sample_size),
        str(0.1 / settings.sample_size if decay is None else decay),
        str(settings.initial_accept_fraction),
        str(settings.seed),
        *(",".join(stage.tags) for stage in parse_stages(settings.stages)),
    ]


def _run(jar: Path, arguments: Sequence[str], folder: Path) -> JavaCost:
    log = folder / "run.log"
    command = ["java", "-jar", str(jar), *arguments]
    java = ChildProcess("AWS's forests on the JVM", command, log, pipe_output=True)
    try:
        return msgspec.json.decode(java.read_line(_RUN_SECONDS), type=JavaCost)
    except StartupError as error:
        raise StartupError(f"{error}: {_first_error(log)}") from error
    finally:
        java.stop()
