"""CPU of the sinks that keep series, in this process: making rows, lines or records, sending them.

What the servers need, an InfluxDB 1.6 and the Timestream of this machine, is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from benchmarks.job_steps import results_of
from benchmarks.rows import PlantRows
from cli.provision import provision
from jobs.fan_out import FanOut
from jobs.metrics import DictMetrics
from jobs.results import Result
from localaws.server import LocalAws
from sinks.influxdb_database import create_database
from sinks.registry import make_sinks
from tepwatch.settings import InfluxdbApi, Settings
from tests.servers import influxd

_MEASURED: Final = 20_000
_PLANTS: Final = 10
_TIMESTREAM: Final = "timestream"


def run(folder: Path, console: Console) -> Table:
    """InfluxDB beside Timestream, the same rows."""
    console.print("making results of readings ...")
    settings = Settings(monitor=False, influxdb_api=InfluxdbApi.V1)
    plants = [PlantRows(f"sinks-{number}", number) for number in range(_PLANTS)]
    results = results_of(settings, plants, _MEASURED)
    spent = {}
    with LocalAws(folder / "aws") as server, influxd(folder / "influxd") as url:
        settings = replace(settings, endpoint_url=server.endpoint_url, influxdb_url=url)
        provision(settings)
        create_database(settings)
        influxdb = replace(settings, sinks="influxdb,memory")
        for name, chosen in {
            _TIMESTREAM: replace(settings, sinks="timestream,memory"),
            "influxdb, plain bodies": replace(influxdb, influxdb_gzip=False),
            "influxdb, compressed bodies": replace(influxdb, influxdb_gzip=True),
        }.items():
            console.print(f"{name} ...")
            spent[name] = _cost(chosen, results)
    table = Table(title="Sinks by themselves, batches of 100: CPU seconds per 1,000 records")
    for column in ("sink", "CPU s", "against Timestream"):
        table.add_column(column, justify="left" if column == "sink" else "right")
    for name, seconds in spent.items():
        table.add_row(name, f"{seconds:.4f}", f"{seconds / spent[_TIMESTREAM]:.2f}")
    return table


def _cost(settings: Settings, results: Sequence[Sequence[Result]]) -> float:
    fan_out = FanOut(make_sinks(settings)[:1], DictMetrics(), patience_seconds=10)
    before = time.process_time()
    for batch in results:
        fan_out.write(batch)
    spent = time.process_time() - before
    fan_out.close()
    return spent / (_MEASURED / 1000)
