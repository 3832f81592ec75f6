"""Timestream for LiveAnalytics, the write side: the one call that the product makes often."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import msgspec

from aws.endpoint import failing
from aws.http import JsonService
from tepwatch.errors import ServiceError

RECORDS_MAX: Final = 100
_TARGET: Final = "Timestream_20181101"


class RejectedRecord(NamedTuple):
    """A record of a call that was not stored, by its place in the call.

    `existing_version` is given when another record stands under the same key.
    """

    place: int
    reason: str
    existing_version: int | None


class _Endpoint(msgspec.Struct, rename="pascal"):
    address: str
    cache_period_in_minutes: int


class _EndpointsAnswer(msgspec.Struct, rename="pascal"):
    endpoints: list[_Endpoint]


class _Rejected(msgspec.Struct, rename="pascal"):
    record_index: int
    reason: str
    existing_version: int | None = None


class _RejectedAnswer(msgspec.Struct, rename="pascal"):
    rejected_records: list[_Rejected] = []


class TimestreamWriter:
    """One connection; use one writer a thread.

    On AWS the address to write to is asked for first, and again when its time is over, as the
    service demands; an address that is given is used as it is.
    """

    def __init__(self, *, region: str, endpoint_url: str | None = None) -> None:
        self._region = region
        self._given = endpoint_url
        self._service: JsonService | None = None
        self._valid_until = 0.0

    def close(self) -> None:
        """Close the connection."""
        if self._service is not None:
            self._service.close()

    def describe_table(self, database: str, table: str) -> None:
        """Nothing, when the table is there.

        Raises:
            ServiceError: it is not, or may not be looked at; or one of `write_records`'.
        """
        request = {"DatabaseName": database, "TableName": table}
        self._connected().call("DescribeTable", msgspec.json.encode(request))

    def write_records(self, body: bytes) -> list[RejectedRecord]:
        """Send a whole WriteRecords request, encoded by the caller, and wait.

        Returns:
            What was not stored, and never will be as it is; all else is stored.

        Raises:
            ServiceError: nothing was stored, or one of its kinds (`aws.http.JsonService.call`).
        """
        return self.begin_write(body)()

    def begin_write(self, body: bytes) -> Callable[[], list[RejectedRecord]]:
        """Send the same; returns what waits for its end, to be called before the next begins."""
        try:
            answer = self._connected().begin("WriteRecords", body)
        except ServiceError as error:
            return failing(error)
        return partial(self._finish, answer)

    def _finish(self, answer: Callable[[], bytes]) -> list[RejectedRecord]:
        try:
            answer()
        except ServiceError as error:
            if error.code == "InvalidEndpointException":
                self._valid_until = 0.0
            if error.code != "RejectedRecordsException":
                raise
            rejected = msgspec.json.decode(error.answer, type=_RejectedAnswer).rejected_records
            return [
                RejectedRecord(item.record_index, item.reason, item.existing_version)
                for item in rejected
            ]
        return []

    def _connected(self) -> JsonService:
        if self._service is not None and time.monotonic() < self._valid_until:
            return self._service
        self.close()
        if self._given is not None:
            self._service = self._at(self._given)
            self._valid_until = float("inf")
            return self._service
        well_known = self._at(f"https://ingest.timestream.{self._region}.amazonaws.com")
        try:
            answer = well_known.call("DescribeEndpoints", b"{}")
        finally:
            well_known.close()
        endpoint = msgspec.json.decode(answer, type=_EndpointsAnswer).endpoints[0]
        self._service = self._at(f"https://{endpoint.address}")
        self._valid_until = time.monotonic() + endpoint.cache_period_in_minutes * 60
        return self._service

    def _at(self, url: str) -> JsonService:
        return JsonService(
            "timestream", _TARGET, region=self._region, endpoint_url=url, json_version="1.0"
        )
