"""What has to be done before the first record: have the detectors' kernels compiled.

`python -m jobs.prepare` does it ahead, for a job that is about to start on this machine.
"""

from __future__ import annotations

from detection.stages import parse_stages, warm_up
from detection.watch import Watch
from jobs.baseline import load_reference
from tepwatch import logs, settings
from tepwatch.settings import Settings


def prepare(of: Settings) -> None:
    """Compile, or load from the cache on disk, what a job of these settings runs."""
    warm_up(parse_stages(of.stages), of)
    reference = load_reference(of)
    if reference is not None:
        Watch(reference).warm_up()


if __name__ == "__main__":
    logs.configure()
    prepare(settings.load())
