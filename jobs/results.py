"""What the detect step hands to the fan-out: records and what was found out about them."""

from __future__ import annotations

from typing import Final

import msgspec

from tepwatch.records import (
    Command,
    DetectorEvent,
    Message,
    PlantEvent,
    Reading,
    Rejected,
    StageScores,
    StreamRecord,
)


class StoredReading(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="stored"):
    """A reading to store; `late` ones are not scored."""

    reading: Reading
    late: bool


Result = StoredReading | StageScores | PlantEvent | Command | DetectorEvent | Rejected
Parsed = StreamRecord | Rejected

_encoder: Final = msgspec.msgpack.Encoder()
_result_decoder: Final = msgspec.msgpack.Decoder(list[Result])
_parsed_decoder: Final = msgspec.msgpack.Decoder(list[Parsed])
_message_decoder: Final = msgspec.msgpack.Decoder(list[Message])


def encode(items: list[Result] | list[Parsed] | list[Message]) -> bytes:
    """A micro-batch as bytes: what crosses between Python and the JVM, and what is journaled."""
    return _encoder.encode(items)


def decode_results(data: bytes) -> list[Result]:
    """Results that `encode` wrote."""
    return _result_decoder.decode(data)


def decode_parsed(data: bytes) -> list[Parsed]:
    """Parsed records that `encode` wrote."""
    return _parsed_decoder.decode(data)


def decode_messages(data: bytes) -> list[Message]:
    """Stream records that `encode` wrote."""
    return _message_decoder.decode(data)
