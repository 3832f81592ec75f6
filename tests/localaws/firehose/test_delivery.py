"""Buffering, transforming and writing of one delivery stream, with a clock of its own."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import cloudwatch_logs, lambda_svc
from ministack.services import kinesis as ministack_kinesis

from localaws import kinesis
from localaws import s3 as s3_module
from localaws.firehose import destination, lambda_call, object_name
from localaws.firehose.buffers import RECORD_OVERHEAD_BYTES, MemoryBound, Record
from localaws.firehose.delivery import Delivery
from localaws.firehose.delivery_thread import DeliveryThread
from localaws.firehose.destination import MIB, Destination
from localaws.firehose.kinesis_source import KinesisSource
from localaws.firehose.lambda_call import PAYLOAD_BYTES_MAX, InvocationError, function_error
from localaws.firehose.object_bound import OBJECT_OVERHEAD_BYTES, BoundedObjects, StoredObject
from localaws.firehose.object_writer import Identity, Surroundings
from localaws.firehose.transform import batches
from localaws.hooks import ClientError
from localaws.s3 import StoreError

START = dt.datetime(2026, 11, 22, 23, 59, 58, tzinfo=dt.UTC).timestamp()
ARN = "arn:aws:firehose:us-east-1:000000000000:deliverystream/s"
IDENTITY = Identity("s", ARN, "000000000000", "us-east-1")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Store:
    """Stands for S3; fails as often as it is told."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fail = 0
        self.attempts = 0

    def put(self, stored: StoredObject, body: bytes, headers: Mapping[str, str]) -> None:
        self.attempts += 1
        if self.fail:
            self.fail -= 1
            raise StoreError("NoSuchBucket: there is none")
        assert stored.size == len(body)
        self.objects[f"{stored.bucket}/{stored.key}"] = body


class Bench:
    """A delivery stream with everything around it replaced."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        limit_bytes: int = 64 * MIB,
        invoke: Callable[[dict[str, Any]], object] | None = None,
        source: KinesisSource | None = None,
    ) -> None:
        self.clock = Clock()
        self.store = Store()
        self.bound = MemoryBound(limit_bytes)
        self.limit_bytes = limit_bytes
        self.pauses: list[float] = []
        self.patient = True
        self.woken = 0
        self.events: list[dict[str, Any]] = []
        self.destination = parsed(config or {})
        self._invoke = invoke
        self.delivery = Delivery(
            IDENTITY,
            lambda: (self.destination, "3"),
            Surroundings(self.call, self.store, self.bound, self.clock),
            source,
            wake=self.wake,
            pause=self.pause,
        )

    def call(self, arn: str, event: dict[str, Any]) -> object:
        assert arn == "f"
        self.events.append(event)
        assert self._invoke is not None
        return self._invoke(event)

    def wake(self) -> None:
        self.woken += 1

    def pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return self.patient

    def counts(self, *names: str) -> tuple[int, ...]:
        counts = self.delivery.counts.as_dict()
        return tuple(counts[name] for name in names)

    @property
    def bodies(self) -> list[bytes]:
        return list(self.store.objects.values())

    @property
    def used_bytes(self) -> int:
        return self.limit_bytes - self.bound.free_bytes


def parsed(config: Mapping[str, Any]) -> Destination:
    return destination.parse("ExtendedS3", {"BucketARN": "arn:aws:s3:::data", **config})


def hints(mb: int, seconds: int) -> dict[str, Any]:
    return {"BufferingHints": {"SizeInMBs": mb, "IntervalInSeconds": seconds}}


def processing(**parameters: object) -> dict[str, Any]:
    items = {"LambdaArn": "f", **parameters}
    listed = [{"ParameterName": k, "ParameterValue": str(v)} for k, v in items.items()]
    processors = [{"Type": "Lambda", "Parameters": listed}]
    return {"ProcessingConfiguration": {"Enabled": True, "Processors": processors}}


def upper(event: dict[str, Any]) -> dict[str, Any]:
    records = [
        {
            "recordId": record["recordId"],
            "result": "Ok",
            "data": base64.b64encode(base64.b64decode(record["data"]).upper()).decode(),
        }
        for record in event["records"]
    ]
    return {"records": records}


# -- buffering ---------------------------------------------------------------------------------


def test_defaults_are_firehoses() -> None:
    made = parsed(processing())
    assert (made.buffer_bytes, made.buffer_seconds) == (5 * MIB, 300)
    assert made.processor is not None
    assert made.processor[1:] == (3, MIB, 60)


def test_records_wait_for_the_interval_of_the_first() -> None:
    bench = Bench(hints(1, 60))
    assert bench.delivery.due_at() is None
    bench.delivery.put([b"a\n"])
    bench.clock.now += 40
    bench.delivery.put([b"b\n"])
    assert bench.delivery.due_at() == START + 60
    bench.clock.now = START + 59.9
    bench.delivery.deliver_due()
    assert bench.bodies == []
    bench.clock.now = START + 60
    bench.delivery.deliver_due()
    assert bench.bodies == [b"a\nb\n"]
    assert bench.delivery.due_at() is None
    assert bench.used_bytes == 0


def test_objects_are_cut_when_they_are_full_and_the_thread_is_woken_for_it() -> None:
    bench = Bench(hints(1, 60))
    bench.delivery.put([b"x" * 300_000] * 2)
    assert bench.woken == 1
    bench.delivery.put([b"x" * 300_000])
    assert bench.woken == 1
    bench.delivery.put([b"x" * 300_000] * 3)
    assert bench.woken == 2
    assert bench.delivery.due_at() == 0.0
    bench.delivery.deliver_due()
    assert [len(body) for body in bench.bodies] == [1_200_000]
    assert bench.counts("put", "delivered", "buffered") == (6, 4, 2)
    # What was left over is as old as the first record: it is due with the interval.
    assert bench.delivery.due_at() == START + 60
    bench.clock.now += 60
    bench.delivery.deliver_due()
    assert [len(body) for body in bench.bodies] == [1_200_000, 600_000]
    assert bench.used_bytes == 0


def test_no_interval_means_at_once() -> None:
    bench = Bench(hints(1, 0))
    bench.delivery.put([b"a"])
    assert bench.delivery.due_at() == START
    bench.delivery.deliver_due()
    assert bench.bodies == [b"a"]


def test_what_does_not_fit_in_memory_is_refused_and_fits_later() -> None:
    bench = Bench(limit_bytes=3 * (1000 + RECORD_OVERHEAD_BYTES))
    ids = bench.delivery.put([b"x" * 1000] * 5)
    assert [record_id is None for record_id in ids] == [False, False, False, True, True]
    assert len({*ids}) == 4
    assert bench.counts("put") == (3,)
    bench.delivery.deliver_all()
    assert None not in bench.delivery.put([b"x" * 1000] * 3)


def test_a_closed_stream_takes_nothing() -> None:
    bench = Bench()
    bench.delivery.close(read_source=False)
    assert bench.delivery.put([b"x"]) == [None]
    assert bench.used_bytes == 0


@given(
    st.lists(st.integers(0, 300_000), max_size=30),
    st.lists(st.sampled_from(["due", "all", "later"]), max_size=30),
    st.booleans(),
)
def test_every_record_is_delivered_once_and_all_memory_given_back(
    sizes: list[int], steps: list[str], transformed: bool
) -> None:
    config = {**hints(1, 10), **(processing(BufferIntervalInSeconds=3) if transformed else {})}
    bench = Bench(config, invoke=upper)
    data = [b"%06d" % number + b"x" * size for number, size in enumerate(sizes)]
    for record, step in zip(data, steps + ["due"] * len(data), strict=False):
        bench.delivery.put([record])
        bench.clock.now += 2 if step == "later" else 0
        bench.delivery.deliver_all() if step == "all" else bench.delivery.deliver_due()
    bench.delivery.deliver_all()
    expected = b"".join(data)
    assert b"".join(bench.bodies) == (expected.upper() if transformed else expected)
    assert bench.used_bytes == 0
    assert bench.counts("delivered", "buffered") == (len(data), 0)


# -- writing -----------------------------------------------------------------------------------


def test_an_object_is_tried_until_it_is_stored() -> None:
    bench = Bench(hints(1, 0))
    bench.store.fail = 4
    bench.delivery.put([b"a"])
    bench.delivery.deliver_due()
    assert bench.bodies == [b"a"]
    assert bench.pauses == [0.2, 0.4, 0.8, 1.6]
    assert bench.counts("store_failures", "delivered", "undelivered") == (4, 1, 0)


def test_what_could_not_be_stored_in_the_end_is_counted() -> None:
    bench = Bench(hints(1, 0))
    bench.store.fail = 9
    bench.patient = False
    bench.delivery.put([b"a", b"b"])
    bench.delivery.deliver_due()
    assert bench.counts("undelivered", "delivered", "buffered") == (2, 0, 0)
    assert bench.store.attempts == 1
    assert bench.used_bytes == 0


def test_a_bucket_put_right_in_between_gets_the_object() -> None:
    bench = Bench(hints(1, 0))
    bench.store.fail = 1

    def pause(_seconds: float) -> bool:
        bench.destination = parsed({"BucketARN": "arn:aws:s3:::right", "Prefix": "p/"})
        return True

    bench.delivery._output._pause = pause
    bench.delivery.put([b"a"])
    bench.delivery.deliver_due()
    (name,) = bench.store.objects
    assert name.startswith("right/p/2026/11/22/23/s-3-2026-11-22-23-59-58-")


def test_the_oldest_arrival_names_the_object() -> None:
    bench = Bench({**hints(1, 60), "CustomTimeZone": "Asia/Tokyo"})
    bench.delivery.put([b"a"])
    bench.clock.now += 60
    bench.delivery.put([b"b"])
    bench.delivery.deliver_due()
    (name,) = bench.store.objects
    assert name.startswith("data/2026/11/23/08/s-3-2026-11-23-08-59-58-")


def test_compressed_objects_read_back() -> None:
    bench = Bench({**hints(1, 0), "CompressionFormat": "GZIP", "FileExtension": ".csv.gz"})
    bench.delivery.put([b"a" * 1000])
    bench.delivery.deliver_due()
    ((name, body),) = bench.store.objects.items()
    assert name.endswith(".csv.gz")
    assert gzip.decompress(body) == b"a" * 1000
    assert bench.counts("bytes") == (len(body),)


# -- names -------------------------------------------------------------------------------------

ARRIVAL = dt.datetime(2018, 8, 27, 10, 30, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", "2018/08/27/10/"),
        ("p/", "p/2018/08/27/10/"),
        ("p-!{timestamp:yyyy/MM/dd}", "p-2018/08/27"),
        ("!{timestamp:yy-M-d H:m:s}/", "18-8-27 10:30:5/"),
        ("!{timestamp:MMM MMMM DDD}/", "Aug August 239/"),
        ("!{timestamp:'year='yyyy'''s'}/", "year=2018's/"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/", "y=2018/m=08/"),
    ],
)
def test_data_prefixes(prefix: str, expected: str) -> None:
    assert object_name.data_prefix(prefix, ARRIVAL) == expected


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "expected"),
    [
        ("", "", "processing-failed/2018/08/27/10/"),
        ("p/", "", "p/processing-failed/2018/08/27/10/"),
        ("p/", "e/", "e/processing-failed/2018/08/27/10/"),
        ("p/", "e/!{firehose:error-output-type}/", "e/processing-failed/"),
        (
            "p/",
            "!{timestamp:yyyy}/!{firehose:error-output-type}!{timestamp:dd}/",
            "2018/processing-failed27/",
        ),
    ],
)
def test_error_prefixes(prefix: str, error_prefix: str, expected: str) -> None:
    assert object_name.failure_prefix(prefix, error_prefix, ARRIVAL) == expected


def test_random_strings_differ() -> None:
    made = {object_name.data_prefix("!{firehose:random-string}/", ARRIVAL) for _ in range(20)}
    assert len(made) == 20


def test_the_suffix_has_stream_version_time_and_something_unique() -> None:
    unique = uuid.UUID(int=1)
    assert object_name.suffix("s", "2", ARRIVAL, unique) == f"s-2-2018-08-27-10-30-05-{unique}"


@pytest.mark.parametrize("bad", ["!{timestamp:yyyy-QQ}/", "!{other:x}/", "!{firehose:x}/"])
def test_unknown_expressions_are_refused(bad: str) -> None:
    with pytest.raises(ClientError):
        object_name.check_prefixes(bad, "!{firehose:error-output-type}/")


# -- transforming ------------------------------------------------------------------------------


def test_the_transform_has_a_buffer_of_its_own() -> None:
    bench = Bench({**hints(5, 100), **processing(BufferIntervalInSeconds=10)}, invoke=upper)
    bench.delivery.put([b"a"])
    bench.clock.now += 10
    bench.delivery.deliver_due()
    assert len(bench.events) == 1
    assert bench.bodies == []
    # The destination's interval starts when the first transformed record came.
    assert bench.delivery.due_at() == START + 110
    bench.clock.now += 100
    bench.delivery.deliver_due()
    assert bench.bodies == [b"A"]


def record(size: int) -> Record:
    return Record("i" * 56, START, b"x" * size)


def test_batches_are_cut_by_size_and_by_the_request_limit() -> None:
    sizes = [[len(r.data) for r in batch] for batch in batches([record(400)] * 5, 1000)]
    assert sizes == [[400, 400], [400, 400], [400]]
    assert [len(batch) for batch in batches([record(5000)] * 2, 1000)] == [1, 1]
    bench = Bench(processing(BufferSizeInMBs=3), invoke=upper)
    bench.delivery.put([b"x" * 20] * 60_000)
    bench.delivery.deliver_all()
    assert len(bench.events) > 1
    assert max(len(json.dumps(event)) for event in bench.events) <= PAYLOAD_BYTES_MAX
    assert bench.counts("delivered") == (60_000,)


def test_a_failed_invocation_is_tried_again_with_an_id_of_its_own() -> None:
    failures = [function_error(), InvocationError("Lambda.InvokeLimitExceeded", "too many")]

    def fails_twice(event: dict[str, Any]) -> object:
        if failures:
            raise failures.pop()
        return upper(event)

    bench = Bench({**hints(1, 0), **processing()}, invoke=fails_twice)
    bench.delivery.put([b"a"])
    bench.delivery.deliver_all()
    assert bench.bodies == [b"A"]
    assert bench.pauses == [0.2, 0.4]
    assert len({event["invocationId"] for event in bench.events}) == 3
    assert len({event["records"][0]["recordId"] for event in bench.events}) == 1


@pytest.mark.parametrize("answer", [None, "text", {}, {"records": 5}, {"records": ["x"]}])
def test_a_malformed_answer_fails_the_batch_after_all_retries(answer: object) -> None:
    bench = Bench(processing(NumberOfRetries=2), invoke=lambda _event: answer)
    bench.delivery.put([b"raw", b"data"])
    bench.clock.now += 5
    bench.delivery.deliver_all()
    ((name, body),) = bench.store.objects.items()
    assert name.startswith("data/processing-failed/2026/11/22/23/s-3-")
    first, second = (json.loads(line) for line in body.splitlines())
    assert first == {
        "attemptsMade": 3,
        "arrivalTimestamp": int(START * 1000),
        "errorCode": "Lambda.JsonProcessingException",
        "errorMessage": first["errorMessage"],
        "attemptEndingTimestamp": int(START * 1000) + 5000,
        "rawData": base64.b64encode(b"raw").decode(),
        "lambdaArn": "f",
    }
    assert base64.b64decode(second["rawData"]) == b"data"
    assert bench.counts("failed", "error_objects", "delivered", "buffered") == (2, 1, 0, 0)
    assert bench.used_bytes == 0


def test_errors_have_a_buffer_like_the_data() -> None:
    config = {**hints(1, 100), **processing(BufferIntervalInSeconds=0)}
    bench = Bench(config, invoke=lambda _event: {"records": []})
    bench.delivery.put([b"a"])
    bench.delivery.deliver_due()
    bench.clock.now += 50
    bench.delivery.put([b"b"])
    bench.delivery.deliver_due()
    assert bench.bodies == []
    bench.clock.now += 50
    bench.delivery.deliver_due()
    assert len(bench.bodies) == 1
    assert bench.bodies[0].count(b"Lambda.MissingRecordId") == 2


# -- Kinesis as source -------------------------------------------------------------------------


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, hook in kinesis.HOOKS.items():
        monkeypatch.setattr(ministack_kinesis, name, hook)
    name = f"source-{uuid.uuid4().hex}"
    ministack_kinesis._create_stream({"StreamName": name, "ShardCount": 1})
    yield name
    ministack_kinesis._delete_stream({"StreamName": name})


def put_kinesis(stream: str, *data: bytes) -> None:
    records = [{"PartitionKey": "k", "Data": base64.b64encode(item).decode()} for item in data]
    status, *_ = kinesis.HOOKS["_put_records"]({"StreamName": stream, "Records": records})
    assert status == 200


def source_of(stream: str) -> KinesisSource:
    arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    return KinesisSource(arn, lambda function: function())


def test_a_source_is_read_from_now_on_and_polled(stream: str) -> None:
    put_kinesis(stream, b"before")
    bench = Bench(hints(1, 0), source=source_of(stream))
    bench.delivery.deliver_due()
    assert bench.bodies == []
    assert bench.delivery.due_at() == START + 0.2
    put_kinesis(stream, b"a", b"b")
    bench.delivery.deliver_due()
    assert bench.bodies == [b"ab"]
    assert bench.used_bytes == 0


def test_a_child_is_read_after_its_parent_from_its_first_record(stream: str) -> None:
    source = source_of(stream)
    put_kinesis(stream, b"1", b"2")
    split = {"StreamName": stream, "ShardToSplit": "shardId-000000000000"}
    kinesis.HOOKS["_split_shard"]({**split, "NewStartingHashKey": str(2**127)})
    put_kinesis(stream, b"3")
    read = [source.read() for _ in range(3)]
    assert [[entry.data for _origin, entry in part] for part in read] == [
        [base64.b64encode(b"1").decode(), base64.b64encode(b"2").decode()],
        [base64.b64encode(b"3").decode()],
        [],
    ]


def test_what_there_is_no_memory_for_stays_in_the_source(stream: str) -> None:
    bench = Bench(hints(1, 0), limit_bytes=1000, source=source_of(stream))
    put_kinesis(stream, b"a")
    bench.delivery.deliver_due()
    assert bench.counts("put") == (0,)


# -- the thread --------------------------------------------------------------------------------


def thread_of(config: Mapping[str, Any], store: Store) -> DeliveryThread:
    surroundings = Surroundings(lambda _arn, event: upper(event), store, MemoryBound(MIB))
    return DeliveryThread(IDENTITY, lambda: (parsed(config), "1"), surroundings)


def test_the_thread_delivers_when_due_and_when_asked() -> None:
    store = Store()
    thread = thread_of(hints(1, 0), store)
    thread.delivery.put([b"a"])
    deadline = time.monotonic() + 5
    while not store.objects and time.monotonic() < deadline:
        time.sleep(0.005)
    assert list(store.objects.values()) == [b"a"]
    thread.end(1.0, read_source=False)
    thread.join(5.0)
    slow = thread_of(hints(1, 900), store)
    slow.delivery.put([b"b"])
    assert slow.flushed(slow.ask_flush(), 5.0)
    assert list(store.objects.values()) == [b"a", b"b"]
    slow.end(1.0, read_source=False)
    slow.join(5.0)


def test_a_flush_that_cannot_succeed_ends_with_its_time_and_the_thread_with_its_patience() -> None:
    store = Store()
    store.fail = 10**6
    thread = thread_of(hints(1, 900), store)
    thread.delivery.put([b"a"])
    started = time.monotonic()
    assert not thread.flushed(thread.ask_flush(), 0.3)
    thread.end(0.2, read_source=False)
    thread.join(5.0)
    assert time.monotonic() - started < 2.0
    assert thread.delivery.counts.undelivered == 1
    assert thread.delivery.put([b"late"]) == [None]


def test_many_producers_lose_nothing() -> None:
    store = Store()
    thread = thread_of(hints(1, 0), store)

    def produce(number: int) -> None:
        for place in range(300):
            assert thread.delivery.put([b"%d-%d\n" % (number, place)]) != [None]

    producers = [threading.Thread(target=produce, args=(number,)) for number in range(4)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    thread.end(1.0, read_source=False)
    thread.join(5.0)
    seen = b"".join(store.objects.values()).split()
    for number in range(4):
        of_one = [line for line in seen if line.startswith(b"%d-" % number)]
        assert of_one == [b"%d-%d" % (number, place) for place in range(300)]


# -- calling a function ------------------------------------------------------------------------


def test_what_invocations_leave_in_the_logs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:traced"
    function = {"config": {"FunctionName": "traced", "FunctionArn": arn}, "code_zip": None}
    monkeypatch.setattr(lambda_svc, "_get_func_record_for_ref", lambda _arn: (function, None, ""))
    for _ in range(130):
        lambda_call.invoke(arn, {})
    group = cloudwatch_logs._log_groups.get("/aws/lambda/traced")
    assert group is not None
    assert len(group["streams"]) == 100


# -- the bound on objects ----------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    objects: dict[str, bytes] = {}

    def put(_a: str, _r: str, _b: str, key: str, body: bytes, _h: object) -> None:
        objects[key] = body

    def delete(_a: str, _r: str, _b: str, key: str, _v: object) -> None:
        objects.pop(key, None)

    monkeypatch.setattr(s3_module, "put_object", put)
    monkeypatch.setattr(s3_module, "delete_object", delete)
    monkeypatch.setattr(s3_module, "has_object", lambda _a, _b, key: key in objects)
    return objects


def stored(key: str, size: int = 1000) -> StoredObject:
    return StoredObject("000000000000", "us-east-1", "s", "b", key, size)


def test_the_oldest_objects_go_first_and_are_counted(s3: dict[str, bytes]) -> None:
    objects = BoundedObjects(3 * (1000 + OBJECT_OVERHEAD_BYTES))
    for number in range(5):
        objects.put(stored(f"{number}"), b"", {})
    assert list(s3) == ["2", "3", "4"]
    assert objects.expired == {"s": 2}
    objects.put(stored("huge", 10**9), b"", {})
    assert list(s3) == ["huge"]


def test_the_journal_remembers_what_is_firehoses(s3: dict[str, bytes], tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    limit = 2 * (1000 + OBJECT_OVERHEAD_BYTES)
    first = BoundedObjects(limit, journal)
    for key in ("gone", "old", "kept"):
        first.put(stored(key), b"", {})
    s3["theirs"] = b""
    # A crash between the journal and S3, and one in the middle of a line.
    with journal.open("ab") as file:
        file.write(b'["000000000000","us-east-1","s","b","never",1000,null]\n["0000')
    second = BoundedObjects(limit, journal)
    assert journal.read_bytes().count(b"\n") == 2
    second.put(stored("new"), b"", {})
    assert set(s3) == {"kept", "new", "theirs"}
    assert second.expired == {"s": 1}
