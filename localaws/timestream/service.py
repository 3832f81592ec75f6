"""Timestream at home as a whole: the store, its worker and queries behind one ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from localaws.asgi import Asgi, Receive, Scope, Send, header, read_body, respond
from localaws.timestream import catalogue
from localaws.timestream.actions import RejectedRecordsError, WriteActions
from localaws.timestream.model import TimestreamError
from localaws.timestream.queries import Queries
from localaws.timestream.store import Store
from localaws.timestream.worker import Worker

TARGET: Final = "Timestream_20181101."
BODY_BYTES_MAX: Final = 8 * 1024 * 1024
CACHE_PERIOD_MINUTES: Final = 1440

_THREADS: Final = 4
_HTTP_OK: Final = 200
_HTTP_BAD_REQUEST: Final = 400
_HTTP_REJECTED: Final = 419
_HTTP_INTERNAL: Final = 500
_CONTENT_TYPE: Final = b"application/x-amz-json-1.0"

_log = logging.getLogger(__name__)

Answer = dict[str, Any]


class Timestream:
    """Started when made; `close` writes everything to the file.

    Args:
        path: of the DuckDB file.
        disk_mb: bound on what it holds.
        owner_of: account and region of a request, by its Authorization header.
        address: host and port that DescribeEndpoints names.
    """

    def __init__(
        self,
        path: Path,
        *,
        disk_mb: int,
        owner_of: Callable[[str], tuple[str, str]],
        address: str,
    ) -> None:
        self._store = Store(path, disk_mb=disk_mb)
        self._worker = Worker(self._store)
        self._actions = WriteActions(self._store.catalogue, self._worker)
        self._queries = Queries(self._store.cursor)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="timestream")
        self._owner_of = owner_of
        self._address = address

    def counters(self) -> dict[str, int]:
        """Rows inserted, updated, expired and dropped since the start."""
        return self._store.counters._asdict()

    def close(self) -> None:
        """End every thread and close the file."""
        self._queries.close()
        self._threads.shutdown()
        self._worker.close()
        self._store.close()

    def before(self, app: Asgi) -> Asgi:
        """An application that answers Timestream's requests and hands on all others."""

        async def routed(scope: Scope, receive: Receive, send: Send) -> None:
            target = header(scope, b"x-amz-target") if scope["type"] == "http" else ""
            if not target.startswith(TARGET):
                await app(scope, receive, send)
                return
            body = await read_body(receive, BODY_BYTES_MAX)
            action = target.removeprefix(TARGET)
            owner = catalogue.Scope(*self._owner_of(header(scope, b"authorization")))
            status, answer = await self._answer(action, owner, body)
            await respond(send, status, msgspec.json.encode(answer), _CONTENT_TYPE)

        return routed

    async def _answer(
        self, action: str, owner: catalogue.Scope, body: bytes | None
    ) -> tuple[int, Answer]:
        try:
            if body is None:
                raise TimestreamError("ValidationException", "The request is too large.")
            return _HTTP_OK, await self._run(action, owner, body)
        except RejectedRecordsError as error:
            return _HTTP_REJECTED, _error(error, RejectedRecords=_rejected(error))
        except TimestreamError as error:
            status = (
                _HTTP_INTERNAL if error.code == "InternalServerException" else _HTTP_BAD_REQUEST
            )
            return status, _error(error)
        except (duckdb.Error, OSError) as error:
            _log.exception("%s failed", action)
            return _HTTP_INTERNAL, _error(TimestreamError("InternalServerException", str(error)))

    async def _run(self, action: str, owner: catalogue.Scope, body: bytes) -> Answer:
        if action == "WriteRecords":
            stored = self._actions.begin_write(owner, body)
            return self._actions.written(await asyncio.wrap_future(stored))
        request = _decode(body)
        if action == "DescribeEndpoints":
            endpoint = {
                "Address": self._address,
                "CachePeriodInMinutes": CACHE_PERIOD_MINUTES,
            }
            return {"Endpoints": [endpoint]}
        if action in self._actions.by_name:
            return await self._in_thread(self._actions.by_name[action], owner, request)
        seen = self._store.catalogue.scoped(owner)
        match action:
            case "Query":
                return await self._in_thread(self._queries.query, request, seen)
            case "PrepareQuery":
                return await self._in_thread(self._queries.prepare_query, request, seen)
            case "CancelQuery":
                return await self._in_thread(self._queries.cancel_query, request)
        raise TimestreamError(
            "UnknownOperationException", f"{action} is not part of Timestream at home."
        )

    def _in_thread(self, function: Callable[..., Answer], *arguments: object) -> Awaitable[Answer]:
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise TimestreamError("SerializationException", str(error)) from error


def _error(error: TimestreamError, **more: object) -> Answer:
    return {
        "__type": f"com.amazonaws.timestream.v20181101#{error.code}",
        "Message": str(error),
        **more,
    }


def _rejected(error: RejectedRecordsError) -> list[Answer]:
    out = []
    for rejection in error.rejections:
        item: Answer = {"RecordIndex": rejection.place, "Reason": rejection.reason}
        if rejection.existing_version is not None:
            item["ExistingVersion"] = rejection.existing_version
        out.append(item)
    return out
