"""The transformation of records by a Lambda function: batches, retries, what became of each record.

Source: "Transform source data", "Required parameters for data transformation" and "Handle failure
in data transformation" in the Amazon Data Firehose developer guide; the wording of errors is that
of records real delivery streams left under processing-failed/.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from localaws.firehose.buffers import Record
from localaws.firehose.destination import Processor
from localaws.firehose.lambda_call import PAYLOAD_BYTES_MAX, InvocationError
from localaws.firehose.pauses import pause_seconds

# JSON around a record's data and names, rounded up.
_RECORD_JSON_BYTES: Final = 160
_ORIGIN_JSON_BYTES: Final = 480
_EVENT_JSON_BYTES: Final = 4096

Invoke = Callable[[str, dict[str, Any]], object]


class Caller(NamedTuple):
    """The delivery stream as a function sees it."""

    arn: str
    region: str
    source_arn: str | None


class Failure(NamedTuple):
    """A record that was not transformed, and why."""

    record: Record
    code: str
    message: str
    attempts: int
    ended: float
    lambda_arn: str

    def as_line(self) -> bytes:
        """The line of JSON that Firehose writes under the error prefix."""
        fields = {
            "attemptsMade": self.attempts,
            "arrivalTimestamp": _milliseconds(self.record.arrival),
            "errorCode": self.code,
            "errorMessage": self.message,
            "attemptEndingTimestamp": _milliseconds(self.ended),
            "rawData": _base64(self.record.data),
            "lambdaArn": self.lambda_arn,
        }
        return msgspec.json.encode(fields) + b"\n"


class Transformed(NamedTuple):
    """What became of a batch: transformed, in order; dropped, how many; failed."""

    delivered: list[tuple[Record, bytes]]
    dropped: int
    failed: list[Failure]


class _Verdict(NamedTuple):
    data: bytes | None = None
    dropped: bool = False
    code: str = ""
    message: str = ""


_MALFORMED: Final = InvocationError(
    "Lambda.JsonProcessingException",
    "There was an error parsing returned records from the Lambda function. Ensure that the "
    "returned records follow the status model required by Amazon Data Firehose.",
)
_MISSING: Final = _Verdict(
    code="Lambda.MissingRecordId",
    message="One or more record Ids were not returned. Ensure that the Lambda function returns all "
    "received record Ids.",
)
_DUPLICATED: Final = _Verdict(
    code="Lambda.DuplicatedRecordId",
    message="Multiple records were returned with the same record Id. Ensure that the Lambda "
    "function returns a unique record Id for each record.",
)
_PROCESSING_FAILED: Final = _Verdict(
    code="Lambda.ProcessingFailedStatus", message="ProcessingFailed status set for record"
)
_INVALID: Final = _Verdict(
    code="Lambda.FunctionError",
    message="Check your function and make sure the output is in required format. In addition to "
    "that, make sure the processed records contain valid result status of Dropped, Ok, or "
    "ProcessingFailed",
)


def batches(records: Sequence[Record], buffer_bytes: int) -> Iterator[list[Record]]:
    """Cut records into invocations: by the processor's buffer size and the request's limit.

    A record that is larger than either alone goes alone.
    """
    batch: list[Record] = []
    data_bytes = 0
    json_bytes = _EVENT_JSON_BYTES
    for record in records:
        in_json = (len(record.data) + 2) // 3 * 4 + _RECORD_JSON_BYTES
        if record.origin is not None:
            in_json += _ORIGIN_JSON_BYTES
        full = data_bytes + len(record.data) > buffer_bytes
        if batch and (full or json_bytes + in_json > PAYLOAD_BYTES_MAX):
            yield batch
            batch, data_bytes, json_bytes = [], 0, _EVENT_JSON_BYTES
        batch.append(record)
        data_bytes += len(record.data)
        json_bytes += in_json
    if batch:
        yield batch


def transform(
    batch: Sequence[Record],
    processor: Processor,
    caller: Caller,
    invoke: Invoke,
    clock: Callable[[], float],
    pause: Callable[[float], bool],
) -> Transformed:
    """Have one batch transformed; tries again as often as the processor says.

    Args:
        batch: records of one invocation.
        processor: the function and its retries.
        caller: the delivery stream.
        invoke: calls the function; raises InvocationError.
        clock: seconds since the epoch.
        pause: waits some seconds; False means that there is no time left to try again.
    """
    attempts = 0
    while True:
        attempts += 1
        try:
            verdicts = _verdicts(invoke(processor.lambda_arn, _event(batch, caller)))
            break
        except InvocationError as error:
            if attempts > processor.retries or not pause(pause_seconds(attempts - 1)):
                failed = _Verdict(code=error.code, message=str(error))
                verdicts = {record.id: failed for record in batch}
                break
    ended = clock()
    delivered: list[tuple[Record, bytes]] = []
    failures: list[Failure] = []
    dropped = 0
    for record in batch:
        verdict = verdicts.get(record.id, _MISSING)
        if verdict.dropped:
            dropped += 1
        elif verdict.data is not None:
            delivered.append((record, verdict.data))
        else:
            failures.append(
                Failure(
                    record, verdict.code, verdict.message, attempts, ended, processor.lambda_arn
                )
            )
    return Transformed(delivered, dropped, failures)


def _event(batch: Sequence[Record], caller: Caller) -> dict[str, Any]:
    event: dict[str, Any] = {
        "invocationId": str(uuid.uuid4()),
        "deliveryStreamArn": caller.arn,
        "region": caller.region,
        "records": [_event_record(record) for record in batch],
    }
    if caller.source_arn is not None:
        event["sourceKinesisStreamArn"] = caller.source_arn
    return event


def _event_record(record: Record) -> dict[str, Any]:
    arrival_ms = _milliseconds(record.arrival)
    fields: dict[str, Any] = {
        "recordId": record.id,
        "approximateArrivalTimestamp": arrival_ms,
        "data": _base64(record.data),
    }
    if record.origin is not None:
        fields["kinesisRecordMetadata"] = {
            "sequenceNumber": record.origin.sequence_number,
            "subsequenceNumber": 0,
            "partitionKey": record.origin.partition_key,
            "shardId": record.origin.shard_id,
            "approximateArrivalTimestamp": arrival_ms,
        }
    return fields


def _verdicts(response: object) -> dict[str, _Verdict]:
    """What the function says of each record id."""
    returned = response.get("records") if isinstance(response, dict) else None
    if not isinstance(returned, list):
        raise _MALFORMED
    verdicts: dict[str, _Verdict] = {}
    for item in returned:
        if not isinstance(item, dict):
            raise _MALFORMED
        name = str(item.get("recordId"))
        verdicts[name] = _DUPLICATED if name in verdicts else _verdict(item)
    return verdicts


def _verdict(item: dict[str, Any]) -> _Verdict:
    match item.get("result"):
        case "Dropped":
            return _Verdict(dropped=True)
        case "ProcessingFailed":
            return _PROCESSING_FAILED
        case "Ok" if isinstance(item.get("data"), str):
            try:
                return _Verdict(data=base64.b64decode(item["data"], validate=True))
            except binascii.Error:
                return _INVALID
        case _:
            return _INVALID


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
