"""What stands after GROUP BY: keys and aggregates, computed one level below what uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from localaws.timestream.model import TimestreamError
from localaws.timestream.sql import aggregates
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.sorting import sorted_by
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed

if TYPE_CHECKING:
    from localaws.timestream.sql.expressions import Expressions


class Grouping:
    """The keys and aggregates of one SELECT.

    They become columns `k0`, `k1`, … and `a0`, `a1`, … of a subquery called `name`; an expression
    after GROUP BY refers to these columns only. Two expressions are the same where their
    translations are, whatever the case or qualifier of their names.
    """

    def __init__(self, name: str, inner: Expressions, keys: Sequence[s.Expression]) -> None:
        self._name = name
        self._inner = inner
        kinds: set[type[s.Node]] = {type(key) for key in keys}
        # `x` and `t.x` may be the same.
        names = {s.Name, s.Dereference}
        self._kinds = frozenset(kinds | names if kinds & names else kinds)
        self._columns: dict[str, Typed] = {}
        self._keys: dict[str, Typed] = {}
        for key in keys:
            self._add_key(key)
        self.key_count = len(self._columns)

    def _add_key(self, key: s.Expression) -> None:
        typed = self._inner.translate(key)
        if typed.sql not in self._keys:
            self._keys[typed.sql] = self._column("k", typed.sql, typed)

    def _column(self, prefix: str, sql: str, typed: Typed) -> Typed:
        column = f"{prefix}{len(self._columns)}"
        self._columns[column] = Typed(sql, typed.kind)
        return Typed(f"{self._name}.{column}", typed.kind, never_nan=typed.never_nan)

    def key(self, node: s.Expression, parameters: Mapping[str, Typed]) -> Typed | None:
        """Find the key that an expression is; None if it is none."""
        if type(node) not in self._kinds:
            return None
        if isinstance(node, s.Name) and node.name.lower() in parameters:
            return None
        try:
            typed = self._inner.translate(node)
        except TimestreamError:
            # It cannot be a key; what is wrong with it is said where it is translated.
            return None
        return self.key_of(typed)

    def key_of(self, typed: Typed) -> Typed | None:
        """Find the key that an expression of the level below is; None if it is none."""
        return self._keys.get(typed.sql)

    def aggregate(self, call: s.Call, parameters: Mapping[str, Typed]) -> Typed:
        """Compute an aggregate below and refer to it.

        Raises:
            TimestreamError: it is none of Timestream's or has another aggregate inside.
        """
        if parameters:
            raise invalid(call.place, f"A lambda cannot contain aggregations: {call.name}")
        if call.ignore_nulls:
            raise invalid(call.place, f"IGNORE NULLS is not supported for {call.name}")
        if call.star and call.name != "count":
            raise invalid(call.place, f"* is not supported for function {call.name}")
        if call.distinct and (call.name in ("approx_distinct", "create_time_series") or call.order):
            raise invalid(call.place, f"{call.name} with DISTINCT is not supported in this form")
        if call.order and call.name != "array_agg":
            raise invalid(call.place, f"{call.name} with ORDER BY is not supported")
        form = aggregates.aggregate(call, [self._inner.translate(each) for each in call.arguments])
        order = form.order or self._ordered(call)
        distinct = "DISTINCT " if call.distinct else ""
        filtered = ""
        if call.condition is not None:
            filtered = f" FILTER (WHERE {self._inner.condition(call.condition).sql})"
        sql = f"{form.inner}({distinct}{', '.join(form.arguments)}{order}){filtered}"
        typed = Typed(form.outer.format(sql), form.kind, never_nan=form.never_nan)
        for column, known in self._columns.items():
            if known.sql == typed.sql and column.startswith("a"):
                return Typed(f"{self._name}.{column}", typed.kind, never_nan=typed.never_nan)
        return self._column("a", typed.sql, typed)

    def _ordered(self, call: s.Call) -> str:
        if not call.order:
            return ""
        keys = (sorted_by(key, self._inner.translate(key.expression)) for key in call.order)
        return f" ORDER BY {', '.join(keys)}"

    def relation(self, source: str, condition: str) -> str:
        """Write the subquery that computes all of it."""
        listed = ", ".join(f"{typed.sql} AS {column}" for column, typed in self._columns.items())
        keys = ", ".join(str(i + 1) for i in range(self.key_count))
        grouped = f" GROUP BY {keys}" if keys else ""
        # Without a column SELECT would be empty: `SELECT 1 FROM t HAVING true`.
        return f"(SELECT {listed or 'count(*) AS a0'}{source}{condition}{grouped}) AS {self._name}"


def contains_aggregate(node: object) -> bool:
    """Whether an aggregate stands in an expression, not counting queries inside."""
    match node:
        case tuple():
            return any(contains_aggregate(each) for each in node)
        case s.Query():
            return False
        case s.Call(window=None, name=name) if name in aggregates.AGGREGATES:
            return True
        case s.Node():
            return any(contains_aggregate(part) for part in _parts(node))
        case _:
            return False


def contains_query(node: object) -> bool:
    """Whether a query stands in an expression."""
    match node:
        case tuple():
            return any(contains_query(each) for each in node)
        case s.Query():
            return True
        case s.Node():
            return any(contains_query(part) for part in _parts(node))
        case _:
            return False


def _parts(node: s.Node) -> list[object]:
    return [getattr(node, field.name) for field in fields(node)]
