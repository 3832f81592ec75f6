from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws.kinesis import OutgoingRecord
from aws.producer import OrderedProducer, batches
from aws.puts import PutFailure
from tepwatch.errors import ServiceError, ThrottledError, UnreachableError
from tests.clock import Clock


class FakeStream:
    """Accepts records but for what its script refuses, call by call."""

    def __init__(self, script: list[set[int] | ServiceError]) -> None:
        self.script = script
        self.accepted: list[OutgoingRecord] = []
        self.calls = 0

    def put_records(self, stream: str, records: Sequence[OutgoingRecord]) -> list[PutFailure]:
        refused = self.script[self.calls] if self.calls < len(self.script) else set()
        self.calls += 1
        if isinstance(refused, ServiceError):
            raise refused
        self.accepted += [r for place, r in enumerate(records) if place not in refused]
        return [
            PutFailure(place, "ProvisionedThroughputExceededException", "slow down")
            for place in sorted(refused)
            if place < len(records)
        ]


def record(key: str, number: int) -> OutgoingRecord:
    return OutgoingRecord(key, b"%d" % number)


def first_appearances(records: list[OutgoingRecord], key: str) -> list[bytes]:
    return list(dict.fromkeys(r.data for r in records if r.partition_key == key))


def last_run_is_in_order(records: list[OutgoingRecord], key: str) -> bool:
    """Whether a reader that drops what it has seen gets the key's records in order."""
    seen = [int(r.data) for r in records if r.partition_key == key]
    last = {number: place for place, number in enumerate(seen)}
    places = [last[number] for number in sorted(last)]
    return places == sorted(places)


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    st.lists(st.sets(st.integers(0, 39), max_size=20), max_size=8),
)
def test_nothing_is_lost_and_every_key_ends_in_order(
    keys: list[str], refusals: list[set[int]]
) -> None:
    clock = Clock()
    stream = FakeStream(list(refusals))
    records = [record(key, number) for number, key in enumerate(keys)]
    producer = OrderedProducer(stream, "s", backoff=clock.backoff)
    producer.put(records)
    assert set(stream.accepted) == set(records)
    assert all(last_run_is_in_order(stream.accepted, key) for key in set(keys))
    assert producer.counts.accepted == len(records)
    assert producer.counts.resent == len(stream.accepted) - len(records)


def test_a_key_without_failure_is_put_once() -> None:
    clock = Clock()
    stream = FakeStream([{1}])
    records = [record("a", 0), record("b", 1), record("a", 2), record("b", 3)]
    OrderedProducer(stream, "s", backoff=clock.backoff).put(records)
    assert [r for r in stream.accepted if r.partition_key == "a"] == [records[0], records[2]]
    assert [r.data for r in stream.accepted if r.partition_key == "b"] == [b"3", b"1", b"3"]


def test_throttling_is_answered_by_growing_waits_within_bounds() -> None:
    clock = Clock()
    throttled = ThrottledError("slow", code="ThrottlingException")
    stream = FakeStream([throttled] * 12)
    producer = OrderedProducer(stream, "s", backoff=clock.backoff)
    producer.put([record("a", 0)])
    assert producer.counts.waits == 12
    assert clock.sleeps[0] <= 0.05
    assert clock.sleeps[8] > clock.sleeps[0] * 10
    assert max(clock.sleeps) <= 2.0


def test_patience_ends_with_the_cause_and_an_honest_count() -> None:
    clock = Clock()
    away = UnreachableError("nothing there", code="Unreachable")
    stream = FakeStream([set(), *[away] * 1000])
    producer = OrderedProducer(stream, "s", patience_seconds=30, backoff=clock.backoff)
    records = [record("a", number) for number in range(501)]
    with pytest.raises(UnreachableError, match="nothing there"):
        producer.put(records)
    assert producer.counts.accepted == 500
    assert 30 <= clock.now < 33


def test_an_error_that_waiting_cannot_mend_is_raised_at_once() -> None:
    clock = Clock()
    stream = FakeStream([ServiceError("gone", code="ResourceNotFoundException")])
    with pytest.raises(ServiceError, match="gone"):
        OrderedProducer(stream, "s", backoff=clock.backoff).put([record("a", 0)])
    assert not clock.sleeps


def test_batches_keep_the_limits_of_a_call() -> None:
    sizes = [len(batch) for batch in batches([record("a", n) for n in range(1201)])]
    assert sizes == [500, 500, 201]
    large = [OutgoingRecord("a", b"x" * 1_000_000)] * 12
    assert [len(batch) for batch in batches(large)] == [5, 5, 2]
    with pytest.raises(ServiceError, match="larger"):
        list(batches([OutgoingRecord("a", b"x" * 1_048_577)]))
