"""What is normal, by what a monitor has recorded of its stream."""

from __future__ import annotations

import msgspec

from detection.adaptation import adapt
from detection.artefact import Origin
from detection.baseline import learn
from detection.recorder import Recorder
from detection.reference import Reference
from tepwatch.settings import Settings


def learned(recorder: Recorder, prior: Reference | None, settings: Settings) -> Reference:
    """A reference by recorded ticks, and by what was normal before a change.

    Args:
        recorder: what was recorded since.
        prior: what was normal; None where nothing is known.
        settings: `tick_seconds` and `seed`.

    Raises:
        BaselineError: it cannot be told from that.
    """
    recordings = recorder.recordings()
    if prior is not None:
        source = f"{prior.origin.source}, moved by the stream"
        moved = adapt(prior.baseline, recordings)
        return Reference.of(moved, msgspec.structs.replace(prior.origin, source=source))
    origin = Origin(
        source="the stream",
        control="",
        tick_seconds=settings.tick_seconds,
        readings=recorder.pace.readings,
        phase=recorder.pace.phase,
        seed=settings.seed,
    )
    return Reference.of(learn(recordings, seed=settings.seed), origin)
