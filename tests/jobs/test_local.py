from __future__ import annotations

from typing import Any

import pytest

from aws.kinesis import IteratorType, Records, Shard
from jobs import local
from jobs.local import Checkpoint, LocalJob
from jobs.shards import StreamReader
from sinks.memory import MemorySink
from tepwatch.records import DetectorEventKind, Message, ScoreState
from tepwatch.settings import Settings
from tests.former_state import of_the_first_engine
from tests.plants import messages, reading

SETTINGS = Settings(trees=10, sample_size=32, output_after=5, snapshot_records=60)


class OneShard:
    """A stream of one shard, in memory; a sequence number is a record's place."""

    def __init__(self, records: list[Message]) -> None:
        self.records = records
        self.calls = 0

    def list_shards(self, stream: str) -> list[Shard]:
        return [Shard("shard-0", ())]

    def shard_iterator(
        self,
        stream: str,
        shard: str,
        kind: IteratorType,
        *,
        sequence: str | None = None,
        time_ms: int | None = None,
    ) -> str:
        return "0" if sequence is None else str(int(sequence) + 1)

    def get_records(self, shard: str, iterator: str) -> Records:
        self.calls += 1
        return Records(self.records[int(iterator) :], str(len(self.records)), 0)

    def close(self) -> None:
        pass


def job_of(stream: OneShard, sink: MemorySink, checkpoint: Checkpoint | None = None) -> LocalJob:
    reader = StreamReader(
        lambda: stream,
        "stream",
        initial_position=SETTINGS.initial_position,
        poll_seconds=0.0,
        state=None if checkpoint is None else StreamReader.state_from_bytes(checkpoint.reader),
    )
    return LocalJob(SETTINGS, reader, [sink], checkpoint)


def stored(sink: MemorySink, table: str) -> list[dict[str, Any]]:
    return [row.values for row in sink.table(table)]


def test_kernels_are_compiled_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = OneShard(messages([reading(seq) for seq in range(10)]))
    calls_before: list[int] = []
    monkeypatch.setattr(local, "prepare", lambda settings: calls_before.append(stream.calls))
    job = job_of(stream, MemorySink())
    job.step()
    job.close()
    assert calls_before == [0]
    assert stream.calls == 1


def test_a_checkpoint_with_forests_of_the_first_engine_is_gone_on_from_in_warm_up() -> None:
    readings = [reading(seq) for seq in range(130)]
    stream = OneShard(messages(readings[:100]))
    job = job_of(stream, MemorySink())
    job.step()
    position, buckets = job.checkpoint()
    job.close()
    former = {
        number: ({plant: of_the_first_engine(data) for plant, data in snapshots.items()}, journal)
        for number, (snapshots, journal) in buckets.items()
    }
    assert any(snapshots for snapshots, _ in former.values())

    stream.records = messages(readings)
    sink = MemorySink()
    job = job_of(stream, sink, Checkpoint(position, former))
    job.step()
    counted = job.metrics.values()
    job.close()
    (event,) = stored(sink, "events")
    assert event["event"] == DetectorEventKind.RESTARTED
    assert "old version 1" in event["detail"]
    # It reads on where it was, and no reading of the 30 is missing.
    assert sorted(row["seq"] for row in stored(sink, "readings")) == list(range(100, 130))
    assert counted["records"] == 130
    scores = sorted((row["stage"], row["seq"], row["state"]) for row in stored(sink, "scores"))
    assert len(scores) == 3 * 30
    assert scores[0][2] == ScoreState.WARMING_UP
    assert scores[29][2] in {ScoreState.SCORED, ScoreState.HELD}
