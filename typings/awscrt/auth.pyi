import datetime as dt
from concurrent.futures import Future
from enum import IntEnum

from awscrt.http import HttpRequest

class AwsCredentialsProvider:
    @classmethod
    def new_static(
        cls, access_key_id: str, secret_access_key: str, session_token: str | None = None
    ) -> AwsCredentialsProvider: ...

class AwsSigningAlgorithm(IntEnum):
    V4 = 0

class AwsSigningConfig:
    def __init__(
        self,
        algorithm: AwsSigningAlgorithm = ...,
        *,
        credentials_provider: AwsCredentialsProvider | None = None,
        region: str = "",
        service: str = "",
        date: dt.datetime | None = None,
        signed_body_value: str | None = None,
    ) -> None: ...

def aws_sign_request(
    http_request: HttpRequest, signing_config: AwsSigningConfig
) -> Future[HttpRequest]: ...
