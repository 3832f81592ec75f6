"""Kinesis as the output of a live source."""

from __future__ import annotations

from collections.abc import Sequence

from aws.kinesis import KinesisClient, OutgoingRecord
from aws.producer import OrderedProducer, ProducerCounts
from tepwatch.errors import ServiceError, TepwatchError
from tepwatch.records import StreamRecord
from tepwatch.settings import Settings
from tepwatch.wire import encode


class KinesisOutput:
    """Puts records on the settings' stream.

    Raises (from the constructor):
        TepwatchError: no such stream, no credentials, nothing at the endpoint: what to do.
    """

    def __init__(self, settings: Settings) -> None:
        self._client = connect(settings)
        self._producer = OrderedProducer(self._client, settings.stream)

    @property
    def counts(self) -> ProducerCounts:
        """What was accepted so far."""
        return self._producer.counts

    def write(self, records: Sequence[StreamRecord]) -> None:
        """Put records, each plant's in order; returns when all are accepted."""
        self._producer.put([OutgoingRecord(record.plant, encode(record)) for record in records])

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def connect(settings: Settings) -> KinesisClient:
    """A client whose stream is known to be there.

    Raises:
        TepwatchError: it is not, in one line that says what to do.
    """
    client = KinesisClient(region=settings.region, endpoint_url=settings.endpoint_url)
    try:
        client.summary(settings.stream)
    except ServiceError as error:
        client.close()
        raise TepwatchError(_advice(settings, client.url, error)) from error
    return client


def _advice(settings: Settings, url: str, error: ServiceError) -> str:
    match error.code:
        case "ResourceNotFoundException":
            return f"no stream {settings.stream} at {url}: create it, or name another with --stream"
        case "Unreachable":
            return f"nothing answers at {url}: start `tepwatch localaws`, or check --endpoint"
        case _:
            return str(error)
