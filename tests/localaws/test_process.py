"""What a child process starts ends with it, whoever kills whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from localaws.process import ChildProcess

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can promise this")

# Starts a process that nobody waits for, in its own group, and says its id.
GRANDPARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""

# Starts the one above through ChildProcess, passes its word on, and hangs.
STARTER = """
import sys, time
from pathlib import Path
from localaws.process import ChildProcess
child = ChildProcess("x", [sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]), pipe_output=True)
print(child.read_line(20), flush=True)
time.sleep(600)
"""


def gone(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_stop_ends_what_the_child_has_started(tmp_path: Path) -> None:
    child = ChildProcess(
        "x", [sys.executable, "-c", GRANDPARENT], tmp_path / "log", pipe_output=True
    )
    grandchild = int(child.read_line(20))
    child.stop()
    assert gone(grandchild)


@linux
def test_a_child_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    child = ChildProcess(
        "x", [sys.executable, "-c", GRANDPARENT], tmp_path / "log", pipe_output=True
    )
    grandchild = int(child.read_line(20))
    child.kill()
    assert child.wait(5) is not None
    assert gone(grandchild)
    child.stop()


@linux
def test_a_parent_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTER, GRANDPARENT, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    grandchild = int(parent.stdout.readline())
    family = [process.pid for process in psutil.Process(parent.pid).children(recursive=True)]
    assert grandchild in family
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert all(gone(pid) for pid in family)
