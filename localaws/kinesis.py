"""Kinesis at home: ministack's control plane over a data plane of our own.

ministack 1.5.33 keeps a list a shard, copies it at every put, reads by list position and forgets
a shard when it is split. Here each shard keeps a `RecordLog`, iterators carry sequence numbers and
split or merged shards stay, closed, until their records expire. Memory is bounded by age (the
stream's retention) and by size; what the size bound drops is counted (`counters`).

Everything replaced in ministack is listed in `HOOKS`, checked when installed and covered by
tests/contract.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec
from ministack.core.concurrency import esm_wake
from ministack.services import kinesis

from localaws import hooks
from localaws.hooks import ClientError, Response, answered
from localaws.record_log import Entry, RecordLog
from localaws.shards import (
    Shard,
    Stream,
    build_shards,
    child_shards,
    hash_range,
    is_open,
    merge,
    open_ids,
    route_to_shard,
    shard_of,
    split,
)
from tepwatch import resources

ITERATOR_SECONDS: Final = 300
PUT_RECORDS_MAX: Final = 500
PUT_BYTES_MAX: Final = 10 * 1024 * 1024
RECORD_BYTES_MAX: Final = 1024 * 1024
GET_RECORDS_MAX: Final = 10_000
GET_BYTES_MAX: Final = 10 * 1024 * 1024
PARTITION_KEY_LENGTH_MAX: Final = 256

# The size bound drops this share of it at once, so that a full store does not trim at every put.
_DROP_SHARE: Final = 0.02


class _Bounds:
    """The size bound of all streams together, in bytes."""

    size_bytes = 512 * 1024 * 1024


class _Iterator(msgspec.Struct, array_like=True):
    """What a shard iterator says: read behind sequence number `after`."""

    stream: str
    shard: str
    after: str
    created: float


def install(*, size_bytes: int) -> None:
    """Replace ministack's data plane in this process.

    Raises:
        StartupError: another ministack than the one the hooks were written for.
    """
    _Bounds.size_bytes = size_bytes
    hooks.install(kinesis, HOOKS)


def create_streams(streams: Iterable[resources.Stream]) -> None:
    """Create streams, in the default account and region, before anybody can ask for them."""
    for stream in streams:
        kinesis._create_stream({"StreamName": stream.name, "ShardCount": stream.shards})


def counters() -> dict[str, dict[str, int]]:
    """Records stored, their bytes, and how many the age and the size bound removed, a stream."""
    return {
        name: {
            "records": sum(len(log) for log in logs),
            "bytes": sum(log.size_bytes for log in logs),
            "expired": sum(log.expired for log in logs),
            "dropped": sum(log.dropped for log in logs),
        }
        for name, logs in _logs_by_stream()
    }


def _logs_by_stream() -> Iterator[tuple[str, list[RecordLog]]]:
    for (_account, _region, name), stream in kinesis._streams.all_items():
        yield name, [shard["records"] for shard in stream["shards"].values()]


def _stream_of(data: dict[str, Any]) -> Stream:
    name, stream = kinesis._resolve_stream(data)
    if not stream:
        raise ClientError(
            "ResourceNotFoundException",
            f"Stream {name} under account {kinesis.get_account_id()} not found.",
        )
    return stream


# -- putting ---------------------------------------------------------------------------------


def _put_record(data: dict[str, Any]) -> dict[str, Any]:
    stream = _stream_of(data)
    _checked_size([data])
    _make_room(stream)
    return _stored(stream, data)


def _put_records(data: dict[str, Any]) -> dict[str, Any]:
    stream = _stream_of(data)
    records = data.get("Records") or []
    if not 1 <= len(records) <= PUT_RECORDS_MAX:
        raise ClientError(
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            f"Member must have length between 1 and {PUT_RECORDS_MAX}",
        )
    if _checked_size(records) > PUT_BYTES_MAX:
        raise ClientError("InvalidArgumentException", "Records size exceeds 10 MB limit")
    _make_room(stream)
    return {
        "FailedRecordCount": 0,
        "Records": [_stored(stream, record) for record in records],
        "EncryptionType": stream.get("EncryptionType", "NONE"),
    }


def _checked_size(records: list[dict[str, Any]]) -> int:
    total = 0
    for record in records:
        key, data = record.get("PartitionKey"), record.get("Data")
        if not isinstance(key, str) or not 1 <= len(key) <= PARTITION_KEY_LENGTH_MAX:
            raise ClientError(
                "ValidationException",
                "1 validation error detected: Value at 'partitionKey' failed to satisfy "
                f"constraint: Member must have length between 1 and {PARTITION_KEY_LENGTH_MAX}",
            )
        if not isinstance(data, str):
            raise ClientError("SerializationException", "Data is expected in base64")
        size = len(data) * 3 // 4
        if size > RECORD_BYTES_MAX + 2:
            raise ClientError(
                "ValidationException",
                "1 validation error detected: Value at 'data' failed to satisfy constraint: "
                f"Member must have length less than or equal to {RECORD_BYTES_MAX}",
            )
        total += size + len(key)
    return total


def _make_room(stream: Stream) -> None:
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        shard["records"].expire(cutoff)
    logs = [log for _name, of_stream in _logs_by_stream() for log in of_stream]
    over = sum(log.size_bytes for log in logs) - _Bounds.size_bytes
    if over > 0:
        largest = max(logs, key=lambda log: log.size_bytes)
        largest.drop_oldest(over + int(_Bounds.size_bytes * _DROP_SHARE))


def _stored(stream: Stream, record: dict[str, Any]) -> dict[str, Any]:
    explicit = record.get("ExplicitHashKey")
    key = record["PartitionKey"]
    shard_id = route_to_shard(
        int(explicit) if explicit else kinesis._partition_key_to_hash(key), stream
    )
    sequence = kinesis._next_sequence_number()
    stream["shards"][shard_id]["records"].push(
        Entry(sequence, round(time.time(), 3), record["Data"], key)
    )
    esm_wake.set()
    return {"SequenceNumber": sequence, "ShardId": shard_id}


# -- reading ---------------------------------------------------------------------------------


def _get_shard_iterator(data: dict[str, Any]) -> dict[str, Any]:
    stream = _stream_of(data)
    shard_id = str(data.get("ShardId"))
    log: RecordLog = shard_of(stream, shard_id)["records"]
    sequence = str(data.get("StartingSequenceNumber", ""))
    match data.get("ShardIteratorType"):
        case "TRIM_HORIZON":
            after = ""
        case "LATEST":
            after = log.last
        case "AFTER_SEQUENCE_NUMBER":
            after = sequence
        case "AT_SEQUENCE_NUMBER":
            after = log.last_before(sequence)
        case "AT_TIMESTAMP" if data.get("Timestamp") is not None:
            after = log.last_before_time(float(data["Timestamp"]))
        case other:
            raise ClientError("ValidationException", f"Invalid ShardIteratorType: {other}")
    return {"ShardIterator": _token(stream, shard_id, after)}


def _get_records(data: dict[str, Any]) -> dict[str, Any]:
    iterator = _from_token(str(data.get("ShardIterator", "")))
    if time.time() - iterator.created > ITERATOR_SECONDS:
        raise ClientError(
            "ExpiredIteratorException",
            f"Iterator expired: it is older than {ITERATOR_SECONDS} seconds",
        )
    stream = _stream_of({"StreamARN": iterator.stream})
    shard = shard_of(stream, iterator.shard)
    log: RecordLog = shard["records"]
    limit = int(data.get("Limit") or GET_RECORDS_MAX)
    if not 1 <= limit <= GET_RECORDS_MAX:
        raise ClientError(
            "ValidationException",
            "1 validation error detected: Value at 'limit' failed to satisfy constraint: "
            f"Member must have value between 1 and {GET_RECORDS_MAX}",
        )
    entries = log.after(iterator.after, limit, GET_BYTES_MAX)
    after = entries[-1].sequence if entries else iterator.after
    following = log.first_after(after)
    behind = 0 if following is None else max(0, int((time.time() - following.arrival) * 1000))
    answer: dict[str, Any] = {
        "Records": [entry.as_dict() for entry in entries],
        "MillisBehindLatest": behind,
    }
    if following is not None or is_open(shard):
        answer["NextShardIterator"] = _token(stream, iterator.shard, after)
    else:
        answer["ChildShards"] = child_shards(stream, iterator.shard)
    return answer


def _token(stream: Stream, shard_id: str, after: str) -> str:
    content = _Iterator(stream["StreamARN"], shard_id, after, time.time())
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()


def _from_token(token: str) -> _Iterator:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Iterator)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientError("InvalidArgumentException", "Invalid ShardIterator.") from error


def _expire_records(stream: Stream) -> None:
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard_id, shard in list(stream["shards"].items()):
        shard["records"].expire(cutoff)
        if shard.get("closed_at", time.time()) < cutoff:
            del stream["shards"][shard_id]


# -- resharding ----------------------------------------------------------------------------


def _split_shard(data: dict[str, Any]) -> dict[str, Any]:
    split(_stream_of(data), str(data.get("ShardToSplit")), int(data["NewStartingHashKey"]))
    return {}


def _merge_shards(data: dict[str, Any]) -> dict[str, Any]:
    merge(_stream_of(data), str(data.get("ShardToMerge")), str(data.get("AdjacentShardToMerge")))
    return {}


def _update_shard_count(data: dict[str, Any]) -> dict[str, Any]:
    stream = _stream_of(data)
    target = int(data.get("TargetShardCount") or 0)
    if target < 1:
        raise ClientError("ValidationException", "TargetShardCount must be at least 1")
    before = len(open_ids(stream))
    ranges = [(int(start), int(end)) for start, end in kinesis._compute_hash_ranges(target)]
    for start, _end in ranges:
        holder = route_to_shard(start, stream)
        if hash_range(stream["shards"][holder])[0] != start:
            split(stream, holder, start)
    for start, end in ranges:
        shard_id = route_to_shard(start, stream)
        while (reached := hash_range(stream["shards"][shard_id])[1]) != end:
            shard_id = merge(stream, shard_id, route_to_shard(reached + 1, stream))
    return {
        "StreamName": stream["StreamName"],
        "StreamARN": stream["StreamARN"],
        "CurrentShardCount": before,
        "TargetShardCount": target,
    }


# -- describing ------------------------------------------------------------------------------


_original_shard_out = kinesis._shard_out
_original_summary = kinesis._describe_stream_summary


def _shard_out(shard_id: str, shard: Shard) -> dict[str, Any]:
    out: dict[str, Any] = _original_shard_out(shard_id, shard)
    if not is_open(shard):
        out["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
    return out


def _describe_stream_summary(data: dict[str, Any]) -> Response:
    status, headers, body = _original_summary(data)
    if status != 200:  # noqa: PLR2004 - an error answer, passed on as it is
        return status, headers, body
    answer = msgspec.json.decode(body)
    stream = _stream_of(data)
    answer["StreamDescriptionSummary"]["OpenShardCount"] = len(open_ids(stream))
    return status, headers, msgspec.json.encode(answer)


HOOKS: Final[dict[str, Callable[..., Any]]] = {
    "_put_record": answered(_put_record),
    "_put_records": answered(_put_records),
    "_get_shard_iterator": answered(_get_shard_iterator),
    "_get_records": answered(_get_records),
    "_split_shard": answered(_split_shard),
    "_merge_shards": answered(_merge_shards),
    "_update_shard_count": answered(_update_shard_count),
    "_describe_stream_summary": _describe_stream_summary,
    "_expire_records": _expire_records,
    "_route_to_shard": route_to_shard,
    "_build_shards": build_shards,
    "_shard_out": _shard_out,
}
"""ministack's functions that are replaced; each has the parameters of the original."""
