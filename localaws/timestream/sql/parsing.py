"""The grammar of statements: queries, SHOW and DESCRIBE; everything else is refused."""

from __future__ import annotations

from localaws.timestream.model import TimestreamError
from localaws.timestream.sql import commands
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.parsing_expressions import ExpressionParser
from localaws.timestream.sql.tokens import bad_syntax, invalid

QUERY_LENGTH_MAX = 262_144


def parse(text: str) -> commands.Statement:
    """Parse one statement; a semicolon may end it.

    Raises:
        TimestreamError: it is not one statement of those that only read.

    >>> type(parse('SHOW TABLES FROM "plant";')).__name__
    'ShowTables'
    """
    if not 1 <= len(text) <= QUERY_LENGTH_MAX:
        raise TimestreamError(
            "ValidationException",
            f"QueryString must have a length between 1 and {QUERY_LENGTH_MAX}",
        )
    return StatementParser(text).statement()


class StatementParser(ExpressionParser):
    """Parses one statement."""

    def statement(self) -> commands.Statement:
        """Parse the whole text."""
        found = self._statement()
        self.take_symbol(";")
        if self.token.kind != "end":
            self.refuse_words("OFFSET", "FETCH", "WINDOW", "TABLESAMPLE")
            raise bad_syntax(self.place)
        return found

    def _statement(self) -> commands.Statement:
        place = self.place
        if self.take_word("SHOW"):
            return self._show()
        if self.take_word("DESCRIBE") or self.take_word("DESC"):
            return commands.Describe(place, self._table())
        if self._at_query() or self.at_symbol("("):
            return self.query()
        self.refuse_words("UNLOAD", "EXPLAIN")
        raise bad_syntax(place)

    def _show(self) -> commands.Statement:
        place = self.place
        if self.take_word("DATABASES"):
            return commands.ShowDatabases(place, self._pattern())
        what = self.token.word
        if what not in ("TABLES", "MEASURES"):
            raise bad_syntax(place)
        self.advance()
        if not self.take_word("FROM"):
            self.expect_word("IN")
        if what == "TABLES":
            return commands.ShowTables(place, self.identifier(), self._pattern())
        return commands.ShowMeasures(place, self._table(), self._pattern())

    def _pattern(self) -> str | None:
        return self.string() if self.take_word("LIKE") else None

    # -- queries -------------------------------------------------------------------------------

    def query(self) -> s.Query:
        """Parse a query with WITH, ORDER BY and LIMIT."""
        place = self.place
        named: list[s.NamedQuery] = []
        if self.take_word("WITH"):
            self.refuse_words("RECURSIVE")
            named.append(self._named_query())
            while self.take_symbol(","):
                named.append(self._named_query())
        body = self._body()
        order = self.order_by()
        offset = self._rows_of("OFFSET") or 0
        limit = None
        if self.at_word("LIMIT"):
            limit = self._rows_of("LIMIT")
        self.refuse_words("FETCH", "OFFSET", "WINDOW")
        return s.Query(place, tuple(named), body, order, limit, offset)

    def _rows_of(self, word: str) -> int | None:
        if not self.take_word(word):
            return None
        if word == "LIMIT" and self.take_word("ALL"):
            return None
        count = self.whole()
        if word == "OFFSET" and not self.take_word("ROW"):
            self.take_word("ROWS")
        return count

    def _named_query(self) -> s.NamedQuery:
        place, name = self.place, self.identifier()
        columns = self.identifiers() if self.at_symbol("(") else ()
        self.expect_word("AS")
        self.expect_symbol("(")
        query = self.query()
        self.expect_symbol(")")
        return s.NamedQuery(place, name, columns, query)

    def _body(self) -> s.Body:
        left = self._intersection()
        while self.at_word("UNION") or self.at_word("EXCEPT"):
            place, operator = self.place, self.advance().word
            left = s.SetOperation(
                place, operator, self._every(operator), left, self._intersection()
            )
        return left

    def _intersection(self) -> s.Body:
        left = self._term()
        while self.at_word("INTERSECT"):
            place, operator = self.place, self.advance().word
            left = s.SetOperation(place, operator, self._every(operator), left, self._term())
        return left

    def _every(self, operator: str) -> bool:
        place = self.place
        if self.take_word("ALL"):
            if operator != "UNION":
                raise invalid(place, f"{operator} ALL is not supported")
            return True
        self.take_word("DISTINCT")
        return False

    def _term(self) -> s.Body:
        if self.take_symbol("("):
            found = self.query()
            self.expect_symbol(")")
            return found
        if self.at_word("VALUES"):
            return self._values()
        return self._select()

    def _values(self) -> s.Values:
        place = self.place
        self.expect_word("VALUES")
        rows = [self._values_row()]
        while self.take_symbol(","):
            rows.append(self._values_row())
        return s.Values(place, tuple(rows))

    def _values_row(self) -> tuple[s.Expression, ...]:
        found = self.expression()
        return found.values if isinstance(found, s.RowOf) else (found,)

    def _select(self) -> s.Select:
        place = self.place
        self.expect_word("SELECT")
        distinct = self.take_word("DISTINCT")
        if not distinct:
            self.take_word("ALL")
        items = [self._item()]
        while self.take_symbol(","):
            items.append(self._item())
        source = self._relations() if self.take_word("FROM") else None
        condition = self.expression() if self.take_word("WHERE") else None
        grouped, keys = self._group_by()
        having = self.expression() if self.take_word("HAVING") else None
        return s.Select(place, distinct, tuple(items), source, condition, grouped, keys, having)

    def _item(self) -> s.Star | s.Item:
        place = self.place
        if self.take_symbol("*"):
            return s.Star(place, ())
        parts: list[str] = []
        start = self._position
        while self.at_identifier() and self.ahead(1).text == "." and self.ahead(1).kind == "symbol":
            parts.append(self.identifier())
            self.expect_symbol(".")
            if self.take_symbol("*"):
                return s.Star(place, tuple(parts))
        self._position = start
        return s.Item(place, self.expression(), self.alias())

    def _group_by(self) -> tuple[bool, tuple[s.Expression, ...]]:
        if not self.take_word("GROUP"):
            return False, ()
        self.expect_word("BY")
        keys: list[s.Expression] = []
        while True:
            if self.at_word("GROUPING", "SETS"):
                raise invalid(self.place, "GROUPING SETS is not supported")
            self.refuse_words("ROLLUP", "CUBE", "ALL", "DISTINCT")
            place = self.place
            if self.at_symbol("(") and self.ahead(1).text == ")":
                raise invalid(place, "GROUP BY () is not supported")
            found = self.expression()
            # `GROUP BY (a, b)` is the same as `GROUP BY a, b`.
            keys.extend(found.values if isinstance(found, s.RowOf) else (found,))
            if not self.take_symbol(","):
                return True, tuple(keys)

    # -- relations -----------------------------------------------------------------------------

    def _relations(self) -> s.Relation:
        left = self._joined()
        while True:
            place = self.place
            if not self.take_symbol(","):
                return left
            left = s.Join(place, "CROSS", left, self._joined(), None, ())

    def _joined(self) -> s.Relation:
        left = self._aliased()
        while True:
            place = self.place
            self.refuse_words("NATURAL")
            if self.take_word("CROSS"):
                self.expect_word("JOIN")
                left = s.Join(place, "CROSS", left, self._aliased(), None, ())
                continue
            kind = self._join_kind()
            if kind is None:
                return left
            right = self._aliased()
            if self.take_word("USING"):
                left = s.Join(place, kind, left, right, None, self.identifiers())
            else:
                self.expect_word("ON")
                left = s.Join(place, kind, left, right, self.expression(), ())

    def _join_kind(self) -> str | None:
        if self.take_word("JOIN"):
            return "INNER"
        for kind in ("INNER", "LEFT", "RIGHT", "FULL"):
            if self.take_word(kind):
                if kind != "INNER":
                    self.take_word("OUTER")
                self.expect_word("JOIN")
                return kind
        return None

    def _aliased(self) -> s.Relation:
        place, relation = self.place, self._relation()
        self.refuse_words("TABLESAMPLE", "MATCH_RECOGNIZE")
        alias = self.alias()
        if alias is not None:
            columns = self.identifiers() if self.at_symbol("(") else ()
            relation = s.Aliased(place, relation, alias, columns)
        self.refuse_words("TABLESAMPLE", "MATCH_RECOGNIZE")
        return relation

    def _relation(self) -> s.Relation:
        place = self.place
        if self.take_word("UNNEST"):
            self.expect_symbol("(")
            arguments = self._expressions()
            self.expect_symbol(")")
            return s.Unnest(place, arguments, self.take_word("WITH", "ORDINALITY"))
        if self.take_symbol("("):
            if self._at_query() or self.at_symbol("("):
                start = self._position
                try:
                    query = self.query()
                    self.expect_symbol(")")
                    return s.Derived(place, query)
                except TimestreamError:
                    # `((a JOIN b …))` begins as `((SELECT …))` does.
                    if not self._restart_at_parenthesis(start):
                        raise
            found = self._relations()
            self.expect_symbol(")")
            return found
        if self.token.word in ("TABLE", "LATERAL"):
            self.refuse_words("TABLE", "LATERAL")
        return self._table()

    def _restart_at_parenthesis(self, start: int) -> bool:
        self._position = start
        return self.at_symbol("(")

    def _table(self) -> s.TableName:
        place, parts = self.place, [self.identifier()]
        while self.take_symbol("."):
            parts.append(self.identifier())
        if self.at_symbol("("):
            raise invalid(place, f"Table function '{'.'.join(parts)}' not registered")
        return s.TableName(place, tuple(parts))
