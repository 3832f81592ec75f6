"""How rows become Timestream records: two layouts.

`MultiLayout`: a table each, one multi-measure record a row; dimensions are the row's key. Bytes
have no type in Timestream: the original bytes of a dead letter are kept by other sinks.

`SingleLayout`: one table, one record a measure, named as aws-samples/flink-industrial-anomaly-
detector names them, so that its dashboard's queries work unchanged. Readings and scores only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from sinks.row_values import taker
from tepwatch.schema import (
    READINGS,
    SCORES,
    TABLES,
    Column,
    ColumnType,
    Row,
    Scalar,
    Table,
)
from tepwatch.tags import TAG_IDS, Area

VARCHAR_BYTES_MAX: Final = 2048

_TYPES: Final = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.FLAG: "BOOLEAN",
}
_encode: Final = msgspec.json.Encoder().encode


class Layout(Protocol):
    """One way to store rows."""

    @property
    def tables(self) -> Sequence[str]:
        """The Timestream tables that are written to."""

    def takes(self, table: str) -> bool:
        """Whether rows of a table of the schema are stored."""

    def table_of(self, row: Row) -> str:
        """The Timestream table of a row."""

    def common_attributes(self, table: str) -> bytes:
        """What the records of a table share, as JSON."""

    def records(self, row: Row) -> list[bytes]:
        """The records of a row, as JSON objects.

        Raises:
            ValueError: no record can hold it; the message is the reason.
        """


class MultiLayout:
    """A Timestream table for each table of the schema, under the same name."""

    def __init__(self) -> None:
        self._encoders = {name: _RowEncoder(table) for name, table in TABLES.items()}

    @property
    def tables(self) -> Sequence[str]:
        """The Timestream tables that are written to."""
        return tuple(TABLES)

    def takes(self, table: str) -> bool:
        """Whether rows of a table of the schema are stored: all are."""
        return table in TABLES

    def table_of(self, row: Row) -> str:
        """The Timestream table of a row."""
        return row.table

    def common_attributes(self, table: str) -> bytes:
        """What the records of a table share, as JSON."""
        return _encode(
            {"MeasureName": table, "MeasureValueType": "MULTI", "TimeUnit": "NANOSECONDS"}
        )

    def records(self, row: Row) -> list[bytes]:
        """The one record of a row."""
        return [self._encoders[row.table].record(row)]


class _RowEncoder:
    """Rows of one table as multi-measure records."""

    def __init__(self, table: Table) -> None:
        self._dimensions = table.dimensions
        measures = [
            column
            for column in table.columns
            if column.type in _TYPES and column.name not in self._dimensions
        ]
        plain = [c for c in measures if c.type is not ColumnType.TEXT]
        self._texts = [c.name for c in measures if c.type is ColumnType.TEXT]
        self._take_dimensions = taker(self._dimensions)
        self._take_texts = taker(self._texts)
        self._take_plain = taker(["time", *(column.name for column in plain)])
        self._measures = [_measure(column) for column in plain]
        # Where there is no number, not even the comma after it would be right.
        self._whole = _record(b"%b", b"%b", b"".join(self._measures) + b"%b") if plain else b""

    def record(self, row: Row) -> bytes:
        """One row."""
        dimensions = _dimensions(self._dimensions, self._take_dimensions(row))
        texts = b"".join(map(_text_measure, self._texts, self._take_texts(row)))
        # Numbers and flags need no quoting: encoded as one array and cut at the commas, which is
        # the shortest way to their texts. Only a null has an n in it.
        encoded = _encode(self._take_plain(row))[1:-1]
        values = encoded.split(b",")
        if self._whole and b"n" not in encoded:
            return self._whole % (dimensions, *values, texts)
        time_ns, *plain = values
        there = [
            measure % text
            for measure, text in zip(self._measures, plain, strict=True)
            if text != b"null"
        ]
        return _record(dimensions, time_ns, b"".join(there) + texts)


def _record(dimensions: bytes, time_ns: bytes, measures: bytes) -> bytes:
    """A record; a comma stands before each of the measures."""
    return b'{"Dimensions":%b,"Time":"%b","MeasureValues":[%b]}' % (
        dimensions,
        time_ns,
        measures[1:],
    )


def _measure(column: Column) -> bytes:
    """A measure, after a comma, with a place for the text of its value."""
    name, kind = column.name.encode(), _TYPES[column.type].encode()
    return b',{"Name":"%b","Type":"%b","Value":"%%b"}' % (name, kind)


# States repeat for ever.
@lru_cache(maxsize=1024)
def _text_measure(name: str, value: Scalar) -> bytes:
    """A measure of text, after a comma; nothing for none, or empty text, which is not taken."""
    if value is None or value == "":
        return b""
    size = len(str(value).encode())
    if size > VARCHAR_BYTES_MAX:
        raise ValueError(f"{name} has {size} bytes, Timestream takes {VARCHAR_BYTES_MAX}")
    return b',{"Name":"%b","Type":"VARCHAR","Value":%b}' % (name.encode(), _encode(value))


@lru_cache(maxsize=8192)
def _dimensions(names: tuple[str, ...], values: tuple[Scalar, ...]) -> bytes:
    """Dimensions as JSON; one without a value is left out, as Timestream demands."""
    return _encode(
        [
            {"Name": name, "Value": str(value)}
            for name, value in zip(names, values, strict=True)
            if value not in (None, "")
        ]
    )


# The last one is written and read with its underscore by the reference system.
_REFERENCE_SCORES: Final[Mapping[str, Mapping[str, str]]] = {
    "default": {
        Area.REACTOR_FEED_ANALYSIS: "anomaly_score_stream6",
        Area.PURGE_GAS_ANALYSIS: "anomaly_score_stream9",
        Area.PRODUCT_ANALYSIS: "anomaly_score_stream_11",
    },
    "continuous": {
        Area.REACTOR: "anomaly_score_stream6",
        Area.SEPARATOR: "anomaly_score_stream9",
        Area.STRIPPER: "anomaly_score_stream_11",
    },
}


class SingleLayout:
    """One Timestream table with one record a measure, under the reference system's names.

    Args:
        table: name of the Timestream table.
        stages: the setting; the reference system's names belong to the presets that are its stages.
    """

    _DIMENSIONS: Final = ("factory", "run")

    def __init__(self, table: str, stages: str) -> None:
        self._table = table
        self._score_names = _REFERENCE_SCORES.get(stages, {})
        self._measures = TAG_IDS
        self._take_measures = taker(self._measures)
        self._take_score = taker(("stage", "score"))
        self._take_dimensions = taker(("plant", "run"))

    @property
    def tables(self) -> Sequence[str]:
        """The one table."""
        return (self._table,)

    def takes(self, table: str) -> bool:
        """Whether rows of a table of the schema are stored."""
        return table in {READINGS.name, SCORES.name}

    def table_of(self, _row: Row) -> str:
        """The one table."""
        return self._table

    def common_attributes(self, _table: str) -> bytes:
        """What all records share, as JSON."""
        return _encode({"MeasureValueType": "DOUBLE", "TimeUnit": "NANOSECONDS"})

    def records(self, row: Row) -> list[bytes]:
        """One record for each value that is there."""
        if row.table == SCORES.name:
            name, score = self._take_score(row)
            stage = str(name)
            names: Sequence[str] = (self._score_names.get(stage, f"anomaly_score_{stage}"),)
            measured: Sequence[Scalar] = (score,)
        else:
            names, measured = self._measures, self._take_measures(row)
        dimensions = _dimensions(self._DIMENSIONS, self._take_dimensions(row))
        texts = _encode(measured)[1:-1].split(b",")
        return [
            b'{"Dimensions":%b,"MeasureName":"%b","MeasureValue":"%b","Time":"%d"}'
            % (dimensions, name.encode(), text, row.time)
            for name, text in zip(names, texts, strict=True)
            if text != b"null"
        ]
