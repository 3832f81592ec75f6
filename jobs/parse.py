"""Stream records to micro-batches: decode, validate, group by bucket of plants."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jobs.results import Parsed, encode_parsed
from tepwatch.records import Message, Rejected
from tepwatch.settings import Settings
from tepwatch.wire import decode


class Batch(NamedTuple):
    """One micro-batch: the bucket it belongs to and its encoded items."""

    bucket: int
    data: bytes


class ParseCounts(NamedTuple):
    """Of the messages parsed so far."""

    records: int = 0
    rejected: int = 0


def bucket_of(plant: str, buckets: int) -> int:
    """The bucket of a plant; part of the state's format.

    >>> bucket_of("plant-1", 32)
    0
    """
    return zlib.crc32(plant.encode()) % buckets


class Parser:
    """Parses messages; counts as it goes."""

    def __init__(self, settings: Settings) -> None:
        self._policy = settings.wire_policy
        self._buckets = settings.buckets
        self._batch_size = settings.batch_size
        self.counts = ParseCounts()

    def parse(self, messages: Iterable[Message]) -> Iterator[Batch]:
        """Batches of at most `batch_size` items, each plant's records in the order they came."""
        open_batches: dict[int, list[Parsed]] = {}
        records, rejected = self.counts
        for message in messages:
            for item in decode(message, self._policy):
                if isinstance(item, Rejected):
                    rejected += 1
                    bucket = bucket_of(item.partition_key, self._buckets)
                else:
                    bucket = bucket_of(item.plant, self._buckets)
                records += 1
                batch = open_batches.setdefault(bucket, [])
                batch.append(item)
                if len(batch) >= self._batch_size:
                    yield Batch(bucket, encode_parsed(open_batches.pop(bucket)))
        self.counts = ParseCounts(records, rejected)
        for bucket, batch in open_batches.items():
            yield Batch(bucket, encode_parsed(batch))
