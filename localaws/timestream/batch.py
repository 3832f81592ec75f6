"""The points of one transaction for one table: which are new, which change rows, which are barred.

A row is unique by (series, time). An index over both would make every write cost more as the table
grows, so there is none: what was stored lately of each series is remembered, a point beyond that is
new, which is what live data are, and only the others are looked up, a batch at a time, by their
range of times (DuckDB keeps the smallest and largest of each block).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import duckdb
import pyarrow as pa

from localaws.timestream.catalogue import TableState, quoted
from localaws.timestream.model import Column, ScalarType
from localaws.timestream.points import Point, Rejection
from localaws.timestream.shapes import Shape

SERIES_REMEMBERED: Final = 5_000
TIMES_REMEMBERED: Final = 512
NEVER: Final = -(2**63)

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


class _Stored(NamedTuple):
    """What is known of a row that is there: by its place in the table, or not yet written."""

    rowid: int | None
    version: int
    digest: int


class _Times:
    """Times stored of a series: all of those above `floor` are in `above`."""

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.above: set[int] = set()

    def add(self, time_ns: int) -> bool:
        """Note a time; False when it may have been stored before."""
        if time_ns <= self.floor or time_ns in self.above:
            return False
        self.above.add(time_ns)
        if len(self.above) > TIMES_REMEMBERED:
            # Calls overtake each other: the latest ones are worth remembering.
            kept = sorted(self.above)[TIMES_REMEMBERED // 2 :]
            self.floor = kept[0]
            self.above = set(kept[1:])
        return True


class Recent:
    """What can be said of a table's rows without asking for them."""

    def __init__(self, latest_ns: int) -> None:
        self._latest_ns = latest_ns
        self._series: dict[int, _Times] = {}

    def unknown(self, points: Sequence[Point]) -> list[int]:
        """The series of which has to be known until when they are stored."""
        return list(
            {
                point.series
                for point in points
                if point.series not in self._series and point.time_ns <= self._latest_ns
            }
        )

    def remember(self, series: Iterable[int], stored_until: Mapping[int, int]) -> None:
        """Note until when series are stored; those that are left out are not stored at all."""
        for one in series:
            self._series[one] = _Times(stored_until.get(one, NEVER))
        while len(self._series) > SERIES_REMEMBERED:
            del self._series[next(iter(self._series))]

    def is_new(self, point: Point) -> bool:
        """Whether nothing can be stored under the point's key; the point counts as stored then."""
        times = self._series.get(point.series)
        if times is None:
            # All that is stored is earlier: `unknown` has seen to that.
            times = self._series[point.series] = _Times(self._latest_ns)
        self._latest_ns = max(self._latest_ns, point.time_ns)
        return times.add(point.time_ns)


class Batch:
    """The points of one transaction for one table."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, table: TableState, recent: Recent
    ) -> None:
        self._connection = connection
        self._table = table
        self._recent = recent
        self._known: dict[_Key, _Stored] = {}
        self._insert: dict[_Key, Point] = {}
        self._replaced: list[int] = []
        self._versions: dict[int, int] = {}

    def add(self, points: Sequence[Point]) -> list[Rejection]:
        """Take the points of a call in their order; returns those that an older one bars."""
        unknown = self._recent.unknown(points)
        if unknown:
            self._recent.remember(unknown, self._stored_until(unknown))
        doubtful = [
            point
            for point in points
            if not self._recent.is_new(point) and _key(point) not in self._known
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

    def _stored_until(self, series: Sequence[int]) -> dict[int, int]:
        """The latest time stored of each series that is there."""
        among = ", ".join(map(str, series))
        rows = self._connection.execute(
            f"SELECT _tw_series, epoch_ns(max(time)) FROM {self._table.physical} "
            f"WHERE _tw_series IN ({among}) GROUP BY _tw_series"
        ).fetchall()
        return dict(rows)

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
        rows = arrow_table(shape.columns, points)
        names = [*_OWN_COLUMNS, *(column.name for column in shape.columns)]
        columns = ", ".join(map(quoted, names))
        with _registered(self._connection, rows) as name:
            self._connection.execute(
                f"INSERT INTO {self._table.physical} ({columns}) SELECT * FROM {name}"
            )


def _key(point: Point) -> _Key:
    return point.series, point.time_ns


def arrow_table(columns: Sequence[Column], points: Sequence[Point]) -> pa.Table:
    """Points of one shape as rows: the store's own columns, then those of the shape."""
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
