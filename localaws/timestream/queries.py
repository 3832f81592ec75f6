"""The query side of Timestream: statements in, answers of the Query API out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, TypeAlias

import duckdb

from localaws.timestream import answer, statements
from localaws.timestream.model import Catalogue, TimestreamError
from localaws.timestream.pages import PAGE_BYTES_MAX, RESULT_BYTES_MAX, Pages, Result
from localaws.timestream.running import Runner
from localaws.timestream.sql import commands
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.parsing import parse
from localaws.timestream.sql.translation import Column, Translated, translate
from localaws.timestream.sql.types import as_api

ROWS_MAX: Final = 1000

_Rows: TypeAlias = Generator[Sequence[Any], None, None]


class Queries:
    """Runs statements; safe for use by several threads.

    Args:
        connect: makes a new cursor of the one database.
        clock: nanoseconds since 1970; what now() is, and the age of what waits.
        seconds_max: how long a query may run.
    """

    def __init__(
        self,
        connect: Callable[[], duckdb.DuckDBPyConnection],
        *,
        clock: Callable[[], int] = time.time_ns,
        seconds_max: float = 60.0,
    ) -> None:
        self._clock = clock
        self._runner = Runner(connect, seconds_max)
        self._pages = Pages(lambda: clock() / 1e9)

    def query(self, request: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
        """Answer the Query API.

        Raises:
            TimestreamError: ValidationException for what cannot be run, QueryExecutionException
                for what failed while it ran, ConflictException for what was cancelled.
        """
        text = _text(request, "QueryString")
        rows_max = _rows_max(request)
        token = request.get("NextToken")
        if token is not None:
            return self._pages.next(str(token), text, rows_max)
        query_id = uuid.uuid4().hex.upper()
        columns, rows = self._run(query_id, text, catalogue)
        with closing(rows):
            encoded = _encoded(columns, rows)
        result = Result(query_id, text, answer.column_info(columns), encoded)
        return self._pages.first(result, rows_max)

    def prepare_query(self, request: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
        """Answer the PrepareQuery API, which only checks a statement.

        Raises:
            TimestreamError: the statement cannot be run, or has parameters.
        """
        text = _text(request, "QueryString")
        if request.get("ValidateOnly") is not True:
            raise TimestreamError(
                "ValidationException",
                "PrepareQuery is only supported with ValidateOnly set to true",
            )
        statement = self._parsed(text)
        if not isinstance(statement, s.Query):
            raise TimestreamError("ValidationException", "Only a query can be prepared")
        columns = self._translated(statement, catalogue).columns
        return {
            "QueryString": text,
            "Columns": [_prepared(column, i) for i, column in enumerate(columns)],
            "Parameters": [],
        }

    def cancel_query(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the CancelQuery API: interrupt a query, or forget the pages that wait.

        Raises:
            TimestreamError: no query of that name runs or waits.
        """
        query_id = _text(request, "QueryId")
        if self._runner.cancel(query_id) or self._pages.drop(query_id):
            return {"CancellationMessage": f"Query {query_id} has been cancelled"}
        raise TimestreamError("ValidationException", f"Query {query_id} does not exist")

    def close(self) -> None:
        """Interrupt what runs and give the cursors back."""
        self._runner.close()

    def _run(
        self, query_id: str, text: str, catalogue: Catalogue
    ) -> tuple[Sequence[Column], _Rows]:
        statement = self._parsed(text)
        match statement:
            case s.Query():
                translated = self._translated(statement, catalogue)
                return translated.columns, self._runner.run(query_id, answer.to_fetch(translated))
            case commands.ShowMeasures(table=table, pattern=pattern):
                view = statements.view_of(table, catalogue)
                rows = list(self._runner.run(query_id, statements.measures_sql(view)))
                listing = statements.measures(view, rows, pattern)
            case _:
                listing = statements.listing(statement, catalogue)
        return listing.columns, (row for row in listing.rows)

    def _parsed(self, text: str) -> commands.Statement:
        try:
            return parse(text)
        except RecursionError as error:
            raise _too_complex() from error

    def _translated(self, statement: s.Query, catalogue: Catalogue) -> Translated:
        try:
            return translate(statement, catalogue, self._clock())
        except RecursionError as error:
            raise _too_complex() from error


def _too_complex() -> TimestreamError:
    return TimestreamError("ValidationException", "The query is nested too deep")


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise TimestreamError(
            "ValidationException",
            f"1 validation error detected: Value at '{name[0].lower()}{name[1:]}' failed to "
            "satisfy constraint: Member must not be null",
        )
    return value


def _rows_max(request: Mapping[str, Any]) -> int | None:
    value = request.get("MaxRows")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= ROWS_MAX:
        raise TimestreamError(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at 'maxRows' failed to satisfy "
            f"constraint: Member must have value between 1 and {ROWS_MAX}",
        )
    return value


def _encoded(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> list[bytes]:
    write = answer.row_writer([column.kind for column in columns])
    total = 0
    encoded: list[bytes] = []
    for row in rows:
        line = write(row)
        total += len(line)
        if len(line) > PAGE_BYTES_MAX:
            raise TimestreamError(
                "ValidationException",
                "Query aborted as max page response size has been exceeded by the output result "
                "row",
            )
        if total > RESULT_BYTES_MAX:
            raise TimestreamError(
                "QueryExecutionException",
                f"The result is larger than {RESULT_BYTES_MAX} bytes, which is the limit here",
            )
        encoded.append(line)
    return encoded


def _prepared(column: Column, place: int) -> dict[str, Any]:
    prepared: dict[str, Any] = {
        "Name": answer.column_name(column, place),
        "Type": as_api(column.kind),
        "Aliased": column.aliased,
    }
    if column.source is not None:
        prepared["DatabaseName"], prepared["TableName"] = column.source
    return prepared
