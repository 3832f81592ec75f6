"""A Kinesis stream as the source of a delivery stream: its records, in order, from now on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from ministack.services import kinesis

from localaws.firehose.buffers import KinesisOrigin
from localaws.record_log import Entry, RecordLog
from localaws.shards import Shard, Stream, is_open, parents

READ_RECORDS: Final = 1000
READ_BYTES: Final = 1024 * 1024

T = TypeVar("T")
OnLoop = Callable[[Callable[[], Any]], Any]
"""Calls a function where the record logs are written, and gives its result."""


class KinesisSource:
    """Reads all shards of a stream, a child only after its parents, each from where it was.

    The records that are there when this is made are passed over. A record log knows no threads, so
    it is read on the event loop, in slices like those of GetRecords: putting stays as it was.

    Args:
        arn: of the stream.
        on_loop: how to call a function on the event loop.

    Raises:
        LookupError: no such stream.
    """

    def __init__(self, arn: str, on_loop: OnLoop) -> None:
        self.arn = arn
        self._on_loop = on_loop
        self._after: dict[str, str] = on_loop(self._ends)

    def read(self) -> list[tuple[KinesisOrigin, Entry]]:
        """The next records of some shard; none when all have been read, or the stream is gone."""
        found: list[tuple[KinesisOrigin, Entry]] = self._on_loop(self._read)
        return found

    def _ends(self) -> dict[str, str]:
        stream = self._stream()
        if stream is None:
            raise LookupError(self.arn)
        return {shard_id: shard["records"].last for shard_id, shard in stream["shards"].items()}

    def _read(self) -> list[tuple[KinesisOrigin, Entry]]:
        stream = self._stream()
        shards: dict[str, Shard] = {} if stream is None else stream["shards"]
        # A shard that expired or went with its stream is forgotten.
        self._after = {name: after for name, after in self._after.items() if name in shards}
        for shard_id, shard in shards.items():
            if any(self._unfinished(shards, parent) for parent in parents(shard)):
                continue
            log: RecordLog = shard["records"]
            entries = log.after(self._after.get(shard_id, ""), READ_RECORDS, READ_BYTES)
            if entries:
                self._after[shard_id] = entries[-1].sequence
                return list(_with_origins(shard_id, entries))
        return []

    def _unfinished(self, shards: dict[str, Shard], shard_id: str) -> bool:
        shard = shards.get(shard_id)
        if shard is None:
            return False
        left = shard["records"].first_after(self._after.get(shard_id, ""))
        return left is not None or is_open(shard)

    def _stream(self) -> Stream | None:
        for _key, stream in kinesis._streams.all_items():
            if stream["StreamARN"] == self.arn:
                return stream
        return None


def _with_origins(shard_id: str, entries: list[Entry]) -> Iterator[tuple[KinesisOrigin, Entry]]:
    for entry in entries:
        yield KinesisOrigin(shard_id, entry.partition_key, entry.sequence), entry
