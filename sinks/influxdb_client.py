"""InfluxDB over HTTP, by `/api/v2/write` (2.x, InfluxDB 3, VictoriaMetrics) or `/write` of 1.x.

https://docs.influxdata.com/influxdb/v2/api/ and https://docs.influxdata.com/influxdb/v1/tools/api/
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from aws.connection import Answer
from aws.endpoint import Endpoint
from sinks.influxdb_answers import error_text
from tepwatch.errors import ServiceError, SettingsError, ThrottledError, UnreachableError
from tepwatch.settings import InfluxdbApi, Settings

TOO_LARGE: Final = 413
"""Status of a write that has more bytes than the server takes."""
REFUSED: Final = frozenset({400, 422})
"""Status of a write some of whose lines cannot be stored; the others may be stored, or not."""
NO_DATABASE: Final = "NoDatabase"
"""Code of an error: the server is there, its database or bucket is not."""

# InfluxDB itself gives up on a write after 10 s.
_READ_SECONDS: Final = 15.0
_OK: Final = range(200, 300)
_WITHOUT_ACCESS: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_ASKS_TO_WAIT: Final = frozenset({429, 503})
_SERVER_ERROR: Final = 500
# How InfluxDB 3 and the first releases of 2.x say that a write held no line, as that of `check`.
_NO_LINE: Final = ("incoming write was empty", "writing requires points")
_ADDRESS: Final = "influxdb_url or influxdb_api"
# Of zlib's levels the one that costs no more than making the lines does.
_GZIP_LEVEL: Final = 1


class InfluxdbClient:
    """One connection; use one client a thread.

    Args:
        settings: those that begin with `influxdb_`.

    Raises:
        SettingsError: they do not fit together.
    """

    def __init__(self, settings: Settings) -> None:
        self._gzip = settings.influxdb_gzip
        self._endpoint = _endpoint(settings.influxdb_url)
        self._headers = {"Host": self._endpoint.host_header, **_authorization(settings)}
        if settings.influxdb_api is InfluxdbApi.V2:
            path = "/api/v2/write"
            where = {"org": settings.influxdb_org, "bucket": settings.influxdb_database}
        else:
            path, where = "/write", {"db": settings.influxdb_database}
        self._write_target = f"{path}?{urlencode({**where, 'precision': 'ns'})}"

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._endpoint.url

    def check(self) -> None:
        """Nothing, when rows may be written.

        Raises:
            SettingsError: the address, the database or the credentials are not right; its cause is
                what the server said.
            ThrottledError, UnreachableError: it cannot be asked.
        """
        try:
            self.call("POST", self._write_target)
        except (ThrottledError, UnreachableError):
            raise
        except ServiceError as error:
            if error.status not in REFUSED:
                raise SettingsError(str(error)) from error
            if not any(text in str(error) for text in _NO_LINE):
                raise SettingsError(f"setting {_ADDRESS}: {error}") from error

    def write(self, lines: bytes) -> None:
        """Write lines of line protocol; points of a series and time that are there are replaced.

        Raises:
            ThrottledError: the server asks to wait.
            UnreachableError: no answer, or a failure of the server.
            ServiceError: any other error; its status says what to do (`REFUSED`, `TOO_LARGE`).
        """
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._gzip:
            headers["Content-Encoding"] = "gzip"
            lines = gzip.compress(lines, _GZIP_LEVEL, mtime=0)
        self.call("POST", self._write_target, headers, lines)

    def call(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        """Make any call and return the body of the answer.

        Args:
            method: of HTTP.
            target: path and query.
            headers: those of the body.
            body: of the request.

        Raises:
            ServiceError: as `write`'s.
        """
        all_headers = {**self._headers, **(headers or {})}
        begun = self._endpoint.begin(
            all_headers, body, method=method, target=f"{self._endpoint.path}{target}"
        )
        answer = begun()
        if answer.status not in _OK:
            raise _error(self.url, answer)
        return answer.body

    def close(self) -> None:
        """Close the connection."""
        self._endpoint.close()


def _endpoint(url: str) -> Endpoint:
    # Not shown: what is too much may be a secret.
    if "@" in url:
        raise SettingsError(
            "setting influxdb_url holds a user: give influxdb_user and influxdb_password instead"
        )
    if "?" in url or "#" in url:
        raise SettingsError("setting influxdb_url goes on after its path")
    try:
        return Endpoint("InfluxDB", url, read_seconds=_READ_SECONDS)
    except ServiceError as error:
        raise SettingsError(f"setting influxdb_url: {error}") from error


def _authorization(settings: Settings) -> dict[str, str]:
    """The header that says who writes; none where no credentials are set."""
    token, user = settings.influxdb_token, settings.influxdb_user
    if token is not None:
        if user is not None:
            raise SettingsError("settings influxdb_token and influxdb_user: give one of them")
        return {"Authorization": f"Token {token}"}
    if user is None:
        if settings.influxdb_password is not None:
            raise SettingsError("setting influxdb_password: give influxdb_user too")
        return {}
    if ":" in user:
        raise SettingsError("setting influxdb_user: a name with a colon cannot be sent")
    pair = f"{user}:{settings.influxdb_password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _error(url: str, answer: Answer) -> ServiceError:
    status, body, retry_after_seconds = answer
    said = error_text(body)
    text = f"InfluxDB at {url}: HTTP {status}: {said}"
    code = f"HTTP {status}"
    if status in _ASKS_TO_WAIT:
        return ThrottledError(
            text, code=code, status=status, retry_after_seconds=retry_after_seconds
        )
    if status >= _SERVER_ERROR:
        return UnreachableError(text, code=code, status=status)
    if status in REFUSED or status == TOO_LARGE:
        return ServiceError(text, code=code, status=status, answer=body)
    setting = _ADDRESS
    if status in _WITHOUT_ACCESS:
        setting = "influxdb_token, or influxdb_user and influxdb_password"
    elif status == _NOT_FOUND and ("database" in said or "bucket" in said):
        setting, code = "influxdb_database", NO_DATABASE
    elif status == _NOT_FOUND and "organization" in said:
        setting = "influxdb_org"
    return ServiceError(f"setting {setting}: {text}", code=code, status=status)
