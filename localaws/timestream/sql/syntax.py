"""The nodes of a parsed statement.

Only what the parser builds exists here, and the translator knows every class: a construct that is
missing cannot be passed on by accident. `place` is where the node begins in the statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from localaws.timestream.sql.tokens import Place
from localaws.timestream.sql.types import Type


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a statement."""

    place: Place


# -- expressions ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant: None, bool, int, float or str; of type `kind`.

    An interval's value is its nanoseconds or months, a date's its text, a timestamp's its
    nanoseconds since 1970.
    """

    value: bool | int | float | str | None
    kind: Type


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A column, a field of a row, or a parameter of a lambda."""

    name: str


@dataclass(frozen=True, slots=True)
class Dereference(Node):
    """`base.name`."""

    base: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Moment(Node):
    """CURRENT_TIMESTAMP and its like, without parentheses; `kind` in lower case."""

    kind: str


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-x` or `+x`."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic or `||`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """AND or OR of two and more."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """NOT x."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`=`, `<>`, `<`, `<=`, `>`, `>=`, IS DISTINCT FROM, IS NOT DISTINCT FROM."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Between(Node):
    """`operand BETWEEN low AND high`."""

    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class InList(Node):
    """`operand IN (…)`."""

    operand: Expression
    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class InQuery(Node):
    """`operand IN (SELECT …)`."""

    operand: Expression
    query: Query


@dataclass(frozen=True, slots=True)
class Like(Node):
    """`operand LIKE pattern [ESCAPE escape]`."""

    operand: Expression
    pattern: Expression
    escape: Expression | None


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """`operand IS NULL`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """EXISTS (SELECT …)."""

    query: Query


@dataclass(frozen=True, slots=True)
class ScalarQuery(Node):
    """`(SELECT …)` as a value."""

    query: Query


@dataclass(frozen=True, slots=True)
class Case(Node):
    """CASE; with an operand each condition is compared with it."""

    operand: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    default: Expression | None


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """CAST, or TRY_CAST where `attempt`."""

    operand: Expression
    kind: Type
    attempt: bool


@dataclass(frozen=True, slots=True)
class SortKey(Node):
    """One expression of ORDER BY."""

    expression: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Frame(Node):
    """ROWS or RANGE; a bound is SQL's words, with the count for ROWS n PRECEDING/FOLLOWING."""

    unit: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Window(Node):
    """OVER (…)."""

    partition: tuple[Expression, ...]
    order: tuple[SortKey, ...]
    frame: Frame | None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function called; `star` is for count(*), EXTRACT(f FROM x) is called extract."""

    name: str
    arguments: tuple[Expression, ...]
    star: bool = False
    distinct: bool = False
    order: tuple[SortKey, ...] = ()
    condition: Expression | None = None
    ignore_nulls: bool = False
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class ArrayOf(Node):
    """ARRAY[…]."""

    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class RowOf(Node):
    """ROW(…) or (a, b)."""

    values: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """`base[index]`."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    """`(a, b) -> body`."""

    parameters: tuple[str, ...]
    body: Expression


Expression: TypeAlias = (
    Literal
    | Name
    | Dereference
    | Moment
    | Unary
    | Binary
    | Logical
    | Not
    | Comparison
    | Between
    | InList
    | InQuery
    | Like
    | IsNull
    | Exists
    | ScalarQuery
    | Case
    | Cast
    | Call
    | ArrayOf
    | RowOf
    | Subscript
    | Lambda
)

# -- relations ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TableName(Node):
    """A table or a name of WITH: one part, or database and table."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derived(Node):
    """A query in parentheses."""

    query: Query


@dataclass(frozen=True, slots=True)
class Unnest(Node):
    """UNNEST(…) [WITH ORDINALITY]."""

    arguments: tuple[Expression, ...]
    ordinality: bool


@dataclass(frozen=True, slots=True)
class Aliased(Node):
    """A relation with another name and, maybe, other names of its columns."""

    relation: Relation
    alias: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join(Node):
    """A join; `kind` is CROSS, INNER, LEFT, RIGHT or FULL."""

    kind: str
    left: Relation
    right: Relation
    condition: Expression | None
    using: tuple[str, ...]


Relation: TypeAlias = TableName | Derived | Unnest | Aliased | Join

# -- queries --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Star(Node):
    """`*` or `t.*`."""

    qualifier: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item(Node):
    """An expression of SELECT."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class Select(Node):
    """SELECT, FROM, WHERE, GROUP BY and HAVING."""

    distinct: bool
    items: tuple[Star | Item, ...]
    source: Relation | None
    condition: Expression | None
    grouped: bool
    keys: tuple[Expression, ...]
    having: Expression | None


@dataclass(frozen=True, slots=True)
class Values(Node):
    """VALUES (…), (…)."""

    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class SetOperation(Node):
    """UNION [ALL], INTERSECT or EXCEPT."""

    operator: str
    every: bool
    left: Body
    right: Body


@dataclass(frozen=True, slots=True)
class Query(Node):
    """A body with what stands around it."""

    named: tuple[NamedQuery, ...]
    body: Body
    order: tuple[SortKey, ...]
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class NamedQuery(Node):
    """`name (columns) AS (query)` of WITH."""

    name: str
    columns: tuple[str, ...]
    query: Query


Body: TypeAlias = Select | Values | SetOperation | Query
