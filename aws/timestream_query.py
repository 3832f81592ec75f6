"""Timestream for LiveAnalytics, the query side: statements in, typed rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import botocore.exceptions

from aws.clients import client
from tepwatch.errors import ServiceError, UnreachableError

if TYPE_CHECKING:
    from mypy_boto3_timestream_query.client import TimestreamQueryClient

Value = Any
"""None, bool, int, float, str, or lists and dicts of these."""

_Datum = Mapping[str, Any]
_Type = Mapping[str, Any]

_SCALARS: Final[Mapping[str, Callable[[str], Value]]] = {
    "BOOLEAN": lambda text: text == "true",
    "INTEGER": int,
    "BIGINT": int,
    "DOUBLE": float,
}


class Column(NamedTuple):
    """A column of a result; `type` is Timestream's name of a scalar type, else its kind."""

    name: str
    type: str


class QueryResult(NamedTuple):
    """A result: its columns at once, its rows as they are fetched."""

    columns: list[Column]
    rows: Iterator[list[Value]]


class TimestreamReader:
    """Runs statements.

    Raises (from every method, and as rows are fetched):
        UnreachableError: no answer.
        ServiceError: the service's error, with its code and text.
    """

    def __init__(self, *, region: str, endpoint_url: str | None = None) -> None:
        self._client: TimestreamQueryClient = client(
            "timestream-query", region=region, endpoint_url=endpoint_url
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def query(self, statement: str) -> QueryResult:
        """Run a statement."""
        pages = self._pages(statement)
        first = next(pages)
        info = first["ColumnInfo"]

        def rows() -> Iterator[list[Value]]:
            page: Mapping[str, Any] | None = first
            while page is not None:
                for row in page["Rows"]:
                    yield [
                        value_of(datum, column["Type"])
                        for datum, column in zip(row["Data"], info, strict=True)
                    ]
                page = next(pages, None)

        return QueryResult([Column(c.get("Name", ""), _type_name(c["Type"])) for c in info], rows())

    def _pages(self, statement: str) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            try:
                page = self._client.query(QueryString=statement, **token)  # type: ignore[arg-type]
            except botocore.exceptions.ClientError as error:
                told = error.response["Error"]
                raise ServiceError(
                    f"timestream: {told['Code']}: {told['Message']}", code=told["Code"]
                ) from error
            except botocore.exceptions.BotoCoreError as error:
                raise UnreachableError(f"timestream: {error}", code="Unreachable") from error
            yield page
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}


def value_of(datum: _Datum, kind: _Type) -> Value:
    """A value of an answer, by the type that its column has."""
    if datum.get("NullValue"):
        return None
    if "ScalarType" in kind:
        text = datum["ScalarValue"]
        return _SCALARS.get(kind["ScalarType"], str)(text)
    if "TimeSeriesMeasureValueColumnInfo" in kind:
        of = kind["TimeSeriesMeasureValueColumnInfo"]["Type"]
        return [
            {"time": point["Time"], "value": value_of(point["Value"], of)}
            for point in datum["TimeSeriesValue"]
        ]
    if "ArrayColumnInfo" in kind:
        of = kind["ArrayColumnInfo"]["Type"]
        return [value_of(item, of) for item in datum["ArrayValue"]]
    fields = kind["RowColumnInfo"]
    return {
        field.get("Name", f"_col{place}"): value_of(item, field["Type"])
        for place, (field, item) in enumerate(zip(fields, datum["RowValue"]["Data"], strict=True))
    }


def _type_name(kind: _Type) -> str:
    if "ScalarType" in kind:
        return str(kind["ScalarType"])
    return {
        "TimeSeriesMeasureValueColumnInfo": "TIMESERIES",
        "ArrayColumnInfo": "ARRAY",
        "RowColumnInfo": "ROW",
    }[next(iter(kind))]
