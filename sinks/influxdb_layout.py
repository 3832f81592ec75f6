"""How rows become lines of InfluxDB's line protocol: one point a row.

The measurement is the table's name. Tags are the columns of the row's key but its time, as they are
the dimensions in Timestream; a tag without a value is left out, since there is none. Fields are all
other columns that have a value: numbers, integers (`5i`), flags, texts in quotes. Bytes have no
type in InfluxDB: the original bytes of a dead letter are kept by other sinks.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from sinks.row_values import taker
from tepwatch.schema import TABLES, ColumnType, Row, Scalar, Table

# What follows the digits of a value; text is quoted, bytes are not stored.
_SUFFIXES: Final = {
    ColumnType.NUMBER: "",
    ColumnType.INTEGER: "i",
    ColumnType.FLAG: "",
    ColumnType.TIME: "i",
}
_TIME: Final = "time"
_TAG_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT_ESCAPES: Final = str.maketrans({'"': r"\"", "\\": r"\\"})
# No server takes a line break in a tag, and InfluxDB 3 ends a tag at a tab. A backslash is itself
# for 1.x and 2.x, and an escape for InfluxDB 3 and VictoriaMetrics where one of these follows it.
_NO_TAG: Final = re.compile(r"[\n\t]|\\(?:[\\,= ]|$)")
_encode: Final = msgspec.json.Encoder().encode


def encode_line(row: Row) -> bytes:
    """A row as one line, without a line feed at its end; texts in it may have some.

    Raises:
        ValueError: no line can hold it; the message is the reason.
    """
    return _ENCODERS[row.table].line(row)


class _RowEncoder:
    """Rows of one table as lines."""

    def __init__(self, table: Table) -> None:
        # Sorted, as the servers keep them.
        self._tags = tuple(sorted(table.dimensions))
        fields = [c for c in table.columns if c.name != _TIME and c.name not in self._tags]
        plain = [column for column in fields if column.type in _SUFFIXES]
        self._texts = [column.name for column in fields if column.type is ColumnType.TEXT]
        self._table = table.name
        self._take_tags = taker(self._tags)
        self._take_texts = taker(self._texts)
        self._take_plain = taker([_TIME, *(column.name for column in plain)])
        self._fields = [f"{c.name}=%b{_SUFFIXES[c.type]}".encode() for c in plain]
        self._whole = b",".join(self._fields)

    def line(self, row: Row) -> bytes:
        series = _series(self._table, self._tags, self._take_tags(row))
        fields = list(filter(None, map(_text_field, self._texts, self._take_texts(row))))
        # Encoded as one array and cut at the commas, which is the shortest way to the texts of
        # numbers and flags. Only a null has an n in it.
        encoded = _encode(self._take_plain(row))[1:-1]
        time_ns, *values = encoded.split(b",")
        if self._fields and b"n" not in encoded:
            fields.insert(0, self._whole % tuple(values))
        else:
            pairs = zip(self._fields, values, strict=True)
            fields[:0] = [field % value for field, value in pairs if value != b"null"]
        if not fields:
            raise ValueError("no value besides its key: InfluxDB keeps no point without a field")
        return b"%b %b %b" % (series, b",".join(fields), time_ns)


@lru_cache(maxsize=8192)
def _series(table: str, names: tuple[str, ...], values: tuple[Scalar, ...]) -> bytes:
    """Measurement and tags."""
    parts = [table]
    for name, value in zip(names, values, strict=True):
        text = "" if value is None else str(value)
        if _NO_TAG.search(text):
            raise ValueError(
                f"{name} has a line break, a tab or a backslash that no tag of InfluxDB can hold"
            )
        if text:
            parts.append(f"{name}={text.translate(_TAG_ESCAPES)}")
    return ",".join(parts).encode()


# States repeat for ever.
@lru_cache(maxsize=1024)
def _text_field(name: str, value: Scalar) -> bytes:
    """A field of text; nothing where there is no value."""
    return b"" if value is None else f'{name}="{str(value).translate(_TEXT_ESCAPES)}"'.encode()


_ENCODERS: Final = {name: _RowEncoder(table) for name, table in TABLES.items()}
