"""Rows of Timestream at home, in one DuckDB file.

A row is a point; it is unique by (series, time). An index over both would make every write cost
more as the table grows, so there is none: a point later than all that was written to its series is
new, which is what live data are, and only the others are looked up, a batch at a time, by their
range of times (DuckDB keeps the smallest and largest of each block).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import duckdb
import pyarrow as pa

from localaws.timestream.catalogue import Catalogue, TableState, quoted
from localaws.timestream.model import Column, ScalarType
from localaws.timestream.points import Point, Rejection
from localaws.timestream.shapes import Shape

SERIES_REMEMBERED: Final = 100_000
# Dropping to the bound exactly would mean dropping again at once.
DROP_SHARE: Final = 0.05

_ARROW_TYPES: Final = {
    ScalarType.VARCHAR: pa.string(),
    ScalarType.BOOLEAN: pa.bool_(),
    ScalarType.BIGINT: pa.int64(),
    ScalarType.DOUBLE: pa.float64(),
    ScalarType.TIMESTAMP: pa.timestamp("ns"),
}
_OWN_COLUMNS: Final = ("time", "measure_name", "_tw_series", "_tw_version", "_tw_digest")
_OWN_TYPES: Final = (pa.timestamp("ns"), pa.string(), pa.int64(), pa.int64(), pa.int64())

_Key = tuple[int, int]
_Result = TypeVar("_Result")


class _Stored(NamedTuple):
    """What is known of a row that is there: by its place in the table, or not yet written."""

    rowid: int | None
    version: int
    digest: int


class Counters(NamedTuple):
    """Since the start: rows inserted, changed, deleted by age, and dropped by the size bound."""

    inserted: int
    updated: int
    expired: int
    dropped: int


class Store:
    """The file; every method but `cursor` is for one thread.

    Args:
        path: of the DuckDB file, made when it is not there.
        memory_mb: what DuckDB may hold in memory.
        disk_mb: bound on the rows' size on disk; past it the oldest are dropped.
    """

    def __init__(self, path: Path, *, memory_mb: int = 512, disk_mb: int = 4096) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = duckdb.connect(
            str(path),
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": 2,
                "temp_directory": str(path.with_suffix(".tmp")),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._disk_bytes = disk_mb * 1024 * 1024
        self._writer = self._database.cursor()
        self.catalogue = Catalogue(self._writer)
        self._latest: dict[int, _Latest] = {}
        self.counters = Counters(0, 0, 0, 0)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same file, for another thread."""
        return self._database.cursor()

    def close(self) -> None:
        """Write everything to the file and close it."""
        self._writer.close()
        self._database.close()

    def transaction(self, change: Callable[[duckdb.DuckDBPyConnection], _Result]) -> _Result:
        """Run a change; after it everything is on disk, or nothing was changed."""
        self._writer.execute("BEGIN")
        try:
            result = change(self._writer)
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            self._latest.clear()
            self.catalogue.load(self._writer)
            raise
        return result

    def write(self, calls: Sequence[tuple[TableState, Sequence[Point]]]) -> list[list[Rejection]]:
        """Store the points of several calls in one transaction; rejections, a call."""
        return self.transaction(lambda _connection: self._write(calls))

    def _write(self, calls: Sequence[tuple[TableState, Sequence[Point]]]) -> list[list[Rejection]]:
        batches: dict[int, _Batch] = {}
        rejections = []
        for table, points in calls:
            if table.id not in batches:
                batches[table.id] = _Batch(self._writer, table, self._latest_of(table))
            allowed, refused = self._with_columns(table, points)
            rejections.append([*refused, *batches[table.id].add(allowed)])
        for batch in batches.values():
            inserted, updated = batch.write()
            self._count(inserted=inserted, updated=updated)
        return rejections

    def _with_columns(
        self, table: TableState, points: Sequence[Point]
    ) -> tuple[Sequence[Point], list[Rejection]]:
        """Add the columns that points need; rejects those that cannot have theirs."""
        reasons: dict[Shape, str | None] = {}
        for shape in {point.shape for point in points}:
            new = [column for column in shape.columns if column.name not in table.columns]
            reasons[shape] = next(filter(None, map(table.conflict, shape.columns)), None)
            if new and reasons[shape] is None:
                self.catalogue.add_columns(self._writer, table, new)
        if not any(reasons.values()):
            return points, []
        return (
            [point for point in points if reasons[point.shape] is None],
            [
                Rejection(point.place, reason)
                for point in points
                if (reason := reasons[point.shape]) is not None
            ],
        )

    def _latest_of(self, table: TableState) -> _Latest:
        if table.id not in self._latest:
            ((latest,),) = self._writer.execute(
                f"SELECT epoch_ns(max(time)) FROM {table.physical}"
            ).fetchall()
            self._latest[table.id] = _Latest(-(2**63) if latest is None else latest)
        return self._latest[table.id]

    # -- forgetting ---------------------------------------------------------------------------

    def expire(self, now_ns: int) -> int:
        """Delete what no store of its table keeps any longer; returns how many rows."""
        deleted = 0
        for table in self.catalogue.all_tables():
            properties = table.properties
            hours = max(properties.magnetic_days * 24, properties.memory_hours)
            deleted += self._delete_before(table, now_ns - hours * 3_600_000_000_000)
        self._count(expired=deleted)
        return deleted

    def bound_size(self) -> int:
        """Delete the oldest rows of the largest table while the file holds too much."""
        used = self._used_bytes()
        if used <= self._disk_bytes:
            return 0
        tables = self.catalogue.all_tables()
        rows = {
            table.id: self._scalar(f"SELECT count(*) FROM {table.physical}") for table in tables
        }
        largest = max(tables, key=lambda table: rows[table.id])
        share = min(1.0, 1 - self._disk_bytes / used + DROP_SHARE)
        cutoff = self._scalar(
            f"SELECT epoch_ns(quantile_disc(time, {share})) FROM {largest.physical}"
        )
        deleted = self._delete_before(largest, cutoff + 1)
        self._count(dropped=deleted)
        self._writer.execute("CHECKPOINT")
        return deleted

    def _delete_before(self, table: TableState, cutoff_ns: int) -> int:
        oldest = self._scalar(f"SELECT epoch_ns(min(time)) FROM {table.physical}")
        if oldest is None or oldest >= cutoff_ns:
            return 0
        return int(
            self._scalar(
                f"DELETE FROM {table.physical} WHERE time < make_timestamp_ns({cutoff_ns})"
            )
        )

    def _used_bytes(self) -> int:
        row = self._writer.execute(
            "SELECT block_size * used_blocks FROM pragma_database_size() "
            "WHERE database_name = current_database()"
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _scalar(self, statement: str) -> Any:
        row = self._writer.execute(statement).fetchone()
        return None if row is None else row[0]

    def _count(
        self, *, inserted: int = 0, updated: int = 0, expired: int = 0, dropped: int = 0
    ) -> None:
        before = self.counters
        self.counters = Counters(
            before.inserted + inserted,
            before.updated + updated,
            before.expired + expired,
            before.dropped + dropped,
        )


class _Latest:
    """An upper bound of the times written to each series of a table.

    A series that is not remembered has the table's bound: sound, and soon replaced by its own.
    """

    def __init__(self, table_ns: int) -> None:
        self._table_ns = table_ns
        self._series: OrderedDict[int, int] = OrderedDict()

    def is_new(self, point: Point) -> bool:
        """Whether nothing can be stored under the point's key; the point counts as written."""
        bound = self._series.get(point.series, self._table_ns)
        if point.time_ns <= bound:
            self._series.setdefault(point.series, bound)
            return False
        self._series[point.series] = point.time_ns
        self._table_ns = max(self._table_ns, point.time_ns)
        while len(self._series) > SERIES_REMEMBERED:
            self._series.popitem(last=False)
        return True


class _Batch:
    """The points of one transaction for one table."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, table: TableState, latest: _Latest
    ) -> None:
        self._connection = connection
        self._table = table
        self._latest = latest
        self._known: dict[_Key, _Stored] = {}
        self._insert: dict[_Key, Point] = {}
        self._replaced: list[int] = []
        self._versions: dict[int, int] = {}

    def add(self, points: Sequence[Point]) -> list[Rejection]:
        """Take the points of a call in their order; returns those that an older one bars."""
        doubtful = [
            point
            for point in points
            if not self._latest.is_new(point) and _key(point) not in self._known
        ]
        if doubtful:
            self._look_up(doubtful)
        return [reason for point in points if (reason := self._add(point)) is not None]

    def _add(self, point: Point) -> Rejection | None:
        key = _key(point)
        known = self._known.get(key)
        if known is None:
            self._insert[key] = point
            self._known[key] = _Stored(None, point.version, point.digest)
            return None
        if point.version < known.version:
            return Rejection(
                point.place,
                f"The record version {point.version} is lower than the existing version "
                f"{known.version}. A higher version is required to update the measure value.",
                known.version,
            )
        if point.version == known.version:
            if point.digest == known.digest:
                return None
            return Rejection(
                point.place,
                "A record already exists with the same time, dimensions, measure name, and record "
                "version. A higher record version must be specified in order to update the measure "
                "value. Specifying record version is supported by the latest SDKs.",
                known.version,
            )
        self._replace(key, known, point)
        return None

    def _replace(self, key: _Key, known: _Stored, point: Point) -> None:
        if known.rowid is None:
            self._insert[key] = point
            self._known[key] = _Stored(None, point.version, point.digest)
        elif known.digest == point.digest:
            self._versions[known.rowid] = point.version
            self._known[key] = known._replace(version=point.version)
        else:
            self._versions.pop(known.rowid, None)
            self._replaced.append(known.rowid)
            self._insert[key] = point
            self._known[key] = _Stored(None, point.version, point.digest)

    def _look_up(self, points: Sequence[Point]) -> None:
        times = [point.time_ns for point in points]
        wanted = pa.Table.from_arrays(
            [
                pa.array([point.series for point in points], pa.int64()),
                pa.array(times, pa.timestamp("ns")),
            ],
            names=["series", "time"],
        )
        with _registered(self._connection, wanted) as name:
            rows = self._connection.execute(
                f"SELECT t.rowid, t._tw_series, epoch_ns(t.time), t._tw_version, t._tw_digest "
                f"FROM {self._table.physical} t JOIN {name} w "
                "ON t._tw_series = w.series AND t.time = w.time "
                f"WHERE t.time BETWEEN make_timestamp_ns({min(times)}) "
                f"AND make_timestamp_ns({max(times)})"
            ).fetchall()
        for rowid, series, time_ns, version, digest in rows:
            self._known[series, time_ns] = _Stored(rowid, version, digest)

    def write(self) -> tuple[int, int]:
        """Carry it out; returns rows inserted and rows changed."""
        physical = self._table.physical
        if self._versions:
            changes = pa.Table.from_arrays(
                [
                    pa.array(list(self._versions), pa.int64()),
                    pa.array(list(self._versions.values()), pa.int64()),
                ],
                names=["row", "version"],
            )
            with _registered(self._connection, changes) as name:
                self._connection.execute(
                    f"UPDATE {physical} SET _tw_version = c.version FROM {name} c "
                    f"WHERE {physical}.rowid = c.row"
                )
        if self._replaced:
            rows = ", ".join(map(str, self._replaced))
            self._connection.execute(f"DELETE FROM {physical} WHERE rowid IN ({rows})")
        by_shape: dict[Shape, list[Point]] = {}
        for point in self._insert.values():
            by_shape.setdefault(point.shape, []).append(point)
        for shape, points in by_shape.items():
            self._insert_points(shape, points)
        updated = len(self._versions) + len(self._replaced)
        return len(self._insert) - len(self._replaced), updated

    def _insert_points(self, shape: Shape, points: Sequence[Point]) -> None:
        rows = _arrow(shape.columns, points)
        names = [*_OWN_COLUMNS, *(column.name for column in shape.columns)]
        columns = ", ".join(map(quoted, names))
        with _registered(self._connection, rows) as name:
            self._connection.execute(
                f"INSERT INTO {self._table.physical} ({columns}) SELECT * FROM {name}"
            )


def _key(point: Point) -> _Key:
    return point.series, point.time_ns


def _arrow(columns: Sequence[Column], points: Sequence[Point]) -> pa.Table:
    own: tuple[list[Any], ...] = (
        [point.time_ns for point in points],
        [point.measure_name for point in points],
        [point.series for point in points],
        [point.version for point in points],
        [point.digest for point in points],
    )
    arrays = [pa.array(values, kind) for values, kind in zip(own, _OWN_TYPES, strict=True)]
    of_columns: Iterable[Any] = zip(*(point.values for point in points), strict=True)
    arrays += [
        pa.array(values, _ARROW_TYPES[column.type])
        for values, column in zip(of_columns, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[f"c{place}" for place in range(len(arrays))])


class _registered:  # noqa: N801 - reads as the statement it is
    """Shows an Arrow table to a connection under a name while a statement runs."""

    _NAME: Final = "_tw_batch"

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
        self._connection = connection
        self._table = table

    def __enter__(self) -> str:
        self._connection.register(self._NAME, self._table)
        return self._NAME

    def __exit__(self, *_exception: object) -> None:
        self._connection.unregister(self._NAME)
