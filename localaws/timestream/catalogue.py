"""Databases and tables of Timestream at home: what exists, and what their columns are.

Kept in the DuckDB file beside the rows, so that both change in one transaction, and mirrored in
memory, where queries look things up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import duckdb
import msgspec

from localaws.timestream.model import (
    Column,
    ColumnKind,
    ScalarType,
    TableView,
    TimestreamError,
)

DEFAULT_MEMORY_HOURS: Final = 6
DEFAULT_MAGNETIC_DAYS: Final = 73_000

_TIME: Final = Column("time", ScalarType.TIMESTAMP, ColumnKind.TIMESTAMP)
_MEASURE_NAME: Final = Column("measure_name", ScalarType.VARCHAR, ColumnKind.MEASURE_NAME)
# DuckDB's types, by Timestream's.
PHYSICAL_TYPES: Final = {
    ScalarType.VARCHAR: "VARCHAR",
    ScalarType.BOOLEAN: "BOOLEAN",
    ScalarType.BIGINT: "BIGINT",
    ScalarType.DOUBLE: "DOUBLE",
    ScalarType.TIMESTAMP: "TIMESTAMP_NS",
}

_SET_UP: Final = (
    "CREATE TABLE IF NOT EXISTS _tw_databases (account VARCHAR, region VARCHAR, name VARCHAR, "
    "properties VARCHAR)",
    "CREATE TABLE IF NOT EXISTS _tw_tables (id BIGINT, account VARCHAR, region VARCHAR, "
    "database VARCHAR, name VARCHAR, properties VARCHAR)",
    "CREATE TABLE IF NOT EXISTS _tw_columns (table_id BIGINT, name VARCHAR, type VARCHAR, "
    "kind VARCHAR)",
    "CREATE SEQUENCE IF NOT EXISTS _tw_table_ids",
)


class Scope(NamedTuple):
    """Whose databases: an account's in a region."""

    account: str
    region: str


class DatabaseProperties(msgspec.Struct):
    """What is known of a database; times in seconds since the epoch."""

    created: float
    updated: float
    kms_key_id: str | None = None
    tags: dict[str, str] = {}


class TableProperties(msgspec.Struct):
    """What is known of a table; times in seconds since the epoch."""

    created: float
    updated: float
    memory_hours: int = DEFAULT_MEMORY_HOURS
    magnetic_days: int = DEFAULT_MAGNETIC_DAYS
    magnetic: dict[str, Any] = {}
    partitioning: dict[str, Any] = {}
    tags: dict[str, str] = {}

    @property
    def magnetic_writes(self) -> bool:
        """Whether late records go to the magnetic store."""
        return bool(self.magnetic.get("EnableMagneticStoreWrites"))


class TableState:
    """One table; `columns` are those beside time and measure name."""

    def __init__(self, table_id: int, database: str, name: str, properties: TableProperties):
        self.id = table_id
        self.database = database
        self.name = name
        self.properties = properties
        self.columns: dict[str, Column] = {}
        self._spellings: dict[str, str] = {}

    @property
    def physical(self) -> str:
        """Its name in DuckDB."""
        return f"t{self.id}"

    def add(self, column: Column) -> None:
        """Note a column."""
        self.columns[column.name] = column
        self._spellings[column.name.lower()] = column.name

    def conflict(self, column: Column) -> str | None:
        """Why the table cannot take such a column beside those it has; None if it can."""
        spelling = self._spellings.get(column.name.lower())
        if spelling is None:
            return None
        known = self.columns[spelling]
        if spelling != column.name:
            return f"'{column.name}' differs from the existing '{spelling}' by letter case only."
        if known.type is not column.type:
            return (
                f"The type of '{column.name}' is {known.type} in this table, the record has "
                f"{column.type}."
            )
        if known.kind is not column.kind:
            return f"'{column.name}' is a {known.kind} in this table, not a {column.kind}."
        return None

    def view(self) -> TableView:
        """As queries see it: dimensions, measure name, time, measures."""
        columns = list(self.columns.values())
        dimensions = [column for column in columns if column.kind is ColumnKind.DIMENSION]
        measures = [column for column in columns if column.kind is not ColumnKind.DIMENSION]
        shown = (*dimensions, _MEASURE_NAME, _TIME, *measures)
        return TableView(self.database, self.name, self.physical, shown)


class Catalogue:
    """All databases and tables; changed by one thread, read by several."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._lock = threading.Lock()
        self._databases: dict[Scope, dict[str, DatabaseProperties]] = {}
        self._tables: dict[Scope, dict[str, dict[str, TableState]]] = {}
        for statement in _SET_UP:
            connection.execute(statement)
        self.load(connection)

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read everything from the file: at start, and after a transaction that failed."""
        databases: dict[Scope, dict[str, DatabaseProperties]] = {}
        tables: dict[Scope, dict[str, dict[str, TableState]]] = {}
        by_id: dict[int, TableState] = {}
        for account, region, name, text in connection.execute(
            "SELECT account, region, name, properties FROM _tw_databases"
        ).fetchall():
            scope = Scope(account, region)
            properties = msgspec.json.decode(text, type=DatabaseProperties)
            databases.setdefault(scope, {})[name] = properties
            tables.setdefault(scope, {})[name] = {}
        for table_id, account, region, database, name, text in connection.execute(
            "SELECT id, account, region, database, name, properties FROM _tw_tables"
        ).fetchall():
            state = TableState(
                table_id, database, name, msgspec.json.decode(text, type=TableProperties)
            )
            tables[Scope(account, region)][database][name] = state
            by_id[table_id] = state
        for table_id, name, kind, role in connection.execute(
            "SELECT table_id, name, type, kind FROM _tw_columns ORDER BY rowid"
        ).fetchall():
            by_id[table_id].add(Column(name, ScalarType(kind), ColumnKind(role)))
        with self._lock:
            self._databases, self._tables = databases, tables

    # -- reading ------------------------------------------------------------------------------

    def scoped(self, scope: Scope) -> ScopedCatalogue:
        """What one account sees in a region."""
        return ScopedCatalogue(self, scope)

    def databases(self, scope: Scope) -> dict[str, DatabaseProperties]:
        """All databases by name, sorted."""
        with self._lock:
            return dict(sorted(self._databases.get(scope, {}).items()))

    def database(self, scope: Scope, name: str) -> DatabaseProperties:
        """One database.

        Raises:
            TimestreamError: there is none of that name.
        """
        with self._lock:
            properties = self._databases.get(scope, {}).get(name)
        if properties is None:
            raise TimestreamError(
                "ResourceNotFoundException", f"The database {name} does not exist."
            )
        return properties

    def tables(self, scope: Scope, database: str) -> dict[str, TableState]:
        """All tables of a database by name, sorted.

        Raises:
            TimestreamError: no such database.
        """
        self.database(scope, database)
        with self._lock:
            return dict(sorted(self._tables[scope][database].items()))

    def table(self, scope: Scope, database: str, name: str) -> TableState:
        """One table.

        Raises:
            TimestreamError: no such database or table.
        """
        self.database(scope, database)
        with self._lock:
            state = self._tables[scope][database].get(name)
        if state is None:
            raise TimestreamError("ResourceNotFoundException", f"The table {name} does not exist.")
        return state

    def all_tables(self) -> list[TableState]:
        """The tables of everybody."""
        with self._lock:
            return [
                table
                for databases in self._tables.values()
                for tables in databases.values()
                for table in tables.values()
            ]

    # -- changing, within the caller's transaction --------------------------------------------

    def put_database(
        self,
        connection: duckdb.DuckDBPyConnection,
        scope: Scope,
        name: str,
        properties: DatabaseProperties,
    ) -> None:
        """Create a database, or replace what is known of it."""
        where = [scope.account, scope.region, name]
        connection.execute(
            "DELETE FROM _tw_databases WHERE account = ? AND region = ? AND name = ?", where
        )
        connection.execute(
            "INSERT INTO _tw_databases VALUES (?, ?, ?, ?)", [*where, _text(properties)]
        )
        with self._lock:
            self._databases.setdefault(scope, {})[name] = properties
            self._tables.setdefault(scope, {}).setdefault(name, {})

    def delete_database(
        self, connection: duckdb.DuckDBPyConnection, scope: Scope, name: str
    ) -> None:
        """Forget an empty database."""
        connection.execute(
            "DELETE FROM _tw_databases WHERE account = ? AND region = ? AND name = ?",
            [scope.account, scope.region, name],
        )
        with self._lock:
            del self._databases[scope][name]
            del self._tables[scope][name]

    def create_table(
        self,
        connection: duckdb.DuckDBPyConnection,
        scope: Scope,
        database: str,
        name: str,
        properties: TableProperties,
    ) -> TableState:
        """Create a table without columns of its own."""
        (table_id,) = _one(connection.execute("SELECT nextval('_tw_table_ids')").fetchall())
        state = TableState(int(table_id), database, name, properties)
        connection.execute(
            "INSERT INTO _tw_tables VALUES (?, ?, ?, ?, ?, ?)",
            [state.id, scope.account, scope.region, database, name, _text(properties)],
        )
        connection.execute(
            f"CREATE TABLE {state.physical} (time TIMESTAMP_NS, measure_name VARCHAR, "
            "_tw_series BIGINT, _tw_version BIGINT, _tw_digest BIGINT)"
        )
        with self._lock:
            self._tables[scope][database][name] = state
        return state

    def update_table(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableState,
        properties: TableProperties,
    ) -> None:
        """Replace what is known of a table."""
        connection.execute(
            "UPDATE _tw_tables SET properties = ? WHERE id = ?", [_text(properties), table.id]
        )
        table.properties = properties

    def delete_table(
        self, connection: duckdb.DuckDBPyConnection, scope: Scope, table: TableState
    ) -> None:
        """Drop a table with all its rows."""
        connection.execute(f"DROP TABLE {table.physical}")
        connection.execute("DELETE FROM _tw_tables WHERE id = ?", [table.id])
        connection.execute("DELETE FROM _tw_columns WHERE table_id = ?", [table.id])
        with self._lock:
            del self._tables[scope][table.database][table.name]

    def add_columns(
        self, connection: duckdb.DuckDBPyConnection, table: TableState, columns: Iterable[Column]
    ) -> None:
        """Add columns, empty in the rows that are there."""
        for column in columns:
            connection.execute(
                f"ALTER TABLE {table.physical} ADD COLUMN {quoted(column.name)} "
                f"{PHYSICAL_TYPES[column.type]}"
            )
            connection.execute(
                "INSERT INTO _tw_columns VALUES (?, ?, ?, ?)",
                [table.id, column.name, column.type.value, column.kind.value],
            )
            with self._lock:
                table.add(column)


class ScopedCatalogue:
    """What the query side sees (`localaws.timestream.model.Catalogue`).

    A statement that names what is not there is not valid: another code than the write side's.
    """

    def __init__(self, catalogue: Catalogue, scope: Scope) -> None:
        self._catalogue = catalogue
        self._scope = scope

    def databases(self) -> Sequence[str]:
        """Names of all databases, sorted."""
        return list(self._catalogue.databases(self._scope))

    def tables(self, database: str) -> Sequence[str]:
        """Names of a database's tables, sorted."""
        if database not in self._catalogue.databases(self._scope):
            raise TimestreamError("ValidationException", f"Database {database} does not exist")
        return list(self._catalogue.tables(self._scope, database))

    def view(self, database: str, table: str) -> TableView:
        """A table as queries see it."""
        if table not in self.tables(database):
            raise TimestreamError("ValidationException", f"Table {database}.{table} does not exist")
        return self._catalogue.table(self._scope, database, table).view()


def quoted(name: str) -> str:
    """A name as an identifier of DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def _text(properties: DatabaseProperties | TableProperties) -> str:
    return msgspec.json.encode(properties).decode()


def _one(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    (row,) = rows
    return row
