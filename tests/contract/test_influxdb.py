"""The InfluxDB sink against real servers: InfluxDB 1.6, and VictoriaMetrics for /api/v2/write.

With TEPWATCH_CONTRACT_INFLUXDB=1 a part of it also runs against the InfluxDB, of any version, that
the settings TEPWATCH_INFLUXDB_... name.
"""

from __future__ import annotations

import contextlib
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sinks import retry
from sinks.base import Outcome
from sinks.influxdb import InfluxdbSink
from sinks.influxdb_client import InfluxdbClient
from sinks.influxdb_database import create_database
from tepwatch.errors import SettingsError, StartupError, UnreachableError
from tepwatch.schema import SCORES, TABLES, ColumnType, Row, row_key
from tepwatch.settings import InfluxdbApi, Settings, load
from tests import servers
from tests.clock import Clock
from tests.contract.test_sinks import READING_ROWS, ROWS, START_NS
from tests.influx import as_kept, in_influxdb, query
from tests.rows import rows
from tests.stored import Stored

SECRET = "never-to-be-shown"


def kept(stored: Sequence[Row]) -> Stored:
    return {row_key(row): row for row in map(as_kept, stored)}


@pytest.fixture
def there(influxd: str, tmp_path: Path) -> Settings:
    """Settings for a database of the test's own, which is there."""
    made = Settings(
        influxdb_url=influxd, influxdb_api=InfluxdbApi.V1, influxdb_database=tmp_path.name
    )
    create_database(made)
    return made


class Counted(InfluxdbClient):
    """A client that counts what it writes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.calls: list[int] = []

    def write(self, lines: bytes) -> None:
        self.calls.append(len(lines))
        super().write(lines)


def write(settings: Settings, rows: Sequence[Row]) -> tuple[Outcome, list[int]]:
    """Write once, and the sizes of the calls it took."""
    client = Counted(settings)
    sink = InfluxdbSink(lambda: client, batch_size=settings.influxdb_batch_size)
    try:
        sink.open()
        return sink.write(rows), client.calls
    finally:
        sink.close()


def with_tags(row: Row) -> tuple[Any, ...]:
    """What tells points apart: as the key, but nothing and empty are the same."""
    return (
        row.table,
        row.time,
        *(getattr(row, name) or "" for name in TABLES[row.table].dimensions),
    )


names = iter(f"any-{number}" for number in range(10**9))


# Not made smaller when it fails: that takes longer than a test may, with a database for each try.
@settings(max_examples=60, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(written=st.lists(rows(), max_size=12, unique_by=with_tags))
def test_any_row_is_read_back_as_it_was_or_refused_with_a_reason(
    influxd: str, written: list[Row]
) -> None:
    there = Settings(
        influxdb_url=influxd, influxdb_api=InfluxdbApi.V1, influxdb_database=next(names)
    )
    create_database(there)
    try:
        outcome, _ = write(there, written)
        found = in_influxdb(there)
    finally:
        # Every time has a shard of its own: a thousand of them make the server slow.
        query(there, f'DROP DATABASE "{there.influxdb_database}"')
    refused = {with_tags(item.row) for item in outcome.rejected}
    assert all(item.reason for item in outcome.rejected)
    assert outcome.failed == []
    assert found == kept([row for row in written if with_tags(row) not in refused])
    for row in written:
        if with_tags(row) in refused:
            # Nothing is refused that could be kept.
            texts = [str(getattr(row, name) or "") for name in TABLES[row.table].dimensions]
            empty = all(value is None for name, value in row.values.items() if is_field(row, name))
            assert empty or any(set(text) & set("\n\t\\") for text in texts)


def is_field(row: Row, name: str) -> bool:
    table = TABLES[row.table]
    types = {column.name: column.type for column in table.columns}
    return name not in table.key and types[name] not in {ColumnType.BYTES, ColumnType.TIME}


def test_writing_twice_changes_nothing_and_other_content_replaces_it(there: Settings) -> None:
    for _ in range(2):
        outcome, _calls = write(there, ROWS)
        assert outcome == Outcome([], [], "", 0.0)
        assert in_influxdb(there) == kept(ROWS)
    changed = [replace(row, xmeas_9=number / 7) for number, row in enumerate(READING_ROWS)]
    write(there, changed)
    assert in_influxdb(there) == kept([*ROWS, *changed])


def test_calls_hold_no_more_lines_than_set_nor_more_bytes_than_servers_take(
    there: Settings,
) -> None:
    _, calls = write(replace(there, influxdb_batch_size=50), ROWS)
    assert len(calls) == -(-len(ROWS) // 50)
    large = [replace(row, extra="x" * 900_000) for row in READING_ROWS[:10]]
    outcome, calls = write(there, large)
    assert (len(calls), outcome.rejected) == (3, [])
    assert max(calls) <= 4 * 1024 * 1024


@pytest.mark.parametrize("gzip", [True, False])
def test_bodies_are_packed_or_not_and_say_the_same(there: Settings, gzip: bool) -> None:
    outcome, _ = write(replace(there, influxdb_gzip=gzip), ROWS)
    assert outcome.rejected == []
    assert in_influxdb(there) == kept(ROWS)


def test_a_conflict_of_types_is_found_row_by_row(there: Settings) -> None:
    client = InfluxdbClient(there)
    # Somebody else's: `missing` is a number there, in the shard of the rows' times.
    client.write(b"readings,plant=other missing=1.5 %d" % START_NS)
    client.close()
    sparse = [replace(row, missing=None) for row in READING_ROWS[::10]]
    whole = [row for place, row in enumerate(READING_ROWS) if place % 10]
    scores = [row for row in ROWS if row.table == SCORES.name]
    outcome, calls = write(there, [*whole[:50], *sparse, *scores, *whole[50:]])
    assert [item.row for item in outcome.rejected] == whole
    assert all("field type conflict" in item.reason for item in outcome.rejected)
    assert all("dropped" not in item.reason for item in outcome.rejected)
    assert outcome.failed == []
    found = in_influxdb(there, where="plant != 'other'")
    assert found == kept([*sparse, *scores])
    assert len(calls) < 60


def test_times_beyond_the_retention_are_refused_in_few_calls(there: Settings) -> None:
    query(
        there,
        f'ALTER RETENTION POLICY autogen ON "{there.influxdb_database}" DURATION 1d '
        "SHARD DURATION 1h",
    )
    old = [replace(row, time=row.time - 10 * 86_400_000_000_000) for row in READING_ROWS]
    outcome, calls = write(there, [*old[:70], *ROWS, *old[70:]])
    assert [item.row for item in outcome.rejected] == old
    assert {item.reason for item in outcome.rejected} == {
        "partial write: points beyond retention policy"
    }
    assert in_influxdb(there) == kept(ROWS)
    # All rows of a call at once, where the answer counts all of them.
    assert len(calls) < 30


def test_a_row_without_a_value_is_refused(there: Settings) -> None:
    row = ROWS[-2]
    assert row.table == "events"
    bare = replace(row, seq=None, process_hours=None, detail=None)
    outcome, calls = write(there, [bare])
    (item,) = outcome.rejected
    assert (item.row, calls) == (bare, [])
    assert "no value besides its key" in item.reason


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\\", "a\\,b", "a\\ b", "a\\=b", "a\\\\b"])
def test_what_no_tag_can_hold_is_refused(there: Settings, text: str) -> None:
    outcome, _ = write(there, [replace(READING_ROWS[0], plant=text), READING_ROWS[1]])
    (item,) = outcome.rejected
    assert "plant" in item.reason
    assert in_influxdb(there) == kept(READING_ROWS[1:2])


@pytest.mark.parametrize(
    "text", ["", "a\\", "\\", "\\\\", '\\"', '"', "a\nb", "\n", "a\tb", "a,b=c d", "\\n", "é °"]
)
def test_what_a_text_can_hold_is_kept(there: Settings, text: str) -> None:
    stored = [replace(READING_ROWS[0], extra=text), READING_ROWS[1]]
    write(there, stored)
    assert in_influxdb(there) == kept(stored)


@pytest.mark.parametrize("text", ["a\\b", "a,b=c d", '"a"', "é °", "#", "'", "\\a"])
def test_what_a_tag_can_hold_is_kept(there: Settings, text: str) -> None:
    row = replace(READING_ROWS[0], plant=text)
    write(there, [row])
    assert in_influxdb(there) == kept([row])


@pytest.mark.usefixtures("influxd")
def test_an_outage_loses_nothing(tmp_path: Path) -> None:
    """The server ends after a part was stored, and comes back while the sink waits."""
    folder = tmp_path / "influxd"
    with contextlib.ExitStack() as stack:
        with servers.influxd(folder) as url:
            there = Settings(
                influxdb_url=url, influxdb_api=InfluxdbApi.V1, influxdb_database=tmp_path.name
            )
            create_database(there)
            sink = InfluxdbSink(lambda: InfluxdbClient(there), batch_size=10)
            stack.callback(sink.close)
            sink.open()
            assert sink.write(ROWS[:40]) == Outcome([], [], "", 0.0)
        outcome = sink.write(ROWS)
        assert (outcome.rejected, outcome.failed) == ([], ROWS)
        assert "cannot be reached" in outcome.cause
        port = urllib.parse.urlsplit(url).port
        assert port is not None
        clock = ComesBack(5, lambda: stack.enter_context(servers.influxd(folder, port=port)))
        written = retry.write(sink, ROWS, patience_seconds=60, backoff=clock.backoff)
        assert (written.stored, written.rejected) == (len(ROWS), [])
        assert in_influxdb(there) == kept(ROWS)


class ComesBack(Clock):
    """A clock by which something begins after some seconds."""

    def __init__(self, seconds: float, begin: Callable[[], object]) -> None:
        super().__init__()
        self._due: tuple[float, Callable[[], object]] | None = (seconds, begin)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._due is not None and self.now >= self._due[0]:
            self._due[1]()
            self._due = None


@pytest.fixture(scope="module")
def guarded(influxd: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of the administrator of a server that asks who one is and takes small bodies only.

    A server of its own; the shared one is asked for to skip its tests where there is none.
    """
    options = ["auth-enabled = true", "max-body-size = 65536"]
    with servers.influxd(tmp_path_factory.mktemp("guarded"), http_options=options) as url:
        nobody = Settings(influxdb_url=url, influxdb_api=InfluxdbApi.V1, influxdb_gzip=False)
        query(nobody, f"CREATE USER admin WITH PASSWORD '{SECRET}' WITH ALL PRIVILEGES")
        admin = replace(nobody, influxdb_user="admin", influxdb_password=SECRET)
        query(admin, f"CREATE USER reader WITH PASSWORD '{SECRET}'")
        create_database(admin)
        yield admin


@pytest.mark.parametrize(
    "wrong",
    [
        {"influxdb_user": None, "influxdb_password": None},
        {"influxdb_password": f"{SECRET}!"},
        {"influxdb_user": "reader"},
        {"influxdb_user": None, "influxdb_password": None, "influxdb_token": SECRET},
    ],
)
def test_who_may_not_write_is_told_which_settings_to_look_at(
    guarded: Settings, wrong: dict[str, Any]
) -> None:
    with pytest.raises(SettingsError, match="influxdb_token, or influxdb_user") as error:
        write(replace(guarded, **wrong), ROWS)
    assert SECRET not in str(error.value)


def test_access_taken_away_from_a_running_job_is_waited_for(guarded: Settings) -> None:
    query(guarded, f"CREATE USER writer WITH PASSWORD '{SECRET}'")
    query(guarded, f'GRANT WRITE ON "{guarded.influxdb_database}" TO writer')
    sink = InfluxdbSink(
        lambda: InfluxdbClient(replace(guarded, influxdb_user="writer")), batch_size=10
    )
    sink.open()
    try:
        query(guarded, f'REVOKE WRITE ON "{guarded.influxdb_database}" FROM writer')
        outcome = sink.write(ROWS)
        assert (outcome.rejected, outcome.failed) == ([], ROWS)
        assert outcome.cause.startswith("setting influxdb_token, or influxdb_user")
        assert SECRET not in outcome.cause
        query(guarded, f'GRANT WRITE ON "{guarded.influxdb_database}" TO writer')
        assert sink.write(ROWS) == Outcome([], [], "", 0.0)
    finally:
        sink.close()
    assert in_influxdb(guarded) == kept(ROWS)


def test_bodies_that_are_too_large_are_halved_and_one_row_refused(guarded: Settings) -> None:
    there = replace(guarded, influxdb_database="halved")
    create_database(there)
    large = replace(READING_ROWS[0], extra="x" * 70_000)
    outcome, calls = write(there, [*ROWS[:60], large, *ROWS[60:]])
    (item,) = outcome.rejected
    assert item.row == large
    assert "413" in item.reason
    assert in_influxdb(there) == kept(ROWS)
    assert len(calls) < 30


def test_a_database_that_is_not_there_is_said_and_can_be_created(influxd: str) -> None:
    absent = Settings(
        influxdb_url=influxd, influxdb_api=InfluxdbApi.V1, influxdb_database='a "new" one, =1'
    )
    with pytest.raises(SettingsError, match=r"setting influxdb_database: .*HTTP 404"):
        write(absent, ROWS)
    create_database(absent)
    create_database(absent)
    write(absent, ROWS)
    databases = query(absent, "SHOW DATABASES")[0]["values"]
    assert [absent.influxdb_database] in databases


def test_a_database_that_cannot_be_created_is_said(influxd: str, guarded: Settings) -> None:
    bad = Settings(influxdb_url=influxd, influxdb_api=InfluxdbApi.V1, influxdb_database="a/b")
    with pytest.raises(StartupError, match=r"setting influxdb_database.*invalid name"):
        create_database(bad)
    reader = replace(guarded, influxdb_user="reader", influxdb_database="another")
    with pytest.raises(StartupError, match=r"influxdb_database.*403"):
        create_database(reader)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"influxdb_api": InfluxdbApi.V2}, "influxdb_url or influxdb_api"),
        ({"influxdb_url": "ftp://somewhere"}, "influxdb_url"),
        ({"influxdb_url": "http://a:secret@somewhere"}, "influxdb_url holds a user"),
        ({"influxdb_url": "http://somewhere?p=secret"}, "influxdb_url goes on"),
        ({"influxdb_url": "http://[::1"}, "influxdb_url"),
        ({"influxdb_password": "secret"}, "influxdb_password"),
        ({"influxdb_token": "t", "influxdb_user": "u"}, "influxdb_token and influxdb_user"),
        ({"influxdb_user": "a:b"}, "influxdb_user"),
    ],
)
def test_settings_that_are_wrong_are_named(
    there: Settings, wrong: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=named) as error:
        write(replace(there, **wrong), ROWS)
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(UnreachableError, match=r"http://127.0.0.1:9 cannot be reached"):
        write(Settings(influxdb_url="http://127.0.0.1:9"), ROWS)


Samples = dict[tuple[str, ...], dict[int, float]]


def in_victoria_metrics(url: str) -> Samples:
    """All samples, by name and labels of the series, by milliseconds."""
    urllib.request.urlopen(f"{url}/internal/force_flush", timeout=10).close()
    selector = urllib.parse.urlencode({"match[]": '{__name__!=""}'})
    with urllib.request.urlopen(f"{url}/api/v1/export?{selector}", timeout=30) as answer:
        lines = [msgspec.json.decode(line) for line in answer.read().splitlines()]
    found: Samples = {}
    for line in lines:
        name = line["metric"].pop("__name__")
        key = (name, *(f"{label}={value}" for label, value in sorted(line["metric"].items())))
        assert key not in found
        found[key] = dict(zip(line["timestamps"], line["values"], strict=True))
        assert len(found[key]) == len(line["timestamps"]), f"{key} has a time twice"
    return found


def as_samples(stored: Sequence[Row]) -> Samples:
    """What there is of rows: a series each number or flag, and 0 for text."""
    samples: Samples = {}
    for row in stored:
        tags = [(name, getattr(row, name)) for name in sorted(TABLES[row.table].dimensions)]
        labels = [f"{name}={value}" for name, value in tags if value not in (None, "")]
        for name, value in row.values.items():
            if not is_field(row, name) or value is None:
                continue
            number = 0.0 if isinstance(value, str | bytes) else float(value)
            series = samples.setdefault((f"{row.table}_{name}", *labels), {})
            series[row.time // 1_000_000] = number
    return samples


def test_victoria_metrics_keeps_numbers_and_flags_by_the_millisecond(victoria_metrics: str) -> None:
    there = Settings(influxdb_url=victoria_metrics)
    create_database(there)
    for _ in range(2):
        outcome, _calls = write(there, ROWS)
        assert outcome == Outcome([], [], "", 0.0)
        found, expected = in_victoria_metrics(victoria_metrics), as_samples(ROWS)
        assert found.keys() == expected.keys()
        for series, samples in expected.items():
            # It keeps decimal numbers, of at least 12 digits.
            assert found[series] == pytest.approx(samples, rel=1e-11)


def test_another_address_of_victoria_metrics_is_not_taken_for_one_to_write_to(
    victoria_metrics: str,
) -> None:
    with pytest.raises(SettingsError, match=r"influxdb_url or influxdb_api.*unsupported path"):
        write(Settings(influxdb_url=f"{victoria_metrics}/elsewhere"), ROWS)


def test_a_path_before_the_interface_is_kept(victoria_metrics: str) -> None:
    outcome, _ = write(Settings(influxdb_url=f"{victoria_metrics}/influx/"), ROWS[:1])
    assert outcome == Outcome([], [], "", 0.0)


def test_the_influxdb_that_is_given_keeps_rows_and_names_what_it_refuses() -> None:
    if os.environ.get("TEPWATCH_CONTRACT_INFLUXDB") != "1":
        pytest.skip(
            "NOT TESTED here: InfluxDB 2.7 and InfluxDB 3 themselves; set "
            "TEPWATCH_CONTRACT_INFLUXDB=1 and TEPWATCH_INFLUXDB_URL, _TOKEN, ... for one"
        )
    given_one = load()
    create_database(given_one)
    # A store that lasts: rows of this test alone, by a plant of its own.
    plant = f"contract-{time.time_ns()}"
    stored = [replace(row, plant=plant) for row in ROWS if hasattr(row, "plant")]
    tables = dict.fromkeys(row.table for row in stored)
    for _ in range(2):
        outcome, _calls = write(given_one, stored)
        assert (outcome.rejected, outcome.failed) == ([], [])
        assert in_influxdb(given_one, tables, where=f"plant = '{plant}'") == kept(stored)
    wrong = [replace(stored[0], missing=1.5, time=START_NS + 1), stored[1]]
    outcome, _ = write(given_one, wrong)
    assert [item.row for item in outcome.rejected] == wrong[:1]
