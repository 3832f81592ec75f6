"""One poll of the stores for all who look: the newest snapshot, to every browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

HEARTBEAT: Final = b": still here\n\n"
HEARTBEAT_SECONDS: Final = 10.0


class Broadcast:
    """Polls while somebody looks, and passes on what has changed.

    Args:
        poll: gives a snapshot as JSON, by which it is told from the one before; takes its time.
        every_seconds: between the begins of polls.
    """

    def __init__(self, poll: Callable[[], bytes], every_seconds: float) -> None:
        self._poll = poll
        self._every_seconds = every_seconds
        self._newest: bytes | None = None
        self._changed = asyncio.Condition()
        self._lookers = 0
        self._task: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events until the browser goes: snapshots, and comments where nothing changes.

        A browser that is slow misses what lies between, not what is newest.
        """
        async with self._looking():
            sent: bytes | None = None
            while True:
                if self._newest is None or self._newest is sent:
                    try:
                        await asyncio.wait_for(self._change(sent), HEARTBEAT_SECONDS)
                    except TimeoutError:
                        yield HEARTBEAT
                        continue
                sent = self._newest
                assert sent is not None
                yield b"event: snapshot\ndata: " + sent + b"\n\n"

    async def _change(self, sent: bytes | None) -> None:
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._newest is not None and self._newest is not sent
            )

    @contextlib.asynccontextmanager
    async def _looking(self) -> AsyncIterator[None]:
        self._lookers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._lookers -= 1
            if self._lookers == 0:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            found = await asyncio.to_thread(self._poll)
            if found != self._newest:
                async with self._changed:
                    self._newest = found
                    self._changed.notify_all()
            await asyncio.sleep(max(0.0, begun + self._every_seconds - loop.time()))
