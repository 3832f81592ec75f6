"""A short run of the job with everything that dashboards show: an alarm with a name, and worse."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from cli.provision import provision
from dashboards.macros import TimeRange
from detection import artefact
from detection.artefact import Origin as BaselineOrigin
from detection.baseline import learn
from detection.forest import FloatArray
from jobs.local import LocalJob
from jobs.shards import StreamReader
from sinks import retry
from sinks.influxdb_database import create_database
from sinks.memory import MemorySink
from sinks.registry import make_sinks
from studies.faults import FaultRun
from studies.naming import teach, windows_of
from tepwatch.records import (
    Command,
    CommandKind,
    EventKind,
    Message,
    Origin,
    PlantEvent,
    Reading,
    StreamRecord,
)
from tepwatch.schema import Row
from tepwatch.settings import Settings, load
from tepwatch.tags import TAGS
from tepwatch.wire import encode
from tests.dashboards import health
from tests.detection.test_baseline import COLUMNS
from tests.detection.test_baseline import plant as made_up
from tests.jobs.test_local import OneShard

PLANTS: Final = ("plant-1", "O'Hare 2/b (east)")
"""The second has in its name what a query could trip over. Its alarm is acknowledged and shelved,
the first one's is seen by nobody."""
FAULTS: Final = {PLANTS[0]: 11, PLANTS[1]: 6}
STUCK: Final = "xmeas_5"
TICKS: Final = 300
TICK_MS: Final = 180_000
NOTHING_SENT: Final = Origin("", "0", 0, 0)

_DISTURBED: Final = {6: "xmeas_1", 11: "xmeas_15"}
_FAULT_TICKS: Final = slice(200, TICKS)
_BASE: Final = np.array([tag.base_value for tag in TAGS.values()])
_STEP: Final = 0.01
_RUN: Final = "20260101T000000Z"
_BAD: Final = (b"{", b'{"xmeas_1":"high"}', b'{"event":"earthquake"}')


class StoredRun(NamedTuple):
    """What was stored under which settings, and when."""

    settings: Settings
    rows: list[Row]
    range: TimeRange

    def table(self, name: str) -> list[Mapping[str, object]]:
        """The rows of one table, by column."""
        return [row.values for row in self.rows if row.table == name]


def run_into_timestream(folder: Path, endpoint_url: str, database: str) -> StoredRun:
    """Run the job on two plants, its rows into a new database."""
    settings = load(
        {
            "endpoint_url": endpoint_url,
            "timestream_database": database,
            "sinks": "timestream,memory",
            "baseline": str(_baseline(folder / "named.baseline")),
            "start_hours": 0.0,
            "trees": 10,
            "sample_size": 32,
            "output_after": 5,
        },
        environment={},
    )
    provision(settings)
    sinks = make_sinks(settings)
    memory = sinks[1]
    assert isinstance(memory, MemorySink)
    now = time.time_ns() // 1_000_000
    begins = now - (TICKS + 1) * TICK_MS
    stream = OneShard(list(_messages(begins, now)))
    reader = StreamReader(
        lambda: stream, "stream", initial_position=settings.initial_position, poll_seconds=0.0
    )
    job = LocalJob(settings, reader, sinks)
    try:
        job.step()
        timestream = sinks[0]
        assert not retry.write(timestream, health.samples(now), patience_seconds=10.0).rejected
    finally:
        job.close()
    rows = [*memory.rows.values(), *health.samples(now)]
    return StoredRun(settings, rows, TimeRange(begins, now))


def into_influxdb(run: StoredRun, url: str, database: str) -> Settings:
    """Write the rows of a run to InfluxDB 1.6 too; gives the settings with which it was."""
    settings = load(
        {
            "sinks": "influxdb,memory",
            "influxdb_url": url,
            "influxdb_api": "v1",
            "influxdb_database": database,
        },
        environment={},
    )
    create_database(settings)
    sink = make_sinks(settings)[0]
    sink.open()
    try:
        assert not retry.write(sink, run.rows, patience_seconds=10.0).rejected
    finally:
        sink.close()
    return settings


def _baseline(path: Path) -> Path:
    """Normal operation of made-up plants, and two faults by name."""
    baseline = learn([_plant(300, seed) for seed in range(5)])
    taught = teach(baseline, _labelled(range(6)), windows_of(TICK_MS / 1000))
    origin = BaselineOrigin("made up", "", TICK_MS / 1000, 1.0, 0.0, 42)
    path.write_bytes(artefact.to_bytes(baseline._replace(namer=taught.namer), origin))
    return path


def _plant(ticks: int, seed: int) -> FloatArray:
    values: FloatArray = _BASE * (1.0 + _STEP * (made_up(ticks, seed) - 50.0))
    return values


def _labelled(seeds: range) -> Iterator[FaultRun]:
    for seed in seeds:
        for fault, tag in _DISTURBED.items():
            ticks = _plant(150, 100 * fault + seed)
            _disturb(ticks, slice(60, None), tag)
            yield FaultRun(fault, ticks, 60)


def _disturb(ticks: FloatArray, during: slice, tag: str) -> None:
    ticks[during, COLUMNS[tag]] *= 1.0 + 9.0 * _STEP


def _messages(begins: int, now: int) -> Iterator[Message]:
    number = 0
    for plant, seed in zip(PLANTS, (50, 51), strict=True):
        for record in _records(plant, seed, begins):
            yield Message(encode(record), "shard-0", str(number), plant, now)
            number += 1
    for data in _BAD:
        yield Message(data, "shard-0", str(number), PLANTS[0], now)
        number += 1


def _records(plant: str, seed: int, begins: int) -> Iterator[StreamRecord]:
    values = _plant(TICKS, seed)
    _disturb(values, _FAULT_TICKS, _DISTURBED[FAULTS[plant]])
    if plant == PLANTS[1]:
        values[100:150, COLUMNS[STUCK]] = values[100, COLUMNS[STUCK]]
    late: list[Reading] = []
    seq = 0
    for tick, row in enumerate(values):
        at = begins + (tick + 1) * TICK_MS
        for event in _events(plant, tick):
            # An operator's command has no place in the run.
            place = seq if isinstance(event, PlantEvent) else None
            yield msgspec.structs.replace(event, plant=plant, seq=place, time_ms=at)
            seq += place is not None
        whole = row.tolist()
        reading = Reading(
            plant, _RUN, seq, at, tick * 0.05, tuple(whole[:41]), tuple(whole[41:]), None,
            NOTHING_SENT,
        )  # fmt: skip
        seq += 1
        # One reading comes so late that its place is passed.
        if tick == 10:
            late.append(reading)
        else:
            yield reading
    yield from late


def _events(plant: str, tick: int) -> Iterator[PlantEvent | Command]:
    if plant == PLANTS[1] and tick == TICKS - 10:
        # What is normal changes with it: nothing is judged from then on.
        yield _event(EventKind.SETPOINT, name="reactor-pressure", value=2705.0)
    if tick == _FAULT_TICKS.start:
        yield _event(EventKind.DISTURBANCE, idv=FAULTS[plant], on=True)
    if plant == PLANTS[1] and tick == TICKS - 15:
        yield _command(CommandKind.ACKNOWLEDGE, why="seen")
        yield _command(CommandKind.SHELVE, hours=1.0)


def _event(kind: EventKind, **detail: object) -> PlantEvent:
    text = msgspec.json.encode(detail).decode()
    return PlantEvent("", _RUN, 0, 0, None, kind, text, NOTHING_SENT)


def _command(kind: CommandKind, **detail: object) -> Command:
    text = msgspec.json.encode(detail).decode()
    return Command("", "", None, 0, None, kind, text, NOTHING_SENT)
