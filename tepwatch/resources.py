"""Names of what the product creates on AWS, at home and in the cloud alike."""

from __future__ import annotations

from typing import Final, NamedTuple

DEFAULT_REGION: Final = "us-east-1"


class Stream(NamedTuple):
    """A Kinesis data stream."""

    name: str
    purpose: str
    shards: int


INPUT_STREAM: Final = Stream("tepwatch-readings", "readings, plant events and commands", 2)
OUTPUT_STREAM: Final = Stream("tepwatch-results", "rows the kinesis sink writes", 1)

STREAMS: Final = (INPUT_STREAM, OUTPUT_STREAM)
"""Every stream that a set-up creates."""
