"""The control interface of a running simulation, from the commands' side."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from cli.options import is_http_address
from simulator.actions import Action
from simulator.channel_routes import JSON, Acknowledged, Failure, Order, bearer
from simulator.steering import Acknowledgement, SimulationStatus
from tepwatch.errors import ServiceError, SettingsError, UnreachableError

ANSWER_SECONDS: Final = 10.0
"""How long the simulation may take to answer; it gives up an action sooner itself."""
_ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024

_Answer = TypeVar("_Answer")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class ControlClient:
    """Steers a simulation over HTTP, past any proxy; every call is a connection of its own.

    Args:
        url: of the control interface.
        token: that it demands, if it does.

    Raises:
        SettingsError: no such address or token can be.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        if not is_http_address(self.url):
            raise SettingsError(f"control address {url} is not an http:// or https:// address")
        self._headers = {"Content-Type": JSON}
        if token is not None:
            self._headers["Authorization"] = bearer(token)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)

    def act(self, action: Action, plants: Sequence[str] | None = None) -> Sequence[Acknowledgement]:
        """Have an action take effect in some plants, in all without names; returns when it has.

        Raises:
            ServiceError: it was refused; the text says why.
            UnreachableError: there was no answer.
        """
        body = msgspec.json.encode(Order(action, plants))
        return self._exchange("/actions", Acknowledged, body).acknowledged

    def status(self) -> SimulationStatus:
        """How the simulation stands; errors as of `act`."""
        return self._exchange("/status", SimulationStatus)

    def _exchange(self, path: str, kind: type[_Answer], body: bytes | None = None) -> _Answer:
        request = urllib.request.Request(self.url + path, data=body, headers=self._headers)
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                content = answer.read(_ANSWER_BYTES_MAX)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise self._stranger(HTTPStatus.OK) from error

    def _refusal(self, error: urllib.error.HTTPError) -> ServiceError:
        if error.code == HTTPStatus.UNAUTHORIZED:
            text = f"{self.url} demands a token: give --token or TEPWATCH_CONTROL_TOKEN"
            return ServiceError(text, code="Unauthorized", status=error.code)
        try:
            text = msgspec.json.decode(error.read(_ANSWER_BYTES_MAX), type=Failure).error
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            return self._stranger(error.code)
        return ServiceError(text, code="Refused", status=error.code)

    def _stranger(self, status: int) -> ServiceError:
        text = f"{self.url} answers, with status {status}, but is no tepwatch control interface"
        return ServiceError(text, code="Stranger", status=status)

    def _unreachable(self, error: Exception) -> UnreachableError:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            text = f"{self.url} gave no answer within {ANSWER_SECONDS:g} s"
        else:
            text = (
                f"nothing answers at {self.url}: is `tepwatch simulate` running? "
                f"({reason or type(reason).__name__})"
            )
        return UnreachableError(text, code="Unreachable")
