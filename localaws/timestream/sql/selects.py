"""SELECT: its clauses in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Sequence

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.expressions import Expressions
from localaws.timestream.sql.grouping import Grouping, contains_aggregate
from localaws.timestream.sql.scope import Field, Scope
from localaws.timestream.sql.selected import (
    Output,
    Selected,
    by_place,
    implied_name,
    ordinal,
    source_of,
)
from localaws.timestream.sql.sorting import sorted_by
from localaws.timestream.sql.sources import Sources
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import WHOLE, ArrayType, RowType, SeriesType, shown


class Selects(Sources):
    """Translates SELECT."""

    def _select(self, node: s.Select, order: Sequence[s.SortKey]) -> Selected:
        source = self._relation(node.source) if node.source is not None else None
        scope = Scope(source.fields if source is not None else (), {})
        from_ = f" FROM {source.sql}" if source is not None else ""
        where = ""
        if node.condition is not None:
            condition = Expressions(self, scope, "WHERE clause").condition(node.condition)
            where = f" WHERE {condition.sql}"
        grouping = self._grouping(node, scope, order)
        expressions = Expressions(self, scope, "SELECT", grouping=grouping, windows=True)
        outputs = self._outputs(node, scope, expressions)
        keys = self._sort_keys(node, order, outputs, scope, grouping)
        having = ""
        if node.having is not None:
            clause = Expressions(self, scope, "HAVING clause", grouping=grouping)
            having = f" WHERE {clause.condition(node.having).sql}"
        if grouping is not None:
            from_, where = f" FROM {grouping.relation(from_, where)}", having
        return self._projected(node, outputs, keys, from_ + where)

    def _grouping(
        self, node: s.Select, scope: Scope, order: Sequence[s.SortKey]
    ) -> Grouping | None:
        parts = (node.items, node.having, tuple(order))
        if not node.grouped and node.having is None and not contains_aggregate(parts):
            return None
        keys = [self._key(key, node) for key in node.keys]
        inner = Expressions(self, scope, "GROUP BY clause or aggregate")
        grouping = Grouping(self.fresh("g"), inner, keys)
        for key in keys:
            typed = inner.translate(key)
            if isinstance(typed.kind, ArrayType | RowType | SeriesType):
                raise invalid(key.place, f"GROUP BY of {shown(typed.kind)} is not supported")
        return grouping

    def _key(self, key: s.Expression, node: s.Select) -> s.Expression:
        if not isinstance(key, s.Literal) or key.kind not in WHOLE:
            return key
        if any(isinstance(item, s.Star) for item in node.items):
            raise invalid(key.place, "GROUP BY of a number beside * is not supported")
        item = node.items[ordinal(key, len(node.items), "GROUP BY")]
        assert isinstance(item, s.Item)
        return item.expression

    def _outputs(self, node: s.Select, scope: Scope, expressions: Expressions) -> list[Output]:
        outputs: list[Output] = []
        for item in node.items:
            if isinstance(item, s.Star):
                outputs.extend(self._star(item, scope, expressions))
                continue
            typed = expressions.translate(item.expression)
            name = item.alias or implied_name(item.expression)
            source = source_of(item.expression, typed, scope)
            outputs.append(Output(name, typed, source, item.alias is not None))
        return outputs

    def _star(self, item: s.Star, scope: Scope, expressions: Expressions) -> list[Output]:
        wanted = [part.lower() for part in item.qualifier]
        fields = [
            field
            for field in scope.fields
            if not wanted or [part.lower() for part in field.qualifier[-len(wanted) :]] == wanted
        ]
        if not fields:
            message = (
                f"Table '{'.'.join(item.qualifier)}' not found"
                if wanted
                else "SELECT * not allowed in queries without FROM clause"
            )
            raise invalid(item.place, message)
        return [
            Output(field.name, expressions.of_field(field, item.place), field.source, False)
            for field in fields
        ]

    def _sort_keys(
        self,
        node: s.Select,
        order: Sequence[s.SortKey],
        outputs: Sequence[Output],
        scope: Scope,
        grouping: Grouping | None,
    ) -> list[tuple[s.SortKey, Typed]]:
        """Translate ORDER BY: the names of SELECT hide those of FROM."""
        parameters: dict[str, Typed] = {}
        doubled: set[str] = set()
        for output in outputs:
            name = (output.name or "").lower()
            if name in parameters and parameters[name].sql != output.typed.sql:
                doubled.add(name)
            if name and (output.aliased or name not in parameters):
                parameters[name] = output.typed
        keys = []
        for key in order:
            fields = [Field(each.name, each.typed) for each in outputs]
            typed = by_place(key.expression, fields)
            if typed is None and isinstance(key.expression, s.Name):
                name = key.expression.name.lower()
                if name in doubled:
                    raise invalid(key.place, f"Column '{key.expression.name}' is ambiguous")
                typed = parameters.get(name)
            if typed is None:
                expressions = Expressions(
                    self,
                    scope,
                    "ORDER BY",
                    grouping=grouping,
                    windows=True,
                    aliases={
                        output.name.lower(): output.typed
                        for output in outputs
                        if output.name and output.aliased
                    },
                )
                typed = expressions.translate(key.expression)
            if node.distinct and typed.sql not in [each.typed.sql for each in outputs]:
                raise invalid(
                    key.place,
                    "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                )
            keys.append((key, typed))
        return keys

    def _projected(
        self,
        node: s.Select,
        outputs: Sequence[Output],
        keys: Sequence[tuple[s.SortKey, Typed]],
        rest: str,
    ) -> Selected:
        if node.distinct:
            for output in outputs:
                if isinstance(output.typed.kind, ArrayType | RowType | SeriesType):
                    raise invalid(
                        node.place, f"DISTINCT of {shown(output.typed.kind)} is not supported"
                    )
        columns = [f"{output.typed.sql} AS c{i}" for i, output in enumerate(outputs)]
        known = {output.typed.sql: f"c{i}" for i, output in reversed(list(enumerate(outputs)))}
        sorted_columns = []
        for key, typed in keys:
            if typed.sql not in known:
                known[typed.sql] = f"s{len(known)}"
                columns.append(f"{typed.sql} AS {known[typed.sql]}")
            column = Typed(known[typed.sql], typed.kind)
            sorted_columns.append(sorted_by(key, column))
        distinct = "DISTINCT " if node.distinct else ""
        sql = f"SELECT {distinct}{', '.join(columns)}{rest}"
        if sorted_columns:
            listed = ", ".join(f"c{i}" for i in range(len(outputs)))
            order = ", ".join(sorted_columns)
            sql = f"SELECT {listed} FROM ({sql}) AS {self.fresh('r')} ORDER BY {order}"
        return Selected(sql, outputs)
