"""Signature Version 4 for POST requests to the root of a service.

Signed by AWS's Common Runtime: botocore's signer, which takes any request there is, cost several
times as much, and a job with all sinks signs a hundred requests for 1,000 records. Credentials are
botocore's: its chain finds them and renews those that expire.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from awscrt.auth import AwsCredentialsProvider, AwsSigningConfig, aws_sign_request
from awscrt.auth import AwsSigningAlgorithm as Algorithm
from awscrt.http import HttpHeaders, HttpRequest
from botocore.credentials import Credentials

# With keys at hand nothing is waited for.
_SECONDS_MAX: Final = 5.0


class Signer:
    """Signs for one service in one region.

    Args:
        credentials: asked for their keys at every request, since some expire.
        service: signing name (`kinesis`).
        region: AWS region.
    """

    def __init__(self, credentials: Credentials, service: str, region: str) -> None:
        self._credentials = credentials
        self._service = service
        self._region = region

    def signed(
        self, headers: Mapping[str, str], body: bytes, *, now: dt.datetime | None = None
    ) -> dict[str, str]:
        """The headers with those added that prove who sends them with this body.

        Args:
            headers: all that are to be signed, `Host` among them.
            body: of the request.
            now: in place of the clock.

        Raises:
            botocore.exceptions.BotoCoreError: expired credentials could not be renewed.
        """
        keys = self._credentials.get_frozen_credentials()
        request = HttpRequest("POST", "/", HttpHeaders(list(headers.items())))
        config = AwsSigningConfig(
            algorithm=Algorithm.V4,
            credentials_provider=_provider(keys.access_key, keys.secret_key, keys.token),
            region=self._region,
            service=self._service,
            date=now,
            signed_body_value=hashlib.sha256(body).hexdigest(),
        )
        aws_sign_request(request, config).result(_SECONDS_MAX)
        return dict(request.headers)


@lru_cache(maxsize=16)
def _provider(access_key: str, secret_key: str, token: str | None) -> AwsCredentialsProvider:
    return AwsCredentialsProvider.new_static(access_key, secret_key, token)
