"""What every sink promises: rows arrive, once under their key, and survive the writer."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from aws.http import JsonService
from aws.kinesis import IteratorType, KinesisClient, OutgoingRecord
from aws.puts import PutFailure
from cli.provision import provision
from localaws.server import LocalAws
from sinks import retry
from sinks.base import Sink
from sinks.files import FilesSink, count_rows, read_table
from sinks.influxdb_database import create_database
from sinks.kinesis import KinesisSink
from sinks.memory import MemorySink
from sinks.registry import make_sinks, makers_for
from sinks.retry import SinkUnavailableError
from sinks.row_json import decode_row
from tepwatch.errors import InputFileError, SettingsError, ThrottledError, UnreachableError
from tepwatch.records import (
    EventKind,
    Origin,
    PlantEvent,
    Rejected,
    RejectReason,
    ScoreState,
    StageScore,
    StageScores,
)
from tepwatch.schema import (
    HEALTH,
    READINGS,
    TABLES,
    Row,
    dead_letter_row,
    event_row,
    make_row,
    reading_row,
    row_key,
    score_rows,
)
from tepwatch.settings import InfluxdbApi, Settings
from tests.clock import Clock
from tests.influx import in_influxdb
from tests.plants import reading
from tests.stored import Stored, comparable, in_s3, in_timestream

ORIGIN = Origin("s", "1", 0, 5)
# Stores take times near to now.
START_NS = (time.time_ns() // 1_000_000_000 - 7200) * 1_000_000_000


def recent(row: Row, number: int) -> Row:
    return replace(row, time=START_NS + number * 1_000_000_007)


READING_ROWS = [recent(reading_row(reading(seq), late=False), seq) for seq in range(120)]
SCORES = StageScores(
    "plant-1",
    "20260101T000000Z",
    3,
    START_NS,
    0.15,
    (
        StageScore("reactor_feed", 0.75, ScoreState.SCORED, 0),
        StageScore("product", None, ScoreState.WARMING_UP, 2),
    ),
)
EVENT = PlantEvent(
    "plant-1",
    "",
    None,
    START_NS // 1_000_000,
    None,
    EventKind.RESTART,
    '{"why":"a, \\"b\\""}',
    ORIGIN,
)
ROWS = [
    *READING_ROWS,
    *score_rows(SCORES),
    event_row(EVENT),
    recent(dead_letter_row(Rejected(RejectReason.NOT_JSON, "bad", b"\x00\xff\n", "k", ORIGIN)), 0),
]


class Destination(NamedTuple):
    """A way to make sinks of one destination, and to read all that is stored there."""

    make: Callable[[], Sink]
    rows: Callable[[], Stored]
    keeps_bytes: bool = True


def read_stream(client: KinesisClient, stream: str) -> list[Row]:
    rows = []
    for shard in client.list_shards(stream):
        iterator = client.shard_iterator(stream, shard.id, IteratorType.TRIM_HORIZON)
        for message in client.get_records(shard.id, iterator).messages:
            rows.append(decode_row(message.data))
    return rows


AWS_SINKS = ["kinesis", "timestream", "firehose"]


@pytest.fixture(params=["files", "memory", "influxdb", *AWS_SINKS])
def destination(
    request: pytest.FixtureRequest, tmp_path: Path, local_aws: LocalAws
) -> Iterator[Destination]:
    name = tmp_path.name.replace("_", "-")[-40:].strip("-").lower()
    settings = Settings(
        sinks=request.param,
        endpoint_url=local_aws.endpoint_url,
        output_stream=name,
        timestream_database=name,
        delivery_stream_prefix=f"{name}-",
        bucket=name,
    )
    match request.param:
        case "files":
            folder = tmp_path / "tables"
            yield Destination(
                lambda: FilesSink(folder),
                lambda: comparable(
                    row for table in TABLES for row in read_table(folder, table).values()
                ),
            )
        case "memory":
            memory = MemorySink()
            yield Destination(lambda: memory, lambda: comparable(memory.rows.values()))
        case "influxdb":
            there = replace(
                settings,
                sinks="influxdb,memory",
                influxdb_url=request.getfixturevalue("influxd"),
                influxdb_api=InfluxdbApi.V1,
                influxdb_database=name,
            )
            create_database(there)
            yield Destination(
                lambda: make_sinks(there)[0],
                lambda: comparable(in_influxdb(there).values()),
                keeps_bytes=False,
            )
        case "kinesis":
            client = KinesisClient(region="us-east-1", endpoint_url=local_aws.endpoint_url)
            client.create_stream(name, 1)
            yield Destination(
                lambda: make_sinks(settings)[0], lambda: comparable(read_stream(client, name))
            )
            client.delete_stream(name)
            client.close()
        case "timestream":
            provision(settings)
            both = replace(settings, sinks="timestream,memory")
            yield Destination(
                lambda: make_sinks(both)[0], lambda: in_timestream(settings), keeps_bytes=False
            )
        case _:
            provision(settings)

            def delivered() -> Stored:
                assert local_aws.flush_firehose()
                return in_s3(settings)

            yield Destination(lambda: make_sinks(settings)[0], delivered)


def expected(destination: Destination, rows: Sequence[Row]) -> Stored:
    return comparable(rows, without_bytes=not destination.keeps_bytes)


def store(sink: Sink, rows: Sequence[Row]) -> None:
    sink.open()
    try:
        written = retry.write(sink, rows, patience_seconds=5)
        assert (written.stored, written.rejected) == (len(rows), [])
    finally:
        sink.close()


def by_key(rows: list[Row]) -> dict[tuple[Any, ...], Row]:
    return {row_key(row): row for row in rows}


def test_rows_arrive_as_they_are(destination: Destination) -> None:
    store(destination.make(), ROWS)
    assert destination.rows() == expected(destination, ROWS)


def test_writing_again_leaves_one_row_a_key(destination: Destination) -> None:
    store(destination.make(), ROWS)
    store(destination.make(), ROWS[50:])
    assert destination.rows() == expected(destination, ROWS)


def test_nothing_to_write_is_no_problem(destination: Destination) -> None:
    store(destination.make(), [])
    assert destination.rows() == {}


def write(
    destination: Destination, rows: Sequence[Row], clock: Clock, *, patience_seconds: float = 60
) -> retry.Written:
    """Write with a sink of its own, waiting by a clock."""
    sink = destination.make()
    sink.open()
    try:
        return retry.write(sink, rows, patience_seconds=patience_seconds, backoff=clock.backoff)
    finally:
        sink.close()


Call = Callable[[str, bytes], bytes]
Fault = Callable[[Call, str, bytes], bytes]
PUTS = frozenset({"PutRecords", "WriteRecords", "PutRecordBatch"})


class Faults:
    """Faults between the sinks and AWS; `calls` counts those that store something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fault: Fault = lambda call, action, body: call(action, body)
        self.calls = 0
        real = JsonService.begin

        def begin(service: JsonService, action: str, body: bytes) -> Callable[[], bytes]:
            if action not in PUTS:
                return real(service, action, body)
            self.calls += 1
            return partial(self.fault, lambda *asked: real(service, *asked)(), action, body)

        monkeypatch.setattr(JsonService, "begin", begin)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


over_aws = pytest.mark.parametrize("destination", AWS_SINKS, indirect=True)


@over_aws
def test_an_outage_of_a_minute_loses_and_doubles_nothing(
    destination: Destination, faults: Faults
) -> None:
    clock = Clock()

    def away(call: Call, action: str, body: bytes) -> bytes:
        if clock.now < 60:
            raise UnreachableError("away", code="Unreachable")
        return call(action, body)

    faults.fault = away
    written = write(destination, ROWS, clock, patience_seconds=90)
    assert written.stored == len(ROWS)
    assert clock.now >= 60
    assert destination.rows() == expected(destination, ROWS)


@over_aws
def test_patience_ends_and_nothing_is_lost_by_trying_again(
    destination: Destination, faults: Faults
) -> None:
    clock = Clock()
    well = faults.fault

    def away(_call: Call, _action: str, _body: bytes) -> bytes:
        raise UnreachableError("gone fishing", code="Unreachable")

    faults.fault = away
    with pytest.raises(SinkUnavailableError, match="gone fishing"):
        write(destination, ROWS, clock)
    assert 60 <= clock.now < 65
    faults.fault = well
    store(destination.make(), ROWS)
    assert destination.rows() == expected(destination, ROWS)


@over_aws
def test_throttled_calls_are_made_again(destination: Destination, faults: Faults) -> None:
    clock = Clock()
    throttled = iter([True] * 4)

    def slow(call: Call, action: str, body: bytes) -> bytes:
        if next(throttled, False):
            raise ThrottledError("slow down", code="ThrottlingException")
        return call(action, body)

    faults.fault = slow
    written = write(destination, ROWS, clock)
    assert written.stored == len(ROWS)
    assert clock.now > 0
    assert destination.rows() == expected(destination, ROWS)


@over_aws
def test_an_answer_that_is_lost_doubles_nothing_under_its_key(
    destination: Destination, faults: Faults
) -> None:
    lost = iter([True, False, True])

    def lose(call: Call, action: str, body: bytes) -> bytes:
        answer = call(action, body)
        if next(lost, False):
            raise UnreachableError("connection reset", code="Unreachable")
        return answer

    faults.fault = lose
    written = write(destination, ROWS, Clock())
    assert written.stored == len(ROWS)
    assert destination.rows() == expected(destination, ROWS)


@pytest.mark.parametrize("destination", ["kinesis", "firehose"], indirect=True)
def test_a_batch_of_which_half_is_accepted(destination: Destination, faults: Faults) -> None:
    halves = iter([True] * 3)

    def accept_half(call: Call, action: str, body: bytes) -> bytes:
        request = msgspec.json.decode(body)
        records = request["Records"]
        taken = (len(records) + 1) // 2
        if taken == len(records) or not next(halves, False):
            return call(action, body)
        request["Records"] = records[:taken]
        answer = msgspec.json.decode(call(action, msgspec.json.encode(request)))
        count, results = (
            ("FailedRecordCount", "Records")
            if action == "PutRecords"
            else ("FailedPutCount", "RequestResponses")
        )
        answer[count] = len(records) - taken
        answer[results] += [{"ErrorCode": "ServiceUnavailableException"}] * answer[count]
        return msgspec.json.encode(answer)

    faults.fault = accept_half
    written = write(destination, ROWS, Clock())
    assert written.stored == len(ROWS)
    assert written.retried > 0
    assert destination.rows() == expected(destination, ROWS)


def unstorable(destination: Destination) -> list[Row]:
    """Rows that the destination can never take."""
    if destination.keeps_bytes:
        return [replace(row, extra="x" * 2_000_000) for row in ROWS[:1]]
    row = READING_ROWS[7]
    return [
        replace(row, time=5),
        replace(row, extra="x" * 3000),
        replace(row, extra="x" * 1900),
        replace(row, plant="p" * 3000),
    ]


@over_aws
def test_what_cannot_be_stored_is_rejected_with_a_reason_and_not_tried_again(
    destination: Destination, faults: Faults
) -> None:
    bad = unstorable(destination)
    good = ROWS[10:]
    written = write(destination, [*good[:40], *bad, *good[40:]], Clock())
    assert [item.row for item in written.rejected] == bad
    assert all(item.reason for item in written.rejected)
    assert (written.stored, written.retried) == (len(good), 0)
    # A call for each table, and for Timestream those that find the one that spoils a call.
    assert faults.calls < 20
    assert destination.rows() == expected(destination, good)


@pytest.mark.parametrize("destination", ["timestream", "influxdb"], indirect=True)
def test_other_content_under_a_key_replaces_what_was_there(destination: Destination) -> None:
    changed = [replace(row, xmeas_9=number / 7) for number, row in enumerate(READING_ROWS)]
    store(destination.make(), READING_ROWS)
    store(destination.make(), [*changed[:60], *READING_ROWS[60:]])
    assert destination.rows() == expected(destination, [*changed[:60], *READING_ROWS[60:]])
    store(destination.make(), changed)
    assert destination.rows() == expected(destination, changed)


@pytest.mark.parametrize("sinks", ["timestream", "influxdb", "influxdb,timestream,alarms"])
def test_dead_letters_need_somewhere_to_go(sinks: str) -> None:
    with pytest.raises(SettingsError, match="dead letters"):
        make_sinks(Settings(sinks=sinks))


@pytest.mark.parametrize("sinks", ["timestream,files", "firehose"])
def test_what_is_not_there_to_write_to_is_said_at_once(local_aws: LocalAws, sinks: str) -> None:
    settings = Settings(
        sinks=sinks,
        endpoint_url=local_aws.endpoint_url,
        timestream_database="no-such-database",
        delivery_stream_prefix="no-such-",
    )
    sink = make_sinks(settings)[0]
    with pytest.raises(SettingsError, match="no-such-"):
        sink.open()
    sink.close()


def test_settings_choose_sinks_and_unknown_ones_are_named(tmp_path: Path) -> None:
    settings = Settings(sinks="memory, files", files_path=str(tmp_path))
    assert [sink.name for sink in make_sinks(settings)] == ["memory", "files"]
    assert make_sinks(Settings(sinks="")) == []
    with pytest.raises(SettingsError, match="carrier_pigeon"):
        make_sinks(Settings(sinks="carrier_pigeon"))


def test_sinks_of_a_table_are_those_that_take_it() -> None:
    def names(table: str, sinks: str) -> list[str]:
        return [make().name for make in makers_for(Settings(sinks=sinks), table)]

    assert names(HEALTH.name, "timestream,firehose,alarms,kinesis") == ["timestream", "kinesis"]
    assert names(READINGS.name, "timestream,firehose,alarms") == ["timestream", "firehose"]
    # It is not of the job: nowhere is needed for dead letters.
    assert names(HEALTH.name, "timestream") == ["timestream"]
    assert names(HEALTH.name, "") == []
    with pytest.raises(SettingsError, match="firehose,alarms stores no rows of table health"):
        names(HEALTH.name, "firehose,alarms")
    with pytest.raises(SettingsError, match="carrier_pigeon"):
        names(HEALTH.name, "carrier_pigeon")


def test_a_torn_last_line_is_passed_over_and_a_bad_one_is_named(tmp_path: Path) -> None:
    store(FilesSink(tmp_path), ROWS[:10])
    (path,) = (tmp_path / "readings").iterdir()
    path.write_bytes(path.read_bytes() + b'{"plant":"pla')
    assert count_rows(tmp_path, "readings") == 10
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(InputFileError, match="line 1"):
        read_table(tmp_path, "readings")


def test_a_full_disk_fails_whole_batches_and_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write, calls = os.write, [0]

    def write(descriptor: int, data: bytes) -> int:
        calls[0] += 1
        if calls[0] == 1:
            return real_write(descriptor, bytes(data)[:100])
        if calls[0] == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, data)

    monkeypatch.setattr("sinks.files.os.write", write)
    store(FilesSink(tmp_path), ROWS)
    assert by_key(list(read_table(tmp_path, "readings").values())) == by_key(READING_ROWS)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="files_path"):
        FilesSink(tmp_path / "file" / "tables").open()


class PartialStream:
    """Accepts half of each call until it is told to take everything."""

    def __init__(self) -> None:
        self.records: list[OutgoingRecord] = []
        self.calls = 0

    def put_records(self, stream: str, records: Sequence[OutgoingRecord]) -> list[PutFailure]:
        self.calls += 1
        if self.calls == 1:
            raise ThrottledError("slow", code="ThrottlingException")
        taken = len(records) if self.calls > 4 else len(records) // 2
        self.records += records[:taken]
        return [
            PutFailure(place, "ProvisionedThroughputExceededException", "")
            for place in range(taken, len(records))
        ]

    def close(self) -> None:
        pass


def test_kinesis_puts_again_only_what_failed_and_keeps_the_order() -> None:
    stream = PartialStream()
    store(KinesisSink(lambda: stream, "s"), ROWS[:64])
    seqs = [msgspec.json.decode(record.data)["seq"] for record in stream.records]
    assert seqs == list(range(64))


def test_kinesis_takes_rows_of_no_plant() -> None:
    unknown = dict.fromkeys(column.name for column in HEALTH.columns)
    row = make_row(HEALTH.name, {**unknown, "time": 5, "job": "tepwatch", "state": "RUNNING"})
    stream = PartialStream()
    stream.calls = 10
    store(KinesisSink(lambda: stream, "s"), [row])
    (record,) = stream.records
    assert (record.partition_key, decode_row(record.data)) == ("health", row)


def test_kinesis_rejects_what_no_record_can_hold() -> None:
    stream = PartialStream()
    stream.calls = 10
    sink = KinesisSink(lambda: stream, "s")
    sink.open()
    large = replace(ROWS[0], extra="x" * 2_000_000)
    outcome = sink.write([ROWS[1], large])
    assert [item.row for item in outcome.rejected] == [large]
    assert len(stream.records) == 1
