"""What a translated query gives: its columns, and how ORDER BY and GROUP BY number them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.scope import Field, Scope
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import WHOLE

Named: TypeAlias = Mapping[str, s.NamedQuery]
"""What WITH names, by the name in lower case."""


class Output(NamedTuple):
    """A column of SELECT."""

    name: str | None
    typed: Typed
    source: tuple[str, str] | None
    aliased: bool


class Selected(NamedTuple):
    """A body translated: SQL with the columns c0, c1, … and what they are."""

    sql: str
    outputs: Sequence[Output]


def by_place(node: s.Expression, fields: Sequence[Field]) -> Typed | None:
    """Find the column that a number in ORDER BY means; None if it is no number."""
    if not isinstance(node, s.Literal) or node.kind not in WHOLE:
        return None
    return fields[ordinal(node, len(fields), "ORDER BY")].typed


def ordinal(node: s.Literal, count: int, clause: str) -> int:
    """Find the place, from 0, of a column by its number."""
    assert isinstance(node.value, int)
    if not 1 <= node.value <= count:
        raise invalid(node.place, f"{clause} position {node.value} is not in select list")
    return node.value - 1


def implied_name(node: s.Expression) -> str | None:
    """Find the name that a column has without an alias."""
    match node:
        case s.Name(name=name):
            return name
        case s.Dereference(base=base, name=name) if implied_name(base) is not None:
            return name
        case _:
            return None


def source_of(node: s.Expression, typed: Typed, scope: Scope) -> tuple[str, str] | None:
    """Find the database and table that a column comes from unchanged."""
    if not isinstance(node, s.Name | s.Dereference):
        return None
    found = [field.source for field in scope.fields if field.typed.sql == typed.sql]
    return found[0] if found else None
