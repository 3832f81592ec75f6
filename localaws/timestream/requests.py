"""What WriteRecords is asked, as it stands on the wire."""

from __future__ import annotations

from typing import Final

import msgspec


class Dimension(msgspec.Struct, rename="pascal", gc=False, frozen=True):
    """A name and value that tell one time series from another."""

    name: str
    value: str
    dimension_value_type: str = "VARCHAR"


class MeasureValue(msgspec.Struct, rename="pascal", gc=False, frozen=True):
    """One attribute of a multi-measure record."""

    name: str
    value: str
    type: str


class Record(msgspec.Struct, rename="pascal", gc=False, frozen=True):
    """One record; what it leaves out comes from the common attributes."""

    dimensions: list[Dimension] = []
    measure_name: str | None = None
    measure_value: str | None = None
    measure_value_type: str | None = None
    measure_values: list[MeasureValue] | None = None
    time: str | None = None
    time_unit: str | None = None
    version: int | None = None


class WriteRequest(msgspec.Struct, rename="pascal", gc=False, frozen=True):
    """One call."""

    database_name: str
    table_name: str
    records: list[Record]
    common_attributes: Record = Record()


write_request_decoder: Final = msgspec.json.Decoder(WriteRequest)
