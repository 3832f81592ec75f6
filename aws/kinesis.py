"""Kinesis Data Streams: the calls that the product makes, typed."""

from __future__ import annotations

import enum
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from aws.http import JsonService
from aws.puts import PutFailure, PutResult, failures_among
from tepwatch.errors import ServiceError
from tepwatch.records import Message

PUT_RECORDS_MAX: Final = 500
PUT_BYTES_MAX: Final = 5 * 1024 * 1024
RECORD_BYTES_MAX: Final = 1024 * 1024
GET_RECORDS_MAX: Final = 10_000


class IteratorType(enum.StrEnum):
    """Where a shard iterator starts."""

    TRIM_HORIZON = "TRIM_HORIZON"
    AFTER_SEQUENCE_NUMBER = "AFTER_SEQUENCE_NUMBER"
    AT_TIMESTAMP = "AT_TIMESTAMP"


class Shard(NamedTuple):
    """A shard and the shards it was split or merged from."""

    id: str
    parents: tuple[str, ...]


class Records(NamedTuple):
    """What one GetRecords call returned; `next_iterator` is None at the end of a closed shard."""

    messages: list[Message]
    next_iterator: str | None
    millis_behind: int


class OutgoingRecord(NamedTuple):
    """A record to put."""

    partition_key: str
    data: bytes


class StreamSummary(NamedTuple):
    """State of a stream."""

    name: str
    status: str
    open_shards: int
    retention_hours: int


class _GetRecord(msgspec.Struct, rename="pascal"):
    sequence_number: str
    approximate_arrival_timestamp: float
    data: bytes
    partition_key: str


class _GetRecordsAnswer(msgspec.Struct, rename="pascal"):
    records: list[_GetRecord]
    millis_behind_latest: int = 0
    next_shard_iterator: str | None = None


class _PutRecordsAnswer(msgspec.Struct, rename="pascal"):
    failed_record_count: int
    records: list[PutResult]


class _ShardAnswer(msgspec.Struct, rename="pascal"):
    shard_id: str
    parent_shard_id: str | None = None
    adjacent_parent_shard_id: str | None = None


class _ListShardsAnswer(msgspec.Struct, rename="pascal"):
    shards: list[_ShardAnswer]
    next_token: str | None = None


class _Summary(msgspec.Struct, rename="pascal"):
    stream_name: str
    stream_status: str
    open_shard_count: int
    retention_period_hours: int


class _SummaryAnswer(msgspec.Struct, rename="pascal"):
    stream_description_summary: _Summary


class _IteratorAnswer(msgspec.Struct, rename="pascal"):
    shard_iterator: str


_get_records_decoder: Final = msgspec.json.Decoder(_GetRecordsAnswer)
_put_records_decoder: Final = msgspec.json.Decoder(_PutRecordsAnswer)
_list_shards_decoder: Final = msgspec.json.Decoder(_ListShardsAnswer)
_summary_decoder: Final = msgspec.json.Decoder(_SummaryAnswer)
_iterator_decoder: Final = msgspec.json.Decoder(_IteratorAnswer)


class KinesisClient:
    """One connection to Kinesis; use one client a thread.

    Every method raises `ServiceError` or one of its kinds (`aws.http.JsonService.call`).
    """

    def __init__(self, *, region: str, endpoint_url: str | None = None) -> None:
        self._service = JsonService(
            "kinesis", "Kinesis_20131202", region=region, endpoint_url=endpoint_url
        )

    @property
    def url(self) -> str:
        """Address of the endpoint."""
        return self._service.url

    def close(self) -> None:
        """Close the connection."""
        self._service.close()

    def create_stream(self, stream: str, shards: int, *, patience_seconds: float = 60.0) -> bool:
        """Create a stream and wait until it is active; False when it was there already."""
        created = True
        try:
            self._call("CreateStream", {"StreamName": stream, "ShardCount": shards})
        except ServiceError as error:
            if error.code != "ResourceInUseException":
                raise
            created = False
        deadline = time.monotonic() + patience_seconds
        while self.summary(stream).status not in {"ACTIVE", "UPDATING"}:
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"stream {stream} is not active after {patience_seconds:g} s", code="NotActive"
                )
            time.sleep(0.5)
        return created

    def delete_stream(self, stream: str) -> None:
        """Delete a stream with all it holds."""
        self._call("DeleteStream", {"StreamName": stream})

    def summary(self, stream: str) -> StreamSummary:
        """Describe a stream in short."""
        answer = _summary_decoder.decode(
            self._call("DescribeStreamSummary", {"StreamName": stream})
        ).stream_description_summary
        return StreamSummary(
            answer.stream_name,
            answer.stream_status,
            answer.open_shard_count,
            answer.retention_period_hours,
        )

    def list_shards(self, stream: str) -> list[Shard]:
        """All shards within the retention period, closed ones too."""
        shards: list[Shard] = []
        request: dict[str, Any] = {"StreamName": stream}
        while True:
            answer = _list_shards_decoder.decode(self._call("ListShards", request))
            shards.extend(
                Shard(
                    shard.shard_id,
                    tuple(
                        parent
                        for parent in (shard.parent_shard_id, shard.adjacent_parent_shard_id)
                        if parent is not None
                    ),
                )
                for shard in answer.shards
            )
            if answer.next_token is None:
                return shards
            request = {"NextToken": answer.next_token}

    def shard_iterator(
        self,
        stream: str,
        shard: str,
        kind: IteratorType,
        *,
        sequence: str | None = None,
        time_ms: int | None = None,
    ) -> str:
        """An iterator; valid for five minutes."""
        request: dict[str, Any] = {
            "StreamName": stream,
            "ShardId": shard,
            "ShardIteratorType": kind.value,
        }
        if sequence is not None:
            request["StartingSequenceNumber"] = sequence
        if time_ms is not None:
            request["Timestamp"] = time_ms / 1000
        return _iterator_decoder.decode(self._call("GetShardIterator", request)).shard_iterator

    def get_records(self, shard: str, iterator: str, limit: int = GET_RECORDS_MAX) -> Records:
        """Read on from an iterator; `shard` is written into the messages."""
        answer = _get_records_decoder.decode(
            self._call("GetRecords", {"ShardIterator": iterator, "Limit": limit})
        )
        messages = [
            Message(
                record.data,
                shard,
                record.sequence_number,
                record.partition_key,
                round(record.approximate_arrival_timestamp * 1000),
            )
            for record in answer.records
        ]
        return Records(messages, answer.next_shard_iterator, answer.millis_behind_latest)

    def put_records(self, stream: str, records: Sequence[OutgoingRecord]) -> list[PutFailure]:
        """Put up to 500 records in one call; the failures, in order, are left to the caller."""
        answer = _put_records_decoder.decode(
            self._call(
                "PutRecords",
                {
                    "StreamName": stream,
                    "Records": [
                        {"PartitionKey": record.partition_key, "Data": record.data}
                        for record in records
                    ],
                },
            )
        )
        if not answer.failed_record_count:
            return []
        return failures_among(answer.records)

    def _call(self, action: str, request: dict[str, Any]) -> bytes:
        return self._service.call(action, msgspec.json.encode(request))
