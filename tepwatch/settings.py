"""All settings of the job and its clients, in one class, with one way in.

Values come, the last one winning, from the defaults here, from a Managed Flink property file
(the groups' maps are merged), from environment variables `TEPWATCH_<NAME>` and from what the
caller gives. The property names of aws-samples/flink-industrial-anomaly-detector are accepted.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from tepwatch.errors import SettingsError
from tepwatch.resources import (
    ALARM_STREAM,
    BUCKET,
    DEFAULT_REGION,
    DELIVERY_STREAM_PREFIX,
    DELIVERY_STREAMS,
    INFLUXDB_DATABASE,
    INFLUXDB_ORG,
    INPUT_STREAM,
    OUTPUT_STREAM,
    TIMESTREAM_DATABASE,
    TIMESTREAM_SINGLE_TABLE,
)
from tepwatch.schema import READINGS
from tepwatch.wire import WirePolicy

MANAGED_FLINK_PROPERTIES: Final = Path("/etc/flink/application_properties.json")
ENVIRONMENT_PREFIX: Final = "TEPWATCH_"

# The reference system's property names.
_ALIASES: Final[Mapping[str, str]] = {
    "InputStreamName": "stream",
    "KinesisRegion": "region",
    "RcfNumberOfTrees": "trees",
    "RcfSampleSize": "sample_size",
    "RcfLambda": "time_decay",
    "RcfRandomSeed": "seed",
    "RcfShingleSize": "shingle_size",
    "RcfShingleCyclic": "cyclic_shingle",
    "SideCSVDeliveryStreamName": "raw_delivery_stream",
    "TimeStreamRegion": "timestream_region",
    "TimeStreamDbName": "timestream_database",
    "TimeStreamTableName": "timestream_table",
    "TimeStreamIngestBatchSize": "timestream_batch_size",
}

# Environment variables with our prefix that are not settings of this class.
_OTHER_VARIABLES: Final = frozenset(
    {
        "CACHE_PATH",
        "CONTRACT_INFLUXDB",
        "CONTRACT_REGION",
        "CONTROL_TOKEN",
        "CONTROL_URL",
        "DATA_DIR",
        "GRAFANA_EMAILS",
        "GRAFANA_INFLUXDB_TOKEN",
        "GRAFANA_INFLUXDB_URL",
        "GRAFANA_TIMESTREAM_ENDPOINT",
        "GRAFANA_TOKEN",
        "GRAFANA_URL",
        "GRAFANA_WEBHOOK",
        "LOCALAWS_LOG_LEVEL",
        "LOG_LEVEL",
        "PROPERTIES_FILE",
        "REQUIRE_SERVERS",
    }
)

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Name = Annotated[str, msgspec.Meta(min_length=1)]
# What can stand in a header of HTTP.
_Token = Annotated[str, msgspec.Meta(pattern="^[!-~]+$")]

_SECRETS: Final = frozenset({"influxdb_password", "influxdb_token"})


class InitialPosition(enum.StrEnum):
    """Where a job without state begins to read."""

    TRIM_HORIZON = "trim_horizon"
    LATEST = "latest"


class ScoreOn(enum.StrEnum):
    """When a stage scores and learns: as one of its values is new, or at every reading."""

    UPDATE = "update"
    EVERY = "every"


class TimestreamLayout(enum.StrEnum):
    """How rows are stored in Timestream: a table each, or a measure a record in one table."""

    MULTI = "multi"
    SINGLE = "single"


class InfluxdbApi(enum.StrEnum):
    """The interface that rows are written to InfluxDB by: /api/v2/write, or /write of 1.x."""

    V2 = "v2"
    V1 = "v1"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; see docs/settings.md for the list with defaults."""

    # The stream
    stream: _Name = INPUT_STREAM.name
    region: _Name = DEFAULT_REGION
    endpoint_url: str | None = None
    initial_position: InitialPosition = InitialPosition.TRIM_HORIZON

    # What is accepted
    plants: str | None = None
    line_bytes_max: _Positive = 65_536
    future_hours: Annotated[float, msgspec.Meta(gt=0)] = 24.0

    # Flow
    batch_size: _Positive = 100
    batch_seconds: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 0.5
    buckets: _Positive = 32
    parallelism: _Positive = 1
    order_window: _Positive = 64
    snapshot_records: _Positive = 4000

    # Stage forests
    stages: _Name = "default"
    score_on: ScoreOn = ScoreOn.UPDATE
    trees: _Positive = 50
    sample_size: Annotated[int, msgspec.Meta(ge=2, le=8192)] = 256
    time_decay: Annotated[float, msgspec.Meta(ge=0, lt=1)] | None = None
    shingle_size: Annotated[int, msgspec.Meta(ge=1, le=128)] = 1
    cyclic_shingle: bool = False
    output_after: _Positive | None = None
    initial_accept_fraction: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.125
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 42

    # The monitor
    monitor: bool = True
    baseline: str | None = None
    tick_seconds: Annotated[float, msgspec.Meta(gt=0)] = 180.0
    start_hours: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    settle_hours: Annotated[float, msgspec.Meta(ge=0)] = 8.0
    learn_ticks: Annotated[int, msgspec.Meta(ge=400, le=2000)] = 500

    # Sinks
    sinks: str = "timestream,firehose,alarms"
    files_path: _Name = "tepwatch-data/tables"
    output_stream: _Name = OUTPUT_STREAM.name
    alarm_stream: _Name = ALARM_STREAM.name
    timestream_database: _Name = TIMESTREAM_DATABASE
    timestream_layout: TimestreamLayout = TimestreamLayout.MULTI
    timestream_table: _Name = TIMESTREAM_SINGLE_TABLE
    timestream_region: str | None = None
    timestream_batch_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100
    timestream_connections: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    delivery_stream_prefix: _Name = DELIVERY_STREAM_PREFIX
    raw_delivery_stream: str | None = None
    bucket: _Name = BUCKET
    influxdb_url: _Name = "http://127.0.0.1:8086"
    influxdb_api: InfluxdbApi = InfluxdbApi.V2
    influxdb_org: _Name = INFLUXDB_ORG
    influxdb_database: _Name = INFLUXDB_DATABASE
    influxdb_token: _Token | None = None
    influxdb_user: _Name | None = None
    influxdb_password: str | None = None
    influxdb_gzip: bool = True
    influxdb_batch_size: _Positive = 5000
    sink_patience_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0

    def __repr__(self) -> str:
        """All values but the secret ones."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self._shown())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same, for rich."""
        return self._shown()

    def _shown(self) -> list[tuple[str, Any]]:
        values = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [
            (name, "***" if name in _SECRETS and value is not None else value)
            for name, value in values
        ]

    @property
    def wire_policy(self) -> WirePolicy:
        """What the wire accepts under these settings."""
        return WirePolicy(
            plants=frozenset(_words(self.plants)) if self.plants else None,
            future_ms=round(self.future_hours * 3_600_000),
            line_bytes_max=self.line_bytes_max,
        )

    @property
    def sink_names(self) -> tuple[str, ...]:
        """The sinks to write to, in the order given."""
        return tuple(_words(self.sinks))

    @property
    def delivery_streams(self) -> dict[str, str]:
        """Name of the delivery stream of each table."""
        names = {one.table: one.name(self.delivery_stream_prefix) for one in DELIVERY_STREAMS}
        if self.raw_delivery_stream:
            names[READINGS.name] = self.raw_delivery_stream
        return names


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_FIELD_NAMES: Final = frozenset(Settings.__struct_fields__)


def load(
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    properties_file: Path | None = None,
) -> Settings:
    """Read the settings.

    Args:
        overrides: values by field name, already typed or as text; None values are ignored.
        environment: in place of the process's own.
        properties_file: a Managed Flink property file; by default the one that
            TEPWATCH_PROPERTIES_FILE names, or the service's own path where it exists.

    Raises:
        SettingsError: an unknown name, or a value of the wrong type or out of range.
    """
    variables = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    path = properties_file or _properties_path(variables)
    if path is not None:
        values.update(_from_properties(path))
    values.update(_from_environment(variables))
    for name, value in (overrides or {}).items():
        if value is not None:
            values[_field(name, "a setting given to load()")] = value
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"setting {_where(error)}") from error


def _where(error: msgspec.ValidationError) -> str:
    text, _, path = str(error).partition(" - at `$.")
    return f"{path.rstrip('`')}: {text}" if path else text


def _properties_path(variables: Mapping[str, str]) -> Path | None:
    named = variables.get(f"{ENVIRONMENT_PREFIX}PROPERTIES_FILE")
    if named:
        return Path(named)
    return MANAGED_FLINK_PROPERTIES if MANAGED_FLINK_PROPERTIES.exists() else None


class _PropertyGroup(msgspec.Struct, rename="pascal"):
    property_group_id: str
    property_map: dict[str, str] = {}


def _from_properties(path: Path) -> dict[str, str]:
    try:
        groups = msgspec.json.decode(path.read_bytes(), type=list[_PropertyGroup])
    except OSError as error:
        raise SettingsError(f"property file {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise SettingsError(f"property file {path}: {error}") from error
    return {
        _field(name, f"property group {group.property_group_id} in {path}"): value
        for group in groups
        # The service's own groups (run options and the like) are not for us.
        if not group.property_group_id.startswith("kinesis.analytics.")
        for name, value in group.property_map.items()
    }


def _from_environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        _field(name.removeprefix(ENVIRONMENT_PREFIX).lower(), f"environment variable {name}"): value
        for name, value in variables.items()
        if name.startswith(ENVIRONMENT_PREFIX)
        and name.removeprefix(ENVIRONMENT_PREFIX) not in _OTHER_VARIABLES
    }


def _field(name: str, where: str) -> str:
    field = _ALIASES.get(name, name)
    if field not in _FIELD_NAMES:
        known = ", ".join(sorted(_FIELD_NAMES))
        raise SettingsError(f"unknown setting {name} ({where}); known are {known}")
    return field
