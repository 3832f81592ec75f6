"""Running DuckDB's SQL: cursors, the time limit, interrupting, and errors in Timestream's words."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from localaws.timestream import interpolation
from localaws.timestream.model import TimestreamError
from localaws.timestream.sql.typed import FAILURE_MARK

_FETCH_ROWS: Final = 2048
_IDLE_MAX: Final = 8

_OWN_FAILURE: Final = re.compile(re.escape(FAILURE_MARK) + r"(.*)' to INT64", re.DOTALL)
_OF_DATA: Final = (duckdb.DataError, duckdb.OutOfMemoryException, duckdb.InvalidInputException)
_FUNCTION_FAILURE: Final = re.compile(r"InterpolationError: (.*)")


@dataclass
class _Running:
    """A query under way."""

    cursor: duckdb.DuckDBPyConnection
    stopped: TimestreamError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False

    def stop(self, error: TimestreamError) -> None:
        """Interrupt it, unless it has ended meanwhile; it then fails with this error."""
        with self.lock:
            if not self.done:
                self.stopped = error
                self.cursor.interrupt()


class Runner:
    """Runs SQL on cursors of one database; safe for use by several threads."""

    def __init__(
        self, connect: Callable[[], duckdb.DuckDBPyConnection], seconds_max: float
    ) -> None:
        self._connect = connect
        self._seconds_max = seconds_max
        self._lock = threading.Lock()
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._running: dict[str, _Running] = {}
        self._prepared = False
        self._closed = False

    def run(self, query_id: str, sql: str) -> Generator[Sequence[Any], None, None]:
        """Run a query and yield its rows.

        Raises:
            TimestreamError: it failed, took too long or was cancelled.
        """
        with self._cursor() as cursor, self._watched(query_id, cursor) as running:
            try:
                if running.stopped is not None:
                    raise running.stopped
                cursor.execute(sql)
                while rows := cursor.fetchmany(_FETCH_ROWS):
                    yield from rows
                    if running.stopped is not None:
                        break
                if running.stopped is not None:
                    raise running.stopped
            except duckdb.Error as error:
                raise running.stopped or _translated(error) from error

    def cancel(self, query_id: str) -> bool:
        """Interrupt a query; False if none of that name is under way."""
        with self._lock:
            running = self._running.get(query_id)
        if running is None:
            return False
        running.stop(TimestreamError("ConflictException", f"Query {query_id} was cancelled"))
        return True

    def running(self) -> list[str]:
        """List the queries under way."""
        with self._lock:
            return list(self._running)

    def close(self) -> None:
        """Interrupt what runs and close the idle cursors."""
        for query_id in self.running():
            self.cancel(query_id)
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
        for cursor in idle:
            cursor.close()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            cursor = self._idle.pop() if self._idle else None
        if cursor is None:
            cursor = self._connect()
            self._prepare(cursor)
        try:
            yield cursor
        except BaseException:
            # What was interrupted or failed is not trusted with another query.
            cursor.close()
            raise
        with self._lock:
            keep = len(self._idle) < _IDLE_MAX and not self._closed
            if keep:
                self._idle.append(cursor)
        if not keep:
            cursor.close()

    def _prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            if not self._prepared:
                interpolation.register(cursor)
                self._prepared = True

    @contextmanager
    def _watched(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> Iterator[_Running]:
        running = _Running(cursor)
        too_long = TimestreamError(
            "QueryExecutionException", f"Query exceeded the time limit of {self._seconds_max:g}s"
        )
        timer = threading.Timer(self._seconds_max, running.stop, (too_long,))
        timer.daemon = True
        with self._lock:
            self._running[query_id] = running
        timer.start()
        try:
            yield running
        finally:
            timer.cancel()
            with running.lock:
                running.done = True
            with self._lock:
                del self._running[query_id]


def _translated(error: duckdb.Error) -> TimestreamError:
    text = str(error)
    if found := _OWN_FAILURE.search(text):
        return TimestreamError("QueryExecutionException", found.group(1).replace("''", "'"))
    if found := _FUNCTION_FAILURE.search(text):
        return TimestreamError("QueryExecutionException", found.group(1).strip())
    if "More than one row returned by a subquery" in text:
        message = "Scalar sub-query has returned multiple rows"
        return TimestreamError("QueryExecutionException", message)
    if isinstance(error, duckdb.NotImplementedException) or "expression depth" in text:
        return TimestreamError("ValidationException", f"The query is not supported: {text}")
    if isinstance(error, duckdb.CatalogException):
        # Translated when the table still was.
        return TimestreamError("ValidationException", f"A table of the query is gone: {text}")
    if isinstance(error, _OF_DATA):
        message = text.split("\n", 1)[0].split("Error: ", 1)[-1]
        return TimestreamError("QueryExecutionException", message)
    return TimestreamError("InternalServerException", f"The query could not be run: {text}")
