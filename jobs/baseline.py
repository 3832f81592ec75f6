"""The baseline that the settings name: a file, or an object in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from aws.clients import client
from detection.reference import Reference
from tepwatch.errors import BaselineError, InputFileError, StateError
from tepwatch.settings import Settings

_S3: Final = "s3"


def load_reference(settings: Settings) -> Reference | None:
    """What is normal by the setting `baseline`; None where there is none, or no monitor.

    Raises:
        InputFileError: it cannot be read.
        BaselineError: it is none, or was learned from ticks of another length.
    """
    where = settings.baseline
    if where is None or not settings.monitor:
        return None
    reference = read_reference(where, settings)
    learned = reference.origin.tick_seconds
    if learned != settings.tick_seconds:
        raise BaselineError(
            f"baseline {where} was learned from ticks of {learned:g} s, the setting "
            f"tick_seconds says {settings.tick_seconds:g}"
        )
    return reference


def read_reference(where: str, settings: Settings) -> Reference:
    """What is normal by a file or an object in S3.

    Raises:
        InputFileError: it cannot be read.
        BaselineError: it is no baseline.
    """
    try:
        return Reference.from_bytes(_read(where, settings))
    except StateError as error:
        raise BaselineError(f"baseline {where}: {error}") from error


def _read(where: str, settings: Settings) -> bytes:
    parts = urlsplit(where)
    if parts.scheme != _S3:
        try:
            return Path(where).read_bytes()
        except OSError as error:
            raise InputFileError(f"baseline {where}: {error.strerror}") from error
    s3 = client(_S3, region=settings.region, endpoint_url=settings.endpoint_url)
    try:
        answer = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
        data: bytes = answer["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise InputFileError(f"baseline {where}: {error}") from error
    finally:
        s3.close()
    return data
