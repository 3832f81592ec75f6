"""CPU time of processes and their children, as the operating system counts it."""

from __future__ import annotations

from typing import NamedTuple

import psutil


class Cpu(NamedTuple):
    """CPU seconds, user and system, of a TaskManager's JVM and of its Python workers."""

    jvm: float
    python: float

    def since(self, earlier: Cpu) -> Cpu:
        """What was spent between two readings."""
        return Cpu(self.jvm - earlier.jvm, self.python - earlier.python)


def of_process(pid: int) -> float:
    """CPU seconds of one process, its children left out."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def of_task_manager(pid: int) -> Cpu:
    """CPU seconds of a TaskManager and of everything it has started."""
    root = psutil.Process(pid)
    workers = sum(of_process(child.pid) for child in root.children(recursive=True))
    return Cpu(of_process(pid), workers)
