"""Debian's InfluxDB 1.6 on free ports, for the time of a test session; and rows as its lines.

The lines stand in for the InfluxDB sink: measurement = table, tags = the columns that Timestream
has as dimensions, fields = the others, under the same names.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tepwatch.schema import TABLES, ColumnType, Row, Scalar, Table

DATABASE: Final = "tepwatch"
_START_SECONDS: Final = 30.0
_CALL_SECONDS: Final = 30.0
_REQUIRED: Final = "TEPWATCH_REQUIRE_SERVERS"
_CONFIGURATION: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{http}"
log-enabled = false
[monitor]
store-enabled = false
[continuous_queries]
enabled = false
"""


class Series(NamedTuple):
    """A series of an answer."""

    tags: dict[str, str]
    columns: list[str]
    values: list[list[Any]]


class Influxd:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, lines: Iterable[str]) -> None:
        """Write lines; every one has to be taken."""
        self._post("write", {"db": DATABASE, "precision": "ns"}, "\n".join(lines).encode())

    def ask(self, statement: str) -> list[Series]:
        """Ask as Grafana does, times in milliseconds; an error fails the test."""
        answer = self._post("query", {"db": DATABASE, "epoch": "ms", "q": statement}, b"")
        (result,) = json.loads(answer)["results"]
        assert "error" not in result, f"{result['error']}: {statement}"
        return [
            Series(each.get("tags", {}), each["columns"], each["values"])
            for each in result.get("series", [])
        ]

    def _post(self, path: str, parameters: dict[str, str], body: bytes) -> bytes:
        url = f"{self.url}/{path}?{urllib.parse.urlencode(parameters)}"
        request = urllib.request.Request(url, body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code} {error.read().decode()}: {parameters}") from error


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Influxd]:
    """A server with an empty database; skips the test where the program is absent."""
    program = shutil.which("influxd")
    if program is None:
        if os.environ.get(_REQUIRED) == "1":
            pytest.fail("influxd is not installed: apt-get install influxdb")
        pytest.skip("NOT VERIFIED: InfluxQL; influxd is not installed (apt-get install influxdb)")
    http, rpc = _free_ports(2)
    configuration = folder / "influxdb.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, http=http, rpc=rpc))
    with (folder / "influxd.log").open("wb") as log:
        process = subprocess.Popen([program, "-config", str(configuration)], stdout=log, stderr=log)
    try:
        server = Influxd(f"http://127.0.0.1:{http}")
        _wait_until_up(server.url, process, folder / "influxd.log")
        server.ask(f'CREATE DATABASE "{DATABASE}"')
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_CALL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_CALL_SECONDS)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=1.0):
                return
        except OSError:
            said = log.read_text()[-2000:]
            assert process.poll() is None, f"influxd ended: {said}"
            assert time.monotonic() < deadline, f"influxd does not answer: {said}"
            time.sleep(0.05)


def lines_of(rows: Iterable[Row]) -> list[str]:
    """Rows as line protocol."""
    return [_line(TABLES[row.table], row) for row in rows]


def _line(table: Table, row: Row) -> str:
    values = row.values
    types = {column.name: column.type for column in table.columns}
    tags = [name for name in table.key if types[name] is not ColumnType.TIME]
    tag_set = "".join(
        f",{name}={_escaped(str(values[name]))}" for name in tags if values[name] not in (None, "")
    )
    fields = ",".join(
        f"{name}={_field(kind, values[name])}"
        for name, kind in types.items()
        if name not in (*tags, "time") and kind is not ColumnType.BYTES and values[name] is not None
    )
    return f"{table.name}{tag_set} {fields} {row.time}"


def _escaped(text: str) -> str:
    return text.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")


def _field(kind: ColumnType, value: Scalar) -> str:
    match kind:
        case ColumnType.TEXT:
            text = str(value).replace("\\", r"\\").replace('"', r"\"")
            return f'"{text}"'
        case ColumnType.FLAG:
            return "true" if value else "false"
        case ColumnType.INTEGER | ColumnType.TIME:
            return f"{value!r}i"
        case _:
            return f"{value!r}"
