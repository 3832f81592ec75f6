"""Queries inside expressions."""

from __future__ import annotations

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.casts import together
from localaws.timestream.sql.operators import compared
from localaws.timestream.sql.scope import Relation
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import BOOLEAN


def scalar(node: s.ScalarQuery, relation: Relation) -> Typed:
    """Translate `(SELECT …)` as a value; more than one row fails while it runs."""
    typed = _only_column(relation, node.place)
    sql = f"(SELECT {typed.sql} FROM {relation.sql})"
    return Typed(sql, typed.kind, never_nan=typed.never_nan)


def exists(relation: Relation) -> Typed:
    """Translate EXISTS (SELECT …)."""
    return Typed(f"(EXISTS (SELECT 1 FROM {relation.sql}))", BOOLEAN)


def in_query(node: s.InQuery, operand: Typed, relation: Relation) -> Typed:
    """Translate `operand IN (SELECT …)`.

    Raises:
        TimestreamError: they cannot be compared, or DuckDB would compare them otherwise.
    """
    typed = _only_column(relation, node.place)
    # Comparing them once refuses what cannot be compared.
    compared("=", operand, typed, node.place)
    pair = together(operand, typed)
    assert pair is not None
    operand, typed = pair
    if operand.maybe_nan or typed.maybe_nan:
        raise invalid(node.place, "IN (SELECT …) of computed doubles is not supported")
    return Typed(f"({operand.sql} IN (SELECT {typed.sql} FROM {relation.sql}))", BOOLEAN)


def _only_column(relation: Relation, place: Place) -> Typed:
    if len(relation.fields) != 1:
        raise invalid(
            place,
            "Multiple columns returned by subquery are not yet supported. Found "
            f"{len(relation.fields)}",
        )
    return relation.fields[0].typed
