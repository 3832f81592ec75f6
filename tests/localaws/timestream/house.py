"""A DuckDB with small tables, a catalogue over them, and answers as plain Python."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb

from localaws.timestream.model import Column, ColumnKind, ScalarType, TableView, TimestreamError
from localaws.timestream.queries import Queries

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOW = 1_795_384_800 * SECOND
"""2026-11-22 22:00:00."""

TABLE = '"kdaflink"."kinesisdata1"'

S, K = ScalarType, ColumnKind
_COLUMNS = (
    Column("plant", S.VARCHAR, K.DIMENSION),
    Column("Process-Area", S.VARCHAR, K.DIMENSION),
    Column("measure_name", S.VARCHAR, K.MEASURE_NAME),
    Column("time", S.TIMESTAMP, K.TIMESTAMP),
    Column("measure_value::double", S.DOUBLE, K.MEASURE_VALUE),
    Column("measure_value::bigint", S.BIGINT, K.MEASURE_VALUE),
    Column("measure_value::varchar", S.VARCHAR, K.MEASURE_VALUE),
    Column("measure_value::boolean", S.BOOLEAN, K.MEASURE_VALUE),
    Column("xmeas_1", S.DOUBLE, K.MULTI),
    Column("n", S.BIGINT, K.MULTI),
)

SCORES = tuple((NOW - (9 - i) * MINUTE + i, 0.5 * i) for i in range(10))
"""Time and value of measure anomaly_score_stream6, one a minute, i nanoseconds past it."""


class Answer(NamedTuple):
    """An answer: names, types as text, rows of str, None, list, tuple or (time, value) lists."""

    names: list[str]
    types: list[str]
    rows: list[list[Any]]


class House:
    """Two tables: single-measure rows with a few of other measures, and multi-measure rows."""

    def __init__(self, path: str = ":memory:", seconds_max: float = 60.0) -> None:
        self.database = duckdb.connect(path)
        self.now = NOW
        self.statements: list[str] = []
        kinds = {S.TIMESTAMP: "TIMESTAMP_NS"}
        columns = ", ".join(f'"{c.name}" {kinds.get(c.type, c.type.value)}' for c in _COLUMNS)
        for physical in ("rows-1", "rows-2"):
            self.database.execute(f'CREATE TABLE "{physical}" ({columns}, _version BIGINT)')
        for i, (time, value) in enumerate(SCORES):
            self._insert(
                "rows-1", "plant-1", f"area-{i % 2}", "anomaly_score_stream6", time, double=value
            )
        self._insert("rows-1", "plant-1", None, "mode", NOW - 5 * MINUTE, text="LEARNING")
        self._insert("rows-1", "plant-2", None, "count", NOW - 4 * MINUTE, bigint=2**53 + 1)
        self._insert("rows-1", "plant-2", None, "alarm", NOW - 3 * MINUTE, boolean=True)
        for i in range(4):
            multi = None if i == 2 else 10.0 + i
            self._insert(
                "rows-2", "plant-1", "feed", "readings", NOW - i * SECOND, multi=multi, n=i
            )
        self.queries = Queries(self.cursor, clock=lambda: self.now, seconds_max=seconds_max)

    def _insert(
        self,
        physical: str,
        plant: str,
        area: str | None,
        measure: str,
        time: int,
        *,
        double: float | None = None,
        bigint: int | None = None,
        text: str | None = None,
        boolean: bool | None = None,
        multi: float | None = None,
        n: int | None = None,
    ) -> None:
        self.database.execute(
            f'INSERT INTO "{physical}" VALUES (?, ?, ?, make_timestamp_ns(?), ?, ?, ?, ?, ?, ?, 1)',
            [plant, area, measure, time, double, bigint, text, boolean, multi, n],
        )

    def cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self.database.cursor()
        spy: duckdb.DuckDBPyConnection = _Spy(cursor, self.statements)  # type: ignore[assignment]
        return spy

    def databases(self) -> Sequence[str]:
        return ["Plant Data", "kdaflink"]

    def tables(self, database: str) -> Sequence[str]:
        if database not in self.databases():
            raise TimestreamError("ValidationException", f"The database {database} does not exist.")
        return ["kinesisdata1"] if database == "kdaflink" else ["readings-1"]

    def view(self, database: str, table: str) -> TableView:
        if table not in self.tables(database):
            raise TimestreamError("ValidationException", f"The table {table} does not exist.")
        physical = "rows-1" if database == "kdaflink" else "rows-2"
        return TableView(database, table, physical, _COLUMNS)

    def raw(self, text: str, **more: Any) -> dict[str, Any]:
        return self.queries.query({"QueryString": text, **more}, self)

    def ask(self, text: str) -> Answer:
        """Run a statement in which $t is the table of single measures; take all pages."""
        text = text.replace("$t", TABLE)
        page = self.raw(text)
        rows = list(page["Rows"])
        while "NextToken" in page:
            page = self.raw(text, NextToken=page["NextToken"])
            rows.extend(page["Rows"])
        info = page["ColumnInfo"]
        return Answer(
            [column["Name"] for column in info],
            [_type(column["Type"]) for column in info],
            [[_plain(datum) for datum in row["Data"]] for row in rows],
        )

    def value(self, expression: str) -> Any:
        """Compute one expression without a table."""
        return self.ask(f"SELECT {expression}").rows[0][0]

    def close(self) -> None:
        self.queries.close()
        self.database.close()


class _Spy:
    """A cursor that notes what is run on it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, statements: list[str]) -> None:
        self._cursor = cursor
        self._statements = statements
        self._lock = threading.Lock()

    def execute(self, sql: str) -> None:
        with self._lock:
            self._statements.append(sql)
        self._cursor.execute(sql)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def _type(kind: dict[str, Any]) -> str:
    match kind:
        case {"ScalarType": str(name)}:
            return name
        case {"ArrayColumnInfo": {"Type": element}}:
            return f"ARRAY({_type(element)})"
        case {"TimeSeriesMeasureValueColumnInfo": {"Type": value}}:
            return f"SERIES({_type(value)})"
        case {"RowColumnInfo": list(fields)}:
            inner = (f"{field['Name']} {_type(field['Type'])}" for field in fields)
            return f"ROW({', '.join(inner)})"
        case _:
            raise AssertionError(kind)


def _plain(datum: dict[str, Any]) -> Any:
    match datum:
        case {"ScalarValue": value}:
            return value
        case {"NullValue": True}:
            return None
        case {"ArrayValue": values}:
            return [_plain(each) for each in values]
        case {"RowValue": {"Data": values}}:
            return tuple(_plain(each) for each in values)
        case {"TimeSeriesValue": points}:
            return [(point["Time"], _plain(point["Value"])) for point in points]
        case _:
            raise AssertionError(datum)
