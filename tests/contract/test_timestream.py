"""What the product relies on in Timestream for LiveAnalytics, through boto3's own clients.

TEPWATCH_CONTRACT_REGION=eu-central-1 points these tests at real AWS, with the credentials of the
environment (an account that has LiveAnalytics); a database is made and deleted.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws.server import LocalAws
from tests.stored import timestream_text

if TYPE_CHECKING:
    from mypy_boto3_timestream_query.client import TimestreamQueryClient
    from mypy_boto3_timestream_write.client import TimestreamWriteClient

REGION = os.environ.get("TEPWATCH_CONTRACT_REGION")
SECOND_NS = 1_000_000_000
# On AWS a row is there a moment after it was written.
SETTLE_SECONDS = 3.0 if REGION else 0.0

at_home = pytest.mark.skipif(REGION is not None, reason="about the local AWS only")


class Service:
    """Timestream through boto3, with a database and a table of its own."""

    def __init__(self, endpoint_url: str | None) -> None:
        options: dict[str, Any] = {
            "region_name": REGION or "us-east-1",
            "endpoint_url": endpoint_url,
            "config": Config(retries={"total_max_attempts": 1}),
        }
        if endpoint_url is not None:
            options |= {"aws_access_key_id": "t", "aws_secret_access_key": "t"}
        self.write: TimestreamWriteClient = boto3.client("timestream-write", **options)
        self.query: TimestreamQueryClient = boto3.client("timestream-query", **options)
        self.database = f"contract-{uuid.uuid4().hex[:12]}"

    def create(self, *, memory_hours: int = 24, magnetic_writes: bool = False) -> None:
        self.write.create_database(DatabaseName=self.database)
        self.write.create_table(
            DatabaseName=self.database,
            TableName="rows",
            RetentionProperties={
                "MemoryStoreRetentionPeriodInHours": memory_hours,
                "MagneticStoreRetentionPeriodInDays": 7,
            },
            MagneticStoreWriteProperties={"EnableMagneticStoreWrites": magnetic_writes},
        )

    def records(self, *records: dict[str, Any], **common: Any) -> dict[str, Any]:
        answer: Any = self.write.write_records(
            DatabaseName=self.database,
            TableName="rows",
            Records=list(records),  # type: ignore[arg-type]
            CommonAttributes=common,  # type: ignore[arg-type]
        )
        return dict(answer["RecordsIngested"])

    def rejected(self, *records: dict[str, Any], **common: Any) -> list[dict[str, Any]]:
        with pytest.raises(self.write.exceptions.RejectedRecordsException) as caught:
            self.records(*records, **common)
        answer: Any = caught.value.response
        return list(answer["RejectedRecords"])

    def refusal(self, *records: dict[str, Any], **common: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            self.records(*records, **common)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    def select(self, what: str, rest: str = "ORDER BY time") -> list[list[str | None]]:
        time.sleep(SETTLE_SECONDS)
        answer = self.query.query(QueryString=f'SELECT {what} FROM "{self.database}"."rows" {rest}')
        return [[datum.get("ScalarValue") for datum in row["Data"]] for row in answer["Rows"]]

    def close(self) -> None:
        try:
            self.write.delete_table(DatabaseName=self.database, TableName="rows")
        except self.write.exceptions.ResourceNotFoundException:
            pass
        try:
            self.write.delete_database(DatabaseName=self.database)
        except self.write.exceptions.ResourceNotFoundException:
            pass
        self.write.close()
        self.query.close()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    server: LocalAws | None = None if REGION else request.getfixturevalue("local_aws")
    made = Service(None if server is None else server.endpoint_url)
    made.create()
    yield made
    made.close()


def now_ns() -> int:
    return time.time_ns() // SECOND_NS * SECOND_NS - 60 * SECOND_NS


def record(time_ns: int, value: str = "1.5", **more: Any) -> dict[str, Any]:
    return {
        "Dimensions": [{"Name": "plant", "Value": "p1"}],
        "MeasureName": "m",
        "MeasureValue": value,
        "MeasureValueType": "DOUBLE",
        "Time": str(time_ns),
        "TimeUnit": "NANOSECONDS",
        **more,
    }


def test_a_record_is_there_to_the_nanosecond(service: Service) -> None:
    at = now_ns() + 123_456_789
    assert service.records(record(at))["Total"] == 1
    assert service.select('plant, measure_name, time, "measure_value::double"') == [
        ["p1", "m", timestream_text(at), "1.5"]
    ]


def test_units_of_time_and_types_of_values(service: Service) -> None:
    at = now_ns()
    for unit, nanoseconds in (
        ("SECONDS", SECOND_NS),
        ("MILLISECONDS", 1_000_000),
        ("MICROSECONDS", 1_000),
        ("NANOSECONDS", 1),
    ):
        item = record(at // nanoseconds, MeasureName=unit, TimeUnit=unit)
        assert service.records(item)["Total"] == 1
    assert {row[0] for row in service.select("time")} == {timestream_text(at)}
    values = (("BIGINT", "-9007199254740993"), ("BOOLEAN", "true"), ("VARCHAR", "a 'quoted' é"))
    for kind, value in values:
        service.records(record(at, value, MeasureName=kind, MeasureValueType=kind))
        (row,) = service.select(
            f'"measure_value::{kind.lower()}"', f"WHERE measure_name = '{kind}'"
        )
        assert row == [value]


def test_common_attributes_and_multi_measure_records(service: Service) -> None:
    at = now_ns()
    common = {
        "Dimensions": [{"Name": "plant", "Value": "p1"}],
        "MeasureName": "reading",
        "MeasureValueType": "MULTI",
        "TimeUnit": "NANOSECONDS",
    }
    records = [
        {
            "Dimensions": [{"Name": "run", "Value": f"r{number}"}],
            "Time": str(at + number),
            "MeasureValues": [
                {"Name": "x", "Value": str(number / 4), "Type": "DOUBLE"},
                {"Name": "n", "Value": str(number), "Type": "BIGINT"},
                {"Name": "late", "Value": "false", "Type": "BOOLEAN"},
                {"Name": "since", "Value": str(at), "Type": "TIMESTAMP"},
            ],
        }
        for number in range(100)
    ]
    ingested = service.records(*records, **common)
    assert ingested == {"Total": 100, "MemoryStore": 100, "MagneticStore": 0}
    rows = service.select("plant, run, time, x, n, late, since")
    assert rows == [
        ["p1", f"r{n}", timestream_text(at + n), str(n / 4), str(n), "false", timestream_text(at)]
        for n in range(100)
    ]


def test_a_call_takes_a_hundred_records_with_what_they_need(service: Service) -> None:
    at = now_ns()
    code, message = service.refusal(*[record(at + n) for n in range(101)])
    assert code == "ValidationException"
    assert "100" in message
    assert service.refusal(record(at, Dimensions=[{"Name": "a", "Value": "1"}] * 2))[0] == (
        "ValidationException"
    )
    assert service.refusal(record(at, Version=0))[0] == "ValidationException"
    nameless = record(at)
    del nameless["MeasureName"]
    assert service.refusal(nameless)[0] == "ValidationException"
    assert service.select("count(*)", "") == [["0"]]


def test_versions_decide_what_a_second_write_does(service: Service) -> None:
    at = now_ns()
    service.records(record(at, "1.0"))
    # The same again is no error.
    assert service.records(record(at, "1.0"))["Total"] == 1
    (refused,) = service.rejected(record(at, "2.0"))
    assert refused["RecordIndex"] == 0
    assert refused["ExistingVersion"] == 1
    assert "already exists" in refused["Reason"]
    service.records(record(at, "2.0", Version=5))
    (refused,) = service.rejected(record(at, "3.0", Version=4))
    assert refused["ExistingVersion"] == 5
    # The same value with a higher version only raises the version.
    service.records(record(at, "2.0", Version=7))
    (refused,) = service.rejected(record(at, "3.0", Version=6))
    assert refused["ExistingVersion"] == 7
    assert service.select('"measure_value::double"') == [["2.0"]]


def test_what_is_rejected_does_not_keep_the_rest_out(service: Service) -> None:
    at = now_ns()
    refused = service.rejected(
        record(at),
        record(at - 30 * 86_400 * SECOND_NS),
        record(at + 1, "2.5"),
        record(at + 20 * 60 * SECOND_NS),
    )
    assert [item["RecordIndex"] for item in refused] == [1, 3]
    assert all("outside the time range" in item["Reason"] for item in refused)
    assert all("ExistingVersion" not in item for item in refused)
    assert [row[0] for row in service.select('"measure_value::double"')] == ["1.5", "2.5"]


def test_two_records_with_one_key_in_a_call(service: Service) -> None:
    at = now_ns()
    assert service.records(record(at), record(at))["Total"] == 2
    assert len(service.select("time")) == 1


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "abc", "0x10", "1_000", " 1"])
def test_what_is_no_number_is_not_stored(service: Service, value: str) -> None:
    with pytest.raises(ClientError) as caught:
        service.records(record(now_ns(), value))
    assert caught.value.response["Error"]["Code"] in {
        "RejectedRecordsException",
        "ValidationException",
    }
    assert service.select("count(*)", "") == [["0"]]


def test_a_measure_keeps_its_type_in_a_table(service: Service) -> None:
    at = now_ns()

    def multi(kind: str, value: str) -> dict[str, Any]:
        out = record(at, MeasureValueType="MULTI")
        del out["MeasureValue"]
        return out | {"MeasureValues": [{"Name": "x", "Value": value, "Type": kind}]}

    service.records(multi("DOUBLE", "1.5"))
    with pytest.raises(ClientError):
        service.records(multi("VARCHAR", "high") | {"Time": str(at + 1)})
    assert service.select("x") == [["1.5"]]


def test_late_records_go_to_the_magnetic_store_where_it_takes_them(service: Service) -> None:
    service.write.update_table(
        DatabaseName=service.database,
        TableName="rows",
        MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
    )
    at = now_ns() - 3 * 86_400 * SECOND_NS
    assert service.records(record(at)) == {"Total": 1, "MemoryStore": 0, "MagneticStore": 1}
    assert len(service.rejected(record(at - 7 * 86_400 * SECOND_NS))) == 1


def test_databases_and_tables_are_made_described_changed_listed_and_deleted(
    service: Service,
) -> None:
    write, name = service.write, service.database
    with pytest.raises(write.exceptions.ConflictException):
        write.create_database(DatabaseName=name)
    with pytest.raises(write.exceptions.ConflictException):
        write.create_table(DatabaseName=name, TableName="rows")
    described = write.describe_table(DatabaseName=name, TableName="rows")["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["RetentionProperties"]["MemoryStoreRetentionPeriodInHours"] == 24
    write.update_table(
        DatabaseName=name,
        TableName="rows",
        RetentionProperties={
            "MemoryStoreRetentionPeriodInHours": 12,
            "MagneticStoreRetentionPeriodInDays": 30,
        },
    )
    described = write.describe_table(DatabaseName=name, TableName="rows")["Table"]
    assert described["RetentionProperties"] == {
        "MemoryStoreRetentionPeriodInHours": 12,
        "MagneticStoreRetentionPeriodInDays": 30,
    }
    assert write.describe_database(DatabaseName=name)["Database"]["TableCount"] == 1
    with pytest.raises(write.exceptions.ValidationException):
        write.delete_database(DatabaseName=name)
    with pytest.raises(write.exceptions.ValidationException):
        write.create_table(
            DatabaseName=name,
            TableName="other",
            RetentionProperties={
                "MemoryStoreRetentionPeriodInHours": 9000,
                "MagneticStoreRetentionPeriodInDays": 1,
            },
        )
    write.delete_table(DatabaseName=name, TableName="rows")
    with pytest.raises(write.exceptions.ResourceNotFoundException):
        write.describe_table(DatabaseName=name, TableName="rows")
    with pytest.raises(write.exceptions.ResourceNotFoundException):
        service.records(record(now_ns()))
    write.delete_database(DatabaseName=name)
    with pytest.raises(write.exceptions.ResourceNotFoundException):
        write.describe_database(DatabaseName=name)


def test_lists_come_in_pages(service: Service) -> None:
    for number in range(5):
        service.write.create_table(DatabaseName=service.database, TableName=f"page-{number}")
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page: Any = service.write.list_tables(
            DatabaseName=service.database,
            MaxResults=2,
            **token,
        )
        assert len(page["Tables"]) <= 2
        names += [table["TableName"] for table in page["Tables"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [*(f"page-{number}" for number in range(5)), "rows"]
    for name in names[:-1]:
        service.write.delete_table(DatabaseName=service.database, TableName=name)


def test_tags(service: Service) -> None:
    arn = service.write.describe_table(DatabaseName=service.database, TableName="rows")["Table"][
        "Arn"
    ]
    service.write.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}])
    service.write.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    service.write.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert service.write.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "b", "Value": "2"}
    ]


def test_statements_are_answered_in_pages(service: Service) -> None:
    at = now_ns()
    service.records(*[record(at + n, str(n)) for n in range(50)])
    time.sleep(SETTLE_SECONDS)
    statement = f'SELECT "measure_value::double" FROM "{service.database}"."rows" ORDER BY time'
    pages = service.query.get_paginator("query").paginate(
        QueryString=statement, PaginationConfig={"PageSize": 20}
    )
    values = [float(row["Data"][0]["ScalarValue"]) for page in pages for row in page["Rows"]]
    assert values == list(range(50))


def test_a_statement_that_is_wrong_is_told_where(service: Service) -> None:
    with pytest.raises(service.query.exceptions.ValidationException):
        service.select("no_such_column")
    with pytest.raises(service.query.exceptions.ValidationException):
        service.query.query(QueryString='SELECT * FROM "no-such-db"."rows"')


@at_home
def test_everything_survives_a_restart_and_sigkill(tmp_path: Path) -> None:
    at = now_ns()
    rows: list[list[str | None]] = []
    for number, how in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)):
        with LocalAws(tmp_path / "log", data_dir=tmp_path / "data") as server:
            service = Service(server.endpoint_url)
            service.database = "kept"
            if number == 0:
                service.create()
            else:
                assert service.select('"measure_value::double"') == rows
            batch = range(number * 1000, number * 1000 + 1000)
            for start in range(0, 1000, 100):
                service.records(*[record(at + n, f"{n}.5") for n in batch[start : start + 100]])
            rows += [[f"{n}.5"] for n in batch]
            # What was stored before the end is known as stored after it.
            assert service.records(record(at, "0.5"))["Total"] == 1
            assert len(service.rejected(record(at, "7.5"))) == 1
            service.write.close()
            service.query.close()
            if how is signal.SIGKILL:
                server.kill()
    with LocalAws(tmp_path / "log", data_dir=tmp_path / "data") as server:
        service = Service(server.endpoint_url)
        service.database = "kept"
        assert service.select('"measure_value::double"', "ORDER BY time LIMIT 1") == [["0.5"]]
        assert service.select("count(*)", "") == [["3000"]]
        service.write.close()
        service.query.close()


@at_home
def test_one_account_does_not_see_the_others(service: Service, local_aws: LocalAws) -> None:
    other: TimestreamWriteClient = boto3.client(
        "timestream-write",
        region_name="us-east-1",
        endpoint_url=local_aws.endpoint_url,
        aws_access_key_id="123456789012",
        aws_secret_access_key="t",
    )
    assert other.list_databases()["Databases"] == []
    with pytest.raises(other.exceptions.ResourceNotFoundException):
        other.describe_database(DatabaseName=service.database)
    assert other.create_database(DatabaseName=service.database)["Database"]["Arn"].split(":")[
        4
    ] == ("123456789012")
    other.delete_database(DatabaseName=service.database)
    other.close()
