"""Signed HTTP to AWS's JSON services, over one kept-alive connection.

A whole boto3 call costs several times what the bytes cost to read (parsing, validation, event
hooks). The hot calls of this product go through here instead: one connection, AWS's signer in C,
msgspec, and botocore's credential chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn
from urllib.parse import urlsplit

import botocore.credentials
import botocore.exceptions
import botocore.session
import msgspec

from aws.connection import Connection
from aws.signing import Signer
from tepwatch.errors import ServiceError, ThrottledError, UnreachableError

# A connection idle for longer may have been closed by the other side without our knowing.
_IDLE_SECONDS_MAX: Final = 10.0
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
_PORTS: Final = {"http": 80, "https": 443}


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
        self.url = (endpoint_url or f"https://{service}.{region}.amazonaws.com").rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ServiceError(
                f"endpoint {self.url} is not an http:// or https:// address", code="BadEndpoint"
            )
        self._service = service
        self._target = target
        self._headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "Content-Type": f"application/x-amz-json-{json_version}",
        }
        self._host = parts.hostname
        self._secure = parts.scheme == "https"
        self._port = parts.port or _PORTS[parts.scheme]
        self._connection: Connection | None = None
        self._last_used = 0.0
        self._awaits_answer = False
        credentials = _credentials(local=self._host in LOCAL_HOSTS)
        self._signer = Signer(credentials, service, region)

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
            connection = self._connected()
            connection.send(headers, body)
        except ServiceError as error:
            return failing(error)
        except OSError as error:
            return failing(self._unreachable(error))
        self._awaits_answer = True
        return partial(self._finish, connection, action)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._awaits_answer = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _signed_headers(self, action: str, body: bytes) -> dict[str, str]:
        headers = {**self._headers, "X-Amz-Target": f"{self._target}.{action}"}
        try:
            return self._signer.signed(headers, body)
        except botocore.exceptions.BotoCoreError as error:
            raise ServiceError(f"credentials: {error}", code="NoCredentials") from error

    def _connected(self) -> Connection:
        # An answer that nobody waited for would be taken for that of the next request.
        if self._awaits_answer or time.monotonic() - self._last_used > _IDLE_SECONDS_MAX:
            self.close()
        if self._connection is None:
            self._connection = Connection(self._host, self._port, secure=self._secure)
        return self._connection

    def _finish(self, connection: Connection, action: str) -> bytes:
        try:
            status, answer = connection.receive()
        except OSError as error:
            raise self._unreachable(error) from error
        self._awaits_answer = False
        if not connection.reusable:
            self.close()
        self._last_used = time.monotonic()
        if status != _HTTP_OK:
            raise _service_error(self._service, action, status, answer)
        return answer

    def _unreachable(self, error: OSError) -> UnreachableError:
        self.close()
        return UnreachableError(
            f"{self._service} at {self.url} cannot be reached: {error or type(error).__name__}",
            code="Unreachable",
        )


def failing(error: ServiceError) -> Callable[[], NoReturn]:
    """A function that raises an error."""

    def fail() -> NoReturn:
        raise error

    return fail


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
