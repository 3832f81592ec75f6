"""FROM: tables, names of WITH, subqueries, joins and UNNEST."""

from __future__ import annotations

import itertools

from localaws.timestream.model import Catalogue
from localaws.timestream.sql import relations
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.expressions import Expressions
from localaws.timestream.sql.scope import Field, Relation, Scope
from localaws.timestream.sql.selected import Named, Selected
from localaws.timestream.sql.tokens import invalid


class Sources:
    """Translates relations; the queries in them by `query`, which a subclass has."""

    def __init__(self, catalogue: Catalogue, now: int) -> None:
        self.now = now
        self._catalogue = catalogue
        self._numbers = itertools.count()
        self._named: Named = {}
        self._visible: dict[int, Named] = {}
        self._queries = 0

    def fresh(self, prefix: str) -> str:
        """Make a name that the statement has not used."""
        return f"{prefix}{next(self._numbers)}"

    def subquery(self, query: s.Query) -> Relation:
        """Translate a query inside an expression; it sees nothing of the query around it."""
        return self._derived(self.query(query, self._named))

    def query(self, query: s.Query, named: Named) -> Selected:
        """Translate a query that sees these names of WITH."""
        raise NotImplementedError

    def _derived(self, selected: Selected) -> Relation:
        fields = [Field(each.name, each.typed, (), each.source) for each in selected.outputs]
        return relations.derived(selected.sql, fields, self.fresh)

    def _relation(self, node: s.Relation) -> Relation:
        match node:
            case s.TableName():
                return self._table(node)
            case s.Derived():
                return self._derived(self.query(node.query, self._named))
            case s.Aliased(relation=inner, alias=alias, columns=columns):
                return self._relation(inner).renamed(alias, columns, node.place)
            case s.Unnest():
                return self._unnest(node, None)
            case s.Join():
                return self._join(node)

    def _table(self, node: s.TableName) -> Relation:
        name = node.parts[-1]
        if len(node.parts) == 1:
            query = self._named.get(name.lower())
            if query is None:
                raise invalid(node.place, f"Database must be specified for table '{name}'")
            selected = self.query(query.query, self._visible[id(query)])
            found = self._derived(selected)
            return found.renamed(query.name, query.columns, query.place)
        if len(node.parts) > 2:  # noqa: PLR2004 - database, table
            raise invalid(node.place, f"Table '{'.'.join(node.parts)}' does not exist")
        return relations.table(self._catalogue.view(node.parts[0], name), self.fresh)

    def _join(self, node: s.Join) -> Relation:
        left = self._relation(node.left)
        unnest = node.right.relation if isinstance(node.right, s.Aliased) else node.right
        if isinstance(unnest, s.Unnest):
            if node.kind != "CROSS":
                raise invalid(node.place, f"{node.kind} JOIN UNNEST is not supported")
            return self._unnest(node.right, left)
        right = self._relation(node.right)
        fields = [*left.fields, *right.fields]
        if node.kind == "CROSS":
            return Relation(f"({left.sql} CROSS JOIN {right.sql})", fields)
        if node.using:
            condition, fields = relations.join_using(node, left, right)
        else:
            assert node.condition is not None
            expressions = Expressions(self, Scope(fields, {}), "JOIN clause")
            condition = expressions.condition(node.condition).sql
        return Relation(f"({left.sql} {node.kind} JOIN {right.sql} ON {condition})", fields)

    def _unnest(self, node: s.Relation, left: Relation | None) -> Relation:
        alias = node if isinstance(node, s.Aliased) else None
        unnest = node.relation if isinstance(node, s.Aliased) else node
        assert isinstance(unnest, s.Unnest)
        scope = Scope(left.fields if left is not None else (), {})
        expressions = Expressions(self, scope, "UNNEST")
        arrays = [expressions.translate(each) for each in unnest.arguments]
        found = relations.unnest(arrays, unnest.ordinality, left, node.place, self.fresh)
        if alias is None:
            return found
        before = len(left.fields) if left is not None else 0
        added = Relation("", found.fields[before:]).renamed(alias.alias, alias.columns, alias.place)
        return Relation(found.sql, [*found.fields[:before], *added.fields])
