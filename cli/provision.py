"""`tepwatch provision`, and what it creates: all that the job's sinks write to.

On a local AWS the streams, tables, delivery streams and their transform, which on AWS the stacks of
infra/ create by the same names; in InfluxDB the database or bucket.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from botocore.exceptions import ClientError

from aws.clients import client
from aws.kinesis import KinesisClient
from cli.options import EndpointOption, RegionOption, load_settings
from sinks.influxdb import InfluxdbSink
from sinks.influxdb_database import create_database
from sinks.registry import timestream_layout
from sinks.transform_package import HANDLER, transform_package
from tepwatch.errors import SettingsError, StartupError
from tepwatch.resources import (
    DELIVERY_ERRORS_FOLDER,
    DELIVERY_STREAMS,
    STREAMS,
    TIMESTREAM_MAGNETIC_DAYS,
    TIMESTREAM_MEMORY_HOURS,
    TRANSFORM_FUNCTION,
    DeliveryStream,
)
from tepwatch.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_firehose.client import FirehoseClient
    from mypy_boto3_firehose.type_defs import ExtendedS3DestinationConfigurationTypeDef
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_timestream_write.client import TimestreamWriteClient

DELIVERY_SECONDS: Final = 5
"""How long Firehose at home gathers records; on AWS it is a minute."""

_DELIVERY_MB: Final = 5
_LAMBDA_SECONDS: Final = 60
_THERE_ALREADY: Final = frozenset(
    {
        "BucketAlreadyOwnedByYou",
        "ConflictException",
        "ResourceConflictException",
        "ResourceInUseException",
    }
)
# Roles are asked for by the services and looked at by nobody at home.
_ROLE: Final = "arn:aws:iam::000000000000:role/tepwatch-local"


def provision_command(
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    sinks: Annotated[
        str | None,
        typer.Option(help="What the job will store to, comma separated; see docs/settings.md."),
    ] = None,
) -> None:
    """Create what the job reads and writes, where it is not there yet.

    With an endpoint, on that local AWS: streams, Timestream tables, delivery streams, the bucket.
    With `influxdb` among the sinks, its database or bucket, as far as the server allows it. On AWS
    itself nothing is created.
    """
    settings = load_settings(endpoint_url=endpoint, region=region, sinks=sinks)
    created = []
    if settings.endpoint_url is not None:
        provision(settings)
        created.append(f"the local AWS at {settings.endpoint_url}")
    if InfluxdbSink.name in settings.sink_names:
        create_database(settings)
        created.append(f"{settings.influxdb_database} in InfluxDB at {settings.influxdb_url}")
    if not created:
        raise SettingsError(
            "nothing to create: give the --endpoint of a local AWS, or influxdb among the --sinks"
        )
    print(f"everything is there: {', '.join(created)}")


def provision(settings: Settings) -> None:
    """Create everything on a local AWS that is not there yet.

    Raises:
        StartupError: the local AWS refuses something.
    """
    try:
        _streams(settings)
        _timestream(settings)
        arn = _transform(settings)
        _bucket(settings)
        _delivery_streams(settings, arn)
    except ClientError as error:
        raise StartupError(f"the local AWS cannot be set up: {error}") from error


@contextlib.contextmanager
def _client(service: str, settings: Settings) -> Iterator[Any]:
    made = client(service, region=settings.region, endpoint_url=settings.endpoint_url)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def _unless_there() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE_ALREADY:
            raise


def _streams(settings: Settings) -> None:
    kinesis = KinesisClient(region=settings.region, endpoint_url=settings.endpoint_url)
    for stream in STREAMS:
        kinesis.create_stream(stream.name, stream.shards)
    kinesis.close()


def _timestream(settings: Settings) -> None:
    database = settings.timestream_database
    with _client("timestream-write", settings) as made:
        timestream: TimestreamWriteClient = made
        with _unless_there():
            timestream.create_database(DatabaseName=database)
        for table in timestream_layout(settings).tables:
            with _unless_there():
                timestream.create_table(
                    DatabaseName=database,
                    TableName=table,
                    RetentionProperties={
                        "MemoryStoreRetentionPeriodInHours": TIMESTREAM_MEMORY_HOURS,
                        "MagneticStoreRetentionPeriodInDays": TIMESTREAM_MAGNETIC_DAYS,
                    },
                    MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
                )


def _transform(settings: Settings) -> str:
    """The ARN of the function that makes CSV."""
    with _client("lambda", settings) as made:
        functions: LambdaClient = made
        with _unless_there():
            functions.create_function(
                FunctionName=TRANSFORM_FUNCTION,
                Runtime="python3.12",
                Role=_ROLE,
                Handler=HANDLER,
                Code={"ZipFile": transform_package()},
                Timeout=_LAMBDA_SECONDS,
            )
        return functions.get_function(FunctionName=TRANSFORM_FUNCTION)["Configuration"][
            "FunctionArn"
        ]


def _bucket(settings: Settings) -> None:
    with _client("s3", settings) as made:
        s3: S3Client = made
        with _unless_there():
            s3.create_bucket(Bucket=settings.bucket)


def _delivery_streams(settings: Settings, transform_arn: str) -> None:
    names = settings.delivery_streams
    with _client("firehose", settings) as made:
        firehose: FirehoseClient = made
        for stream in DELIVERY_STREAMS:
            with _unless_there():
                firehose.create_delivery_stream(
                    DeliveryStreamName=names[stream.table],
                    ExtendedS3DestinationConfiguration=_destination(
                        stream, settings.bucket, transform_arn
                    ),
                )


def _destination(
    stream: DeliveryStream, bucket: str, transform_arn: str
) -> ExtendedS3DestinationConfigurationTypeDef:
    destination: ExtendedS3DestinationConfigurationTypeDef = {
        "RoleARN": _ROLE,
        "BucketARN": f"arn:aws:s3:::{bucket}",
        "Prefix": stream.folder,
        "ErrorOutputPrefix": f"{DELIVERY_ERRORS_FOLDER}{stream.folder}"
        "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
        "BufferingHints": {"SizeInMBs": _DELIVERY_MB, "IntervalInSeconds": DELIVERY_SECONDS},
        "CompressionFormat": "UNCOMPRESSED",
    }
    if stream.transformed:
        destination["ProcessingConfiguration"] = {
            "Enabled": True,
            "Processors": [
                {
                    "Type": "Lambda",
                    "Parameters": [
                        {"ParameterName": "LambdaArn", "ParameterValue": transform_arn},
                        {
                            "ParameterName": "BufferIntervalInSeconds",
                            "ParameterValue": str(DELIVERY_SECONDS),
                        },
                    ],
                }
            ],
        }
    return destination
