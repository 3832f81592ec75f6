"""The reader against a stream that splits, merges, throttles, expires and trims."""

from __future__ import annotations

import random
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws.kinesis import IteratorType, Records, Shard
from jobs.shards import LIST_SHARDS_SECONDS, StreamReader
from tepwatch.errors import (
    NewerStateError,
    ServiceError,
    StateError,
    ThrottledError,
    UnreachableError,
)
from tepwatch.records import Message
from tepwatch.sealed import seal
from tepwatch.settings import InitialPosition


class FakeShard:
    def __init__(self, parents: tuple[str, ...]) -> None:
        self.parents = parents
        self.records: list[Message] = []
        self.trimmed = 0
        self.closed = False


class FakeKinesis:
    """A stream in memory; `faults` are raised by the next calls that read."""

    def __init__(self, shards: int) -> None:
        self.now = 1_000_000.0
        self.numbers = count(1)
        self.shards = {f"shard-{number}": FakeShard(()) for number in range(shards)}
        self.iterators: dict[str, tuple[str, int]] = {}
        self.faults: list[ServiceError] = []
        self.listing_fault: ServiceError | None = None
        self.page = 1000
        self.closed_clients = 0

    def clock(self) -> float:
        return self.now

    def put(self, shard: str, data: bytes) -> None:
        assert not self.shards[shard].closed
        arrival_ms = int(self.now * 1000)
        self.shards[shard].records.append(
            Message(data, shard, f"{next(self.numbers):020d}", "key", arrival_ms)
        )

    def close_shard(self, shard: str, *children: str, other_parent: str | None = None) -> None:
        self.shards[shard].closed = True
        parents = (shard,) if other_parent is None else (shard, other_parent)
        for child in children:
            self.shards.setdefault(child, FakeShard(parents))

    def list_shards(self, stream: str) -> list[Shard]:
        if self.listing_fault is not None:
            raise self.listing_fault
        return [Shard(name, shard.parents) for name, shard in self.shards.items()]

    def shard_iterator(
        self,
        stream: str,
        shard: str,
        kind: IteratorType,
        *,
        sequence: str | None = None,
        time_ms: int | None = None,
    ) -> str:
        if shard not in self.shards:
            raise ServiceError("no such shard", code="ResourceNotFoundException")
        held = self.shards[shard]
        position = held.trimmed
        if kind is IteratorType.AFTER_SEQUENCE_NUMBER:
            known = [record.sequence for record in held.records]
            assert sequence is not None
            if known.index(sequence) < held.trimmed:
                raise ServiceError("sequence is trimmed", code="InvalidArgumentException")
            position = known.index(sequence) + 1
        elif kind is IteratorType.AT_TIMESTAMP:
            assert time_ms is not None
            while position < len(held.records) and held.records[position].arrival_ms < time_ms:
                position += 1
        token = f"iterator-{next(self.numbers)}"
        self.iterators[token] = (shard, position)
        return token

    def get_records(self, shard: str, iterator: str) -> Records:
        if self.faults:
            raise self.faults.pop(0)
        if iterator not in self.iterators:
            raise ServiceError("expired", code="ExpiredIteratorException")
        name, position = self.iterators[iterator]
        held = self.shards[name]
        position = max(position, held.trimmed)
        found = held.records[position : position + self.page]
        position += len(found)
        behind = len(held.records) - position
        if held.closed and not behind:
            return Records(found, None, 0)
        token = f"iterator-{next(self.numbers)}"
        self.iterators[token] = (name, position)
        return Records(found, token, behind * 1000)

    def close(self) -> None:
        self.closed_clients += 1


def reader_of(
    stream: FakeKinesis,
    state: bytes | None = None,
    position: InitialPosition = InitialPosition.TRIM_HORIZON,
) -> StreamReader:
    return StreamReader(
        lambda: stream,
        "stream",
        initial_position=position,
        poll_seconds=0.5,
        state=None if state is None else StreamReader.state_from_bytes(state),
        clock=stream.clock,
    )


def poll(reader: StreamReader, stream: FakeKinesis, times: int = 1) -> list[bytes]:
    out = []
    for _ in range(times):
        out += [message.data for message in reader.poll().messages]
        stream.now += LIST_SHARDS_SECONDS + 1
    return out


def test_a_childs_records_come_after_all_of_its_parents() -> None:
    stream = FakeKinesis(2)
    stream.page = 2
    for number in range(5):
        stream.put("shard-0", b"parent %d" % number)
    stream.close_shard("shard-0", "child-0", "child-1")
    stream.put("child-0", b"child")
    stream.put("child-1", b"child")
    reader = reader_of(stream)
    out = poll(reader, stream, 8)
    assert out == [b"parent %d" % number for number in range(5)] + [b"child"] * 2
    reader.close()


def test_a_merged_shard_waits_for_both_parents() -> None:
    stream = FakeKinesis(2)
    stream.page = 1
    stream.put("shard-0", b"a0")
    for number in range(4):
        stream.put("shard-1", b"b%d" % number)
    stream.close_shard("shard-0", "merged", other_parent="shard-1")
    stream.close_shard("shard-1")
    stream.put("merged", b"merged")
    reader = reader_of(stream)
    out = poll(reader, stream, 10)
    assert out[-1] == b"merged"
    assert sorted(out[:-1]) == [b"a0", b"b0", b"b1", b"b2", b"b3"]
    reader.close()


def test_a_child_whose_parent_is_no_longer_listed_is_read() -> None:
    stream = FakeKinesis(0)
    stream.shards["child"] = FakeShard(("long-gone",))
    stream.put("child", b"x")
    reader = reader_of(stream)
    assert poll(reader, stream) == [b"x"]
    reader.close()


def test_finished_shards_are_forgotten_when_the_stream_forgets_them() -> None:
    stream = FakeKinesis(1)
    stream.put("shard-0", b"x")
    stream.close_shard("shard-0", "child")
    reader = reader_of(stream)
    poll(reader, stream, 3)
    assert set(reader.lag()) == {"shard-0", "child"}
    del stream.shards["shard-0"]
    poll(reader, stream, 2)
    assert set(reader.lag()) == {"child"}
    assert reader.records == 1
    reader.close()


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_restarts_at_any_time_lose_repeat_and_reorder_nothing(seed: int, page: int) -> None:
    chance = random.Random(seed)
    stream = FakeKinesis(2)
    stream.page = page
    open_shards = ["shard-0", "shard-1"]
    put: dict[str, list[bytes]] = {}
    out: list[bytes] = []
    state: bytes | None = None
    reader = reader_of(stream)
    for step in range(40):
        shard = chance.choice(open_shards)
        data = b"%s/%d" % (shard.encode(), step)
        stream.put(shard, data)
        put.setdefault(shard, []).append(data)
        match chance.randrange(6):
            case 0 if len(open_shards) < 5:
                open_shards.remove(shard)
                stream.close_shard(shard, f"{shard}a", f"{shard}b")
                open_shards += [f"{shard}a", f"{shard}b"]
            case 1:
                stream.faults.append(ThrottledError("slow", code="Throttling"))
            case 2:
                stream.iterators.clear()
            case 3:
                reader.close()
                reader = reader_of(stream, state)
        out += poll(reader, stream)
        state = reader.to_bytes()
    stream.faults.clear()
    out += poll(reader, stream, 60)
    reader.close()
    assert sorted(out) == sorted(data for of_shard in put.values() for data in of_shard)
    assert reader.records == len(out)
    for shard, of_shard in put.items():
        assert [data for data in out if data in of_shard] == of_shard
        for child in (f"{shard}a", f"{shard}b"):
            if child in put:
                assert out.index(of_shard[-1]) < out.index(put[child][0])


def test_throttling_and_outages_are_waited_out_with_growing_pauses() -> None:
    stream = FakeKinesis(1)
    stream.put("shard-0", b"x")
    reader = reader_of(stream)
    stream.faults = [ThrottledError("slow", code="Throttling")] * 3 + [
        UnreachableError("away", code="Unreachable")
    ] * 3
    calls = []
    out: list[bytes] = []
    for _ in range(400):
        before = len(stream.faults)
        out += [message.data for message in reader.poll().messages]
        if len(stream.faults) < before:
            calls.append(stream.now)
        stream.now += 0.1
    pauses = [later - earlier for earlier, later in pairwise(calls)]
    assert out == [b"x"]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 3.0
    reader.close()


def test_a_trimmed_position_goes_on_at_the_oldest_record_and_is_counted() -> None:
    stream = FakeKinesis(1)
    for number in range(4):
        stream.put("shard-0", b"%d" % number)
    reader = reader_of(stream)
    assert len(poll(reader, stream)) == 4
    state = reader.to_bytes()
    reader.close()
    for number in range(4, 9):
        stream.put("shard-0", b"%d" % number)
    stream.shards["shard-0"].trimmed = 6
    again = reader_of(stream, state)
    assert poll(again, stream, 3) == [b"6", b"7", b"8"]
    assert again.trims == 1
    again.close()


def test_latest_is_remembered_as_a_time() -> None:
    stream = FakeKinesis(1)
    stream.put("shard-0", b"before")
    stream.now += 60
    reader = reader_of(stream, position=InitialPosition.LATEST)
    assert poll(reader, stream) == []
    state = reader.to_bytes()
    reader.close()
    stream.put("shard-0", b"while away")
    again = reader_of(stream, state, InitialPosition.LATEST)
    assert poll(again, stream) == [b"while away"]
    again.close()


def test_a_new_shard_is_read_from_its_beginning_also_with_latest() -> None:
    stream = FakeKinesis(1)
    reader = reader_of(stream, position=InitialPosition.LATEST)
    poll(reader, stream)
    stream.close_shard("shard-0", "child")
    stream.put("child", b"x")
    assert poll(reader, stream, 3) == [b"x"]
    reader.close()


def test_an_expired_closed_shard_counts_as_read() -> None:
    stream = FakeKinesis(2)
    stream.close_shard("shard-0", "child")
    reader = reader_of(stream)
    reader._list_shards_if_due()
    del stream.shards["shard-0"]
    stream.put("child", b"x")
    assert poll(reader, stream, 3) == [b"x"]
    reader.close()


def test_a_stream_that_is_gone_is_an_error() -> None:
    stream = FakeKinesis(1)
    stream.listing_fault = ServiceError("no stream", code="ResourceNotFoundException")
    reader = reader_of(stream)
    with pytest.raises(ServiceError, match="no stream"):
        reader.poll()
    reader.close()


def test_a_listing_that_fails_for_a_while_is_tried_again() -> None:
    stream = FakeKinesis(1)
    stream.put("shard-0", b"x")
    stream.listing_fault = ThrottledError("slow", code="LimitExceededException")
    reader = reader_of(stream)
    assert poll(reader, stream) == []
    stream.listing_fault = None
    assert poll(reader, stream) == [b"x"]
    reader.close()


def test_it_polls_at_once_while_it_is_behind() -> None:
    stream = FakeKinesis(1)
    stream.page = 2
    for number in range(4):
        stream.put("shard-0", b"%d" % number)
    reader = reader_of(stream)
    assert reader.poll().next_seconds == 0.25
    assert reader.lag()["shard-0"].millis_behind == 2000
    assert reader.poll().next_seconds == 0.5
    assert reader.lag()["shard-0"].millis_behind == 0
    reader.close()


def test_connections_are_closed() -> None:
    stream = FakeKinesis(3)
    reader = reader_of(stream)
    reader.poll()
    reader.close()
    assert stream.closed_clients == 4


def test_state_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(NewerStateError):
        StreamReader.state_from_bytes(seal(b"SHRD", 99, b""))
    for data in (b"", seal(b"SHRD", 0, b""), seal(b"SHRD", 1, b"\xff")):
        with pytest.raises(StateError):
            StreamReader.state_from_bytes(data)
