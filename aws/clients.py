"""botocore's own clients, for the calls that are made seldom."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config

from aws.connection import CONNECT_SECONDS
from aws.http import LOCAL_HOSTS

_READ_SECONDS = 70.0


def client(service: str, *, region: str, endpoint_url: str | None = None) -> Any:
    """A client of a service, by botocore's name for it; the caller closes it.

    Typed by the caller, with the stubs of boto3 for that service.
    """
    local = endpoint_url is not None and urlsplit(endpoint_url).hostname in LOCAL_HOSTS
    # AWS at home asks for no secret; and a real one has no business there.
    secret = "test" if local else None
    return botocore.session.get_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            # A query may take Timestream a minute.
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path"},
        ),
        aws_access_key_id=secret,
        aws_secret_access_key=secret,
    )
