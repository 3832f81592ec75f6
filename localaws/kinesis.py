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
import inspect
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Final

import msgspec
from ministack.core.concurrency import esm_wake
from ministack.core.responses import error_response_json
from ministack.services import kinesis

from localaws.record_log import Entry, RecordLog
from tepwatch.errors import StartupError

MINISTACK_VERSION: Final = "1.5.33"
ITERATOR_SECONDS: Final = 300
PUT_RECORDS_MAX: Final = 500
PUT_BYTES_MAX: Final = 10 * 1024 * 1024
RECORD_BYTES_MAX: Final = 1024 * 1024
GET_RECORDS_MAX: Final = 10_000
GET_BYTES_MAX: Final = 10 * 1024 * 1024
PARTITION_KEY_LENGTH_MAX: Final = 256

# The size bound drops this share of it at once, so that a full store does not trim at every put.
_DROP_SHARE: Final = 0.02

Response = tuple[int, dict[str, str], str | bytes]
_Stream = dict[str, Any]
_Shard = dict[str, Any]

_JSON_HEADERS: Final = {"Content-Type": "application/x-amz-json-1.1"}


class _Bounds:
    """The size bound of all streams together, in bytes."""

    size_bytes = 512 * 1024 * 1024


class _Iterator(msgspec.Struct, array_like=True):
    """What a shard iterator says: read behind sequence number `after`."""

    stream: str
    shard: str
    after: str
    created: float


class _ClientError(Exception):
    """An error answer of Kinesis."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def install(*, size_bytes: int) -> None:
    """Replace ministack's data plane in this process.

    Raises:
        StartupError: another ministack than the one the hooks were written for.
    """
    found = version("ministack")
    if found != MINISTACK_VERSION:
        raise StartupError(
            f"ministack {found} is installed, the local AWS needs {MINISTACK_VERSION}: "
            "run `make setup`"
        )
    _Bounds.size_bytes = size_bytes
    for name, replacement in HOOKS.items():
        original = getattr(kinesis, name, None)
        if original is None or _parameters(original) != _parameters(replacement):
            raise StartupError(f"ministack's kinesis.{name} is not what it was: see HOOKS")
    for name, replacement in HOOKS.items():
        setattr(kinesis, name, replacement)


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


def _parameters(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _logs_by_stream() -> Iterator[tuple[str, list[RecordLog]]]:
    for (_account, _region, name), stream in kinesis._streams.all_items():
        yield name, [shard["records"] for shard in stream["shards"].values()]


def _answered(handler: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], Response]:
    """Turn a function of the request into one of ministack's handlers."""

    def handle(data: dict[str, Any]) -> Response:
        try:
            return 200, dict(_JSON_HEADERS), msgspec.json.encode(handler(data))
        except _ClientError as error:
            return error_response_json(error.code, str(error), 400)

    return handle


def _stream_of(data: dict[str, Any]) -> _Stream:
    name, stream = kinesis._resolve_stream(data)
    if not stream:
        raise _ClientError(
            "ResourceNotFoundException",
            f"Stream {name} under account {kinesis.get_account_id()} not found.",
        )
    return stream


def _shard_of(stream: _Stream, shard_id: str) -> _Shard:
    shard: _Shard | None = stream["shards"].get(shard_id)
    if shard is None:
        raise _ClientError(
            "ResourceNotFoundException",
            f"Shard {shard_id} in stream {stream['StreamName']} does not exist",
        )
    return shard


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
        raise _ClientError(
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            f"Member must have length between 1 and {PUT_RECORDS_MAX}",
        )
    if _checked_size(records) > PUT_BYTES_MAX:
        raise _ClientError("InvalidArgumentException", "Records size exceeds 10 MB limit")
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
            raise _ClientError(
                "ValidationException",
                "1 validation error detected: Value at 'partitionKey' failed to satisfy "
                f"constraint: Member must have length between 1 and {PARTITION_KEY_LENGTH_MAX}",
            )
        if not isinstance(data, str):
            raise _ClientError("SerializationException", "Data is expected in base64")
        size = len(data) * 3 // 4
        if size > RECORD_BYTES_MAX + 2:
            raise _ClientError(
                "ValidationException",
                "1 validation error detected: Value at 'data' failed to satisfy constraint: "
                f"Member must have length less than or equal to {RECORD_BYTES_MAX}",
            )
        total += size + len(key)
    return total


def _make_room(stream: _Stream) -> None:
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        shard["records"].expire(cutoff)
    logs = [log for _name, of_stream in _logs_by_stream() for log in of_stream]
    over = sum(log.size_bytes for log in logs) - _Bounds.size_bytes
    if over > 0:
        largest = max(logs, key=lambda log: log.size_bytes)
        largest.drop_oldest(over + int(_Bounds.size_bytes * _DROP_SHARE))


def _stored(stream: _Stream, record: dict[str, Any]) -> dict[str, Any]:
    explicit = record.get("ExplicitHashKey")
    key = record["PartitionKey"]
    shard_id = _route_to_shard(
        int(explicit) if explicit else kinesis._partition_key_to_hash(key), stream
    )
    sequence = kinesis._next_sequence_number()
    stream["shards"][shard_id]["records"].push(
        Entry(sequence, round(time.time(), 3), record["Data"], key)
    )
    esm_wake.set()
    return {"SequenceNumber": sequence, "ShardId": shard_id}


def _route_to_shard(hash_key_int: int, stream: _Stream) -> str:
    for shard_id, shard in stream["shards"].items():
        if _is_open(shard) and (
            int(shard["starting_hash_key"]) <= hash_key_int <= int(shard["ending_hash_key"])
        ):
            return str(shard_id)
    raise _ClientError("InvalidArgumentException", f"no open shard takes hash key {hash_key_int}")


# -- reading ---------------------------------------------------------------------------------


def _get_shard_iterator(data: dict[str, Any]) -> dict[str, Any]:
    stream = _stream_of(data)
    shard_id = str(data.get("ShardId"))
    log: RecordLog = _shard_of(stream, shard_id)["records"]
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
            raise _ClientError("ValidationException", f"Invalid ShardIteratorType: {other}")
    return {"ShardIterator": _token(stream, shard_id, after)}


def _get_records(data: dict[str, Any]) -> dict[str, Any]:
    iterator = _from_token(str(data.get("ShardIterator", "")))
    if time.time() - iterator.created > ITERATOR_SECONDS:
        raise _ClientError(
            "ExpiredIteratorException",
            f"Iterator expired: it is older than {ITERATOR_SECONDS} seconds",
        )
    stream = _stream_of({"StreamARN": iterator.stream})
    shard = _shard_of(stream, iterator.shard)
    log: RecordLog = shard["records"]
    limit = int(data.get("Limit") or GET_RECORDS_MAX)
    if not 1 <= limit <= GET_RECORDS_MAX:
        raise _ClientError(
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
    if following is not None or _is_open(shard):
        answer["NextShardIterator"] = _token(stream, iterator.shard, after)
    else:
        answer["ChildShards"] = _child_shards(stream, iterator.shard)
    return answer


def _token(stream: _Stream, shard_id: str, after: str) -> str:
    content = _Iterator(stream["StreamARN"], shard_id, after, time.time())
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()


def _from_token(token: str) -> _Iterator:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Iterator)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _ClientError("InvalidArgumentException", "Invalid ShardIterator.") from error


def _expire_records(stream: _Stream) -> None:
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard_id, shard in list(stream["shards"].items()):
        shard["records"].expire(cutoff)
        if shard.get("closed_at", time.time()) < cutoff:
            del stream["shards"][shard_id]


# -- resharding ------------------------------------------------------------------------------


def _is_open(shard: _Shard) -> bool:
    return "ending_sequence_number" not in shard


def _build_shards(shard_count: int, start_index: int = 0) -> dict[str, _Shard]:
    return {
        f"shardId-{start_index + index:012d}": _new_shard(int(start), int(end), ())
        for index, (start, end) in enumerate(kinesis._compute_hash_ranges(shard_count))
    }


def _new_shard(start: int, end: int, parents: tuple[str, ...]) -> _Shard:
    return {
        "records": RecordLog(),
        "starting_hash_key": str(start),
        "ending_hash_key": str(end),
        "starting_sequence_number": kinesis._next_sequence_number(),
        "parent_shard_id": parents[0] if parents else None,
        "adjacent_parent_shard_id": parents[1] if len(parents) > 1 else None,
    }


def _open_child(stream: _Stream, start: int, end: int, parents: tuple[str, ...]) -> str:
    shard_id = f"shardId-{kinesis._max_shard_index(stream) + 1:012d}"
    stream["shards"][shard_id] = _new_shard(start, end, parents)
    return shard_id


def _close(shard: _Shard) -> None:
    shard["ending_sequence_number"] = kinesis._next_sequence_number()
    shard["closed_at"] = time.time()


def _hash_range(shard: _Shard) -> tuple[int, int]:
    return int(shard["starting_hash_key"]), int(shard["ending_hash_key"])


def _open_shard_of(stream: _Stream, shard_id: str) -> _Shard:
    shard = _shard_of(stream, shard_id)
    if not _is_open(shard):
        raise _ClientError("InvalidArgumentException", f"Shard {shard_id} is closed")
    return shard


def _split(stream: _Stream, shard_id: str, cut: int) -> None:
    shard = _open_shard_of(stream, shard_id)
    start, end = _hash_range(shard)
    if not start < cut <= end:
        raise _ClientError(
            "InvalidArgumentException", "NewStartingHashKey must be within the shard's range"
        )
    _close(shard)
    _open_child(stream, start, cut - 1, (shard_id,))
    _open_child(stream, cut, end, (shard_id,))


def _merge(stream: _Stream, shard_id: str, adjacent_id: str) -> str:
    first, second = (_open_shard_of(stream, name) for name in (shard_id, adjacent_id))
    low, high = sorted((_hash_range(first), _hash_range(second)))
    if low[1] + 1 != high[0]:
        raise _ClientError("InvalidArgumentException", "the shards to merge are not adjacent")
    _close(first)
    _close(second)
    return _open_child(stream, low[0], high[1], (shard_id, adjacent_id))


def _split_shard(data: dict[str, Any]) -> dict[str, Any]:
    _split(_stream_of(data), str(data.get("ShardToSplit")), int(data["NewStartingHashKey"]))
    return {}


def _merge_shards(data: dict[str, Any]) -> dict[str, Any]:
    _merge(_stream_of(data), str(data.get("ShardToMerge")), str(data.get("AdjacentShardToMerge")))
    return {}


def _update_shard_count(data: dict[str, Any]) -> dict[str, Any]:
    stream = _stream_of(data)
    target = int(data.get("TargetShardCount") or 0)
    if target < 1:
        raise _ClientError("ValidationException", "TargetShardCount must be at least 1")
    before = len(_open_ids(stream))
    ranges = [(int(start), int(end)) for start, end in kinesis._compute_hash_ranges(target)]
    for start, _end in ranges:
        holder = _route_to_shard(start, stream)
        if _hash_range(stream["shards"][holder])[0] != start:
            _split(stream, holder, start)
    for start, end in ranges:
        shard_id = _route_to_shard(start, stream)
        while (reached := _hash_range(stream["shards"][shard_id])[1]) != end:
            shard_id = _merge(stream, shard_id, _route_to_shard(reached + 1, stream))
    return {
        "StreamName": stream["StreamName"],
        "StreamARN": stream["StreamARN"],
        "CurrentShardCount": before,
        "TargetShardCount": target,
    }


def _open_ids(stream: _Stream) -> list[str]:
    return [shard_id for shard_id, shard in stream["shards"].items() if _is_open(shard)]


def _child_shards(stream: _Stream, parent: str) -> list[dict[str, Any]]:
    return [
        {
            "ShardId": shard_id,
            "ParentShards": [name for name in _parents(shard) if name],
            "HashKeyRange": {
                "StartingHashKey": shard["starting_hash_key"],
                "EndingHashKey": shard["ending_hash_key"],
            },
        }
        for shard_id, shard in stream["shards"].items()
        if parent in _parents(shard)
    ]


def _parents(shard: _Shard) -> tuple[str | None, str | None]:
    return shard["parent_shard_id"], shard["adjacent_parent_shard_id"]


_original_shard_out = kinesis._shard_out
_original_summary = kinesis._describe_stream_summary


def _shard_out(shard_id: str, shard: _Shard) -> dict[str, Any]:
    out: dict[str, Any] = _original_shard_out(shard_id, shard)
    if not _is_open(shard):
        out["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
    return out


def _describe_stream_summary(data: dict[str, Any]) -> Response:
    status, headers, body = _original_summary(data)
    if status != 200:  # noqa: PLR2004 - an error answer, passed on as it is
        return status, headers, body
    answer = msgspec.json.decode(body)
    stream = _stream_of(data)
    answer["StreamDescriptionSummary"]["OpenShardCount"] = len(_open_ids(stream))
    return status, headers, msgspec.json.encode(answer)


HOOKS: Final[dict[str, Callable[..., Any]]] = {
    "_put_record": _answered(_put_record),
    "_put_records": _answered(_put_records),
    "_get_shard_iterator": _answered(_get_shard_iterator),
    "_get_records": _answered(_get_records),
    "_split_shard": _answered(_split_shard),
    "_merge_shards": _answered(_merge_shards),
    "_update_shard_count": _answered(_update_shard_count),
    "_describe_stream_summary": _describe_stream_summary,
    "_expire_records": _expire_records,
    "_route_to_shard": _route_to_shard,
    "_build_shards": _build_shards,
    "_shard_out": _shard_out,
}
"""ministack's functions that are replaced; each has the parameters of the original."""
