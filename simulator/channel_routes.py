"""What the control interface offers: its routes, its messages and their OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from simulator.actions import Action
from simulator.steering import Acknowledgement, SimulationStatus
from tepwatch.errors import SettingsError

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
BODY_BYTES_MAX: Final = 64 * 1024

_SECURITY_SCHEME: Final = "token"


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action, and the plants that are to take it; without `plants` all of them."""

    action: Action
    plants: Annotated[Sequence[str], msgspec.Meta(min_length=1)] | None = None


class Acknowledged(msgspec.Struct, frozen=True):
    """The action has taken effect, in each plant when and where it says."""

    acknowledged: Sequence[Acknowledgement]


class Failure(msgspec.Struct, frozen=True):
    """Nothing was done, except that what was asked in vain for too long may yet take effect."""

    error: str


class Route(NamedTuple):
    """One route; the type of its answer is a Struct, `dict` for any JSON object, `str` for text."""

    method: str
    summary: str
    answer: type
    body: type | None = None

    @property
    def content_type(self) -> str:
        """Of the answer."""
        return TEXT if self.answer is str else JSON


ROUTES: Final[Mapping[str, Route]] = {
    "/": Route("GET", "What there is.", str),
    "/status": Route("GET", "How the simulation stands.", SimulationStatus),
    "/actions": Route(
        "POST", "Have an action take effect; answers when it has.", Acknowledged, Order
    ),
    "/openapi.json": Route("GET", "This interface as an OpenAPI document.", dict),
}

_FAILURES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "The request names another host, or cannot be understood.",
    HTTPStatus.UNAUTHORIZED: "The token is missing or another.",
    HTTPStatus.CONFLICT: "The simulation cannot do it as it stands.",
    HTTPStatus.GATEWAY_TIMEOUT: "The simulation did not come to it in time.",
}
_BODY_FAILURES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "No plant can take this action: the text names the field and "
    "what is allowed.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not come in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"The body is longer than {BODY_BYTES_MAX} bytes.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: f"The body is not {JSON}.",
}


def bearer(token: str) -> str:
    """The Authorization header of a token.

    Raises:
        SettingsError: it cannot be sent in a header.
    """
    if not token or not all("!" <= character <= "~" for character in token):
        raise SettingsError("the control token is one or more visible ASCII characters, no spaces")
    return f"Bearer {token}"


def listing() -> str:
    """The routes, for a person."""
    lines = [f"{route.method:5}{path:15}{route.summary}\n" for path, route in ROUTES.items()]
    return "".join(["The control interface of a tepwatch simulation.\n\n", *lines])


def openapi(*, token: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the interface; `token`: it demands one."""
    kinds = [kind for route in ROUTES.values() for kind in (route.answer, route.body) if kind]
    schemas, components = msgspec.json.schema_components(
        [*kinds, Failure], ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip([*kinds, Failure], schemas, strict=True))
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "tepwatch control interface", "version": version("tepwatch")},
        "servers": [{"url": "/"}],
        "paths": {
            path: {route.method.lower(): _operation(route, schema_of)}
            for path, route in ROUTES.items()
        },
        "components": {"schemas": components},
    }
    if token:
        document["components"]["securitySchemes"] = {
            _SECURITY_SCHEME: {"type": "http", "scheme": "bearer"}
        }
        document["security"] = [{_SECURITY_SCHEME: []}]
    return document


def _operation(route: Route, schema_of: Mapping[type, dict[str, Any]]) -> dict[str, Any]:
    answers = {"200": _content(route.summary, route.content_type, schema_of[route.answer])}
    for status, text in {**_FAILURES, **(_BODY_FAILURES if route.body else {})}.items():
        answers[str(status.value)] = _content(text, JSON, schema_of[Failure])
    operation: dict[str, Any] = {"summary": route.summary, "responses": answers}
    if route.body:
        body = {"required": True, "content": {JSON: {"schema": schema_of[route.body]}}}
        operation["requestBody"] = body
    return operation


def _content(text: str, content_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {content_type: {"schema": schema}}}
