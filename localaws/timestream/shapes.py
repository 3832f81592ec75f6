"""The shape of a record: which columns of its table it fills, the same for most of a batch."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import lru_cache
from typing import Final

import msgspec

from localaws.timestream.model import Column, ColumnKind, ScalarType
from localaws.timestream.values import Value

DIMENSIONS_MAX: Final = 128
DIMENSION_NAME_BYTES_MAX: Final = 60
MEASURES_MAX: Final = 256
NAME_BYTES_MAX: Final = 256

_RESERVED: Final = frozenset({"time", "measure_name", "ts_non_existent_col"})
_RESERVED_PREFIXES: Final = ("measure_value", "ts_", "_tw_")
_FIXED_BYTES: Final = {
    ScalarType.DOUBLE: 8,
    ScalarType.BIGINT: 8,
    ScalarType.TIMESTAMP: 8,
    ScalarType.BOOLEAN: 1,
}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Columns beside time and measure name, in the order of a point's values.

    `order` says at which place of the record each measure stands, `kinds` gives their types and
    `texts` and `doubles` the places of those of a kind; `fixed_bytes` is the size of the measures'
    names and fixed-length values. Shapes are told apart
    by identity: the functions below return the same one for the same record.
    """

    columns: tuple[Column, ...]
    order: tuple[int, ...]
    digest: bytes
    fixed_bytes: int
    kinds: tuple[ScalarType, ...]
    texts: tuple[int, ...]
    doubles: tuple[int, ...]

    def digest_of(self, values: tuple[Value, ...]) -> int:
        """A signed 64-bit hash of measured values, in the order of the columns."""
        packed = _encode([*values])
        hashed = hashlib.blake2b(packed, digest_size=8, key=self.digest).digest()
        return int.from_bytes(hashed, "big", signed=True)


_encode: Final = msgspec.msgpack.Encoder().encode


@lru_cache(maxsize=4096)
def multi_measure_shape(
    dimensions: tuple[str, ...], measures: tuple[tuple[str, str], ...]
) -> Shape:
    """The shape of a multi-measure record.

    Args:
        dimensions: sorted names.
        measures: names and types as they stand in the record.

    Raises:
        ValueError: a name or type that cannot be; the message is the reason.
    """
    if not 1 <= len(measures) <= MEASURES_MAX:
        raise ValueError(f"A multi-measure record has between 1 and {MEASURES_MAX} measures.")
    names = [name for name, _ in measures]
    if len(set(names)) < len(names):
        raise ValueError("The names of the measures of a record must be unique.")
    if both := set(names) & set(dimensions):
        raise ValueError(f"'{min(both)}' is both a dimension and a measure.")
    columns = []
    for name, type_name in measures:
        _check_name(name, NAME_BYTES_MAX)
        columns.append(Column(name, _type(type_name), ColumnKind.MULTI))
    order = tuple(sorted(range(len(measures)), key=names.__getitem__))
    return _shape(dimensions, [columns[place] for place in order], order)


@lru_cache(maxsize=4096)
def single_measure_shape(dimensions: tuple[str, ...], type_name: str) -> Shape:
    """The shape of a record with one measure.

    Raises:
        ValueError: as `multi_measure_shape`.
    """
    kind = _type(type_name)
    if kind is ScalarType.TIMESTAMP:
        raise ValueError("TIMESTAMP is an invalid measure value type.")
    column = Column(f"measure_value::{kind.lower()}", kind, ColumnKind.MEASURE_VALUE)
    return _shape(dimensions, [column], (0,))


def _shape(dimensions: tuple[str, ...], measures: list[Column], order: tuple[int, ...]) -> Shape:
    if len(dimensions) > DIMENSIONS_MAX:
        raise ValueError(f"A record has at most {DIMENSIONS_MAX} dimensions.")
    for name in dimensions:
        _check_name(name, DIMENSION_NAME_BYTES_MAX)
    columns = [Column(name, ScalarType.VARCHAR, ColumnKind.DIMENSION) for name in dimensions]
    kinds = tuple(column.type for column in measures)
    identity = _encode([[column.name, column.type] for column in measures])
    return Shape(
        (*columns, *measures),
        order,
        hashlib.blake2b(identity, digest_size=16).digest(),
        sum(len(column.name.encode()) + _FIXED_BYTES.get(column.type, 0) for column in measures),
        kinds,
        tuple(place for place, kind in enumerate(kinds) if kind not in _FIXED_BYTES),
        tuple(place for place, kind in enumerate(kinds) if kind is ScalarType.DOUBLE),
    )


def _type(name: str) -> ScalarType:
    if name not in {"DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR", "TIMESTAMP"}:
        raise ValueError(f"'{name}' is not a type of a measure.")
    return ScalarType(name)


def _check_name(name: str, bytes_max: int) -> None:
    if not 1 <= len(name.encode()) <= bytes_max:
        raise ValueError(f"The name '{name[:64]}' must have between 1 and {bytes_max} bytes.")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
        raise ValueError(f"The name '{name}' is reserved.")
    if ":" in name:
        raise ValueError(f"The name '{name}' must not contain a colon.")
