"""Queries: FROM, WHERE, GROUP BY, SELECT, ORDER BY and what combines them, to DuckDB's SQL.

Each level of a query is a subquery with columns of our own names, c0, c1, …; what the statement
called them is kept beside. So DuckDB resolves no name of the user's, and its laxer rules (aliases
in WHERE, GROUP BY of an alias, any case) never apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from localaws.timestream.model import Catalogue
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.casts import all_together, coerce
from localaws.timestream.sql.expressions import Expressions
from localaws.timestream.sql.scope import Scope
from localaws.timestream.sql.selected import Named, Output, Selected, by_place
from localaws.timestream.sql.selects import Selects
from localaws.timestream.sql.sorting import sorted_by
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import Type, common, shown

QUERIES_MAX: Final = 1000


class Column(NamedTuple):
    """A column of a result; `name` is None where the statement gives it none."""

    name: str | None
    kind: Type
    source: tuple[str, str] | None
    aliased: bool


class Translated(NamedTuple):
    """A query translated: DuckDB's SQL, with the columns c0, c1, …, and what they are."""

    sql: str
    columns: Sequence[Column]


def translate(query: s.Query, catalogue: Catalogue, now: int) -> Translated:
    """Translate a query.

    Args:
        query: as parsed.
        catalogue: the tables it may name.
        now: what now() is, in nanoseconds since 1970.

    Raises:
        TimestreamError: it is none that Timestream runs, or none that is known here.
    """
    found = QueryTranslator(catalogue, now).query(query, {})
    columns = [
        Column(each.name, each.typed.kind, each.source, each.aliased) for each in found.outputs
    ]
    return Translated(found.sql, columns)


class QueryTranslator(Selects):
    """Translates the queries of one statement."""

    def query(self, query: s.Query, named: Named) -> Selected:
        """Translate a query that sees these names of WITH."""
        self._queries += 1
        if self._queries > QUERIES_MAX:
            # A name of WITH is translated wherever it stands; names of names could explode.
            raise invalid(query.place, "The query is too complex")
        outer = self._named
        self._named = self._with(query.named, named)
        try:
            if isinstance(query.body, s.Select):
                found = self._select(query.body, query.order)
            else:
                found = self._ordered(self._body(query.body), query.order)
            limit = f" LIMIT {query.limit}" if query.limit is not None else ""
            offset = f" OFFSET {query.offset}" if query.offset else ""
            return found._replace(sql=found.sql + limit + offset)
        finally:
            self._named = outer

    def _with(self, queries: Sequence[s.NamedQuery], named: Named) -> Named:
        known = dict(named)
        for query in queries:
            if any(
                query.name.lower() == each.name.lower() for each in queries if each is not query
            ):
                raise invalid(
                    query.place, f"WITH query name '{query.name}' specified more than once"
                )
        for i, query in enumerate(queries):
            # A name sees those before it, not itself.
            visible = {**named, **{each.name.lower(): each for each in queries[:i]}}
            known[query.name.lower()] = query
            self._visible[id(query)] = visible
        return known

    # -- bodies --------------------------------------------------------------------------------

    def _body(self, body: s.Body) -> Selected:
        match body:
            case s.Select():
                return self._select(body, ())
            case s.Query():
                return self.query(body, self._named)
            case s.Values():
                return self._values(body)
            case s.SetOperation():
                return self._combined(body)

    def _values(self, values: s.Values) -> Selected:
        rows = [
            [Expressions(self, Scope((), {}), "VALUES").translate(each) for each in row]
            for row in values.rows
        ]
        if len({len(row) for row in rows}) != 1:
            raise invalid(
                values.place, "Values rows have mismatched types: rows of several lengths"
            )
        columns: list[list[Typed]] = []
        for column in zip(*rows, strict=True):
            same = all_together(list(column))
            if same is None:
                raise invalid(values.place, "Values rows have mismatched types")
            columns.append(same)
        written = ", ".join(
            "(" + ", ".join(each.sql for each in row) + ")" for row in zip(*columns, strict=True)
        )
        name = self.fresh("v")
        listed = ", ".join(f"c{i}" for i in range(len(columns)))
        outputs = [
            Output(
                None,
                Typed(f"c{i}", column[0].kind, never_nan=all(e.never_nan for e in column)),
                None,
                False,
            )
            for i, column in enumerate(columns)
        ]
        return Selected(f"SELECT {listed} FROM (VALUES {written}) AS {name}({listed})", outputs)

    def _combined(self, node: s.SetOperation) -> Selected:
        left, right = self._body(node.left), self._body(node.right)
        if len(left.outputs) != len(right.outputs):
            raise invalid(
                node.place,
                f"{node.operator} query has different number of fields: "
                f"{len(left.outputs)}, {len(right.outputs)}",
            )
        outputs: list[Output] = []
        for i, (a, b) in enumerate(zip(left.outputs, right.outputs, strict=True)):
            kind = common(a.typed.kind, b.typed.kind)
            if kind is None:
                raise invalid(
                    node.place,
                    f"column {i + 1} in {node.operator} query has incompatible types: "
                    f"{shown(a.typed.kind)}, {shown(b.typed.kind)}",
                )
            clean = a.typed.never_nan and b.typed.never_nan
            outputs.append(a._replace(typed=Typed(f"c{i}", kind, never_nan=clean), source=None))
        operator = node.operator + (" ALL" if node.every else "")
        sides = (self._as_kinds(side, outputs) for side in (left, right))
        return Selected(f" {operator} ".join(sides), outputs)

    def _as_kinds(self, side: Selected, outputs: Sequence[Output]) -> str:
        relation = self._derived(side)
        columns = ", ".join(
            f"{coerce(field.typed, output.typed.kind).sql} AS c{i}"
            for i, (field, output) in enumerate(zip(relation.fields, outputs, strict=True))
        )
        return f"(SELECT {columns} FROM {relation.sql})"

    def _ordered(self, selected: Selected, order: Sequence[s.SortKey]) -> Selected:
        """Sort what is no SELECT: by its columns only."""
        if not order:
            return selected._replace(sql=f"SELECT * FROM ({selected.sql}) AS {self.fresh('r')}")
        relation = self._derived(selected)
        scope = Scope(relation.fields, {})
        expressions = Expressions(self, scope, "ORDER BY")
        keys = []
        for key in order:
            typed = by_place(key.expression, relation.fields) or expressions.translate(
                key.expression
            )
            keys.append(sorted_by(key, typed))
        return selected._replace(sql=f"SELECT * FROM {relation.sql} ORDER BY {', '.join(keys)}")
