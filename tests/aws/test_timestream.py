"""Where writes go, and what answers mean; the service itself is in tests/contract."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import msgspec
import pytest

from aws.http import JsonService
from aws.timestream import RejectedRecord, TimestreamWriter
from aws.timestream_query import value_of
from tepwatch.errors import ServiceError

WELL_KNOWN = "https://ingest.timestream.eu-west-1.amazonaws.com"


class FakeTimestream:
    """Answers for every endpoint; notes which was asked for what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, str]] = []
        self.cells = iter(["cell1.example", "cell2.example"])
        self.error: ServiceError | None = None
        self.seconds = 0.0
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setattr("aws.timestream.time", SimpleNamespace(monotonic=lambda: self.seconds))

        def begin(service: JsonService, action: str, _body: bytes) -> Callable[[], bytes]:
            self.asked.append((service.url, action))
            return partial(self._answer, action)

        monkeypatch.setattr(JsonService, "begin", begin)

    def _answer(self, action: str) -> bytes:
        if action == "DescribeEndpoints":
            endpoint = {"Address": next(self.cells), "CachePeriodInMinutes": 10}
            return msgspec.json.encode({"Endpoints": [endpoint]})
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return b"{}"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTimestream:
    return FakeTimestream(monkeypatch)


def test_on_aws_the_address_is_asked_for_once_while_it_is_valid(fake: FakeTimestream) -> None:
    writer = TimestreamWriter(region="eu-west-1")
    for seconds in (0.0, 1.0, 599.0, 601.0):
        fake.seconds = seconds
        assert writer.write_records(b"{}") == []
    writer.close()
    assert fake.asked == [
        (WELL_KNOWN, "DescribeEndpoints"),
        *[("https://cell1.example", "WriteRecords")] * 3,
        (WELL_KNOWN, "DescribeEndpoints"),
        ("https://cell2.example", "WriteRecords"),
    ]


def test_an_address_that_is_no_longer_valid_is_asked_for_anew(fake: FakeTimestream) -> None:
    writer = TimestreamWriter(region="eu-west-1")
    fake.error = ServiceError("moved", code="InvalidEndpointException")
    with pytest.raises(ServiceError, match="moved"):
        writer.write_records(b"{}")
    writer.write_records(b"{}")
    writer.close()
    assert fake.asked[-1] == ("https://cell2.example", "WriteRecords")


def test_an_address_that_is_given_is_used_as_it_is(fake: FakeTimestream) -> None:
    writer = TimestreamWriter(region="eu-west-1", endpoint_url="http://127.0.0.1:4566")
    writer.describe_table("d", "t")
    writer.close()
    assert fake.asked == [("http://127.0.0.1:4566", "DescribeTable")]


def test_rejected_records_are_an_answer_and_other_errors_are_errors(fake: FakeTimestream) -> None:
    writer = TimestreamWriter(region="eu-west-1", endpoint_url="http://127.0.0.1:4566")
    rejected = [
        {"RecordIndex": 3, "Reason": "old"},
        {"RecordIndex": 5, "Reason": "there", "ExistingVersion": 2},
    ]
    fake.error = ServiceError(
        "rejected",
        code="RejectedRecordsException",
        answer=msgspec.json.encode({"RejectedRecords": rejected}),
    )
    assert writer.write_records(b"{}") == [
        RejectedRecord(3, "old", None),
        RejectedRecord(5, "there", 2),
    ]
    fake.error = ServiceError("no", code="AccessDeniedException")
    with pytest.raises(ServiceError, match="no"):
        writer.write_records(b"{}")
    writer.close()


def test_values_of_every_kind_of_type() -> None:
    double = {"ScalarType": "DOUBLE"}
    series = {"TimeSeriesMeasureValueColumnInfo": {"Type": double}}
    row = {"RowColumnInfo": [{"Name": "a", "Type": {"ScalarType": "BIGINT"}}, {"Type": double}]}
    point = {"Time": "2026-01-01 00:00:00.000000001", "Value": {"ScalarValue": "1.5"}}
    fields = {"Data": [{"ScalarValue": "-7"}, {"NullValue": True}]}
    for datum, kind, value in (
        ({"NullValue": True}, double, None),
        ({"ScalarValue": "1.0E7"}, double, 1e7),
        ({"ScalarValue": "true"}, {"ScalarType": "BOOLEAN"}, True),
        ({"ScalarValue": "false"}, {"ScalarType": "BOOLEAN"}, False),
        ({"ScalarValue": "9007199254740993"}, {"ScalarType": "BIGINT"}, 9007199254740993),
        ({"ScalarValue": "x"}, {"ScalarType": "VARCHAR"}, "x"),
        ({"TimeSeriesValue": [point]}, series, [{"time": point["Time"], "value": 1.5}]),
        ({"RowValue": fields}, row, {"a": -7, "_col1": None}),
        (
            {"ArrayValue": [{"ScalarValue": "2"}, {"NullValue": True}]},
            {"ArrayColumnInfo": {"Type": double}},
            [2.0, None],
        ),
    ):
        assert value_of(datum, kind) == value
