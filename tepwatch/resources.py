"""Names of what the product creates on AWS, at home and in the cloud alike."""

from __future__ import annotations

from typing import Final, NamedTuple

from tepwatch.schema import (
    ALARMS,
    ASSESSMENTS,
    COMMANDS,
    DEAD_LETTERS,
    EVENTS,
    READINGS,
    SCORES,
    SENSOR_FLAGS,
    UNIT_SCORES,
)

DEFAULT_REGION: Final = "us-east-1"
JOB_NAME: Final = "tepwatch"
"""What the job is called in Flink."""


class Stream(NamedTuple):
    """A Kinesis data stream."""

    name: str
    purpose: str
    shards: int


INPUT_STREAM: Final = Stream("tepwatch-readings", "readings, plant events and commands", 2)
OUTPUT_STREAM: Final = Stream("tepwatch-results", "rows the kinesis sink writes", 1)
ALARM_STREAM: Final = Stream("tepwatch-alarms", "changes of alarms", 1)

STREAMS: Final = (INPUT_STREAM, OUTPUT_STREAM, ALARM_STREAM)
"""Every stream that a set-up creates."""


class DeliveryStream(NamedTuple):
    """A Firehose delivery stream: rows of one table to S3, below `folder`.

    `transformed` ones become CSV on the way, the others stay JSON lines.
    """

    suffix: str
    table: str
    folder: str
    transformed: bool

    def name(self, prefix: str) -> str:
        """Its name under a prefix."""
        return f"{prefix}{self.suffix}"


DELIVERY_STREAM_PREFIX: Final = "tepwatch-"
DELIVERY_STREAMS: Final = (
    DeliveryStream("raw", READINGS.name, "tep-raw-csv/", transformed=True),
    DeliveryStream("processed", SCORES.name, "tep-processed-csv/", transformed=True),
    DeliveryStream("assessments", ASSESSMENTS.name, "tep-assessments-csv/", transformed=True),
    DeliveryStream("unit-scores", UNIT_SCORES.name, "tep-unit-scores-csv/", transformed=True),
    DeliveryStream("alarms", ALARMS.name, "tep-alarms-csv/", transformed=True),
    DeliveryStream("sensor-flags", SENSOR_FLAGS.name, "tep-sensor-flags-csv/", transformed=True),
    DeliveryStream("events", EVENTS.name, "tep-events-csv/", transformed=True),
    DeliveryStream("commands", COMMANDS.name, "tep-commands-csv/", transformed=True),
    DeliveryStream("dead-letters", DEAD_LETTERS.name, "tep-dead-letters/", transformed=False),
)
"""Every delivery stream; all tables that the job writes have one."""

DELIVERY_ERRORS_FOLDER: Final = "errors/"
BUCKET: Final = "tepwatch-data"
TRANSFORM_FUNCTION: Final = "tepwatch-csv-transform"

INFLUXDB_DATABASE: Final = "tepwatch"
INFLUXDB_ORG: Final = "tepwatch"
TIMESTREAM_DATABASE: Final = "tepwatch"
TIMESTREAM_SINGLE_TABLE: Final = "measures"
TIMESTREAM_MEMORY_HOURS: Final = 24
TIMESTREAM_MAGNETIC_DAYS: Final = 365
