"""The grammar of expressions: Presto's, with Timestream's interval literals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.parsing_literals import TYPES, LiteralParser
from localaws.timestream.sql.reading import RESERVED
from localaws.timestream.sql.tokens import Place, bad_syntax, invalid
from localaws.timestream.sql.types import (
    BOOLEAN,
    DOUBLE,
    UNKNOWN,
    VARCHAR,
)

_COMPARISONS: Final = ("=", "<>", "!=", "<", "<=", ">", ">=")
_MOMENTS: Final = (
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
)
_Below: TypeAlias = Callable[[], s.Expression]


class ExpressionParser(LiteralParser):
    """Parses expressions; queries inside them by `query`, which a subclass has."""

    def query(self) -> s.Query:
        """Parse a query."""
        raise NotImplementedError

    def expression(self) -> s.Expression:
        """Parse an expression."""
        return self._logical("OR")

    def _logical(self, operator: str) -> s.Expression:
        below = self._negation if operator == "AND" else lambda: self._logical("AND")
        place, operands = self.place, [below()]
        while self.take_word(operator):
            operands.append(below())
        return operands[0] if len(operands) == 1 else s.Logical(place, operator, tuple(operands))

    def _negation(self) -> s.Expression:
        place = self.place
        if self.take_word("NOT"):
            return s.Not(place, self._negation())
        return self._predicate()

    def _predicate(self) -> s.Expression:
        place, operand = self.place, self._value()
        if self.at_symbol(*_COMPARISONS):
            at, operator = self.place, self.advance().text
            self.refuse_words("ALL", "ANY", "SOME")
            return s.Comparison(at, operator.replace("!=", "<>"), operand, self._value())
        if self.take_word("IS"):
            return self._is(place, operand)
        negated = self.take_word("NOT")
        found = self._range_list_or_pattern(place, operand)
        if found is None:
            if negated:
                raise bad_syntax(self.place)
            return operand
        return s.Not(place, found) if negated else found

    def _is(self, place: Place, operand: s.Expression) -> s.Expression:
        negated = self.take_word("NOT")
        if self.take_word("NULL"):
            found: s.Expression = s.IsNull(place, operand)
            return s.Not(place, found) if negated else found
        self.expect_word("DISTINCT", "FROM")
        operator = "IS NOT DISTINCT FROM" if negated else "IS DISTINCT FROM"
        return s.Comparison(place, operator, operand, self._value())

    def _range_list_or_pattern(self, place: Place, operand: s.Expression) -> s.Expression | None:
        if self.take_word("BETWEEN"):
            low = self._value()
            self.expect_word("AND")
            return s.Between(place, operand, low, self._value())
        if self.take_word("LIKE"):
            pattern = self._value()
            escape = self._value() if self.take_word("ESCAPE") else None
            return s.Like(place, operand, pattern, escape)
        if self.take_word("IN"):
            self.expect_symbol("(")
            if self._at_query():
                found: s.Expression = s.InQuery(place, operand, self.query())
            else:
                found = s.InList(place, operand, self._expressions())
            self.expect_symbol(")")
            return found
        return None

    def _value(self) -> s.Expression:
        return self._chain(("||",), lambda: self._chain(("+", "-"), self._product))

    def _product(self) -> s.Expression:
        return self._chain(("*", "/", "%"), self._signed)

    def _chain(self, operators: tuple[str, ...], below: _Below) -> s.Expression:
        left = below()
        while self.at_symbol(*operators):
            place, operator = self.place, self.advance().text
            left = s.Binary(place, operator, left, below())
        return left

    def _signed(self) -> s.Expression:
        place = self.place
        if sign := self.take_symbol("-", "+"):
            return s.Unary(place, sign, self._signed())
        found = self._postfix()
        if self.at_word("AT", "TIME"):
            raise invalid(self.place, "AT TIME ZONE is not supported")
        return found

    def _postfix(self) -> s.Expression:
        found = self._primary()
        while True:
            place = self.place
            if self.take_symbol("."):
                found = s.Dereference(found.place, found, self.identifier())
            elif self.take_symbol("["):
                found = s.Subscript(place, found, self._value())
                self.expect_symbol("]")
            else:
                return found

    def _expressions(self) -> tuple[s.Expression, ...]:
        found = [self.expression()]
        while self.take_symbol(","):
            found.append(self.expression())
        return tuple(found)

    def _at_query(self) -> bool:
        return self.token.word in ("SELECT", "WITH", "VALUES")

    # -- what has no operator ------------------------------------------------------------------

    def _primary(self) -> s.Expression:
        token, place = self.token, self.place
        match token.kind:
            case "string":
                return s.Literal(place, self.advance().text, VARCHAR)
            case "whole":
                return self.number(place)
            case "decimal":
                return s.Literal(place, float(self.advance().text), DOUBLE)
            case "duration":
                return self.duration(place)
            case "symbol" if token.text == "(":
                return self._parenthesis(place)
            case "quoted":
                return self._named(place)
            case "name":
                return self._word(place)
            case _:
                raise bad_syntax(place)

    def _parenthesis(self, place: Place) -> s.Expression:
        parameters = self._lambda_parameters()
        if parameters is not None:
            return s.Lambda(place, parameters, self.expression())
        self.expect_symbol("(")
        if self._at_query():
            found: s.Expression = s.ScalarQuery(place, self.query())
            self.expect_symbol(")")
            return found
        values = self._expressions()
        self.expect_symbol(")")
        return values[0] if len(values) == 1 else s.RowOf(place, values)

    def _lambda_parameters(self) -> tuple[str, ...] | None:
        """Take `(a, b) ->`, but nothing else that is in parentheses."""
        start = self._position
        self.expect_symbol("(")
        names = []
        while self.at_identifier():
            names.append(self.identifier())
            if not self.take_symbol(","):
                break
        if self.take_symbol(")") and self.take_symbol("->"):
            return tuple(names)
        self._position = start
        return None

    def _word(self, place: Place) -> s.Expression:
        word = self.token.word
        match word:
            case "NULL":
                self.advance()
                return s.Literal(place, None, UNKNOWN)
            case "TRUE" | "FALSE":
                self.advance()
                return s.Literal(place, word == "TRUE", BOOLEAN)
            case "CASE":
                return self._case(place)
            case "CAST":
                return self._cast(place)
            case "EXISTS":
                self.advance()
                self.expect_symbol("(")
                found = s.Exists(place, self.query())
                self.expect_symbol(")")
                return found
            case "EXTRACT":
                return self._extract(place)
            case _ if word in _MOMENTS:
                self.advance()
                return s.Moment(place, word.lower())
            case _ if word in RESERVED:
                raise bad_syntax(place)
            case _:
                return self._typed_literal(place) or self._named(place)

    def _typed_literal(self, place: Place) -> s.Expression | None:
        """Take TIMESTAMP '…', INTERVAL '…' DAY and what looks like a name but is more."""
        word, following = self.token.word, self.ahead(1)
        if word == "TRY_CAST" and following.text == "(":
            return self._cast(place)
        if word == "ARRAY" and following.text == "[":
            self.advance()
            self.advance()
            elements = () if self.at_symbol("]") else self._expressions()
            self.expect_symbol("]")
            return s.ArrayOf(place, elements)
        if word == "ROW" and following.text == "(":
            self.advance()
            self.advance()
            values = self._expressions()
            self.expect_symbol(")")
            return s.RowOf(place, values)
        if word == "INTERVAL" and (following.kind == "string" or following.text in ("+", "-")):
            return self.interval(place)
        if following.kind != "string":
            return None
        self.advance()
        if word not in TYPES:
            raise invalid(place, f"Unknown type: {word.lower()}")
        return self.from_text(place, TYPES[word], self.string())

    def _case(self, place: Place) -> s.Expression:
        self.expect_word("CASE")
        operand = None if self.at_word("WHEN") else self.expression()
        branches = []
        while self.take_word("WHEN"):
            condition = self.expression()
            self.expect_word("THEN")
            branches.append((condition, self.expression()))
        default = self.expression() if self.take_word("ELSE") else None
        self.expect_word("END")
        if not branches:
            raise bad_syntax(place)
        return s.Case(place, operand, tuple(branches), default)

    def _cast(self, place: Place) -> s.Expression:
        attempt = self.advance().word == "TRY_CAST"
        self.expect_symbol("(")
        operand = self.expression()
        self.expect_word("AS")
        kind = self.type_name()
        self.expect_symbol(")")
        return s.Cast(place, operand, kind, attempt)

    def _extract(self, place: Place) -> s.Expression:
        self.expect_word("EXTRACT")
        self.expect_symbol("(")
        field = s.Literal(self.place, self.identifier(), VARCHAR)
        self.expect_word("FROM")
        operand = self._value()
        self.expect_symbol(")")
        return s.Call(place, "extract", (field, operand))

    # -- names and calls -----------------------------------------------------------------------

    def _named(self, place: Place) -> s.Expression:
        quoted = self.token.kind == "quoted"
        name = self.identifier()
        if self.at_symbol("->"):
            self.advance()
            return s.Lambda(place, (name,), self.expression())
        if self.at_symbol("(") and not quoted:
            return self._call(place, name.lower())
        return s.Name(place, name)

    def _call(self, place: Place, name: str) -> s.Expression:
        self.expect_symbol("(")
        if name == "position":
            return self._position_in(place)
        star = bool(self.take_symbol("*"))
        distinct = not star and self.take_word("DISTINCT")
        arguments: tuple[s.Expression, ...] = ()
        order: tuple[s.SortKey, ...] = ()
        if not star and not self.at_symbol(")"):
            arguments = self._expressions()
            order = self.order_by()
        self.expect_symbol(")")
        self.refuse_words("WITHIN")
        condition = None
        if self.at_word("FILTER") and self.ahead(1).text == "(":
            self.advance()
            self.expect_symbol("(")
            self.expect_word("WHERE")
            condition = self.expression()
            self.expect_symbol(")")
        ignore = self.take_word("IGNORE", "NULLS")
        if not ignore:
            self.take_word("RESPECT", "NULLS")
        window = self._window() if self.take_word("OVER") else None
        return s.Call(place, name, arguments, star, distinct, order, condition, ignore, window)

    def _position_in(self, place: Place) -> s.Expression:
        sought = self._value()
        self.expect_word("IN")
        text = self._value()
        self.expect_symbol(")")
        return s.Call(place, "strpos", (text, sought))

    def _window(self) -> s.Window:
        place = self.place
        if not self.at_symbol("("):
            raise invalid(place, "WINDOW by name is not supported")
        self.expect_symbol("(")
        partition: tuple[s.Expression, ...] = ()
        if self.take_word("PARTITION"):
            self.expect_word("BY")
            partition = self._expressions()
        order = self.order_by()
        frame = self._frame() if self.token.word in ("ROWS", "RANGE", "GROUPS") else None
        self.expect_symbol(")")
        return s.Window(place, partition, order, frame)

    def _frame(self) -> s.Frame:
        place, unit = self.place, self.advance().word
        if unit == "GROUPS":
            raise invalid(place, "GROUPS is not supported")
        if not self.take_word("BETWEEN"):
            return s.Frame(place, unit, self._bound(unit), "CURRENT ROW")
        start = self._bound(unit)
        self.expect_word("AND")
        return s.Frame(place, unit, start, self._bound(unit))

    def _bound(self, unit: str) -> str:
        if self.take_word("CURRENT", "ROW"):
            return "CURRENT ROW"
        if self.at_word("UNBOUNDED"):
            self.advance()
            count = "UNBOUNDED"
        elif unit == "ROWS":
            count = str(self.whole())
        else:
            raise invalid(self.place, "RANGE with an offset is not supported")
        if self.at_word("PRECEDING") or self.at_word("FOLLOWING"):
            return f"{count} {self.advance().word}"
        raise bad_syntax(self.place)

    def order_by(self) -> tuple[s.SortKey, ...]:
        """Take ORDER BY if it comes next."""
        if not self.take_word("ORDER"):
            return ()
        self.expect_word("BY")
        keys = [self._sort_key()]
        while self.take_symbol(","):
            keys.append(self._sort_key())
        return tuple(keys)

    def _sort_key(self) -> s.SortKey:
        place, expression = self.place, self.expression()
        descending = self.take_word("DESC")
        if not descending:
            self.take_word("ASC")
        nulls_first = False
        if self.take_word("NULLS"):
            nulls_first = self.take_word("FIRST")
            if not nulls_first:
                self.expect_word("LAST")
        return s.SortKey(place, expression, descending, nulls_first)
