"""Logging: one format for every process, level from TEPWATCH_LOG_LEVEL."""

from __future__ import annotations

import logging
import os
import sys

_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"


def configure(level: str | None = None) -> None:
    """Send log lines to standard error; `level` wins over the environment, INFO is the default."""
    chosen = (level or os.environ.get("TEPWATCH_LOG_LEVEL") or "INFO").upper()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=chosen, handlers=[handler], force=True)
