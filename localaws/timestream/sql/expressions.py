"""Expressions: every node of the grammar to DuckDB's SQL, with its type.

A node or function that is not listed is refused; DuckDB sees only what this package wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from localaws.timestream.model import TimestreamError
from localaws.timestream.sql import (
    aggregates,
    arrays,
    lambdas,
    operators,
    subqueries,
    texts,
    times,
    windows,
)
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.casts import all_together, cast, coerce
from localaws.timestream.sql.functions import special_of, template_of
from localaws.timestream.sql.grouping import Grouping, contains_query
from localaws.timestream.sql.overloads import call as call_template
from localaws.timestream.sql.overloads import unexpected
from localaws.timestream.sql.scope import Field, Relation, Scope, field_of
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed, checked, constant
from localaws.timestream.sql.types import (
    BOOLEAN,
    UNKNOWN,
    ArrayType,
    RowType,
    in_duckdb,
    shown,
)


class Statement(Protocol):
    """What expressions need of the statement around them."""

    @property
    def now(self) -> int:
        """The statement's one time, in nanoseconds since 1970."""

    def fresh(self, prefix: str) -> str:
        """Make a name that the statement has not used."""

    def subquery(self, query: s.Query) -> Relation:
        """Translate a query inside an expression."""


class Expressions:
    """Translates the expressions of one clause.

    With a `grouping` it is a clause after GROUP BY: aggregates and keys are taken from there.
    Without, aggregates are refused, and so are window functions where not `windows`. `aliases` are
    the names, in lower case, that SELECT gives and that hide those of FROM: in ORDER BY only.
    """

    def __init__(
        self,
        statement: Statement,
        scope: Scope,
        clause: str,
        *,
        grouping: Grouping | None = None,
        windows: bool = False,
        aliases: Mapping[str, Typed] | None = None,
    ) -> None:
        self._statement = statement
        self._scope = scope
        self._clause = clause
        self._grouping = grouping
        self._windows = windows
        self._aliases = aliases or {}

    def condition(self, node: s.Expression) -> Typed:
        """Translate what has to be true or false.

        Raises:
            TimestreamError: it is neither.
        """
        found = self.translate(node)
        if found.kind not in (BOOLEAN, UNKNOWN):
            raise invalid(
                node.place,
                f"{self._clause} must evaluate to a boolean: actual type {shown(found.kind)}",
            )
        return coerce(found, BOOLEAN)

    def translate(self, node: s.Expression) -> Typed:
        """Translate an expression.

        Raises:
            TimestreamError: it is none that Timestream runs, or none that is known here.
        """
        if isinstance(node, s.Name) and (known := self._aliases.get(node.name.lower())) is not None:
            return known
        if self._grouping is not None:
            key = self._grouping.key(node, self._scope.parameters)
            if key is not None:
                return key
        return checked(self._translate(node), node.place)

    def inside(self, parameters: Mapping[str, Typed]) -> Expressions:
        """Translate what is inside a lambda with these parameters; windows cannot be there."""
        return Expressions(
            self._statement,
            self._scope.with_parameters(parameters),
            self._clause,
            grouping=self._grouping,
            aliases=self._aliases,
        )

    def fresh(self, prefix: str) -> str:
        """Make a name that the statement has not used."""
        return self._statement.fresh(prefix)

    def _translate(self, node: s.Expression) -> Typed:
        match node:
            case s.Literal():
                return constant(node)
            case s.Name():
                return self._column([node.name], node.place)
            case s.Dereference():
                return self._dereference(node)
            case s.Moment():
                return times.current(node.kind, self._statement.now, node.place)
            case s.Unary():
                return self._signed(node)
            case s.Binary():
                left, right = self.translate(node.left), self.translate(node.right)
                return operators.arithmetic(node.operator, left, right, node.place)
            case s.Call():
                return self._call(node)
            case s.Cast():
                operand = self.translate(node.operand)
                return cast(operand, node.kind, node.place, attempt=node.attempt)
            case _:
                return self._composed(node)

    def _composed(self, node: s.Expression) -> Typed:
        match node:
            case s.ArrayOf():
                return self._array(node)
            case s.RowOf():
                return self._row(node)
            case s.Subscript():
                base, index = self.translate(node.base), self.translate(node.index)
                return arrays.subscript(base, index, node.place)
            case s.Case():
                return self._case(node)
            case s.ScalarQuery():
                return subqueries.scalar(node, self._statement.subquery(node.query))
            case s.Lambda():
                raise invalid(
                    node.place, "A lambda expression stands only in a function that takes one"
                )
            case _:
                return self._predicate(node)

    def _predicate(self, node: s.Expression) -> Typed:
        match node:
            case s.Logical():
                joined = f" {node.operator} ".join(
                    self._boolean(each, node.operator).sql for each in node.operands
                )
                return Typed(f"({joined})", BOOLEAN)
            case s.Not():
                return Typed(f"(NOT {self._boolean(node.operand, 'NOT').sql})", BOOLEAN)
            case s.Comparison():
                left, right = self.translate(node.left), self.translate(node.right)
                return operators.compared(node.operator, left, right, node.place)
            case s.Between():
                operand, low, high = map(self.translate, (node.operand, node.low, node.high))
                return operators.between(operand, low, high, node.place)
            case s.InList():
                options = [self.translate(each) for each in node.options]
                return operators.one_of(self.translate(node.operand), options, node.place)
            case s.Like():
                escape = None if node.escape is None else self.translate(node.escape)
                operand, pattern = self.translate(node.operand), self.translate(node.pattern)
                return texts.like(operand, pattern, escape, node.place)
            case s.IsNull():
                return Typed(f"(({self.translate(node.operand).sql}) IS NULL)", BOOLEAN)
            case s.Exists():
                return subqueries.exists(self._statement.subquery(node.query))
            case s.InQuery():
                relation = self._statement.subquery(node.query)
                return subqueries.in_query(node, self.translate(node.operand), relation)
            case _:
                raise invalid(node.place, f"{type(node).__name__} is not supported")

    def _boolean(self, node: s.Expression, operator: str) -> Typed:
        found = self.translate(node)
        if found.kind not in (BOOLEAN, UNKNOWN):
            raise invalid(
                node.place,
                f"{operator} expression must evaluate to a boolean (actual: {shown(found.kind)})",
            )
        return coerce(found, BOOLEAN)

    def of_field(self, field: Field, place: Place) -> Typed:
        """Translate a column of `*`.

        Raises:
            TimestreamError: there is a GROUP BY that it is not in.
        """
        if self._grouping is None:
            return field.typed
        key = self._grouping.key_of(field.typed)
        if key is None:
            raise self._not_grouped(str(field.name), place)
        return key

    def _not_grouped(self, name: str, place: Place) -> TimestreamError:
        return invalid(
            place, f"'{name}' must be an aggregate expression or appear in GROUP BY clause"
        )

    # -- names ---------------------------------------------------------------------------------

    def _column(self, parts: Sequence[str], place: Place) -> Typed:
        found = self._scope.find(parts, place)
        if found is None:
            raise invalid(place, f"Column '{'.'.join(parts)}' does not exist")
        if self._grouping is not None and parts[0].lower() not in self._scope.parameters:
            raise self._not_grouped(".".join(parts), place)
        return found

    def _dereference(self, node: s.Dereference) -> Typed:
        parts = _parts(node)
        if parts is not None and parts[0].lower() not in self._scope.parameters:
            if self._scope.find(parts, node.place) is not None:
                return self._column(parts, node.place)
            if self._scope.find(parts[:1], node.place) is None and len(parts) == 2:  # noqa: PLR2004 - t.x
                raise invalid(node.place, f"Column '{'.'.join(parts)}' does not exist")
        base = self.translate(node.base)
        found = field_of(base, node.name)
        if found is None:
            raise invalid(node.place, f"Column '{node.name}' does not exist in {shown(base.kind)}")
        return found

    # -- values --------------------------------------------------------------------------------

    def _signed(self, node: s.Unary) -> Typed:
        operand = self.translate(node.operand)
        literal = operand.literal
        number = literal.value if literal is not None else None
        found = operators.negated(node.operator, operand, node.place)
        if node.operator == "-" and isinstance(number, int | float):
            return constant(s.Literal(node.place, -number, operand.kind))
        return found

    def _array(self, node: s.ArrayOf) -> Typed:
        same = all_together([self.translate(each) for each in node.elements])
        if same is None:
            raise invalid(node.place, "All ARRAY elements must be the same type")
        kind = ArrayType(same[0].kind if same else UNKNOWN)
        listed = ", ".join(each.sql for each in same)
        return Typed(f"CAST([{listed}] AS {in_duckdb(kind)})", kind)

    def _row(self, node: s.RowOf) -> Typed:
        values = [self.translate(each) for each in node.values]
        inner = ", ".join(f"'f{i}': {each.sql}" for i, each in enumerate(values))
        return Typed(f"{{{inner}}}", RowType(tuple((None, each.kind) for each in values)))

    def _case(self, node: s.Case) -> Typed:
        operand = None if node.operand is None else self.translate(node.operand)
        conditions: list[str] = []
        results: list[Typed] = []
        for condition, result in node.branches:
            if operand is None:
                conditions.append(self._boolean(condition, "CASE").sql)
            else:
                value = self.translate(condition)
                conditions.append(operators.compared("=", operand, value, condition.place).sql)
            results.append(self.translate(result))
        if node.default is not None:
            results.append(self.translate(node.default))
        return _branches(conditions, results, node.place)

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, node: s.Call) -> Typed:
        name = node.name
        if node.window is not None:
            if not self._windows or self._scope.parameters:
                raise invalid(node.place, f"{self._clause} cannot contain window functions: {name}")
            return windows.call(node, node.window, self.inside({}))
        if name in aggregates.WINDOWS:
            raise invalid(node.place, f"Window function {name} requires an OVER clause")
        if name in aggregates.AGGREGATES:
            if self._grouping is None:
                raise invalid(node.place, f"{self._clause} cannot contain aggregations: {name}")
            return self._grouping.aggregate(node, self._scope.parameters)
        self._plain_only(node)
        if name in lambdas.NAMES:
            return lambdas.call(node, self)
        of_statement = self._of_statement(node)
        if of_statement is not None:
            return of_statement
        arguments = [self.translate(each) for each in node.arguments]
        if (templates := template_of(name)) is not None:
            return call_template(name, templates, arguments, node.place)
        special = special_of(name)
        if special is None:
            raise invalid(node.place, f"Function '{name}' not registered")
        return special(arguments, node.place)

    def _of_statement(self, node: s.Call) -> Typed | None:
        """Translate what needs more than the translated arguments; None if it is not that."""
        match node.name:
            case "now" | "current_timestamp" if not node.arguments:
                return times.current(node.name, self._statement.now, node.place)
            case "ago":
                arguments = [self.translate(each) for each in node.arguments]
                return times.ago(arguments, self._statement.now, node.place)
            case "extract":
                return self._extract(node)
            case "if":
                return self._if(node)
            case "try" if len(node.arguments) == 1:
                if contains_query(node.arguments):
                    raise invalid(node.place, "try of a subquery is not supported")
                operand = self.translate(node.arguments[0])
                return Typed(f"TRY({operand.sql})", operand.kind, never_nan=operand.never_nan)
            case _:
                return None

    def _plain_only(self, node: s.Call) -> None:
        unusual = {
            "*": node.star,
            "DISTINCT": node.distinct,
            "ORDER BY": bool(node.order),
            "FILTER": node.condition is not None,
            "IGNORE NULLS": node.ignore_nulls,
        }
        for what, is_there in unusual.items():
            if is_there:
                known = template_of(node.name) or special_of(node.name)
                message = (
                    f"{what} is not supported for function {node.name}"
                    if known
                    else f"Function '{node.name}' not registered"
                )
                raise invalid(node.place, message)

    def _extract(self, node: s.Call) -> Typed:
        if len(node.arguments) != 2 or not isinstance(node.arguments[0], s.Literal):  # noqa: PLR2004
            raise invalid(node.place, "Function 'extract' not registered")
        field = str(node.arguments[0].value).lower()
        if field not in times.FIELDS:
            raise invalid(node.place, f"Invalid EXTRACT field: {field}")
        return times.extract(field, self.translate(node.arguments[1]), node.place)

    def _if(self, node: s.Call) -> Typed:
        arguments = [self.translate(each) for each in node.arguments]
        if len(arguments) not in (2, 3):
            raise unexpected("if", arguments, node.place)
        condition = self._boolean(node.arguments[0], "IF").sql
        return _branches([condition], arguments[1:], node.place)


def _branches(conditions: Sequence[str], results: Sequence[Typed], place: Place) -> Typed:
    same = all_together(list(results))
    if same is None:
        raise invalid(place, "All CASE results must be the same type")
    whens = " ".join(
        f"WHEN {condition} THEN {result.sql}"
        for condition, result in zip(conditions, same, strict=False)
    )
    default = f" ELSE {same[-1].sql}" if len(same) > len(conditions) else ""
    clean = all(each.never_nan for each in same)
    return Typed(f"CASE {whens}{default} END", same[0].kind, never_nan=clean)


def _parts(node: s.Expression) -> list[str] | None:
    match node:
        case s.Name(name=name):
            return [name]
        case s.Dereference(base=base, name=name):
            before = _parts(base)
            return None if before is None else [*before, name]
        case _:
            return None
