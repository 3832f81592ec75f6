"""Timestream at home: does writing, replaying and asking slow as a table grows?

Three servers, with 10 thousand, 1 million and 10 million rows of the reference system's layout (one
measure a row), are measured in turn, so that a machine that slows meanwhile slows them all. The
rows that are there before were put into the file directly; that they are what the API would have
written is checked by writing the last of them again, which must change nothing.
"""

from __future__ import annotations

import statistics
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec
from rich.console import Console, Group
from rich.table import Table

from aws.http import JsonService
from aws.timestream import RECORDS_MAX, TimestreamWriter
from benchmarks import cpu
from benchmarks.bars import verdict
from localaws.server import LocalAws
from localaws.timestream.catalogue import DatabaseProperties, Scope, TableProperties
from localaws.timestream.points import series_of
from localaws.timestream.shapes import single_measure_shape
from localaws.timestream.store import Store
from tepwatch.errors import StartupError
from tepwatch.tags import TAGS

_SIZES: Final = (10_000, 1_000_000, 10_000_000)
_ROUND: Final = 20_000
_ROUNDS: Final = 7
_QUERIES: Final = 20
_CONCURRENT_SECONDS: Final = 20.0
_GROWTH_MAX: Final = 1.10
_REPLAY_MIN: Final = 0.5
_PANEL_MS_MAX: Final = 50.0
_BLOCKED_MS_MAX: Final = 200.0

_STEP_NS: Final = 100_000_000  # 10 readings a second, as in the demo
# Beside queries rows are written as fast as they are taken: closer together, or they would be in
# the future.
_HURRIED_STEP_NS: Final = 1_000_000
_VALUES: Final = 97
_DATABASE: Final = "kdaflink"
_TABLE: Final = "kinesisdata1"
_DIMENSIONS: Final = (("factory", "plant-1"), ("run", "20260101T000000Z"))
_NAMES: Final = tuple(TAGS)
_PANEL: Final = (
    "SELECT CREATE_TIME_SERIES(time, measure_value::double) as xmeas_9 "
    f'FROM "{_DATABASE}"."{_TABLE}" WHERE measure_name=\'xmeas_9\' AND '
    "time between ago(15m) and now()"
)
_PANEL_REQUEST: Final = msgspec.json.encode({"QueryString": _PANEL})
_HEAD: Final = (
    f'{{"DatabaseName":"{_DATABASE}","TableName":"{_TABLE}","CommonAttributes":{{"Dimensions":['
    + ",".join(f'{{"Name":"{name}","Value":"{value}"}}' for name, value in _DIMENSIONS)
    + '],"MeasureValueType":"DOUBLE","TimeUnit":"NANOSECONDS"},"Records":['
)


class _Rows:
    """Row `n` of a table, the same wherever it is made."""

    def __init__(self, count: int) -> None:
        self._hurried = count + _ROUNDS * _ROUND
        steps = self._hurried // len(_NAMES) + 1
        self.start_ns = time.time_ns() - steps * _STEP_NS

    def time_ns(self, n: int) -> int:
        """When it was."""
        early, hurried = min(n, self._hurried), max(n - self._hurried, 0)
        return (
            self.start_ns
            + early // len(_NAMES) * _STEP_NS
            + hurried // len(_NAMES) * _HURRIED_STEP_NS
            + (1 if hurried else 0)
        )

    def calls(self, first: int, count: int) -> list[bytes]:
        """WriteRecords requests for rows."""
        records = (
            f'{{"MeasureName":"{_NAMES[n % len(_NAMES)]}","MeasureValue":"{n % _VALUES}.5",'
            f'"Time":"{self.time_ns(n)}"}}'
            for n in range(first, first + count)
        )
        calls = []
        while some := list(islice(records, RECORDS_MAX)):
            calls.append((_HEAD + ",".join(some) + "]}").encode())
        return calls

    def put(self, path: Path, count: int) -> None:
        """Put the first rows into a new file."""
        store = Store(path)
        shape = single_measure_shape(tuple(name for name, _ in _DIMENSIONS), "DOUBLE")
        scope, now = Scope("000000000000", "us-east-1"), time.time()
        catalogue = store.catalogue
        series = ", ".join(
            f"({n}, '{m}', {series_of(m, _DIMENSIONS)})" for n, m in enumerate(_NAMES)
        )
        values = ", ".join(
            f"({n}, {n + 0.5}, {shape.digest_of((n + 0.5,))})" for n in range(_VALUES)
        )
        store.transaction(
            lambda c: catalogue.put_database(c, scope, _DATABASE, DatabaseProperties(now, now))
        )
        table = store.transaction(
            lambda c: catalogue.create_table(
                c, scope, _DATABASE, _TABLE, TableProperties(now, now, memory_hours=24)
            )
        )
        store.transaction(lambda c: catalogue.add_columns(c, table, shape.columns))
        dimensions = ", ".join(f"'{value}'" for _, value in _DIMENSIONS)
        store.transaction(
            lambda c: c.execute(
                f"INSERT INTO {table.physical} (time, measure_name, _tw_series, _tw_version, "
                '_tw_digest, factory, run, "measure_value::double") '
                f"SELECT make_timestamp_ns({self.start_ns} + (i // {len(_NAMES)}) * {_STEP_NS}), "
                f"s.name, s.series, 1, v.digest, {dimensions}, v.value FROM range({count}) r(i) "
                f"JOIN (VALUES {series}) s(n, name, series) ON s.n = i % {len(_NAMES)} "
                f"JOIN (VALUES {values}) v(n, value, digest) ON v.n = i % {_VALUES} ORDER BY i"
            )
        )
        store.close()


class _Costs(NamedTuple):
    """Of one round: microseconds of the server's CPU a row, and milliseconds a query."""

    first: float
    again: float
    query_cpu: float
    query: float


class _Server:
    """A server with so many rows."""

    def __init__(self, folder: Path, count: int) -> None:
        self._rows = _Rows(count)
        self._next = count
        self.points = 0
        self._rows.put(folder / "timestream.duckdb", count)
        self._server = LocalAws(folder, data_dir=folder)
        url = self._server.endpoint_url
        self._writer = TimestreamWriter(region="us-east-1", endpoint_url=url)
        # Not boto3, which takes longer to parse an answer than the server to give it.
        self._query = JsonService(
            "timestream",
            "Timestream_20181101",
            region="us-east-1",
            endpoint_url=url,
            json_version="1.0",
        )
        before = self.inserted()
        self._write(self._rows.calls(count - min(count, 5_000), min(count, 5_000)))
        if self.inserted() != before:
            raise StartupError("the rows put into the file are not those that the API writes")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._writer.close()
        self._query.close()
        self._server.stop()

    def inserted(self) -> int:
        """Rows inserted since the start."""
        return self._server.timestream_counters()["inserted"]

    def round(self) -> _Costs:
        """New rows, the same again, and the panel's query."""
        calls = self._rows.calls(self._next, _ROUND)
        self._next += _ROUND
        before = cpu.of_process(self._server.pid)
        self._write(calls)
        first = cpu.of_process(self._server.pid)
        self._write(calls)
        again = cpu.of_process(self._server.pid)
        seconds = [self.ask() for _ in range(_QUERIES)]
        asked = cpu.of_process(self._server.pid)
        return _Costs(
            (first - before) / _ROUND * 1e6,
            (again - first) / _ROUND * 1e6,
            (asked - again) / _QUERIES * 1e3,
            statistics.median(seconds) * 1e3,
        )

    def ask(self) -> float:
        """Seconds of one panel query, from the request to the last byte of its answer."""
        started = time.perf_counter()
        answer = self._query.call("Query", _PANEL_REQUEST)
        seconds = time.perf_counter() - started
        self.points = answer.count(b'"Time":')
        return seconds

    def blocked(self) -> tuple[list[float], int]:
        """Seconds of each query while rows are written as fast as they are taken, and how many."""
        stop = threading.Event()
        start = self._next

        def write() -> None:
            while not stop.is_set():
                self._write(self._rows.calls(self._next, 2_000))
                self._next += 2_000

        writing = threading.Thread(target=write)
        writing.start()
        seconds = []
        end = time.monotonic() + _CONCURRENT_SECONDS
        while time.monotonic() < end:
            seconds.append(self.ask())
        stop.set()
        writing.join()
        return seconds, self._next - start

    def _write(self, calls: list[bytes]) -> None:
        for call in calls:
            rejected = self._writer.write_records(call)
            if rejected:
                raise StartupError(f"rejected: {rejected[0].reason}")


def run(folder: Path, console: Console) -> Group:
    """Measure at all sizes."""
    console.print(f"Timestream at home: putting {', '.join(f'{n:,}' for n in _SIZES)} rows ...")
    servers = [_Server(folder / str(size), size) for size in _SIZES]
    try:
        rounds = [[server.round() for server in servers] for _ in range(_ROUNDS)]
        console.print("queries beside writes ...")
        blocked, written = servers[-1].blocked()
    finally:
        for server in servers:
            server.__exit__()
    return Group(_rates(rounds), _verdicts(rounds, blocked, written, servers[-1].points))


def _rates(rounds: list[list[_Costs]]) -> Table:
    table = Table(
        title=f"Timestream at home, one measure a row, medians of {_ROUNDS} rounds of {_ROUND:,} "
        f"rows and {_QUERIES} queries"
    )
    table.add_column("rows before", justify="right")
    for name in ("first writes", "the same again"):
        table.add_column(f"{name}, CPU µs a row", justify="right")
        table.add_column("rows per CPU s", justify="right")
    table.add_column("panel query, CPU ms", justify="right")
    table.add_column("queries per CPU s", justify="right")
    table.add_column("panel query, ms", justify="right")
    for place, size in enumerate(_SIZES):
        first, again, query_cpu, query = (
            statistics.median(values) for values in zip(*(r[place] for r in rounds), strict=True)
        )
        table.add_row(
            f"{size:,}",
            f"{first:.1f}",
            f"{1e6 / first:,.0f}",
            f"{again:.1f}",
            f"{1e6 / again:,.0f}",
            f"{query_cpu:.1f}",
            f"{1e3 / query_cpu:,.0f}",
            f"{query:.1f}",
        )
    return table


def _verdicts(rounds: list[list[_Costs]], blocked: list[float], written: int, points: int) -> Table:
    few, many = ([r[place] for r in rounds] for place in (0, -1))
    growth = statistics.median(m.first / f.first for f, m in zip(few, many, strict=True))
    replay = statistics.median(cost.first / cost.again for r in rounds for cost in r)
    panel = statistics.median(cost.query for cost in many)
    longest = max(blocked) * 1e3
    table = Table(
        title=f"Against the bars ({written:,} rows written beside {len(blocked)} queries)"
    )
    for name in ("what", "measured", "bar", ""):
        table.add_column(name)
    for what, measured, bar, held in (
        (
            f"CPU of a first write, {_SIZES[-1]:,} against {_SIZES[0]:,} rows, by pairs",
            f"x {growth:.2f}",
            f"x {_GROWTH_MAX}",
            growth <= _GROWTH_MAX,
        ),
        (
            "rate of replays against first writes",
            f"x {replay:.2f}",
            f"x {_REPLAY_MIN}",
            replay >= _REPLAY_MIN,
        ),
        (
            f"15-minute panel, {points:,} points, over {_SIZES[-1]:,} rows",
            f"{panel:.1f} ms",
            f"{_PANEL_MS_MAX:g} ms",
            panel <= _PANEL_MS_MAX,
        ),
        (
            "longest query beside writes, less a query alone",
            f"{longest - panel:.0f} ms",
            f"{_BLOCKED_MS_MAX:g} ms",
            longest - panel <= _BLOCKED_MS_MAX,
        ),
    ):
        table.add_row(what, measured, bar, verdict(held=held))
    return table
