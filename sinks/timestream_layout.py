"""How rows become Timestream records: two layouts.

`MultiLayout`: a table each, one multi-measure record a row; dimensions are the row's key. Bytes
have no type in Timestream: the original bytes of a dead letter are kept by other sinks.

`SingleLayout`: one table, one record a measure, named as aws-samples/flink-industrial-anomaly-
detector names them, so that its dashboard's queries work unchanged. Readings and scores only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final, Protocol

import msgspec

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
from tepwatch.tags import TAGS, Area

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
        types = {column.name: column.type for column in table.columns}
        self._dimensions = tuple(name for name in table.key if types[name] is not ColumnType.TIME)
        measures = [
            column
            for column in table.columns
            if column.type in _TYPES and column.name not in self._dimensions
        ]
        self._texts = [c.name for c in measures if c.type is ColumnType.TEXT]
        self._plain = [c for c in measures if c.type is not ColumnType.TEXT]
        self._take_dimensions = _taker(self._dimensions)
        self._take_texts = _taker(self._texts)
        self._take_plain = _taker([column.name for column in self._plain])
        self._all_plain = b",".join(_measure(column, b"%b") for column in self._plain)

    def record(self, row: Row) -> bytes:
        """One row."""
        texts = map(_text_measure, self._texts, self._take_texts(row))
        return b'{"Dimensions":%b,"Time":"%d","MeasureValues":[%b]}' % (
            _dimensions(self._dimensions, self._take_dimensions(row)),
            row.time,
            b",".join(filter(None, (self._plain_measures(row), *texts))),
        )

    def _plain_measures(self, row: Row) -> bytes:
        """Numbers and flags, which need no quoting."""
        # Encoded as one array and cut at the commas: the shortest way to their texts.
        encoded = _encode(self._take_plain(row))[1:-1]
        texts = encoded.split(b",") if encoded else []
        if b"null" not in encoded:
            return self._all_plain % tuple(texts)
        return b",".join(
            _measure(column, text)
            for column, text in zip(self._plain, texts, strict=True)
            if text != b"null"
        )


def _taker(names: Sequence[str]) -> Callable[[Row], tuple[Scalar, ...]]:
    """A function that takes the values of some columns out of a row, always as a tuple."""
    if len(names) < 2:  # noqa: PLR2004 - attrgetter gives a tuple only for several
        return lambda row: tuple(getattr(row, name) for name in names)
    take: Callable[[Row], tuple[Scalar, ...]] = attrgetter(*names)
    return take


def _measure(column: Column, value: bytes) -> bytes:
    name, kind = column.name.encode(), _TYPES[column.type].encode()
    return b'{"Name":"%b","Type":"%b","Value":"%b"}' % (name, kind, value)


# States repeat for ever.
@lru_cache(maxsize=1024)
def _text_measure(name: str, value: Scalar) -> bytes:
    """A measure of text; nothing for none, and for empty text, which Timestream does not take."""
    if value is None or value == "":
        return b""
    size = len(str(value).encode())
    if size > VARCHAR_BYTES_MAX:
        raise ValueError(f"{name} has {size} bytes, Timestream takes {VARCHAR_BYTES_MAX}")
    return b'{"Name":"%b","Type":"VARCHAR","Value":%b}' % (name.encode(), _encode(value))


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
        self._measures = tuple(TAGS)
        self._take_measures = _taker(self._measures)
        self._take_score = _taker(("stage", "score"))
        self._take_dimensions = _taker(("plant", "run"))

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
