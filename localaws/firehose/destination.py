"""Where a delivery stream delivers: what its request says, and what the local AWS refuses in it.

A feature that is not there is refused by name when the stream is made or changed, never ignored.
CloudWatch logging is the exception: it is accepted, because every CDK stack asks for it, and the
failures it would show are in the launcher's log and counters instead.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from localaws.firehose import object_name
from localaws.hooks import ClientError

Config = Mapping[str, Any]

MIB: Final = 1024 * 1024
S3_KINDS: Final = {"ExtendedS3", "S3"}
_DEFAULT_BUFFER_MB: Final = 5
_DEFAULT_BUFFER_SECONDS: Final = 300
_BUFFER_MB: Final = (1, 128)
_BUFFER_SECONDS: Final = (0, 900)
_DEFAULT_RETRIES: Final = 3
_RETRIES: Final = (0, 300)
_DEFAULT_LAMBDA_BUFFER_MB: Final = 1.0
_LAMBDA_BUFFER_MB: Final = (0.2, 3.0)
_DEFAULT_LAMBDA_BUFFER_SECONDS: Final = 60
_LAMBDA_PARAMETERS: Final = {
    "LambdaArn", "NumberOfRetries", "RoleArn", "BufferSizeInMBs", "BufferIntervalInSeconds",
}  # fmt: skip
_BUCKET_ARN: Final = re.compile(r"arn:[^:]+:s3:::([\w.\-]{1,255})")
_FILE_EXTENSION: Final = re.compile(r"|\.[0-9a-z!\-_.*'()]+")
# Any sub-configuration with Enabled set that is not done here, and its name for people.
_REFUSED_WHEN_ENABLED: Final = {
    "DataFormatConversionConfiguration": "record format conversion",
    "DynamicPartitioningConfiguration": "dynamic partitioning",
}


class Processor(NamedTuple):
    """A Lambda function that transforms the records."""

    lambda_arn: str
    retries: int
    buffer_bytes: int
    buffer_seconds: int


class Destination(NamedTuple):
    """A bucket, how its objects are named and written, and what happens before."""

    bucket: str
    prefix: str
    error_prefix: str
    buffer_bytes: int
    buffer_seconds: int
    compressed: bool
    extension: str
    zone: dt.tzinfo
    headers: Mapping[str, str]
    processor: Processor | None


def parse(kind: str | None, config: Config) -> Destination:
    """The destination of a request, or of what ministack keeps of it.

    Args:
        kind: ministack's name of the kind of destination.
        config: the destination's configuration, in the API's form.

    Raises:
        ClientError: InvalidArgumentException, naming what is wrong or not supported.
    """
    if kind not in S3_KINDS:
        raise _refused(f"{kind or 'no'} destination; only S3 is")
    bucket = _BUCKET_ARN.fullmatch(str(config.get("BucketARN", "")))
    if bucket is None:
        raise _invalid("BucketARN must be an S3 bucket ARN.")
    for name, feature in _REFUSED_WHEN_ENABLED.items():
        settings = config.get(name)
        # DataFormatConversionConfiguration is enabled unless it says otherwise.
        if settings and settings.get("Enabled", name == "DataFormatConversionConfiguration"):
            raise _refused(f"{feature} ({name})")
    if config.get("S3BackupMode", "Disabled") != "Disabled":
        raise _refused("backup of source records (S3BackupMode)")
    compression = config.get("CompressionFormat") or "UNCOMPRESSED"
    if compression not in {"UNCOMPRESSED", "GZIP"}:
        raise _refused(f"CompressionFormat {compression}; UNCOMPRESSED and GZIP are")
    extension = str(config.get("FileExtension") or "")
    if not _FILE_EXTENSION.fullmatch(extension):
        raise _invalid(f"FileExtension {extension} is not valid.")
    prefix, error_prefix = (str(config.get(k) or "") for k in ("Prefix", "ErrorOutputPrefix"))
    object_name.check_prefixes(prefix, error_prefix)
    hints = config.get("BufferingHints") or {}
    return Destination(
        bucket[1],
        prefix,
        error_prefix,
        int(_within(hints, "SizeInMBs", _DEFAULT_BUFFER_MB, _BUFFER_MB)) * MIB,
        int(_within(hints, "IntervalInSeconds", _DEFAULT_BUFFER_SECONDS, _BUFFER_SECONDS)),
        compression == "GZIP",
        extension or (".gz" if compression == "GZIP" else ""),
        _zone(str(config.get("CustomTimeZone") or "UTC")),
        _encryption_headers(config.get("EncryptionConfiguration") or {}),
        _processor(config.get("ProcessingConfiguration") or {}),
    )


def _processor(config: Config) -> Processor | None:
    if not config.get("Enabled"):
        return None
    processors = config.get("Processors") or []
    for processor in processors:
        if processor.get("Type") != "Lambda":
            raise _refused(f"processor {processor.get('Type')}; Lambda is")
    if len(processors) > 1:
        raise _invalid("Only one processor of type Lambda is allowed.")
    if not processors:
        return None
    parameters = {
        str(item.get("ParameterName")): item.get("ParameterValue")
        for item in processors[0].get("Parameters") or []
    }
    unknown = parameters.keys() - _LAMBDA_PARAMETERS
    if unknown:
        raise _refused(f"processor parameter {', '.join(sorted(unknown))}")
    if not parameters.get("LambdaArn"):
        raise _invalid("The Lambda processor needs the parameter LambdaArn.")
    buffer_mb = _within(parameters, "BufferSizeInMBs", _DEFAULT_LAMBDA_BUFFER_MB, _LAMBDA_BUFFER_MB)
    seconds = _within(
        parameters, "BufferIntervalInSeconds", _DEFAULT_LAMBDA_BUFFER_SECONDS, _BUFFER_SECONDS
    )
    return Processor(
        str(parameters["LambdaArn"]),
        int(_within(parameters, "NumberOfRetries", _DEFAULT_RETRIES, _RETRIES)),
        int(buffer_mb * MIB),
        int(seconds),
    )


def _within(values: Config, name: str, default: float, limits: tuple[float, float]) -> float:
    value = values.get(name)
    if value is None:
        return default
    low, high = limits
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise _invalid(f"{name} must be a number, not {value!r}.") from error
    if not low <= number <= high:
        raise _invalid(f"{name} must be between {low:g} and {high:g}, not {value}.")
    return number


def _zone(name: str) -> dt.tzinfo:
    try:
        return dt.UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _invalid(f"CustomTimeZone {name} is not known.") from error


def _encryption_headers(config: Config) -> dict[str, str]:
    key = (config.get("KMSEncryptionConfig") or {}).get("AWSKMSKeyARN")
    if key is None:
        return {}
    return {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": str(key),
    }


def _refused(feature: str) -> ClientError:
    return _invalid(f"Not supported by the local AWS: {feature}")


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidArgumentException", message)
