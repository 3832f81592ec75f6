"""Starting and ending child processes so that none stays behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from tepwatch.errors import StartupError

_PR_SET_PDEATHSIG: Final = 1
# How long what a process leaves behind may take to end by itself.
_GROUP_SECONDS: Final = 2.0


class ChildProcess:
    """A child in a process group of its own, its output in a log file.

    Args:
        name: for messages.
        command: program and arguments.
        log: file that takes standard error, and standard output unless it is piped.
        environment: in place of this process's own.
        folder: to start in, in place of this process's own.
        pipe_output: give standard output to the caller (`read_line`) instead of the log.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        pipe_output: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "localaws.process", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if pipe_output else output,
                stderr=output,
                env=None if environment is None else dict(environment),
                cwd=folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, also the id of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """Exit status, or None when it has not ended within the time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def read_line(self, seconds: float) -> str:
        """The next line of its piped standard output.

        Raises:
            StartupError: it ended, or said nothing within the time.
        """
        output: IO[bytes] | None = self._process.stdout
        assert output is not None, "started without pipe_output"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            readable, _, _ = select.select([output], [], [], 0.2)
            if readable:
                line = output.readline()
                if line:
                    return line.decode(errors="replace").strip()
            if not self.running:
                raise StartupError(
                    f"{self.name} ended with status {self._process.returncode}: see {self.log}"
                )
        raise StartupError(f"{self.name} said nothing within {seconds:g} s: see {self.log}")

    def kill(self) -> None:
        """SIGKILL to the process itself, as a crash would be; its group is not touched."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask the whole group to end; does not wait."""
        self._signal_group(signal.SIGTERM)

    def stop(self, patience_seconds: float = 5.0) -> None:
        """End the whole group: ask, wait, then kill what is left."""
        self.terminate()
        self.wait(patience_seconds)
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def become(command: Sequence[str]) -> None:
    """Replace this process by a command that ends when the thread that started it does.

    What the command has started in its process group ends with it. Linux only keeps these
    promises; elsewhere the command just runs.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        _end_group_with(os.getpid())
    os.execvp(command[0], list(command))


def _end_group_with(leader: int) -> None:
    """Leave a process behind that ends the leader's group some time after the leader.

    A TaskManager that is ended while it starts a Python worker forgets about it, and the worker
    waits for ever for somebody who is gone.
    """
    ended = os.pidfd_open(leader)
    if os.fork():
        os.close(ended)
        return
    # A whole group that is asked to end may take its time; and no pipe stays open for this one.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.poll()
    time.sleep(_GROUP_SECONDS)
    os.killpg(leader, signal.SIGKILL)


if __name__ == "__main__":
    become(sys.argv[1:])
