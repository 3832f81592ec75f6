"""The one thread that changes the store: calls that wait together are stored in one transaction."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

import duckdb

from localaws.timestream.catalogue import TableState
from localaws.timestream.model import TimestreamError
from localaws.timestream.points import Point, Rejection
from localaws.timestream.store import Store

_log = logging.getLogger(__name__)

WAITING_MAX: Final = 256
GROUP_MAX: Final = 32
HOUSEKEEPING_SECONDS: Final = 30.0


class Validated(NamedTuple):
    """A WriteRecords call whose records were looked at."""

    table: TableState
    points: list[Point]
    rejections: list[Rejection]


class _Write(NamedTuple):
    validate: Callable[[], Validated]
    answer: Future[Validated]


class _Change(NamedTuple):
    change: Callable[[duckdb.DuckDBPyConnection], Any]
    answer: Future[Any]


class Worker:
    """Owns the store until `close`.

    Args:
        store: to change.
        clock: nanoseconds since the epoch; replaced in tests.
    """

    def __init__(self, store: Store, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._clock = clock
        self._waiting: queue.Queue[_Write | _Change | None] = queue.Queue(WAITING_MAX)
        self._next_housekeeping = 0.0
        self._thread = threading.Thread(target=self._run, name="timestream-writer", daemon=True)
        self._thread.start()

    def write(self, validate: Callable[[], Validated]) -> Future[Validated]:
        """Validate a call and store its points; the answer has all rejections.

        Raises (by the future too):
            TimestreamError: too much is waiting, or the call is not valid.
        """
        item = _Write(validate, Future())
        self._put(item)
        return item.answer

    def change(self, change: Callable[[duckdb.DuckDBPyConnection], Any]) -> Future[Any]:
        """Run something else that changes the store, in a transaction of its own."""
        item = _Change(change, Future())
        self._put(item)
        return item.answer

    def close(self) -> None:
        """Do what is waiting, then end."""
        self._waiting.put(None)
        self._thread.join()

    def _put(self, item: _Write | _Change) -> None:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            raise TimestreamError(
                "ThrottlingException", "Your request was throttled: slow down."
            ) from None

    def _run(self) -> None:
        while True:
            self._keep_house()
            try:
                item = self._waiting.get(timeout=HOUSEKEEPING_SECONDS)
            except queue.Empty:
                continue
            writes: list[_Write] = []
            while isinstance(item, _Write):
                writes.append(item)
                if len(writes) == GROUP_MAX:
                    break
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            if writes:
                self._write(writes)
            if item is None:
                return
            if isinstance(item, _Change):
                self._change(item)

    def _write(self, writes: list[_Write]) -> None:
        calls: list[tuple[_Write, Validated]] = []
        for write in writes:
            try:
                calls.append((write, write.validate()))
            except Exception as error:
                write.answer.set_exception(error)
        try:
            rejections = self._store.write([(call.table, call.points) for _, call in calls])
        except Exception as error:
            _log.exception("a write failed")
            for write, _ in calls:
                write.answer.set_exception(error)
            return
        for (write, call), barred in zip(calls, rejections, strict=True):
            write.answer.set_result(call._replace(rejections=[*call.rejections, *barred]))

    def _change(self, item: _Change) -> None:
        try:
            item.answer.set_result(self._store.transaction(item.change))
        except Exception as error:
            item.answer.set_exception(error)

    def _keep_house(self) -> None:
        if time.monotonic() < self._next_housekeeping:
            return
        self._next_housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
        try:
            self._store.expire(self._clock())
            self._store.bound_size()
        except duckdb.Error:
            # A full disk, say: writes will tell their callers; this is tried again.
            _log.exception("expiring rows failed")
