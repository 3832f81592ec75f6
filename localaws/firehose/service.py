"""Firehose at home: ministack's control plane over a data plane of our own.

ministack 1.5.33 writes one object a record, calls the transform once a record, forgets what it
fails and keeps every record in memory. Here each delivery stream has a thread (`DeliveryThread`)
that buffers, transforms and writes as Firehose does. All of them together hold a bounded number of
bytes: beyond it a record is answered with ServiceUnavailableException, as by a Firehose that is
asked for more than its throughput.

Everything replaced in ministack is listed in `HOOKS`, checked when installed and covered by
tests/contract.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from ministack.services import firehose

from localaws import hooks
from localaws.firehose import destination, lambda_call
from localaws.firehose.buffers import MemoryBound
from localaws.firehose.delivery_thread import DeliveryThread
from localaws.firehose.destination import Destination
from localaws.firehose.kinesis_source import KinesisSource, OnLoop
from localaws.firehose.object_bound import BoundedObjects
from localaws.firehose.object_writer import Identity, Surroundings
from localaws.hooks import ClientError, Response, answered

_log = logging.getLogger(__name__)

BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
RECORD_BYTES_MAX: Final = 1000 * 1024
GIVE_UP_SECONDS: Final = 3.0
"""How long a stream that has to end tries again what failed."""
END_SECONDS: Final = 15.0
"""How long the end of the process waits for all streams."""

_OK: Final = 200
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_FULL: Final = ("ServiceUnavailableException", "Slow down.")


class _DataPlane:
    """What the hooks work on."""

    def __init__(self, surroundings: Surroundings, objects: BoundedObjects, on_loop: OnLoop):
        self.surroundings = surroundings
        self.objects = objects
        self.on_loop = on_loop
        self.threads: dict[str, DeliveryThread] = {}


class _Installed:
    """The data plane of this process."""

    plane: _DataPlane


def install(*, size_bytes: int, objects: BoundedObjects, on_loop: OnLoop) -> None:
    """Replace ministack's data plane in this process.

    Args:
        size_bytes: bound on what all delivery streams together hold in memory.
        objects: where objects go.
        on_loop: how to call a function on the event loop, from any thread.

    Raises:
        StartupError: another ministack than the one the hooks were written for.
    """
    surroundings = Surroundings(lambda_call.invoke, objects, MemoryBound(size_bytes))
    _Installed.plane = _DataPlane(surroundings, objects, on_loop)
    hooks.install(firehose, HOOKS)


def counters() -> dict[str, dict[str, int]]:
    """What became of the records of each delivery stream, by its name, whatever its region."""
    plane = _Installed.plane
    found: dict[str, Counter[str]] = {}
    for thread in list(plane.threads.values()):
        delivery = thread.delivery
        found.setdefault(delivery.identity.name, Counter()).update(delivery.counts.as_dict())
    # Also of streams that are gone: their objects are there until they expire.
    for name in found.keys() | set(plane.objects.expired):
        found.setdefault(name, Counter())["expired_objects"] = plane.objects.expired[name]
    return {name: dict(counts) for name, counts in found.items()}


def flush(seconds: float) -> dict[str, object]:
    """Deliver what is buffered now; waits for it, at most so long.

    Returns:
        `complete`, whether everything was delivered in time, and `buffered` records.
    """
    deadline = time.monotonic() + seconds
    asked = [(thread, thread.ask_flush()) for thread in list(_Installed.plane.threads.values())]
    done = [
        thread.flushed(number, max(0.0, deadline - time.monotonic())) for thread, number in asked
    ]
    buffered = sum(thread.delivery.counts.buffered for thread, _ in asked)
    return {"complete": all(done), "buffered": buffered}


def stop() -> None:
    """Take no more records, deliver what is buffered, end all threads; waits for them."""
    threads = list(_Installed.plane.threads.values())
    for thread in threads:
        thread.end(GIVE_UP_SECONDS, read_source=True)
    deadline = time.monotonic() + END_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


# -- making, changing and deleting delivery streams --------------------------------------------


_original_create = firehose._create_delivery_stream
_original_delete = firehose._delete_delivery_stream
_original_update = firehose._update_destination
_original_reset = firehose.reset


def _create_delivery_stream(data: dict[str, Any]) -> Response:
    try:
        name = str(data.get("DeliveryStreamName"))
        if not _NAME.fullmatch(name):
            raise _validation(f"'{name}' at 'deliveryStreamName'", "satisfy [a-zA-Z0-9_.-]{1,64}")
        kind, config = firehose._resolve_dest_type_and_config(data)
        destination.parse(kind, config or {})
        source = _source(data)
    except ClientError as error:
        return hooks.refused(error)
    response = _original_create(data)
    stream = firehose._streams.get(name)
    if response[0] == _OK and stream is not None:
        identity = Identity(name, stream["arn"], firehose.get_account_id(), firehose.get_region())
        plane = _Installed.plane
        plane.threads[identity.arn] = DeliveryThread(
            identity, _settings_of(stream), plane.surroundings, source
        )
    return response


def _source(data: dict[str, Any]) -> KinesisSource | None:
    match data.get("DeliveryStreamType", "DirectPut"):
        case "DirectPut":
            return None
        case "KinesisStreamAsSource":
            arn = str(data.get("KinesisStreamSourceConfiguration", {}).get("KinesisStreamARN"))
        case other:
            raise ClientError(
                "InvalidArgumentException",
                f"Not supported by the local AWS: DeliveryStreamType {other}",
            )
    try:
        return KinesisSource(arn, _Installed.plane.on_loop)
    except LookupError as error:
        raise ClientError(
            "InvalidArgumentException", f"The Kinesis stream {arn} does not exist."
        ) from error


def _settings_of(stream: dict[str, Any]) -> Callable[[], tuple[Destination, str]]:
    """Gives the destination as ministack has it now; parsed again only when that was replaced."""
    parsed: tuple[object, Destination] | None = None

    def settings() -> tuple[Destination, str]:
        nonlocal parsed
        current = stream["destinations"][0]
        config = current["config"]
        if parsed is None or parsed[0] is not config:
            try:
                parsed = config, destination.parse(current["type"], config)
            except ClientError as error:
                if parsed is None:
                    raise
                # CloudFormation changes a stream behind our hooks: it stays as it was.
                _log.warning("delivery stream %s keeps its settings: %s", stream["name"], error)
                parsed = config, parsed[1]
        return parsed[1], str(stream["version"])

    return settings


def _update_destination(data: dict[str, Any]) -> Response:
    kind, update = firehose._resolve_dest_update_config(data)
    stream = firehose._streams.get(str(data.get("DeliveryStreamName")))
    if kind is not None and update is not None and stream is not None:
        current = stream["destinations"][0]
        merged = {**current["config"], **update} if kind == current["type"] else update
        try:
            destination.parse(kind, merged)
        except ClientError as error:
            return hooks.refused(error)
    response = _original_update(data)
    if response[0] == _OK and stream is not None:
        _Installed.plane.threads[stream["arn"]].delivery.wake()
    return response


def _delete_delivery_stream(data: dict[str, Any]) -> Response:
    stream = firehose._streams.get(str(data.get("DeliveryStreamName")))
    response = _original_delete(data)
    if response[0] == _OK and stream is not None:
        thread = _Installed.plane.threads.pop(stream["arn"], None)
        if thread is not None:
            thread.end(GIVE_UP_SECONDS, read_source=False)
    return response


def _reset() -> None:
    _original_reset()
    for arn in list(_Installed.plane.threads):
        _Installed.plane.threads.pop(arn).end(0.0, read_source=False)


# -- putting -----------------------------------------------------------------------------------


def _put_record(data: dict[str, Any]) -> dict[str, Any]:
    thread = _thread_of(data)
    record = data.get("Record") or {}
    (record_id,) = thread.delivery.put([_decoded(record, "record.data")])
    if record_id is None:
        raise ClientError(*_FULL, status=503)
    return {"RecordId": record_id, "Encrypted": False}


def _put_record_batch(data: dict[str, Any]) -> dict[str, Any]:
    thread = _thread_of(data)
    records = data.get("Records") or []
    if not 1 <= len(records) <= BATCH_RECORDS_MAX:
        raise _validation("at 'records'", f"have length between 1 and {BATCH_RECORDS_MAX}")
    decoded = [
        _decoded(record, f"records.{number}.member.data")
        for number, record in enumerate(records, start=1)
    ]
    if sum(map(len, decoded)) > BATCH_BYTES_MAX:
        raise ClientError("InvalidArgumentException", "Records size exceeds 4 MB limit")
    ids = thread.delivery.put(decoded)
    code, message = _FULL
    return {
        "FailedPutCount": ids.count(None),
        "Encrypted": False,
        "RequestResponses": [
            {"ErrorCode": code, "ErrorMessage": message} if name is None else {"RecordId": name}
            for name in ids
        ],
    }


def _thread_of(data: dict[str, Any]) -> DeliveryThread:
    name = str(data.get("DeliveryStreamName"))
    stream = firehose._streams.get(name)
    thread = _Installed.plane.threads.get(stream["arn"]) if stream is not None else None
    if stream is None or thread is None:
        raise ClientError(
            "ResourceNotFoundException",
            f"Firehose {name} under account {firehose.get_account_id()} not found.",
        )
    if stream["type"] != "DirectPut":
        raise ClientError(
            "InvalidArgumentException",
            f"This operation is not permitted on {stream['type']} delivery stream type.",
        )
    return thread


def _decoded(record: dict[str, Any], place: str) -> bytes:
    data = record.get("Data")
    if not isinstance(data, str):
        raise _validation(f"null at '{place}'", "not be null")
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ClientError("SerializationException", "Data is expected in base64") from error
    if len(decoded) > RECORD_BYTES_MAX:
        raise _validation(f"at '{place}'", f"have length less than or equal to {RECORD_BYTES_MAX}")
    return decoded


def _validation(value: str, rule: str) -> ClientError:
    return ClientError(
        "ValidationException",
        f"1 validation error detected: Value {value} failed to satisfy constraint: Member must "
        f"{rule}",
    )


def _ingest_from_kinesis_source(stream_arn: str, records: Iterable[Any]) -> None:
    """Not used: delivery threads read their source themselves."""


HOOKS: Final[dict[str, Callable[..., Any]]] = {
    "_create_delivery_stream": _create_delivery_stream,
    "_update_destination": _update_destination,
    "_delete_delivery_stream": _delete_delivery_stream,
    "reset": _reset,
    "_put_record": answered(_put_record),
    "_put_record_batch": answered(_put_record_batch),
    "ingest_from_kinesis_source": _ingest_from_kinesis_source,
}
"""ministack's functions that are replaced; each has the parameters of the original."""
