"""What the product relies on in Kinesis, asked of the local AWS, or of AWS itself.

TEPWATCH_CONTRACT_REGION=eu-central-1 points these tests at real AWS, with the credentials of the
environment; streams are made and deleted, which costs a few cents.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ministack.services import kinesis as ministack_kinesis

from aws.kinesis import IteratorType, KinesisClient, OutgoingRecord
from aws.producer import OrderedProducer
from localaws import kinesis as hooks
from localaws.hooks import MINISTACK_VERSION
from localaws.server import LocalAws
from tepwatch.errors import ServiceError, UnreachableError

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient as BotoClient

REGION = os.environ.get("TEPWATCH_CONTRACT_REGION")
READ_SECONDS = 30.0

at_home = pytest.mark.skipif(REGION is not None, reason="about the local AWS only")


class Service:
    """One Kinesis, reached by our client and by boto3."""

    def __init__(self, endpoint_url: str | None, region: str) -> None:
        self.endpoint_url = endpoint_url
        self.region = region
        keys: dict[str, Any] = (
            {} if endpoint_url is None else {"aws_access_key_id": "t", "aws_secret_access_key": "t"}
        )
        self.boto: BotoClient = boto3.client(
            "kinesis", region_name=region, endpoint_url=endpoint_url, **keys
        )

        self._clients: list[KinesisClient] = []

    def client(self) -> KinesisClient:
        client = KinesisClient(region=self.region, endpoint_url=self.endpoint_url)
        self._clients.append(client)
        return client

    def close(self) -> None:
        self.boto.close()
        for client in self._clients:
            client.close()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    if REGION is not None:
        found = Service(None, REGION)
    else:
        server: LocalAws = request.getfixturevalue("local_aws")
        found = Service(server.endpoint_url, "us-east-1")
    yield found
    found.close()


@pytest.fixture
def stream(service: Service) -> Iterator[str]:
    name = f"tepwatch-contract-{uuid.uuid4().hex[:12]}"
    client = service.client()
    client.create_stream(name, 2)
    yield name
    client.delete_stream(name)


def drain(client: KinesisClient, stream: str, count: int) -> dict[str, list[bytes]]:
    """Read all shards until `count` records were seen, or time is up; data by partition key."""
    seen: dict[str, list[bytes]] = {}
    iterators: dict[str, str | None] = {}
    total = 0
    deadline = time.monotonic() + READ_SECONDS
    while total < count and time.monotonic() < deadline:
        for shard in client.list_shards(stream):
            if shard.id not in iterators:
                iterators[shard.id] = client.shard_iterator(
                    stream, shard.id, IteratorType.TRIM_HORIZON
                )
            iterator = iterators[shard.id]
            if iterator is None:
                continue
            records = client.get_records(shard.id, iterator)
            iterators[shard.id] = records.next_iterator
            total += len(records.messages)
            for message in records.messages:
                seen.setdefault(message.partition_key, []).append(message.data)
        time.sleep(0.25 if REGION else 0.01)
    return seen


def test_concurrent_producers_and_consumers_lose_and_skip_nothing(
    service: Service, stream: str
) -> None:
    per_producer, producers, consumers = 3_000, 3, 2

    def produce(number: int) -> None:
        client = service.client()
        producer = OrderedProducer(client, stream)
        producer.put(
            [OutgoingRecord(f"plant-{number}", b"%d" % place) for place in range(per_producer)]
        )

    with ThreadPoolExecutor(producers + consumers) as pool:
        reading = [
            pool.submit(drain, service.client(), stream, per_producer * producers)
            for _ in range(consumers)
        ]
        for writing in [pool.submit(produce, number) for number in range(producers)]:
            writing.result()
        for seen in (future.result() for future in reading):
            assert seen == {
                f"plant-{number}": [b"%d" % place for place in range(per_producer)]
                for number in range(producers)
            }


def test_positions_by_sequence_number_and_time(service: Service, stream: str) -> None:
    client = service.client()
    client.put_records(stream, [OutgoingRecord("k", b"%d" % place) for place in range(5)])
    time.sleep(1.2)
    middle_ms = int(time.time() * 1000)
    time.sleep(0.2)
    client.put_records(stream, [OutgoingRecord("k", b"late")])
    (shard,) = [s.id for s in client.list_shards(stream) if read(client, stream, s.id)]
    everything = client.get_records(
        shard, client.shard_iterator(stream, shard, IteratorType.TRIM_HORIZON)
    ).messages
    assert [message.data for message in everything] == [b"0", b"1", b"2", b"3", b"4", b"late"]
    after = client.shard_iterator(
        stream, shard, IteratorType.AFTER_SEQUENCE_NUMBER, sequence=everything[2].sequence
    )
    assert [m.data for m in client.get_records(shard, after).messages] == [b"3", b"4", b"late"]
    at = client.shard_iterator(stream, shard, IteratorType.AT_TIMESTAMP, time_ms=middle_ms)
    assert [m.data for m in client.get_records(shard, at).messages] == [b"late"]
    sequences = [int(message.sequence) for message in everything]
    assert sequences == sorted(sequences)
    assert all(abs(message.arrival_ms - middle_ms) < 60_000 for message in everything)


def read(client: KinesisClient, stream: str, shard: str) -> list[bytes]:
    deadline = time.monotonic() + (READ_SECONDS if REGION else 0.0)
    iterator = client.shard_iterator(stream, shard, IteratorType.TRIM_HORIZON)
    while True:
        records = client.get_records(shard, iterator)
        if records.messages or time.monotonic() >= deadline or records.next_iterator is None:
            return [message.data for message in records.messages]
        iterator = records.next_iterator


def wait_active(service: Service, stream: str) -> None:
    deadline = time.monotonic() + 60
    while service.client().summary(stream).status != "ACTIVE" and time.monotonic() < deadline:
        time.sleep(0.5)


def test_split_and_merged_shards_close_keep_their_records_and_name_their_parents(
    service: Service, stream: str
) -> None:
    client = service.client()
    keys = [f"plant-{number}" for number in range(12)]
    client.put_records(stream, [OutgoingRecord(key, b"before") for key in keys])
    first, second = (shard.id for shard in client.list_shards(stream))
    service.boto.split_shard(StreamName=stream, ShardToSplit=first, NewStartingHashKey=str(2**126))
    wait_active(service, stream)
    client.put_records(stream, [OutgoingRecord(key, b"split") for key in keys])
    children = [shard for shard in client.list_shards(stream) if shard.parents == (first,)]
    assert len(children) == 2
    assert client.summary(stream).open_shards == 3
    service.boto.merge_shards(
        StreamName=stream, ShardToMerge=children[1].id, AdjacentShardToMerge=second
    )
    wait_active(service, stream)
    client.put_records(stream, [OutgoingRecord(key, b"merged") for key in keys])
    merged = [shard for shard in client.list_shards(stream) if len(shard.parents) == 2]
    assert {*merged[0].parents} == {children[1].id, second}
    # The closed shard still gives its records, and then says that it has ended.
    records = client.get_records(
        first, client.shard_iterator(stream, first, IteratorType.TRIM_HORIZON)
    )
    assert {message.data for message in records.messages} <= {b"before"}
    if not REGION:
        assert records.next_iterator is None
    seen = drain(client, stream, 3 * len(keys))
    assert seen == {key: [b"before", b"split", b"merged"] for key in keys}
    described = service.boto.describe_stream(StreamName=stream)["StreamDescription"]["Shards"]
    ended = {s["ShardId"] for s in described if "EndingSequenceNumber" in s["SequenceNumberRange"]}
    assert ended == {first, second, children[1].id}


@at_home
def test_update_shard_count_reaches_the_count_and_keeps_every_record(
    service: Service, stream: str
) -> None:
    client = service.client()
    keys = [f"plant-{number}" for number in range(20)]
    for round_number, target in enumerate((4, 3, 5)):
        client.put_records(stream, [OutgoingRecord(key, b"%d" % round_number) for key in keys])
        service.boto.update_shard_count(
            StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
        )
        assert client.summary(stream).open_shards == target
    assert drain(client, stream, 60) == {key: [b"0", b"1", b"2"] for key in keys}


def test_errors_carry_kinesis_codes(service: Service, stream: str) -> None:
    client = service.client()
    with pytest.raises(ServiceError) as missing:
        client.summary("no-such-stream")
    assert missing.value.code == "ResourceNotFoundException"
    with pytest.raises(ServiceError) as bad_iterator:
        client.get_records("shardId-000000000000", "bm90aGluZw==")
    assert bad_iterator.value.code == "InvalidArgumentException"
    with pytest.raises(ServiceError) as no_shard:
        client.shard_iterator(stream, "shardId-000000000099", IteratorType.TRIM_HORIZON)
    assert no_shard.value.code == "ResourceNotFoundException"
    with pytest.raises(ClientError) as too_many:
        service.boto.put_records(
            StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}] * 501
        )
    assert too_many.value.response["Error"]["Code"] in {
        "ValidationException",
        "InvalidArgumentException",
    }


def test_boto3_reads_what_our_client_puts_and_the_other_way_round(
    service: Service, stream: str
) -> None:
    client = service.client()
    client.put_records(stream, [OutgoingRecord("ours", b"\x00\xff ours")])
    service.boto.put_record(StreamName=stream, PartitionKey="boto", Data=b"\x00\xff boto")
    seen = drain(client, stream, 2)
    assert seen == {"ours": [b"\x00\xff ours"], "boto": [b"\x00\xff boto"]}
    found = []
    for shard in service.boto.list_shards(StreamName=stream)["Shards"]:
        iterator = service.boto.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += [r["Data"] for r in service.boto.get_records(ShardIterator=iterator)["Records"]]
    assert sorted(found) == [b"\x00\xff boto", b"\x00\xff ours"]


@at_home
def test_size_is_bounded_drops_are_counted_and_readers_go_on(tmp_path: Path) -> None:
    with LocalAws(tmp_path, kinesis_mb=1) as server:
        client = KinesisClient(region="us-east-1", endpoint_url=server.endpoint_url)
        client.create_stream("small", 1)
        (shard,) = client.list_shards("small")
        iterator = client.shard_iterator("small", shard.id, IteratorType.TRIM_HORIZON)
        data = b"x" * 10_000
        for _ in range(5):
            client.put_records("small", [OutgoingRecord("k", data)] * 50)
        counters = server.counters()["small"]
        assert counters["bytes"] <= 1024 * 1024 + 50 * 10_020
        assert counters["dropped"] == 250 - counters["records"] > 0
        records = client.get_records(shard.id, iterator)
        assert len(records.messages) == counters["records"]
        client.close()


@at_home
def test_the_hooks_fit_the_pinned_ministack() -> None:
    # install() itself refuses another version and any function whose parameters have changed.
    assert MINISTACK_VERSION == "1.5.33"
    hooks.install(size_bytes=1024)
    assert all(getattr(ministack_kinesis, name) is hook for name, hook in hooks.HOOKS.items())


def test_nothing_at_the_endpoint_is_said_within_the_time_limits() -> None:
    client = KinesisClient(region="us-east-1", endpoint_url="http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="cannot be reached"):
        client.summary("any")
    assert time.monotonic() - started < 5


def test_one_client_a_thread_is_enough(service: Service, stream: str) -> None:
    errors: list[BaseException] = []

    def put(number: int) -> None:
        try:
            service.client().put_records(stream, [OutgoingRecord(f"k{number}", b"x")])
        except ServiceError as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(drain(service.client(), stream, 8)) == 8
