"""What our own ASGI applications in the launcher's process share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

Answer = Callable[[], Awaitable[object]]
"""Gives what a path of our own answers with, as JSON."""


def header(scope: Scope, name: bytes) -> str:
    """A request's header by its lower-case name; empty when it has none."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


async def read_body(receive: Receive, bytes_max: int) -> bytes | None:
    """A request's whole body; None when it is longer than `bytes_max`."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        size += len(part)
        if size <= bytes_max:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts) if size <= bytes_max else None


async def respond(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    """Send a whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def on_loop(function: Callable[[], object]) -> Answer:
    """An answer that is there at once, from what belongs to the event loop."""

    async def answer() -> object:
        return function()

    return answer


def in_thread(function: Callable[[], object]) -> Answer:
    """An answer that takes its time, or locks."""

    async def answer() -> object:
        return await asyncio.to_thread(function)

    return answer


def with_paths(app: Asgi, answers: Mapping[tuple[str, str], Answer]) -> Asgi:
    """The same application, with answers of our own by method and path."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        answer = answers.get((scope.get("method", ""), scope.get("path", "")))
        if scope["type"] == "http" and answer is not None:
            await respond(send, 200, msgspec.json.encode(await answer()), b"application/json")
        else:
            await app(scope, receive, send)

    return answered


def announcing(app: Asgi, announce: Callable[[], None]) -> Asgi:
    """The same application; calls `announce` when its start-up is complete."""

    async def announced(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_say(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                announce()

        await app(scope, receive, send_and_say if scope["type"] == "lifespan" else send)

    return announced
