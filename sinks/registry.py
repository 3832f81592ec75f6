"""The sinks that settings choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from aws.firehose import FirehoseClient
from aws.kinesis import KinesisClient
from aws.timestream import TimestreamWriter
from sinks.base import Sink
from sinks.files import FilesSink
from sinks.firehose import FirehoseSink
from sinks.influxdb import InfluxdbSink
from sinks.influxdb_client import InfluxdbClient
from sinks.kinesis import KinesisSink
from sinks.memory import MemorySink
from sinks.timestream import TimestreamSink
from sinks.timestream_layout import Layout, MultiLayout, SingleLayout
from tepwatch.errors import SettingsError
from tepwatch.schema import ALARMS
from tepwatch.settings import Settings, TimestreamLayout


def _timestream(settings: Settings) -> Sink:
    connect = partial(
        TimestreamWriter,
        region=settings.timestream_region or settings.region,
        endpoint_url=settings.endpoint_url,
    )
    return TimestreamSink(
        connect,
        settings.timestream_database,
        timestream_layout(settings),
        batch_size=settings.timestream_batch_size,
        connections=settings.timestream_connections,
    )


def timestream_layout(settings: Settings) -> Layout:
    """The layout that settings choose."""
    if settings.timestream_layout is TimestreamLayout.MULTI:
        return MultiLayout()
    return SingleLayout(settings.timestream_table, settings.stages)


def _influxdb(settings: Settings) -> Sink:
    connect = partial(InfluxdbClient, settings)
    return InfluxdbSink(connect, batch_size=settings.influxdb_batch_size)


def _firehose(settings: Settings) -> Sink:
    connect = partial(FirehoseClient, region=settings.region, endpoint_url=settings.endpoint_url)
    return FirehoseSink(connect, settings.delivery_streams)


def _kinesis(settings: Settings) -> Sink:
    connect = partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url)
    return KinesisSink(connect, settings.output_stream)


def _alarms(settings: Settings) -> Sink:
    connect = partial(KinesisClient, region=settings.region, endpoint_url=settings.endpoint_url)
    return KinesisSink(connect, settings.alarm_stream, name="alarms", tables={ALARMS.name})


_SINKS: Final[Mapping[str, Callable[[Settings], Sink]]] = {
    "timestream": _timestream,
    "influxdb": _influxdb,
    "firehose": _firehose,
    "files": lambda settings: FilesSink(Path(settings.files_path)),
    "kinesis": _kinesis,
    "alarms": _alarms,
    "memory": lambda _settings: MemorySink(),
}


def make_sinks(settings: Settings) -> list[Sink]:
    """The sinks of the setting `sinks`, not yet open; none at all discards everything.

    Raises:
        SettingsError: an unknown name, or nowhere for dead letters to go.
    """
    sinks = [make() for make in _makers(settings)]
    if sinks and not any(sink.keeps_bytes for sink in sinks):
        raise SettingsError(
            f"setting sinks: {settings.sinks} keeps no original bytes of dead letters: "
            "add firehose, files or kinesis"
        )
    return sinks


def makers_for(settings: Settings, table: str) -> list[Callable[[], Sink]]:
    """What makes those sinks of the setting `sinks` that take rows of one table.

    For rows that are not of the job: there are no dead letters among them.

    Raises:
        SettingsError: an unknown name, or none of them takes such rows.
    """
    makers = _makers(settings)
    taking = [make for make in makers if make().takes(table)]
    if makers and not taking:
        raise SettingsError(f"setting sinks: {settings.sinks} stores no rows of table {table}")
    return taking


def _makers(settings: Settings) -> list[Callable[[], Sink]]:
    unknown = [name for name in settings.sink_names if name not in _SINKS]
    if unknown:
        raise SettingsError(f"setting sinks: {', '.join(unknown)} unknown; {', '.join(_SINKS)} are")
    return [partial(_SINKS[name], settings) for name in settings.sink_names]
