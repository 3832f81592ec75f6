"""Signed HTTP to AWS's JSON services, over one kept-alive connection.

A whole boto3 call costs several times what the bytes cost to read (parsing, validation, event
hooks). The hot calls of this product go through here instead: one connection, AWS's signer in C,
msgspec, and botocore's credential chain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import botocore.credentials
import botocore.exceptions
import botocore.session
import msgspec

from aws.connection import Answer
from aws.endpoint import Endpoint, failing
from aws.signing import Signer
from tepwatch.errors import ServiceError, ThrottledError, UnreachableError

LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_THROTTLING_CODES: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "KMSThrottlingException",
        "SlowDown",
    }
)
_HTTP_OK: Final = 200
_HTTP_TOO_MANY: Final = 429
_HTTP_SERVER_ERROR: Final = 500


class _ErrorBody(msgspec.Struct):
    type: str = msgspec.field(default="", name="__type")
    message: str = ""
    capital_message: str = msgspec.field(default="", name="Message")


class JsonService:
    """One service's endpoint; not safe for use by several threads at once.

    Args:
        service: signing name, also the endpoint's prefix (`kinesis`).
        target: prefix of the X-Amz-Target header (`Kinesis_20131202`).
        region: AWS region.
        endpoint_url: None for AWS itself.
        json_version: of the protocol, as the service has it.
    """

    def __init__(
        self,
        service: str,
        target: str,
        *,
        region: str,
        endpoint_url: str | None = None,
        json_version: str = "1.1",
    ) -> None:
        url = endpoint_url or f"https://{service}.{region}.amazonaws.com"
        self._endpoint = Endpoint(service, url)
        self._service = service
        self._target = target
        self._headers = {
            "Host": self._endpoint.host_header,
            "Content-Type": f"application/x-amz-json-{json_version}",
        }
        credentials = _credentials(local=self._endpoint.host in LOCAL_HOSTS)
        self._signer = Signer(credentials, service, region)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._endpoint.url

    def call(self, action: str, body: bytes) -> bytes:
        """POST one action and return the response's body.

        Raises:
            ThrottledError: the service asks for a slower pace.
            UnreachableError: no answer within the time limits, or a server-side failure.
            ServiceError: any other error of the service, with its code.
        """
        return self.begin(action, body)()

    def begin(self, action: str, body: bytes) -> Callable[[], bytes]:
        """Send one action, so that several services may be at work at once.

        Returns:
            A function that waits for the answer: `call`, from there on, whatever went wrong so far
            included. It has to be called before the next action.
        """
        try:
            headers = self._signed_headers(action, body)
        except ServiceError as error:
            return failing(error)
        return partial(self._finish, self._endpoint.begin(headers, body), action)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._endpoint.close()

    def _signed_headers(self, action: str, body: bytes) -> dict[str, str]:
        headers = {**self._headers, "X-Amz-Target": f"{self._target}.{action}"}
        try:
            return self._signer.signed(headers, body)
        except botocore.exceptions.BotoCoreError as error:
            raise ServiceError(f"credentials: {error}", code="NoCredentials") from error

    def _finish(self, answer: Callable[[], Answer], action: str) -> bytes:
        status, body, _ = answer()
        if status != _HTTP_OK:
            raise _service_error(self._service, action, status, body)
        return body


def _credentials(*, local: bool) -> botocore.credentials.Credentials:
    if local:
        # AWS at home asks for no secret; and a real one has no business there.
        return botocore.credentials.Credentials("test", "test")
    found = botocore.session.get_session().get_credentials()
    if found is None:
        raise ServiceError(
            "no AWS credentials found: set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or give the endpoint of a local AWS",
            code="NoCredentials",
        )
    return found


def _service_error(service: str, action: str, status: int, answer: bytes) -> ServiceError:
    try:
        body = msgspec.json.decode(answer, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = _ErrorBody(message=answer[:200].decode(errors="replace"))
    code = body.type.rpartition("#")[2] or f"HTTP {status}"
    text = body.message or body.capital_message or "no further word"
    message = f"{service} {action}: {code}: {text}"
    if code in _THROTTLING_CODES or status == _HTTP_TOO_MANY:
        return ThrottledError(message, code=code, status=status)
    if status >= _HTTP_SERVER_ERROR:
        return UnreachableError(message, code=code, status=status)
    return ServiceError(message, code=code, status=status, answer=answer)
