"""What the product relies on in Firehose, asked of the local AWS, or of AWS itself.

TEPWATCH_CONTRACT_REGION=eu-central-1 points the tests that are not about the local AWS only at real
AWS; TEPWATCH_CONTRACT_ROLE is then the ARN of a role that Firehose and Lambda may assume, with
access to S3, Lambda and CloudWatch Logs. Everything is made and deleted; it costs a few cents and
some minutes.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import gzip
import io
import json
import os
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.services import firehose as ministack_firehose
from ministack.services import s3 as ministack_s3

from localaws import s3 as s3_hooks
from localaws.firehose import service as hooks
from localaws.firehose.object_bound import BoundedObjects
from localaws.server import LocalAws
from sinks.row_json import encode_row
from sinks.transform_package import HANDLER, table_columns, transform_package
from tepwatch.errors import StartupError
from tepwatch.schema import READINGS, ColumnType, make_row

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_firehose.type_defs import ExtendedS3DestinationConfigurationTypeDef
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

REGION = os.environ.get("TEPWATCH_CONTRACT_REGION")
ROLE = os.environ.get("TEPWATCH_CONTRACT_ROLE", "arn:aws:iam::000000000000:role/tepwatch")
MIB = 1024 * 1024
WAIT_SECONDS = 600.0 if REGION else 20.0
ECHO = (
    "def handler(event, _):\n"
    "    return {'records': [{**record, 'result': 'Ok'} for record in event['records']]}"
)

at_home = pytest.mark.skipif(REGION is not None, reason="about the local AWS only")


class Service:
    """A Firehose and what is around it, with a bucket of its own."""

    def __init__(self, endpoint_url: str | None, server: LocalAws | None) -> None:
        keys: dict[str, Any] = {"region_name": REGION or "us-east-1", "endpoint_url": endpoint_url}
        if endpoint_url is not None:
            keys |= {"aws_access_key_id": "t", "aws_secret_access_key": "t"}
        once = Config(retries={"total_max_attempts": 1})
        self.server = server
        self.firehose: FirehoseClient = boto3.client("firehose", **keys, config=once)
        self.s3: S3Client = boto3.client("s3", **keys)
        self.functions: LambdaClient = boto3.client("lambda", **keys)
        self.kinesis: KinesisClient = boto3.client("kinesis", **keys)
        self.bucket = f"tepwatch-contract-{uuid.uuid4().hex[:12]}"
        self._made: list[Callable[[], object]] = []

    def create_bucket(self) -> None:
        if REGION in {None, "us-east-1"}:
            self.s3.create_bucket(Bucket=self.bucket)
        else:
            where: Any = {"LocationConstraint": REGION}
            self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)

    def create_function(
        self, code: str | bytes, handler: str = "index.handler", timeout: int = 30
    ) -> str:
        if isinstance(code, str):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as package:
                package.writestr("index.py", code)
            code = out.getvalue()
        name = f"tepwatch-contract-{uuid.uuid4().hex[:12]}"
        made = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler=handler,
            Code={"ZipFile": code},
            Timeout=timeout,
        )
        self._made.append(lambda: self.functions.delete_function(FunctionName=name))
        return made["FunctionArn"]

    def create(
        self, *, source_arn: str | None = None, mb: int = 1, seconds: int = 900, **config: Any
    ) -> str:
        """Create a delivery stream to the bucket; gives its name."""
        name = f"tepwatch-contract-{uuid.uuid4().hex[:12]}"
        destination: ExtendedS3DestinationConfigurationTypeDef = {
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{self.bucket}",
            "BufferingHints": {"SizeInMBs": mb, "IntervalInSeconds": seconds},
            **config,  # type: ignore[typeddict-item]
        }
        kinesis: dict[str, Any] = (
            {"DeliveryStreamType": "DirectPut"}
            if source_arn is None
            else {
                "DeliveryStreamType": "KinesisStreamAsSource",
                "KinesisStreamSourceConfiguration": {
                    "KinesisStreamARN": source_arn,
                    "RoleARN": ROLE,
                },
            }
        )
        self.firehose.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination, **kinesis
        )
        self._made.append(lambda: self.firehose.delete_delivery_stream(DeliveryStreamName=name))
        deadline = time.monotonic() + WAIT_SECONDS
        while self.describe(name)["DeliveryStreamStatus"] != "ACTIVE":
            assert time.monotonic() < deadline
            time.sleep(2)
        return name

    def describe(self, name: str) -> Any:
        answer = self.firehose.describe_delivery_stream(DeliveryStreamName=name)
        return answer["DeliveryStreamDescription"]

    def put(self, name: str, *data: bytes) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(data), 500):
            answer = self.firehose.put_record_batch(
                DeliveryStreamName=name,
                Records=[{"Data": item} for item in data[start : start + 500]],
            )
            failed = sum("ErrorCode" in one for one in answer["RequestResponses"])
            assert answer["FailedPutCount"] == failed
            answers += answer["RequestResponses"]
        return answers

    def flush(self) -> None:
        if self.server is not None:
            assert self.server.flush_firehose()

    def counters(self, name: str) -> dict[str, int]:
        assert self.server is not None
        return self.server.firehose_counters()[name]

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        ):
            for listed in page.get("Contents", []):
                body = self.s3.get_object(Bucket=self.bucket, Key=listed["Key"])["Body"]
                found[listed["Key"]] = body.read()
                body.close()
        return found

    def wait_for(self, prefix: str, enough: Callable[[bytes], bool]) -> dict[str, bytes]:
        """The objects under a prefix, once what they hold together is enough."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = self.objects(prefix)
            if enough(b"".join(found.values())):
                return found
            assert time.monotonic() < deadline, found.keys()
            time.sleep(5 if REGION else 0.05)

    def close(self) -> None:
        for undo in reversed(self._made):
            undo()
        if REGION is not None:
            for key in self.objects():
                self.s3.delete_object(Bucket=self.bucket, Key=key)
            self.s3.delete_bucket(Bucket=self.bucket)
        self.close_clients()

    def close_clients(self) -> None:
        for client in (self.firehose, self.s3, self.functions, self.kinesis):
            client.close()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    if REGION is not None:
        if "TEPWATCH_CONTRACT_ROLE" not in os.environ:
            pytest.skip("TEPWATCH_CONTRACT_ROLE is not set")
        found = Service(None, None)
    else:
        server: LocalAws = request.getfixturevalue("local_aws")
        found = Service(server.endpoint_url, server)
    found.create_bucket()
    yield found
    found.close()


def processing(arn: str, **parameters: object) -> dict[str, Any]:
    items = {"LambdaArn": arn, "BufferIntervalInSeconds": 1, "BufferSizeInMBs": 1, **parameters}
    return {
        "Enabled": True,
        "Processors": [
            {
                "Type": "Lambda",
                "Parameters": [
                    {"ParameterName": name, "ParameterValue": str(value)}
                    for name, value in items.items()
                ],
            }
        ],
    }


def lines(objects: dict[str, bytes]) -> list[bytes]:
    return b"".join(objects.values()).splitlines()


def errors(objects: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(objects)]


def reading(seq: int) -> bytes:
    values: dict[str, Any] = {}
    for column in READINGS.columns:
        match column.type:
            case ColumnType.TEXT:
                values[column.name] = "plant-1"
            case ColumnType.TIME:
                values[column.name] = 1_764_000_000_000_000_000 + seq
            case ColumnType.FLAG:
                values[column.name] = False
            case _:
                values[column.name] = seq
    return encode_row(make_row(READINGS.name, values))


# -- records to objects ------------------------------------------------------------------------


def test_rows_become_csv_and_a_bad_record_an_error(service: Service) -> None:
    arn = service.create_function(transform_package(), HANDLER)
    name = service.create(Prefix="csv/", seconds=60, ProcessingConfiguration=processing(arn))
    records = [reading(seq) for seq in range(4000)]
    records[1234] = b'{"table":"readings","no_such_column":1}'
    assert all("RecordId" in answer for answer in service.put(name, *records))
    service.flush()
    delivered = service.wait_for("csv/2", lambda data: data.count(b"\n") >= 3999)
    table = [row for data in delivered.values() for row in csv.reader(io.StringIO(data.decode()))]
    at = table_columns()[READINGS.name].index("seq")
    assert sorted(int(row[at]) for row in table) == [seq for seq in range(4000) if seq != 1234]
    assert {len(row) for row in table} == {len(READINGS.columns)}
    failed = service.wait_for("csv/processing-failed/", bool)
    assert len(failed) == 1
    (error,) = errors(failed)
    assert base64.b64decode(error["rawData"]) == records[1234]
    assert error["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert error["attemptsMade"] == 1
    if REGION is None:
        # A mebibyte each, but for what was left at the end.
        assert 1 < len(delivered) < 8
        assert service.counters(name)["delivered"] == 3999
        assert service.counters(name)["failed"] == 1
        assert service.counters(name)["buffered"] == 0


def test_an_object_is_named_after_stream_version_and_time(service: Service) -> None:
    name = service.create(seconds=0)
    service.put(name, b"first\n")
    (first,) = service.wait_for("", bool)
    service.firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId="1",
        DestinationId=service.describe(name)["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"Prefix": "moved/", "FileExtension": ".csv"},
    )
    service.put(name, b"second\n")
    (second,) = service.wait_for("moved/", bool)
    hour, stream_and_version, _rest = first.partition(f"{name}-1-")
    assert stream_and_version
    assert time.strptime(hour, "%Y/%m/%d/%H/")
    assert second.startswith(f"moved/{hour}{name}-2-")
    assert second.endswith(".csv")


def test_prefixes_are_evaluated_and_objects_compressed(service: Service) -> None:
    arn = service.create_function(
        "def handler(e, _):\n"
        "    return {'records': [{**r, 'result': 'Ok' if r['data'] == 'b2s=' else "
        "'ProcessingFailed'} for r in e['records']]}"
    )
    name = service.create(
        seconds=0,
        Prefix="year=!{timestamp:yyyy}/day=!{timestamp:yyyy'-'DDD}/!{firehose:random-string}/",
        ErrorOutputPrefix="bad/!{firehose:error-output-type}/!{timestamp:MM}/",
        CompressionFormat="GZIP",
        ProcessingConfiguration=processing(arn, BufferIntervalInSeconds=0),
    )
    service.put(name, b"ok", b"fail", b"ok")
    now = time.gmtime()
    delivered = service.wait_for("year=", bool)
    ((key, body),) = delivered.items()
    year, day, random, _name = key.split("/")
    assert (year, day) == (f"year={now.tm_year}", time.strftime("day=%Y-%j", now))
    assert len(random) == 11
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"okok"
    failed = service.wait_for(f"bad/processing-failed/{now.tm_mon:02d}/{name}-1-", bool)
    assert [e["errorCode"] for e in errors(failed)] == ["Lambda.ProcessingFailedStatus"]


@at_home
def test_an_object_is_written_when_it_is_large_or_old_enough(service: Service) -> None:
    by_size = service.create(Prefix="size/", mb=1, seconds=900)
    service.put(by_size, *[b"x" * 400_000] * 5)
    found = service.wait_for("size/", bool)
    assert [len(body) for body in found.values()] == [1_200_000]
    assert service.counters(by_size)["buffered"] == 2
    by_age = service.create(Prefix="age/", seconds=1)
    started = time.monotonic()
    service.put(by_age, b"a\n")
    service.put(by_age, b"b\n")
    found = service.wait_for("age/", bool)
    assert list(found.values()) == [b"a\nb\n"]
    assert 1.0 <= time.monotonic() - started < 3.0
    service.flush()
    assert sorted(len(body) for body in service.objects("size/").values()) == [800_000, 1_200_000]


@at_home
def test_a_missing_bucket_is_waited_for(service: Service) -> None:
    missing = f"{service.bucket}-later"
    name = service.create(seconds=0, BucketARN=f"arn:aws:s3:::{missing}")
    service.put(name, b"kept")
    deadline = time.monotonic() + WAIT_SECONDS
    while not service.counters(name)["store_failures"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert service.counters(name)["buffered"] == 1
    service.s3.create_bucket(Bucket=missing)
    service.flush()
    assert service.counters(name)["delivered"] == 1


# -- the transform -----------------------------------------------------------------------------


def test_the_function_gets_firehoses_event(service: Service) -> None:
    arn = service.create_function(
        "import base64, json\n"
        "def handler(event, _):\n"
        "    data = base64.b64encode(json.dumps(event).encode()).decode()\n"
        "    return {'records': [{**r, 'result': 'Ok', 'data': data} for r in event['records']]}"
    )
    name = service.create(
        seconds=0, ProcessingConfiguration=processing(arn, BufferIntervalInSeconds=0)
    )
    (answer,) = service.put(name, b"\x00\xffdata")
    (body,) = service.wait_for("", bool).values()
    event = json.loads(body)
    assert event.keys() >= {"invocationId", "deliveryStreamArn", "region", "records"}
    assert event["deliveryStreamArn"] == service.describe(name)["DeliveryStreamARN"]
    assert event["region"] == (REGION or "us-east-1")
    (record,) = event["records"]
    assert base64.b64decode(record["data"]) == b"\x00\xffdata"
    assert abs(record["approximateArrivalTimestamp"] / 1000 - time.time()) < WAIT_SECONDS
    if REGION is None:
        assert record["recordId"] == answer["RecordId"]


def test_each_records_result_counts_for_itself(service: Service) -> None:
    arn = service.create_function(
        "import base64\n"
        "def handler(event, _):\n"
        "    out = []\n"
        "    for r in event['records']:\n"
        "        kind = base64.b64decode(r['data']).decode()\n"
        "        one = {'recordId': r['recordId'], 'result': kind, 'data': r['data']}\n"
        "        out += [] if kind == 'missing' else [one, one] if kind == 'twice' else [one]\n"
        "    return {'records': out}"
    )
    name = service.create(
        seconds=0, ProcessingConfiguration=processing(arn, BufferIntervalInSeconds=1)
    )
    kinds = ["Ok", "Dropped", "ProcessingFailed", "missing", "Ok"]
    if REGION is None:
        # AWS fails the whole batch for these.
        kinds += ["twice", "Unknown"]
    service.put(name, *[kind.encode() for kind in kinds])
    delivered = service.wait_for("2", bool)
    assert b"".join(delivered.values()) == b"OkOk"
    failed = service.wait_for("processing-failed/", lambda d: d.count(b"\n") == len(kinds) - 3)
    codes = {base64.b64decode(e["rawData"]).decode(): e["errorCode"] for e in errors(failed)}
    expected = {
        "ProcessingFailed": "Lambda.ProcessingFailedStatus",
        "missing": "Lambda.MissingRecordId",
        "twice": "Lambda.DuplicatedRecordId",
        "Unknown": "Lambda.FunctionError",
    }
    assert codes == {kind: code for kind, code in expected.items() if kind in kinds}
    for error in errors(failed):
        assert error["lambdaArn" if REGION is None else "lambdaARN"] == arn
        assert error["arrivalTimestamp"] <= error["attemptEndingTimestamp"]
    if REGION is None:
        counters = service.counters(name)
        assert (counters["delivered"], counters["dropped"], counters["failed"]) == (2, 1, 4)


@at_home
def test_a_function_that_fails_is_called_again(service: Service, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    arn = service.create_function(
        f"def handler(event, _):\n"
        f"    with open({str(calls)!r}, 'a+') as calls:\n"
        f"        calls.write('x')\n"
        f"        calls.seek(0)\n"
        f"        if len(calls.read()) < 3: raise ValueError('not yet')\n"
        f"    return {{'records': [{{**r, 'result': 'Ok'}} for r in event['records']]}}"
    )
    name = service.create(
        seconds=0, ProcessingConfiguration=processing(arn, BufferIntervalInSeconds=0)
    )
    service.put(name, b"a", b"b")
    assert list(service.wait_for("", bool).values()) == [b"ab"]
    assert calls.read_text() == "xxx"


FAILING = {
    "error": ("def handler(e, _): raise ValueError", "Lambda.FunctionError", 1),
    "timeout": (
        "import time\ndef handler(e, _): time.sleep(9)",
        "Lambda.FunctionTimedOut",
        0,
    ),
    "malformed": ("def handler(e, _): return 5", "Lambda.JsonProcessingException", 1),
    "too large": (
        "def handler(e, _):\n"
        "    return {'records': [{'recordId': r['recordId'], 'result': 'Ok', "
        "'data': 'eHh4' * 800_000} for r in e['records']]}",
        "Lambda.FunctionError",
        1,
    ),
    "absent": ("", "Lambda.ResourceNotFound", 0),
}


@at_home
@pytest.mark.parametrize("kind", FAILING)
def test_a_batch_that_no_attempt_transforms_is_an_error(service: Service, kind: str) -> None:
    code, error_code, retries = FAILING[kind]
    arn = (
        service.create_function(code, timeout=1 if kind == "timeout" else 30)
        if code
        else "arn:aws:lambda:us-east-1:000000000000:function:no-such-function"
    )
    name = service.create(
        seconds=0,
        ProcessingConfiguration=processing(arn, BufferIntervalInSeconds=0, NumberOfRetries=retries),
    )
    service.put(name, b"one", b"two")
    failed = errors(service.wait_for("processing-failed/", bool))
    assert [base64.b64decode(e["rawData"]) for e in failed] == [b"one", b"two"]
    assert {(e["errorCode"], e["attemptsMade"]) for e in failed} == {(error_code, 1 + retries)}
    assert service.objects("2") == {}


# -- Kinesis as source -------------------------------------------------------------------------


@at_home
def test_a_kinesis_stream_is_read_through_resharding(service: Service) -> None:
    stream = f"tepwatch-contract-{uuid.uuid4().hex[:12]}"
    kinesis = service.kinesis
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    keys = [f"plant-{number}" for number in range(12)]

    def put(text: str) -> None:
        kinesis.put_records(
            StreamName=stream,
            Records=[{"PartitionKey": k, "Data": f"{k} {text}\n".encode()} for k in keys],
        )

    put("before")
    function = service.create_function(
        "import base64\n"
        "def handler(event, _):\n"
        "    out = []\n"
        "    for r in event['records']:\n"
        "        meta = r['kinesisRecordMetadata']\n"
        "        text = ' '.join([base64.b64decode(r['data']).decode().strip(), meta['shardId'],\n"
        "            meta['partitionKey'], meta['sequenceNumber'],\n"
        "            event['sourceKinesisStreamArn']])\n"
        "        data = base64.b64encode((text + '\\n').encode()).decode()\n"
        "        out.append({'recordId': r['recordId'], 'result': 'Ok', 'data': data})\n"
        "    return {'records': out}"
    )
    name = service.create(source_arn=arn, ProcessingConfiguration=processing(function))
    put("first")
    kinesis.split_shard(
        StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126)
    )
    put("split")
    kinesis.merge_shards(
        StreamName=stream,
        ShardToMerge="shardId-000000000003",
        AdjacentShardToMerge="shardId-000000000001",
    )
    put("merged")
    service.flush()
    rows = [line.decode().split() for line in lines(service.objects())]
    of_plant = {key: [row[1] for row in rows if row[0] == key] for key in keys}
    assert of_plant == {key: ["first", "split", "merged"] for key in keys}
    assert all(key == partition_key for key, _, _, partition_key, _, _ in rows)
    assert all(row[5] == arn for row in rows)
    assert len({row[4] for row in rows}) == len(rows) == service.counters(name)["delivered"]
    with pytest.raises(ClientError, match="not permitted on KinesisStreamAsSource"):
        service.firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    # Without being told to flush, too; and no more once it is deleted.
    quick = service.create(source_arn=arn, seconds=0, Prefix="quick/")
    put("quick")
    assert len(lines(service.wait_for("quick/", lambda data: data.count(b"\n") >= 12))) == 12
    service.firehose.delete_delivery_stream(DeliveryStreamName=quick)
    service._made.pop()
    put("too late")
    service.flush()
    assert len(lines(service.objects("quick/"))) == 12


@at_home
def test_a_source_that_does_not_exist_is_refused(service: Service) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        service.create(source_arn="arn:aws:kinesis:us-east-1:000000000000:stream/none")


# -- limits, errors, refusals ------------------------------------------------------------------


def test_limits_and_errors_carry_firehoses_codes(service: Service) -> None:
    name = service.create()

    def code(*data: bytes, stream: str = name) -> str:
        with pytest.raises(ClientError) as error:
            service.firehose.put_record_batch(
                DeliveryStreamName=stream, Records=[{"Data": item} for item in data]
            )
        return error.value.response["Error"]["Code"]

    assert code(b"x", stream="no-such-stream") == "ResourceNotFoundException"
    assert code(*[b"x"] * 501) == "ValidationException"
    assert code(b"x", b"x" * (1000 * 1024 + 1)) == "ValidationException"
    assert code(*[b"x" * 1000 * 1024] * 4 + [b"x" * 98_305]) == "InvalidArgumentException"
    answers = service.put(name, *[b"x" * 1000 * 1024] * 4)
    assert len({answer["RecordId"] for answer in answers}) == 4
    assert len({answer["RecordId"] for answer in service.put(name, *[b"y"] * 500)}) == 500
    with pytest.raises(service.firehose.exceptions.ResourceNotFoundException):
        service.firehose.put_record(DeliveryStreamName="no-such-stream", Record={"Data": b"x"})
    assert service.firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})["RecordId"]


REFUSED: dict[str, dict[str, Any]] = {
    "dynamic partitioning": {"DynamicPartitioningConfiguration": {"Enabled": True}},
    "record format conversion": {"DataFormatConversionConfiguration": {"SchemaConfiguration": {}}},
    "S3BackupMode": {"S3BackupMode": "Enabled"},
    "CompressionFormat Snappy": {"CompressionFormat": "Snappy"},
    "MetadataExtraction": {
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [{"Type": "MetadataExtraction", "Parameters": []}],
        }
    },
    "Only one processor": {
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": 2
            * processing("arn:aws:lambda:us-east-1:000000000000:function:f")["Processors"],
        }
    },
    "BufferSizeInMBs": {"ProcessingConfiguration": processing("f", BufferSizeInMBs=4)},
    "SizeInMBs": {"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 60}},
    "ErrorOutputPrefix can't be null": {"Prefix": "!{timestamp:yyyy}/"},
    "must include": {"ErrorOutputPrefix": "!{timestamp:yyyy}/"},
    "partitionKeyFromQuery": {
        "Prefix": "!{partitionKeyFromQuery:plant}/",
        "ErrorOutputPrefix": "!{firehose:error-output-type}/",
    },
    "can only appear": {"Prefix": "!{timestamp", "ErrorOutputPrefix": "e/"},
    "BucketARN": {"BucketARN": "arn:aws:sqs:::queue"},
    "CustomTimeZone": {"CustomTimeZone": "Mars/Base"},
}


@at_home
@pytest.mark.parametrize("named", REFUSED)
def test_what_is_not_done_is_refused_by_name(service: Service, named: str) -> None:
    with pytest.raises(service.firehose.exceptions.InvalidArgumentException) as error:
        service.create(**REFUSED[named])
    assert named in str(error.value)


@at_home
def test_other_destinations_and_bad_updates_are_refused(service: Service) -> None:
    with pytest.raises(ClientError, match="HttpEndpoint destination"):
        service.firehose.create_delivery_stream(
            DeliveryStreamName="http",
            HttpEndpointDestinationConfiguration={
                "EndpointConfiguration": {"Url": "https://example.com"},
                "S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::b"},
            },
        )
    name = service.create(seconds=0)
    with pytest.raises(ClientError, match="dynamic partitioning"):
        service.firehose.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId="1",
            DestinationId=service.describe(name)["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate={
                "Prefix": "!{partitionKeyFromQuery:x}/",
                "ErrorOutputPrefix": "!{firehose:error-output-type}/",
            },
        )
    service.put(name, b"still")
    assert list(service.wait_for("", bool).values()) == [b"still"]


# -- bounds and restarts -----------------------------------------------------------------------


@at_home
def test_memory_and_s3_are_bounded_and_nothing_goes_silently(tmp_path: Path) -> None:
    with LocalAws(tmp_path, firehose_mb=2, s3_mb=1) as server:
        service = Service(server.endpoint_url, server)
        name = service.create(mb=1)
        records = [b"%04d" % number + b"x" * 10_000 for number in range(500)]
        # Without a bucket nothing can be delivered: what does not fit is refused, record by record.
        answers = service.put(name, *records[:350])
        accepted = [r for r, a in zip(records, answers, strict=False) if "RecordId" in a]
        refused = [answer for answer in answers if "ErrorCode" in answer]
        assert 0 < len(refused) < 350
        assert {r["ErrorCode"] for r in refused} == {"ServiceUnavailableException"}
        with pytest.raises(ClientError) as unavailable:
            service.firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x" * 100_000})
        assert unavailable.value.response["Error"]["Code"] == "ServiceUnavailableException"
        assert service.counters(name)["put"] == len(accepted) == service.counters(name)["buffered"]
        service.create_bucket()
        service.flush()
        counters = service.counters(name)
        assert counters["delivered"] == len(accepted)
        # There is room again; and what is beyond the bound in S3 was deleted, the oldest first.
        for number in range(3):
            assert all("RecordId" in a for a in service.put(name, *records[100 * number :][:100]))
            service.flush()
        counters = service.counters(name)
        left = service.objects()
        assert sum(map(len, left.values())) <= MIB
        assert counters["expired_objects"] == counters["objects"] - len(left) > 0
        assert records[299] in b"".join(left.values())
        service.close_clients()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[[], Service]]:
    """Starts a local AWS on one data folder, ending the one before."""
    stack = contextlib.ExitStack()

    def start() -> Service:
        stack.close()
        server = stack.enter_context(LocalAws(tmp_path, data_dir=tmp_path / "data", s3_mb=1))
        service = Service(server.endpoint_url, server)
        stack.callback(service.close_clients)
        service.bucket = "kept"
        return service

    with stack:
        yield start


@at_home
def test_objects_outlive_sigkill(kept: Callable[[], Service], tmp_path: Path) -> None:
    service = kept()
    service.create_bucket()
    service.s3.create_bucket(Bucket="empty")
    service.put(service.create(Prefix="killed/"), b"k" * 300_000)
    service.flush()
    written = service.objects()
    with pytest.raises(StartupError):
        LocalAws(tmp_path / "second", data_dir=tmp_path / "data")
    log = (tmp_path / "second" / "localaws.log").read_text()
    assert log.startswith("another local AWS uses ")
    assert service.server is not None
    service.server.kill()

    service = kept()
    assert service.objects() == written
    assert {b["Name"] for b in service.s3.list_buckets()["Buckets"]} == {"kept", "empty"}
    # Firehose's objects of earlier lives count for the bound; those of others never go.
    service.s3.put_object(Bucket="kept", Key="killed/mine", Body=b"not Firehose's")
    service.put(service.create(Prefix="new/"), b"n" * 900_000)
    service.flush()
    assert list(service.objects("killed/").values()) == [b"not Firehose's"]
    assert service.server is not None
    counters = service.server.firehose_counters().values()
    assert sum(of_stream["expired_objects"] for of_stream in counters) == 1


@at_home
def test_sigterm_delivers_what_is_buffered(kept: Callable[[], Service], tmp_path: Path) -> None:
    service = kept()
    service.create_bucket()
    plain = service.create(Prefix="plain/")
    service.put(plain, b"one\n", b"two\n")
    arn = service.create_function(ECHO)
    echo = service.create(
        Prefix="echo/", ProcessingConfiguration=processing(arn, BufferIntervalInSeconds=900)
    )
    # The function's process is there already, gets the same signal, and has to be started again.
    service.put(echo, b"before\n")
    service.flush()
    service.put(echo, b"after\n")
    assert service.counters(plain)["buffered"] + service.counters(echo)["buffered"] == 1
    service.put(plain, b"three\n")
    assert service.server is not None
    service.server.stop()
    on_disk = [p.read_bytes() for p in tmp_path.glob("data/s3/*/kept/plain/**/*") if p.is_file()]
    assert b"three\n" in on_disk

    service = kept()
    assert sorted(service.objects("plain/").values()) == [b"one\ntwo\n", b"three\n"]
    assert sorted(lines(service.objects("echo/"))) == [b"after", b"before"]


@at_home
def test_the_hooks_fit_the_pinned_ministack() -> None:
    # install() itself refuses another version and any function whose parameters have changed.
    s3_hooks.install()
    hooks.install(size_bytes=1, objects=BoundedObjects(1), on_loop=lambda call: call())
    for module, table in ((ministack_firehose, hooks.HOOKS), (ministack_s3, s3_hooks.HOOKS)):
        assert all(getattr(module, name) is hook for name, hook in table.items())
    handlers = ministack_firehose._HANDLERS
    assert handlers["PutRecord"] is hooks.HOOKS["_put_record"]
    assert handlers["CreateDeliveryStream"] is hooks.HOOKS["_create_delivery_stream"]
