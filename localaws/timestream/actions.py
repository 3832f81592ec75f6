"""The actions of Timestream's write API: databases, tables, tags, records."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

import duckdb
import msgspec

from localaws.timestream.catalogue import (
    Catalogue,
    DatabaseProperties,
    Scope,
    TableProperties,
    TableState,
)
from localaws.timestream.model import TimestreamError
from localaws.timestream.points import Rejection, Window, points_of, window
from localaws.timestream.requests import write_request_decoder
from localaws.timestream.worker import Validated, Worker

Request = Mapping[str, Any]
Answer = dict[str, Any]

MEMORY_HOURS_MAX: Final = 8766
MAGNETIC_DAYS_MAX: Final = 73_000
PAGE_MAX: Final = 20

_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,256}\Z")


class RejectedRecordsError(TimestreamError):
    """Some records of a call were not stored; the others were."""

    def __init__(self, rejections: list[Rejection]) -> None:
        super().__init__(
            "RejectedRecordsException",
            "One or more records have been rejected. See RejectedRecords for details.",
        )
        self.rejections = rejections


class WriteActions:
    """Every action by name; each is a method of the request, run for one account and region.

    Args:
        catalogue: what exists.
        worker: makes all changes.
        clock: nanoseconds since the epoch; replaced in tests.
    """

    def __init__(
        self, catalogue: Catalogue, worker: Worker, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._catalogue = catalogue
        self._worker = worker
        self._clock = clock
        self.by_name: Mapping[str, Callable[[Scope, Request], Answer]] = {
            "CreateDatabase": self._create_database,
            "DescribeDatabase": self._describe_database,
            "ListDatabases": self._list_databases,
            "UpdateDatabase": self._update_database,
            "DeleteDatabase": self._delete_database,
            "CreateTable": self._create_table,
            "DescribeTable": self._describe_table,
            "ListTables": self._list_tables,
            "UpdateTable": self._update_table,
            "DeleteTable": self._delete_table,
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "ListTagsForResource": self._list_tags,
        }

    # -- records ------------------------------------------------------------------------------

    def begin_write(self, scope: Scope, body: bytes) -> Future[Validated]:
        """WriteRecords: validate and store; done when the records are on disk.

        Raises (by the future too):
            TimestreamError: nothing was stored.
        """
        return self._worker.write(lambda: self._validate(scope, body))

    def written(self, validated: Validated) -> Answer:
        """The answer to a WriteRecords call.

        Raises:
            RejectedRecordsError: some records were not stored.
        """
        if validated.rejections:
            raise RejectedRecordsError(sorted(validated.rejections))
        memory_ns = self._window(validated.table).memory
        in_memory = sum(point.time_ns >= memory_ns for point in validated.points)
        total = len(validated.points)
        return {
            "RecordsIngested": {
                "Total": total,
                "MemoryStore": in_memory,
                "MagneticStore": total - in_memory,
            }
        }

    def _validate(self, scope: Scope, body: bytes) -> Validated:
        try:
            request = write_request_decoder.decode(body)
        except msgspec.DecodeError as error:
            raise TimestreamError("ValidationException", str(error)) from error
        table = self._catalogue.table(scope, request.database_name, request.table_name)
        points, rejections = points_of(request, self._window(table))
        return Validated(table, points, rejections)

    def _window(self, table: TableState) -> Window:
        properties = table.properties
        return window(
            self._clock(),
            properties.memory_hours,
            properties.magnetic_days,
            magnetic_writes=properties.magnetic_writes,
        )

    # -- databases ----------------------------------------------------------------------------

    def _create_database(self, scope: Scope, request: Request) -> Answer:
        name = _name(request, "DatabaseName")
        now = self._seconds()
        properties = DatabaseProperties(now, now, request.get("KmsKeyId"), _tags(request))

        def create(connection: duckdb.DuckDBPyConnection) -> None:
            if name in self._catalogue.databases(scope):
                raise _conflict(f"The database {name} already exists.")
            self._catalogue.put_database(connection, scope, name, properties)

        self._worker.change(create).result()
        return {"Database": self._database(scope, name)}

    def _describe_database(self, scope: Scope, request: Request) -> Answer:
        return {"Database": self._database(scope, _text(request, "DatabaseName"))}

    def _list_databases(self, scope: Scope, request: Request) -> Answer:
        names, token = _page(list(self._catalogue.databases(scope)), request)
        return {"Databases": [self._database(scope, name) for name in names], **token}

    def _update_database(self, scope: Scope, request: Request) -> Answer:
        name = _text(request, "DatabaseName")
        key = _text(request, "KmsKeyId")

        def update(connection: duckdb.DuckDBPyConnection) -> None:
            before = self._catalogue.database(scope, name)
            after = msgspec.structs.replace(before, kms_key_id=key, updated=self._seconds())
            self._catalogue.put_database(connection, scope, name, after)

        self._worker.change(update).result()
        return {"Database": self._database(scope, name)}

    def _delete_database(self, scope: Scope, request: Request) -> Answer:
        name = _text(request, "DatabaseName")

        def delete(connection: duckdb.DuckDBPyConnection) -> None:
            if self._catalogue.tables(scope, name):
                raise _invalid(f"The database {name} cannot be deleted: it has tables.")
            self._catalogue.delete_database(connection, scope, name)

        self._worker.change(delete).result()
        return {}

    # -- tables -------------------------------------------------------------------------------

    def _create_table(self, scope: Scope, request: Request) -> Answer:
        database, name = _text(request, "DatabaseName"), _name(request, "TableName")
        now = self._seconds()
        properties = _with_properties(TableProperties(now, now, tags=_tags(request)), request)

        def create(connection: duckdb.DuckDBPyConnection) -> TableState:
            if name in self._catalogue.tables(scope, database):
                raise _conflict(f"The table {name} already exists.")
            return self._catalogue.create_table(connection, scope, database, name, properties)

        return {"Table": _table(scope, self._worker.change(create).result())}

    def _describe_table(self, scope: Scope, request: Request) -> Answer:
        return {"Table": _table(scope, self._table(scope, request))}

    def _list_tables(self, scope: Scope, request: Request) -> Answer:
        database = request.get("DatabaseName")
        of = [str(database)] if database else list(self._catalogue.databases(scope))
        tables = {
            f"{name}/{table}": state
            for name in of
            for table, state in self._catalogue.tables(scope, name).items()
        }
        names, token = _page(sorted(tables), request)
        return {"Tables": [_table(scope, tables[name]) for name in names], **token}

    def _update_table(self, scope: Scope, request: Request) -> Answer:
        def update(connection: duckdb.DuckDBPyConnection) -> TableState:
            table = self._table(scope, request)
            touched = msgspec.structs.replace(table.properties, updated=self._seconds())
            self._catalogue.update_table(connection, table, _with_properties(touched, request))
            return table

        return {"Table": _table(scope, self._worker.change(update).result())}

    def _delete_table(self, scope: Scope, request: Request) -> Answer:
        def delete(connection: duckdb.DuckDBPyConnection) -> None:
            self._catalogue.delete_table(connection, scope, self._table(scope, request))

        self._worker.change(delete).result()
        return {}

    # -- tags ---------------------------------------------------------------------------------

    def _tag_resource(self, scope: Scope, request: Request) -> Answer:
        self._change_tags(scope, request, lambda tags: {**tags, **_tags(request)})
        return {}

    def _untag_resource(self, scope: Scope, request: Request) -> Answer:
        gone = set(request.get("TagKeys") or ())
        self._change_tags(
            scope,
            request,
            lambda tags: {key: value for key, value in tags.items() if key not in gone},
        )
        return {}

    def _list_tags(self, scope: Scope, request: Request) -> Answer:
        database, table = _resource(request)
        owner: DatabaseProperties | TableProperties
        if table is None:
            owner = self._catalogue.database(scope, database)
        else:
            owner = self._catalogue.table(scope, database, table).properties
        return {"Tags": [{"Key": key, "Value": value} for key, value in owner.tags.items()]}

    def _change_tags(
        self, scope: Scope, request: Request, change: Callable[[dict[str, str]], dict[str, str]]
    ) -> None:
        name, table_name = _resource(request)

        def carry_out(connection: duckdb.DuckDBPyConnection) -> None:
            if table_name is None:
                database = self._catalogue.database(scope, name)
                tagged = msgspec.structs.replace(database, tags=change(database.tags))
                self._catalogue.put_database(connection, scope, name, tagged)
                return
            table = self._catalogue.table(scope, name, table_name)
            tagged_table = msgspec.structs.replace(
                table.properties, tags=change(table.properties.tags)
            )
            self._catalogue.update_table(connection, table, tagged_table)

        self._worker.change(carry_out).result()

    # -- what is shown ------------------------------------------------------------------------

    def _table(self, scope: Scope, request: Request) -> TableState:
        return self._catalogue.table(
            scope, _text(request, "DatabaseName"), _text(request, "TableName")
        )

    def _database(self, scope: Scope, name: str) -> Answer:
        properties = self._catalogue.database(scope, name)
        shown: Answer = {
            "Arn": _arn(scope, name),
            "DatabaseName": name,
            "TableCount": len(self._catalogue.tables(scope, name)),
            "CreationTime": properties.created,
            "LastUpdatedTime": properties.updated,
        }
        if properties.kms_key_id:
            shown["KmsKeyId"] = properties.kms_key_id
        return shown

    def _seconds(self) -> float:
        return round(self._clock() / 1e9, 3)


def _table(scope: Scope, table: TableState) -> Answer:
    properties = table.properties
    return {
        "Arn": _arn(scope, f"{table.database}/table/{table.name}"),
        "TableName": table.name,
        "DatabaseName": table.database,
        "TableStatus": "ACTIVE",
        "RetentionProperties": {
            "MemoryStoreRetentionPeriodInHours": properties.memory_hours,
            "MagneticStoreRetentionPeriodInDays": properties.magnetic_days,
        },
        "CreationTime": properties.created,
        "LastUpdatedTime": properties.updated,
        "MagneticStoreWriteProperties": properties.magnetic or {"EnableMagneticStoreWrites": False},
        "Schema": properties.partitioning or {"CompositePartitionKey": [{"Type": "MEASURE"}]},
    }


def _with_properties(properties: TableProperties, request: Request) -> TableProperties:
    """The same properties with what the request says of them."""
    retention = request.get("RetentionProperties") or {}
    return msgspec.structs.replace(
        properties,
        memory_hours=_bounded(
            retention,
            "MemoryStoreRetentionPeriodInHours",
            properties.memory_hours,
            MEMORY_HOURS_MAX,
        ),
        magnetic_days=_bounded(
            retention,
            "MagneticStoreRetentionPeriodInDays",
            properties.magnetic_days,
            MAGNETIC_DAYS_MAX,
        ),
        magnetic=request.get("MagneticStoreWriteProperties") or properties.magnetic,
        partitioning=request.get("Schema") or properties.partitioning,
    )


def _bounded(retention: Request, name: str, default: int, greatest: int) -> int:
    value = retention.get(name, default)
    if not isinstance(value, int) or not 1 <= value <= greatest:
        raise _invalid(
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            f"Member must have value between 1 and {greatest}"
        )
    return value


def _name(request: Request, field: str) -> str:
    name = _text(request, field)
    if not _NAME.match(name):
        raise _invalid(
            f"1 validation error detected: Value '{name}' at '{field}' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{3,256}"
        )
    return name


def _text(request: Request, field: str) -> str:
    value = request.get(field)
    if not isinstance(value, str) or not value:
        raise _invalid(f"1 validation error detected: Value at '{field}' must not be null")
    return value


def _tags(request: Request) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags") or ()}


def _resource(request: Request) -> tuple[str, str | None]:
    arn = _text(request, "ResourceARN")
    _, found, path = arn.partition(":database/")
    if not found:
        raise _invalid(f"'{arn}' is not the ARN of a database or table.")
    database, _, table = path.partition("/table/")
    return database, table or None


def _page(names: list[str], request: Request) -> tuple[list[str], Answer]:
    """A page of sorted names; the token is the last name of the page before."""
    limit = min(request.get("MaxResults") or PAGE_MAX, PAGE_MAX)
    after = request.get("NextToken")
    rest = [name for name in names if after is None or name > after]
    page = rest[:limit]
    return page, {"NextToken": page[-1]} if len(rest) > limit else {}


def _arn(scope: Scope, path: str) -> str:
    return f"arn:aws:timestream:{scope.region}:{scope.account}:database/{path}"


def _invalid(message: str) -> TimestreamError:
    return TimestreamError("ValidationException", message)


def _conflict(message: str) -> TimestreamError:
    return TimestreamError("ConflictException", message)
