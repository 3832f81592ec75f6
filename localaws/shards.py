"""Shards of a stream at home: opened, split, merged, closed; they keep their records.

ministack forgets a shard, with its records, when it is split or merged. Here it stays, closed, and
its children name it, until everything in it has expired.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import kinesis

from localaws.hooks import ClientError
from localaws.record_log import RecordLog

Stream = dict[str, Any]
Shard = dict[str, Any]


def is_open(shard: Shard) -> bool:
    """Whether it takes records."""
    return "ending_sequence_number" not in shard


def build_shards(shard_count: int, start_index: int = 0) -> dict[str, Shard]:
    """The first shards of a stream, of equal hash ranges."""
    return {
        f"shardId-{start_index + index:012d}": _new_shard(int(start), int(end), ())
        for index, (start, end) in enumerate(kinesis._compute_hash_ranges(shard_count))
    }


def _new_shard(start: int, end: int, parents: tuple[str, ...]) -> Shard:
    return {
        "records": RecordLog(),
        "starting_hash_key": str(start),
        "ending_hash_key": str(end),
        "starting_sequence_number": kinesis._next_sequence_number(),
        "parent_shard_id": parents[0] if parents else None,
        "adjacent_parent_shard_id": parents[1] if len(parents) > 1 else None,
    }


def _open_child(stream: Stream, start: int, end: int, parents: tuple[str, ...]) -> str:
    shard_id = f"shardId-{kinesis._max_shard_index(stream) + 1:012d}"
    stream["shards"][shard_id] = _new_shard(start, end, parents)
    return shard_id


def _close(shard: Shard) -> None:
    shard["ending_sequence_number"] = kinesis._next_sequence_number()
    shard["closed_at"] = time.time()


def hash_range(shard: Shard) -> tuple[int, int]:
    """First and last hash key."""
    return int(shard["starting_hash_key"]), int(shard["ending_hash_key"])


def _open_shard_of(stream: Stream, shard_id: str) -> Shard:
    shard = shard_of(stream, shard_id)
    if not is_open(shard):
        raise ClientError("InvalidArgumentException", f"Shard {shard_id} is closed")
    return shard


def split(stream: Stream, shard_id: str, cut: int) -> None:
    """Close a shard and open two children; the second begins at hash key `cut`."""
    shard = _open_shard_of(stream, shard_id)
    start, end = hash_range(shard)
    if not start < cut <= end:
        raise ClientError(
            "InvalidArgumentException", "NewStartingHashKey must be within the shard's range"
        )
    _close(shard)
    _open_child(stream, start, cut - 1, (shard_id,))
    _open_child(stream, cut, end, (shard_id,))


def merge(stream: Stream, shard_id: str, adjacent_id: str) -> str:
    """Close two adjacent shards and open their child; returns its id."""
    first, second = (_open_shard_of(stream, name) for name in (shard_id, adjacent_id))
    low, high = sorted((hash_range(first), hash_range(second)))
    if low[1] + 1 != high[0]:
        raise ClientError("InvalidArgumentException", "the shards to merge are not adjacent")
    _close(first)
    _close(second)
    return _open_child(stream, low[0], high[1], (shard_id, adjacent_id))


def open_ids(stream: Stream) -> list[str]:
    """Ids of the shards that take records."""
    return [shard_id for shard_id, shard in stream["shards"].items() if is_open(shard)]


def child_shards(stream: Stream, parent: str) -> list[dict[str, Any]]:
    """The children of a shard, as GetRecords names them at its end."""
    return [
        {
            "ShardId": shard_id,
            "ParentShards": parents(shard),
            "HashKeyRange": {
                "StartingHashKey": shard["starting_hash_key"],
                "EndingHashKey": shard["ending_hash_key"],
            },
        }
        for shard_id, shard in stream["shards"].items()
        if parent in parents(shard)
    ]


def parents(shard: Shard) -> list[str]:
    """Ids of the shards it was split or merged from."""
    both = (shard["parent_shard_id"], shard["adjacent_parent_shard_id"])
    return [name for name in both if name]


def route_to_shard(hash_key_int: int, stream: Stream) -> str:
    """The open shard that takes a hash key."""
    for shard_id, shard in stream["shards"].items():
        if is_open(shard) and (
            int(shard["starting_hash_key"]) <= hash_key_int <= int(shard["ending_hash_key"])
        ):
            return str(shard_id)
    raise ClientError("InvalidArgumentException", f"no open shard takes hash key {hash_key_int}")


def shard_of(stream: Stream, shard_id: str) -> Shard:
    """A shard by its id; an error answer when there is none."""
    shard: Shard | None = stream["shards"].get(shard_id)
    if shard is None:
        raise ClientError(
            "ResourceNotFoundException",
            f"Shard {shard_id} in stream {stream['StreamName']} does not exist",
        )
    return shard
