"""The replaced parts of ministack's Kinesis, in this process: what takes a day in the real one."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from ministack.services import kinesis

from localaws import kinesis as hooks

STREAM = "hooks"
DAY_SECONDS = 24 * 3600.0


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, Any]]]:
    """Calls a replaced function of ministack and gives the answer's fields."""
    for name, hook in hooks.HOOKS.items():
        monkeypatch.setattr(kinesis, name, hook)

    def answer(name: str, **request: object) -> dict[str, Any]:
        status, _headers, body = getattr(kinesis, name)({"StreamName": STREAM, **request})
        fields: dict[str, Any] = msgspec.json.decode(body)
        assert status == 200, fields
        return fields

    answer("_create_stream", ShardCount=1)
    yield answer
    answer("_delete_stream")


def put(call: Callable[..., dict[str, Any]], count: int) -> None:
    data = base64.b64encode(b"x").decode()
    call("_put_records", Records=[{"PartitionKey": "k", "Data": data}] * count)


def shards(call: Callable[..., dict[str, Any]]) -> list[str]:
    described = call("_describe_stream")["StreamDescription"]["Shards"]
    return [shard["ShardId"] for shard in described]


def test_records_expire_with_the_streams_retention(
    call: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(call, 3)
    now = time.time()
    monkeypatch.setattr("localaws.kinesis.time.time", lambda: now + DAY_SECONDS + 1)
    put(call, 2)
    counters = hooks.counters()[STREAM]
    assert (counters["records"], counters["expired"], counters["dropped"]) == (2, 3, 0)


def test_a_closed_shard_is_listed_until_its_records_have_expired(
    call: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (parent,) = shards(call)
    call("_split_shard", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    assert len(shards(call)) == 3
    assert call("_describe_stream_summary")["StreamDescriptionSummary"]["OpenShardCount"] == 2
    now = time.time()
    monkeypatch.setattr("localaws.kinesis.time.time", lambda: now + DAY_SECONDS + 1)
    left = shards(call)
    assert len(left) == 2
    assert parent not in left


def test_an_iterator_expires_after_five_minutes(
    call: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (shard,) = shards(call)
    iterator = call("_get_shard_iterator", ShardId=shard, ShardIteratorType="LATEST")
    token = iterator["ShardIterator"]
    assert call("_get_records", ShardIterator=token)["Records"] == []
    now = time.time()
    monkeypatch.setattr("localaws.kinesis.time.time", lambda: now + hooks.ITERATOR_SECONDS + 1)
    status, _headers, body = hooks.HOOKS["_get_records"]({"ShardIterator": token})
    assert (status, msgspec.json.decode(body)["__type"]) == (400, "ExpiredIteratorException")
