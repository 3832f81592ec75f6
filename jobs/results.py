"""What the detect step hands to the fan-out: records and what was found out about them."""

from __future__ import annotations

from typing import Final

import msgspec

from tepwatch.records import (
    AlarmEvent,
    Assessment,
    Command,
    DetectorEvent,
    PlantEvent,
    Reading,
    Rejected,
    SensorFlag,
    StageScores,
    StreamRecord,
)


class StoredReading(msgspec.Struct, frozen=True, gc=False):
    """A reading to store; `late` ones are not scored."""

    reading: Reading
    late: bool


Result = (
    StoredReading
    | StageScores
    | Assessment
    | AlarmEvent
    | SensorFlag
    | PlantEvent
    | Command
    | DetectorEvent
    | Rejected
)
Parsed = StreamRecord | Rejected

_encoder: Final = msgspec.msgpack.Encoder()
_parsed_decoder: Final = msgspec.msgpack.Decoder(list[Parsed])


def encode_parsed(items: list[Parsed]) -> bytes:
    """A micro-batch as bytes: what crosses between Python and the JVM, and what is journaled."""
    return _encoder.encode(items)


def decode_parsed(data: bytes) -> list[Parsed]:
    """Records that `encode_parsed` wrote."""
    return _parsed_decoder.decode(data)
