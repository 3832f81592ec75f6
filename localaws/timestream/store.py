"""Rows of Timestream at home, in one DuckDB file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import duckdb

from localaws.timestream.batch import NEVER, Batch, Recent
from localaws.timestream.catalogue import Catalogue, TableState
from localaws.timestream.points import Point, Rejection
from localaws.timestream.shapes import Shape

# Dropping to the bound exactly would mean dropping again at once.
DROP_SHARE: Final = 0.05

# Whatever a statement may become: no file, no network, no Python object. Set last: without access
# to files not even the folder for temporary ones can be chosen.
_CLOSED: Final = (
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)

_Result = TypeVar("_Result")


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
        for closed in _CLOSED:
            self._database.execute(closed)
        self._disk_bytes = disk_mb * 1024 * 1024
        self._writer = self._database.cursor()
        self.catalogue = Catalogue(self._writer)
        self._recent: dict[int, Recent] = {}
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
            self._recent.clear()
            self.catalogue.load(self._writer)
            raise
        return result

    def write(self, calls: Sequence[tuple[TableState, Sequence[Point]]]) -> list[list[Rejection]]:
        """Store the points of several calls in one transaction; rejections, a call."""
        return self.transaction(lambda _connection: self._write(calls))

    def _write(self, calls: Sequence[tuple[TableState, Sequence[Point]]]) -> list[list[Rejection]]:
        batches: dict[int, Batch] = {}
        rejections = []
        for table, points in calls:
            if table.id not in batches:
                batches[table.id] = Batch(self._writer, table, self._recent_of(table))
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

    def _recent_of(self, table: TableState) -> Recent:
        if table.id not in self._recent:
            ((latest,),) = self._writer.execute(
                f"SELECT epoch_ns(max(time)) FROM {table.physical}"
            ).fetchall()
            self._recent[table.id] = Recent(NEVER if latest is None else latest)
        return self._recent[table.id]

    # -- forgetting ---------------------------------------------------------------------------

    def expire(self, now_ns: int) -> int:
        """Delete what no store of its table keeps any longer; returns how many rows."""
        deleted = 0
        for table in self.catalogue.all_tables():
            properties = table.properties
            hours = max(properties.magnetic_days * 24, properties.memory_hours)
            deleted += self._delete_before(table.physical, now_ns - hours * 3_600_000_000_000)
        self._count(expired=deleted)
        return deleted

    def bound_size(self) -> int:
        """Delete the oldest rows while the file holds too much; returns how many rows."""
        dropped = 0
        # Space comes back in whole blocks of rows, so that one round may not be enough.
        while (used := self._used_bytes()) > self._disk_bytes:
            deleted = self._drop_oldest(min(1.0, 1 - self._disk_bytes / used + DROP_SHARE))
            if not deleted:
                break
            dropped += deleted
            self._writer.execute("CHECKPOINT")
        self._count(dropped=dropped)
        return dropped

    def _drop_oldest(self, share: float) -> int:
        """Delete a share of the largest table's rows."""
        sizes = {
            table.physical: self._scalar(f"SELECT count(*) FROM {table.physical}")
            for table in self.catalogue.all_tables()
        }
        largest = max(sizes, key=sizes.__getitem__)
        cutoff = self._scalar(f"SELECT epoch_ns(quantile_disc(time, {share})) FROM {largest}")
        return 0 if cutoff is None else self._delete_before(largest, cutoff + 1)

    def _delete_before(self, physical: str, cutoff_ns: int) -> int:
        oldest = self._scalar(f"SELECT epoch_ns(min(time)) FROM {physical}")
        if oldest is None or oldest >= cutoff_ns:
            return 0
        return int(
            self._scalar(f"DELETE FROM {physical} WHERE time < make_timestamp_ns({cutoff_ns})")
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
