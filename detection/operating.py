"""What a detector may know of a plant beside its measurements.

Disturbances, single valve moves and injected sensor faults are what a detector has to find, so
they cannot even be said here.
"""

from __future__ import annotations

import enum


class OperatingEvent(enum.StrEnum):
    """An intended change of operation."""

    SETPOINT = "setpoint"
    MODE = "mode"
    RESTART = "restart"
    SHUTDOWN = "shutdown"
