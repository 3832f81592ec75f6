"""The live page's server: its files, the plants as they stand, panels, and the operator's hands.

Who may look: every process of this machine, for it listens on a loopback address; elsewhere whoever
has the access token. Who may act: the page itself, which was given a token of its own; a page of
another site in the same browser has not, nor does it get past the names that are answered to (DNS
rebinding).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dashboards.page.broadcast import Broadcast
from dashboards.page.catalogue import catalogue
from dashboards.page.panels import PanelRequest, Panels
from dashboards.page.requests import Hands, Wish
from tepwatch.errors import InputFileError, TepwatchError

STATIC: Final = Path(__file__).with_name("static")
TOKEN_HEADER: Final = "X-Tepwatch-Token"

_TOKEN_PLACE: Final = 'name="tepwatch-token" content="'
_COOKIE: Final = "tepwatch_page"
_BODY_BYTES_MAX: Final = 10_000
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_Handler = Callable[[Request], Awaitable[Response]]


class Page:
    """What the page needs, as an application.

    Args:
        poll: a snapshot of all plants as JSON (`LiveFeed`, encoded).
        panels: answers the panels' queries.
        hands: carries out what an operator wants.
        every_seconds: between looks at the stores.
        hosts: names that are answered to, beside those of this machine.
        access_token: that one has to bring to look; None where only this machine can.
    """

    def __init__(
        self,
        poll: Callable[[], bytes],
        panels: Panels,
        hands: Hands,
        *,
        every_seconds: float,
        hosts: tuple[str, ...] = (),
        access_token: str | None = None,
    ) -> None:
        self._broadcast = Broadcast(poll, every_seconds)
        self._panels = panels
        self._hands = hands
        self._every_seconds = every_seconds
        self._access_token = access_token
        self._token = secrets.token_urlsafe(24)
        guarded = {
            "/api/catalogue": ("GET", self._catalogue),
            "/api/live": ("GET", self._live),
            "/api/panel": ("GET", self._panel),
            "/api/annotations": ("GET", self._annotations),
            "/api/act": ("POST", self._act),
        }
        self.app = Starlette(
            routes=[
                Route("/", self._index),
                *(
                    Route(path, self._guarded(handler), methods=[method])
                    for path, (method, handler) in guarded.items()
                ),
                Mount("/", StaticFiles(directory=STATIC)),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=[*_LOOPBACK_NAMES, *hosts])
            ],
        )

    def _guarded(self, handler: _Handler) -> _Handler:
        async def answer(request: Request) -> Response:
            if not self._may_look(request.cookies.get(_COOKIE)):
                return _error("open the page with its access token first", HTTPStatus.UNAUTHORIZED)
            try:
                return await handler(request)
            except (msgspec.MsgspecError, ValueError) as error:
                return _error(str(error), HTTPStatus.BAD_REQUEST)
            except InputFileError as error:
                return _error(str(error), HTTPStatus.NOT_FOUND)
            except TepwatchError as error:
                return _error(str(error), HTTPStatus.BAD_GATEWAY)

        return answer

    def _may_look(self, token: str | None) -> bool:
        if self._access_token is None:
            return True
        return token is not None and secrets.compare_digest(token, self._access_token)

    async def _index(self, request: Request) -> Response:
        given = request.query_params.get("token")
        if self._access_token is not None and given is not None and self._may_look(given):
            response = RedirectResponse("/", HTTPStatus.SEE_OTHER, headers=_HEADERS)
            response.set_cookie(_COOKIE, given, httponly=True, samesite="strict")
            return response
        if not self._may_look(request.cookies.get(_COOKIE)):
            return _error(
                "open the page with its access token: /?token=...", HTTPStatus.UNAUTHORIZED
            )
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(
            text.replace(_TOKEN_PLACE, _TOKEN_PLACE + self._token), headers=_HEADERS
        )

    async def _catalogue(self, _request: Request) -> Response:
        found = await run_in_threadpool(catalogue, self._panels, self._hands, self._every_seconds)
        return _json(found)

    async def _live(self, _request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            async for event in self._broadcast.events():
                yield event

        return StreamingResponse(
            events(),
            media_type="text/event-stream",
            headers={**_HEADERS, "X-Accel-Buffering": "no"},
        )

    async def _panel(self, request: Request) -> Response:
        asked = _asked(request.query_params)
        return _json(await run_in_threadpool(self._panels.answer, asked))

    async def _annotations(self, request: Request) -> Response:
        asked = _asked(request.query_params)
        return _json(await run_in_threadpool(self._panels.annotations, asked))

    async def _act(self, request: Request) -> Response:
        token = request.headers.get(TOKEN_HEADER, "")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return _error("this page is of another start: load it again", HTTPStatus.FORBIDDEN)
        if not request.headers.get("Content-Type", "").startswith("application/json"):
            return _error("what to do is said in JSON", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _BODY_BYTES_MAX:
                return _error("too long", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        wish = msgspec.json.decode(bytes(body), type=Wish)
        return _json({"said": await run_in_threadpool(self._hands.do, wish)})


def _asked(parameters: Mapping[str, str]) -> PanelRequest:
    """The request of a panel by its parameters; those it does not know are variables."""
    known = {
        name: value for name, value in parameters.items() if name in PanelRequest.__struct_fields__
    }
    chosen = {name: value for name, value in parameters.items() if name not in known}
    return msgspec.convert({**known, "chosen": chosen}, PanelRequest, strict=False)


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=_HEADERS)


def _error(text: str, status: HTTPStatus) -> Response:
    return Response(msgspec.json.encode({"error": text}), status, _HEADERS, "application/json")
