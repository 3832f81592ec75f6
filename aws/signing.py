"""Signature Version 4 for POST requests to the root of a service.

botocore's signer takes any request there is and costs 50 µs a call; the hot calls of this product
are of one shape, and signing one costs a tenth beside the hash of its body. Credentials are
botocore's: its chain finds them and renews those that expire.

Source: "Create a signed AWS API request", AWS Identity and Access Management User Guide.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from botocore.credentials import Credentials

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_END_OF_SCOPE: Final = "aws4_request"


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
        self, headers: Mapping[str, str], body: bytes, *, now: float | None = None
    ) -> dict[str, str]:
        """The headers with those added that prove who sends them with this body.

        Args:
            headers: all that are to be signed, `Host` among them.
            body: of the request.
            now: seconds since the epoch, in place of the clock's.

        Raises:
            botocore.exceptions.BotoCoreError: expired credentials could not be renewed.
        """
        keys = self._credentials.get_frozen_credentials()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        signed = {**headers, "X-Amz-Date": moment}
        if keys.token:
            signed["X-Amz-Security-Token"] = keys.token
        lower = sorted((name.lower(), value) for name, value in signed.items())
        names = ";".join([name for name, _value in lower])
        lines = "".join([f"{name}:{value}\n" for name, value in lower])
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        day = moment[:8]
        scope = f"{day}/{self._region}/{self._service}/{_END_OF_SCOPE}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        key = _signing_key(keys.secret_key, day, self._region, self._service)
        signature = _hmac(key, f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}").hex()
        signed["Authorization"] = (
            f"{_ALGORITHM} Credential={keys.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return signed


@lru_cache(maxsize=16)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, _END_OF_SCOPE):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
