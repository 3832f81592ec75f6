"""How the job is handed to a cluster: its file, and its settings as environment variables."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tepwatch.settings import ENVIRONMENT_PREFIX, Settings


def path() -> Path:
    """The file with the job's `main`; found without importing Flink."""
    spec = importlib.util.find_spec("jobs.main")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def environment(settings: Settings) -> dict[str, str]:
    """The settings, as the environment variables that `tepwatch.settings.load` reads.

    >>> environment(Settings(trees=30))["TEPWATCH_TREES"]
    '30'
    """
    values = {name: getattr(settings, name) for name in Settings.__struct_fields__}
    return {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": str(value)
        for name, value in values.items()
        if value is not None
    }
