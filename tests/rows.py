"""Rows of every table with any values, for property tests."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tepwatch.schema import TABLES, ColumnType, Row, Table, make_row

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_TEXTS = (
    st.text(max_size=20)
    # What formats have to escape, close together.
    | st.text('\\",= \n\ta', max_size=6)
    | st.sampled_from(['"time":5', "null", "a,b", "100 %b"])
)

VALUES: Final = {
    ColumnType.TEXT: st.none() | _TEXTS,
    ColumnType.INTEGER: st.none() | _INTEGERS,
    ColumnType.NUMBER: st.none() | _FINITE,
    ColumnType.FLAG: st.booleans(),
    ColumnType.TIME: st.integers(0, 4_000_000_000_000_000_000),
    ColumnType.BYTES: st.binary(max_size=20),
}
"""Values of each type of column."""


def of_table(table: Table) -> st.SearchStrategy[Row]:
    """Rows of one table."""
    values = {column.name: VALUES[column.type] for column in table.columns}
    return st.fixed_dictionaries(values).map(lambda found: make_row(table.name, found))


def rows() -> st.SearchStrategy[Row]:
    """Rows of all tables."""
    return st.sampled_from(list(TABLES.values())).flatmap(of_table)
