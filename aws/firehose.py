"""Data Firehose: the one call that the product makes often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from aws.http import JsonService
from aws.puts import PutFailure, PutResult, failures_among

PUT_RECORDS_MAX: Final = 500
PUT_BYTES_MAX: Final = 4 * 1024 * 1024
RECORD_BYTES_MAX: Final = 1000 * 1024


class _PutAnswer(msgspec.Struct, rename="pascal"):
    failed_put_count: int
    request_responses: list[PutResult]


class _Record(msgspec.Struct, rename="pascal"):
    data: bytes


class _PutRequest(msgspec.Struct, rename="pascal"):
    delivery_stream_name: str
    records: list[_Record]


_answer_decoder: Final = msgspec.json.Decoder(_PutAnswer)


class FirehoseClient:
    """One connection to Firehose; use one client a thread.

    Every method raises `ServiceError` or one of its kinds (`aws.http.JsonService.call`).
    """

    def __init__(self, *, region: str, endpoint_url: str | None = None) -> None:
        self._service = JsonService(
            "firehose", "Firehose_20150804", region=region, endpoint_url=endpoint_url
        )

    def close(self) -> None:
        """Close the connection."""
        self._service.close()

    def describe(self, stream: str) -> None:
        """Nothing, when the delivery stream is there; ServiceError when not."""
        self._service.call(
            "DescribeDeliveryStream", msgspec.json.encode({"DeliveryStreamName": stream})
        )

    def put_record_batch(self, stream: str, records: Sequence[bytes]) -> list[PutFailure]:
        """Put up to 500 records of 4 MiB in all; the failures are left to the caller."""
        request = _PutRequest(stream, [_Record(data) for data in records])
        answer = _answer_decoder.decode(
            self._service.call("PutRecordBatch", msgspec.json.encode(request))
        )
        if not answer.failed_put_count:
            return []
        return failures_among(answer.request_responses)
