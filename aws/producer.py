"""Putting records on a stream in order: nothing lost, each plant's order kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from aws.backoff import Backoff
from aws.batches import cut
from aws.kinesis import (
    PUT_BYTES_MAX,
    PUT_RECORDS_MAX,
    RECORD_BYTES_MAX,
    OutgoingRecord,
)
from aws.puts import PutFailure
from tepwatch.errors import ServiceError, ThrottledError, UnreachableError


class PutsRecords(Protocol):
    """The one call that the producer needs."""

    def put_records(self, stream: str, records: Sequence[OutgoingRecord]) -> list[PutFailure]:
        """Put up to 500 records; returns the failures in order."""


class ProducerCounts(NamedTuple):
    """Since the start: records accepted (each once), put again, and calls that had to wait."""

    accepted: int
    resent: int
    waits: int


class OrderedProducer:
    """Puts records in batches with one call in flight.

    Kinesis may accept a record and refuse an earlier one of the same call. Everything of a
    partition key from its first failure on is therefore put again: the order is kept at the price
    of copies, which the reader of the stream knows by (plant, run, seq).

    Args:
        client: where to put.
        stream: name of the stream.
        patience_seconds: how long to try without any progress before giving up.
        backoff: replaced in tests.
    """

    def __init__(
        self,
        client: PutsRecords,
        stream: str,
        *,
        patience_seconds: float = 60.0,
        backoff: Callable[[float], Backoff] = Backoff,
    ) -> None:
        self._client = client
        self._stream = stream
        self._patience_seconds = patience_seconds
        self._backoff = backoff
        self.counts = ProducerCounts(0, 0, 0)

    def put(self, records: Sequence[OutgoingRecord]) -> None:
        """Put all records; returns when every one was accepted.

        Raises:
            ServiceError: no progress within the patience, an error that waiting cannot mend, or a
                record larger than the service takes. `counts.accepted` says how many went through.
        """
        for batch in batches(records):
            self._put_batch(batch)

    def _put_batch(self, batch: list[OutgoingRecord]) -> None:
        backoff = self._backoff(self._patience_seconds)
        pending = batch
        while pending:
            failures, cause = self._attempt(pending)
            retry = from_first_failure(pending, failures)
            done = len(pending) - len(retry)
            accepted, resent, waits = self.counts
            copies = len(retry) - len(failures)
            self.counts = ProducerCounts(accepted + done, resent + copies, waits)
            if not retry:
                return
            if done:
                backoff.reset()
            pending = retry
            if not backoff.wait():
                raise cause
            self.counts = self.counts._replace(waits=self.counts.waits + 1)

    def _attempt(self, pending: list[OutgoingRecord]) -> tuple[list[PutFailure], ServiceError]:
        try:
            failures = self._client.put_records(self._stream, pending)
        except (ThrottledError, UnreachableError) as error:
            return [PutFailure(index, error.code, "") for index in range(len(pending))], error
        text = failures[0].message if failures else ""
        code = failures[0].code if failures else ""
        return failures, ThrottledError(
            f"stream {self._stream} refuses records: {code} {text}", code=code
        )


def from_first_failure(
    records: list[OutgoingRecord], failures: list[PutFailure]
) -> list[OutgoingRecord]:
    """The records to put again so that none is lost and the order of each key is kept."""
    if not failures:
        return []
    failed = {failure.place for failure in failures}
    broken_keys: set[str] = set()
    retry = []
    for index, record in enumerate(records):
        if index in failed:
            broken_keys.add(record.partition_key)
        if record.partition_key in broken_keys:
            retry.append(record)
    return retry


def batches(records: Sequence[OutgoingRecord]) -> Iterator[list[OutgoingRecord]]:
    """Cut records into what one put call takes.

    Raises (with the first batch):
        ServiceError: a record is larger than the service takes.
    """
    sizes = [_checked_size(record) for record in records]
    for part in cut(sizes, count_max=PUT_RECORDS_MAX, bytes_max=PUT_BYTES_MAX):
        yield list(records[part])


def _checked_size(record: OutgoingRecord) -> int:
    size = len(record.data) + len(record.partition_key.encode())
    if size > RECORD_BYTES_MAX:
        raise ServiceError(
            f"a record of {size} bytes for {record.partition_key} is larger than the "
            f"{RECORD_BYTES_MAX} that a stream takes",
            code="RecordTooLarge",
        )
    return size
