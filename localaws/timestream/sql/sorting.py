"""Keys of ORDER BY."""

from __future__ import annotations

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import ArrayType, RowType, SeriesType, shown


def sorted_by(key: s.SortKey, typed: Typed) -> str:
    """Write a key; NULLs are last unless the statement says otherwise.

    Raises:
        TimestreamError: its type has no order here.
    """
    if isinstance(typed.kind, ArrayType | RowType | SeriesType):
        raise invalid(key.place, f"ORDER BY of {shown(typed.kind)} is not supported")
    direction = "DESC" if key.descending else "ASC"
    return f"{typed.sql} {direction} NULLS {'FIRST' if key.nulls_first else 'LAST'}"
