"""The store against a twin that is a dictionary: what is there, and what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.timestream import batch
from localaws.timestream.catalogue import DatabaseProperties, Scope, TableProperties, TableState
from localaws.timestream.points import Point, points_of, window
from localaws.timestream.requests import WriteRequest
from localaws.timestream.store import Store

NOW_NS = 1_800_000_000_000_000_000
SCOPE = Scope("000000000000", "us-east-1")


class Write(NamedTuple):
    """One record of one measure."""

    plant: str
    second: int
    value: str
    version: int


def points(writes: list[Write]) -> list[Point]:
    request = msgspec.convert(
        {
            "DatabaseName": "db",
            "TableName": "t",
            "Records": [
                {
                    "Dimensions": [{"Name": "plant", "Value": write.plant}],
                    "MeasureName": "m",
                    "MeasureValueType": "MULTI",
                    "MeasureValues": [{"Name": "x", "Value": write.value, "Type": "DOUBLE"}],
                    "Time": str(NOW_NS // 1_000_000_000 - 100 + write.second),
                    "TimeUnit": "SECONDS",
                    "Version": write.version,
                }
                for write in writes
            ],
        },
        WriteRequest,
    )
    found, rejections = points_of(request, window(NOW_NS, 24, 30, magnetic_writes=False))
    assert not rejections
    return found


def open_store(folder: Path) -> tuple[Store, TableState]:
    store = Store(folder / "timestream.duckdb")
    catalogue = store.catalogue
    if not catalogue.databases(SCOPE):
        now = NOW_NS / 1e9
        store.transaction(
            lambda c: catalogue.put_database(c, SCOPE, "db", DatabaseProperties(now, now))
        )
        store.transaction(
            lambda c: catalogue.create_table(c, SCOPE, "db", "t", TableProperties(now, now))
        )
    return store, catalogue.table(SCOPE, "db", "t")


def stored(store: Store, table: TableState) -> dict[tuple[str, int], tuple[float, int]]:
    if "x" not in table.columns:
        return {}
    rows = store.cursor().execute(
        f"SELECT plant, epoch_ns(time), x, _tw_version FROM {table.physical}"
    )
    found = rows.fetchall()
    out = {(plant, time_ns): (value, version) for plant, time_ns, value, version in found}
    assert len(out) == len(found), "a key is stored twice"
    return out


class Twin:
    """What Timestream's documentation says, in five lines."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], tuple[float, int]] = {}

    def write(self, write: Write) -> bool:
        key = (write.plant, (NOW_NS // 1_000_000_000 - 100 + write.second) * 1_000_000_000)
        value, version = self.rows.get(key, (float(write.value), 0))
        if write.version < version or (write.version == version and value != float(write.value)):
            return False
        self.rows[key] = (float(write.value), write.version)
        return True


WRITES = st.builds(
    Write,
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 12),
    st.sampled_from(["1", "1.0", "2", "-3.5e2"]),
    st.integers(1, 3),
)
# Several calls in a transaction, several transactions, the store opened anew between some.
TRANSACTIONS = st.lists(
    st.tuples(st.lists(st.lists(WRITES, max_size=8), max_size=3), st.booleans()), max_size=6
)


@pytest.fixture(params=[512, 4], scope="module")
def remembered(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many times of a series are remembered: all of these, or only the last few."""
    before = batch.TIMES_REMEMBERED, batch.SERIES_REMEMBERED
    batch.TIMES_REMEMBERED, batch.SERIES_REMEMBERED = request.param, request.param // 2  # type: ignore[misc]
    yield request.param
    batch.TIMES_REMEMBERED, batch.SERIES_REMEMBERED = before  # type: ignore[misc]


@given(transactions=TRANSACTIONS)
@settings(max_examples=40, deadline=None)
@pytest.mark.usefixtures("remembered")
def test_it_is_what_a_dictionary_would_be(
    tmp_path_factory: pytest.TempPathFactory,
    transactions: list[tuple[list[list[Write]], bool]],
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store, table = open_store(folder)
    twin = Twin()
    for calls, reopen in transactions:
        refused = store.write([(table, points(call) if call else []) for call in calls])
        for call, rejections in zip(calls, refused, strict=True):
            taken = [twin.write(write) for write in call]
            assert [r.place for r in rejections] == [i for i, ok in enumerate(taken) if not ok]
        assert stored(store, table) == twin.rows
        if reopen:
            store.close()
            store, table = open_store(folder)
            assert stored(store, table) == twin.rows
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened, _ = open_store(tmp_path)
    yield opened
    opened.close()


def test_a_failed_transaction_leaves_nothing_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = store.catalogue.table(SCOPE, "db", "t")

    def fail(*_arguments: object) -> None:
        raise duckdb.IOException("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("localaws.timestream.batch.arrow_table", fail)
        with pytest.raises(duckdb.IOException):
            store.write([(table, points([Write("a", 1, "1", 1)]))])
    table = store.catalogue.table(SCOPE, "db", "t")
    assert table.columns == {}
    # The point counts as new again.
    assert store.write([(table, points([Write("a", 1, "1", 1)]))]) == [[]]
    assert len(stored(store, table)) == 1


def test_what_is_too_old_is_deleted(store: Store) -> None:
    table = store.catalogue.table(SCOPE, "db", "t")
    store.transaction(
        lambda c: store.catalogue.update_table(
            c, table, TableProperties(0, 0, memory_hours=1, magnetic_days=1)
        )
    )
    store.write([(table, points([Write("a", second, "1", 1) for second in range(50)]))])
    day_ns = 86_400 * 1_000_000_000
    assert store.expire(NOW_NS) == 0
    assert store.expire(NOW_NS + day_ns - 80 * 1_000_000_000) == 20
    assert len(stored(store, table)) == 30
    assert store.counters.expired == 20


def test_size_on_disk_is_bounded_and_what_is_dropped_counted(tmp_path: Path) -> None:
    store, table = open_store(tmp_path)
    many = "INSERT INTO t1 SELECT make_timestamp_ns(i), 'm', hash(i) % 1000000007, 1, hash(i * 7) "
    store.write([(table, points([Write("a", 1, "1", 1)]))])
    store.transaction(
        lambda c: c.execute(
            many.replace(
                "INTO t1", "INTO t1 (time, measure_name, _tw_series, _tw_version, _tw_digest)"
            )
            + "% 1000000007 FROM range(1000000) r(i)"
        )
    )
    store.close()
    bounded = Store(tmp_path / "timestream.duckdb", disk_mb=4)
    dropped = bounded.bound_size()
    assert dropped > 100_000
    assert bounded.counters.dropped == dropped
    assert bounded._used_bytes() <= 4 * 1024 * 1024
    ((left, oldest),) = (
        bounded.cursor().execute("SELECT count(*), min(epoch_ns(time)) FROM t1").fetchall()
    )
    # The oldest went.
    assert (left, oldest) == (1_000_001 - dropped, dropped)
    assert bounded.bound_size() == 0
    bounded.close()
