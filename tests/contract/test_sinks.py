"""What every sink promises: rows arrive, once under their key, and survive the writer."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from aws.kinesis import IteratorType, KinesisClient, OutgoingRecord, PutFailure
from localaws.server import LocalAws
from sinks import retry
from sinks.base import Sink
from sinks.files import FilesSink, count_rows, read_table
from sinks.kinesis import KinesisSink
from sinks.memory import MemorySink
from sinks.registry import make_sinks
from sinks.row_json import decode_row
from tepwatch.errors import InputFileError, SettingsError, ThrottledError
from tepwatch.records import Origin, Rejected, RejectReason
from tepwatch.schema import Row, dead_letter_row, reading_row, row_key
from tepwatch.settings import Settings
from tests.plants import reading

ROWS = [reading_row(reading(seq), late=False) for seq in range(120)] + [
    dead_letter_row(
        Rejected(RejectReason.NOT_JSON, "bad", b"\x00\xff\n", "k", Origin("s", "1", 0, 5))
    )
]


class Destination(NamedTuple):
    """A way to make sinks of one destination, and to read all that is stored there."""

    make: Callable[[], Sink]
    rows: Callable[[], list[Row]]


def read_stream(client: KinesisClient, stream: str) -> list[Row]:
    rows = []
    for shard in client.list_shards(stream):
        iterator = client.shard_iterator(stream, shard.id, IteratorType.TRIM_HORIZON)
        for message in client.get_records(shard.id, iterator).messages:
            table = msgspec.json.decode(message.data)["table"]
            row = decode_row(table, message.data)
            values = {name: value for name, value in row.values.items() if name != "table"}
            rows.append(Row(table, values))
    return rows


@pytest.fixture(params=["files", "memory", "kinesis"])
def destination(
    request: pytest.FixtureRequest, tmp_path: Path, local_aws: LocalAws
) -> Iterator[Destination]:
    match request.param:
        case "files":
            folder = tmp_path / "tables"
            yield Destination(
                lambda: FilesSink(folder),
                lambda: [
                    row
                    for table in ("readings", "dead_letters")
                    for row in read_table(folder, table).values()
                ],
            )
        case "memory":
            memory = MemorySink()
            yield Destination(lambda: memory, lambda: list(memory.rows.values()))
        case _:
            stream = f"sink-{tmp_path.name}"
            connect = partial(
                KinesisClient, region="us-east-1", endpoint_url=local_aws.endpoint_url
            )
            client = connect()
            client.create_stream(stream, 1)
            yield Destination(
                lambda: KinesisSink(connect, stream), lambda: read_stream(client, stream)
            )
            client.delete_stream(stream)
            client.close()


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
    assert by_key(destination.rows()) == by_key(ROWS)


def test_writing_again_leaves_one_row_a_key(destination: Destination) -> None:
    store(destination.make(), ROWS)
    store(destination.make(), ROWS[50:])
    assert by_key(destination.rows()) == by_key(ROWS)


def test_nothing_to_write_is_no_problem(destination: Destination) -> None:
    store(destination.make(), [])
    assert destination.rows() == []


def test_settings_choose_sinks_and_unknown_ones_are_named(tmp_path: Path) -> None:
    settings = Settings(sinks="memory, files", files_path=str(tmp_path))
    assert [sink.name for sink in make_sinks(settings)] == ["memory", "files"]
    assert make_sinks(Settings(sinks="")) == []
    with pytest.raises(SettingsError, match="carrier_pigeon"):
        make_sinks(Settings(sinks="carrier_pigeon"))


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
    assert by_key(list(read_table(tmp_path, "readings").values())) == by_key(ROWS[:-1])


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


def test_kinesis_rejects_what_no_record_can_hold() -> None:
    stream = PartialStream()
    stream.calls = 10
    sink = KinesisSink(lambda: stream, "s")
    sink.open()
    large = ROWS[0]._replace(values={**ROWS[0].values, "extra": "x" * 2_000_000})
    outcome = sink.write([ROWS[1], large])
    assert [item.row for item in outcome.rejected] == [large]
    assert len(stream.records) == 1
