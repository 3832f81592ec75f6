"""The sinks that settings choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from aws.kinesis import KinesisClient
from sinks.base import Sink
from sinks.files import FilesSink
from sinks.kinesis import KinesisSink
from sinks.memory import MemorySink
from tepwatch.errors import SettingsError
from tepwatch.settings import Settings


def _kinesis(settings: Settings) -> Sink:
    connect = partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url)
    return KinesisSink(connect, settings.output_stream)


_SINKS: Final[Mapping[str, Callable[[Settings], Sink]]] = {
    "files": lambda settings: FilesSink(Path(settings.files_path)),
    "kinesis": _kinesis,
    "memory": lambda _settings: MemorySink(),
}


def make_sinks(settings: Settings) -> list[Sink]:
    """The sinks of the setting `sinks`, not yet open; none at all discards everything.

    Raises:
        SettingsError: an unknown name.
    """
    unknown = [name for name in settings.sink_names if name not in _SINKS]
    if unknown:
        raise SettingsError(f"setting sinks: {', '.join(unknown)} unknown; {', '.join(_SINKS)} are")
    return [_SINKS[name](settings) for name in settings.sink_names]
