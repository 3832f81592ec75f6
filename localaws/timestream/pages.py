"""Pages of results: what one answer holds, and what waits for the next."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from localaws.timestream.model import TimestreamError

PAGE_BYTES_MAX: Final = 1_048_576
RESULT_BYTES_MAX: Final = 64 * 1_048_576
WAITING_BYTES_MAX: Final = 256 * 1_048_576
WAITING_MAX: Final = 64
TOKEN_SECONDS: Final = 3600
TOKEN_USES_MAX: Final = 5


@dataclass
class Result:
    """A result: rows as JSON, so that their size is known and they are small."""

    query_id: str
    query: str
    column_info: list[dict[str, Any]]
    rows: Sequence[bytes]

    @property
    def size_bytes(self) -> int:
        """How long the rows are together."""
        return sum(map(len, self.rows))

    def page_end(self, start: int, rows_max: int) -> int:
        """Find where the page that begins at a row ends."""
        size, end = 0, start
        while end < len(self.rows) and end - start < rows_max:
            size += len(self.rows[end])
            if size > PAGE_BYTES_MAX and end > start:
                break
            end += 1
        return end

    def answer(self, start: int, end: int, token: str | None) -> dict[str, Any]:
        """Make the answer with these rows."""
        rows = msgspec.json.decode(b"[" + b",".join(self.rows[start:end]) + b"]")
        answer: dict[str, Any] = {
            "QueryId": self.query_id,
            "Rows": rows,
            "ColumnInfo": self.column_info,
            "QueryStatus": {
                "ProgressPercentage": 100.0,
                "CumulativeBytesScanned": 0,
                "CumulativeBytesMetered": 0,
            },
        }
        if token is not None:
            answer["NextToken"] = token
        return answer


@dataclass
class _Waiting:
    """A result of which pages are still to come.

    `token` leads to the page that begins at `start`; once it is used, `following` leads on.
    """

    result: Result
    size_bytes: int
    created: float
    start: int
    token: str
    uses: int = 0
    following: str | None = None
    next_start: int = 0


class Pages:
    """Results waiting for their next pages; bounded in number, bytes and time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    def first(self, result: Result, rows_max: int | None) -> dict[str, Any]:
        """Answer with the first page.

        As AWS documents, an answer to MaxRows that does not hold all rows holds none, only the
        token that leads to them.
        """
        end = result.page_end(0, rows_max or len(result.rows) + 1)
        if end == len(result.rows):
            return result.answer(0, end, None)
        start = 0 if rows_max is not None else end
        return result.answer(0, start, self._keep(result, start))

    def next(self, token: str, query: str, rows_max: int | None) -> dict[str, Any]:
        """Answer with the page that a token leads to.

        Raises:
            TimestreamError: the token is not valid, or no more, or of another query.
        """
        with self._lock:
            self._expire()
            waiting = self._find(token)
            if waiting is None or waiting.result.query != query:
                raise TimestreamError("ValidationException", "Invalid pagination token")
            if token == waiting.following:
                waiting.start, waiting.token, waiting.uses = waiting.next_start, token, 0
                waiting.following = None
            waiting.uses += 1
            if waiting.uses > TOKEN_USES_MAX:
                raise TimestreamError("ValidationException", "Invalid pagination token")
            result = waiting.result
            end = result.page_end(waiting.start, rows_max or len(result.rows) + 1)
            if end < len(result.rows):
                waiting.following, waiting.next_start = secrets.token_urlsafe(48), end
            else:
                waiting.following = None
            return result.answer(waiting.start, end, waiting.following)

    def drop(self, query_id: str) -> bool:
        """Forget a result; False if none of that query waits."""
        with self._lock:
            return self._waiting.pop(query_id, None) is not None

    def _keep(self, result: Result, start: int) -> str:
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._expire()
            self._waiting[result.query_id] = _Waiting(
                result, result.size_bytes, self._clock(), start, token
            )
            while (
                len(self._waiting) > WAITING_MAX
                or sum(each.size_bytes for each in self._waiting.values()) > WAITING_BYTES_MAX
            ):
                self._waiting.popitem(last=False)
        return token

    def _find(self, token: str) -> _Waiting | None:
        for waiting in self._waiting.values():
            if token in (waiting.token, waiting.following):
                return waiting
        return None

    def _expire(self) -> None:
        now = self._clock()
        for query_id, waiting in list(self._waiting.items()):
            if now - waiting.created > TOKEN_SECONDS:
                del self._waiting[query_id]
