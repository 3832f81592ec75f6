"""A request to the control interface: who may ask, what is asked, and the answer."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, NamedTuple, get_args
from urllib.parse import urlsplit

import msgspec

from simulator.actions import Action, ActionError, SensorFault
from simulator.channel_routes import (
    BODY_BYTES_MAX,
    JSON,
    ROUTES,
    TEXT,
    Acknowledged,
    Failure,
    Order,
    listing,
    openapi,
)
from simulator.steering import Steering
from tepwatch.errors import TepwatchError

ACT_SECONDS: Final = 5.0
"""How long a simulation may take to come to an action."""
READ_SECONDS: Final = 10.0
"""How long a client may take to send its request."""

_DISCARDED_BYTES_MAX: Final = 1024 * 1024

logger = logging.getLogger(__name__)


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Interface(NamedTuple):
    """What is served: `authorization` is the header demanded, `loopback` where it listens."""

    steering: Steering
    authorization: bytes | None
    loopback: bool


class RequestHandler(BaseHTTPRequestHandler):
    """One request; the connection ends with it."""

    timeout = READ_SECONDS
    server_version = "tepwatch"
    sys_version = ""

    def __init__(self, interface: Interface, *connection: Any) -> None:
        self._interface = interface
        super().__init__(*connection)

    def _serve(self) -> None:
        self._unread = self._announced_bytes()
        try:
            content, content_type = self._answer()
        except _RefusedError as refused:
            self._send_failure(refused.status, str(refused))
        except Exception:
            self._send_failure(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect: see the log")
            raise
        else:
            self._send(HTTPStatus.OK, content, content_type)
        self._discard_unread()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _answer(self) -> tuple[bytes, str]:
        self._check_client()
        path = self._route_path()
        route = ROUTES.get(path)
        if route is None:
            known = ", ".join(ROUTES)
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is no {path}, only {known}")
        if self.command != route.method:
            text = f"{path} takes {route.method}, not {self.command}"
            raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, text)
        if path == "/":
            return listing().encode(), TEXT
        if path == "/openapi.json":
            return msgspec.json.encode(
                openapi(token=self._interface.authorization is not None)
            ), JSON
        order = _decode_order(self._body()) if route.body else None
        return msgspec.json.encode(self._steered(order)), JSON

    def _route_path(self) -> str:
        return self.path.partition("?")[0]

    def _check_client(self) -> None:
        named = self.headers.get("Host", "")
        if self._interface.loopback and not is_loopback(_host_of(named)):
            text = f"host {named!r} is not this machine's own: use 127.0.0.1 or localhost"
            raise _RefusedError(HTTPStatus.BAD_REQUEST, text)
        expected = self._interface.authorization
        given = self.headers.get("Authorization", "").encode("latin-1", "replace")
        if expected is not None and not hmac.compare_digest(given, expected):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "the control token is missing or another")

    def _announced_bytes(self) -> int:
        """Length of the body by its header; -1 if that says nothing."""
        try:
            return int(self.headers.get("Content-Length", "-1"))
        except ValueError:
            return -1

    def _body(self) -> bytes:
        if self.headers.get_content_type() != JSON:
            raise _RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content type is not {JSON}"
            )
        length = self._unread
        if length < 0:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is missing or no number")
        if length > BODY_BYTES_MAX:
            text = f"the body is longer than {BODY_BYTES_MAX} bytes"
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        self._unread = 0
        try:
            return self.rfile.read(length)
        except TimeoutError as error:
            text = f"the body did not come within {READ_SECONDS:g} s"
            raise _RefusedError(HTTPStatus.REQUEST_TIMEOUT, text) from error

    def _steered(self, order: Order | None) -> object:
        try:
            if order is None:
                return self._interface.steering.status()
            return Acknowledged(
                self._interface.steering.act(order.action, order.plants, ACT_SECONDS)
            )
        except ActionError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
        except TimeoutError as error:
            text = f"the simulation did not come to it in time: {error}".removesuffix(": ")
            raise _RefusedError(HTTPStatus.GATEWAY_TIMEOUT, text) from error
        except TepwatchError as error:
            raise _RefusedError(HTTPStatus.CONFLICT, str(error)) from error

    def _discard_unread(self) -> None:
        """Take what the client is still sending, or it would be reset and miss its answer."""
        rest = min(self._unread, _DISCARDED_BYTES_MAX)
        while rest > 0 and (chunk := self.rfile.read(min(rest, BODY_BYTES_MAX))):
            rest -= len(chunk)

    def _send(self, status: HTTPStatus, content: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", ROUTES[self._route_path()].method)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_failure(self, status: HTTPStatus, text: str) -> None:
        self._send(status, msgspec.json.encode(Failure(text)), JSON)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses, a method it does not know and the like."""
        status = HTTPStatus(code)
        self._send_failure(status, message or status.phrase)

    def log_message(self, format: str, *args: Any) -> None:
        """To the log, when it is asked for everything."""
        logger.debug("%s %r", self.client_address[0], format % args)


class _Given(msgspec.Struct):
    action: dict[str, msgspec.Raw]


_ALLOWED: Final[Mapping[str, Sequence[str]]] = {
    "action.type": [str(kind.__struct_config__.tag) for kind in get_args(Action)],
    "action.kind": list(SensorFault),
}


def _decode_order(body: bytes) -> Order:
    try:
        order = msgspec.json.decode(body, type=Order)
        given = msgspec.json.decode(body, type=_Given).action
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text, _, path = str(error).partition(" - at `$.")
        field = path.removesuffix("`")
        if field in _ALLOWED:
            text = f"{text}, it is one of {', '.join(_ALLOWED[field])}"
        text = f"{field}: {text}" if field else text
        raise _RefusedError(HTTPStatus.BAD_REQUEST, text) from error
    # A valve whose percentage is misspelt would be let go.
    known = msgspec.to_builtins(order.action)
    if strange := given.keys() - known:
        text = f"action: no field {', '.join(map(repr, sorted(strange)))}; {known['type']} has "
        raise _RefusedError(HTTPStatus.BAD_REQUEST, text + ", ".join(known))
    return order


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether only processes of this machine reach this address or name."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
