"""Relations: tables, joins and UNNEST to what stands in DuckDB's FROM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from localaws.timestream.model import TableView
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.arrays import point_kind
from localaws.timestream.sql.casts import together
from localaws.timestream.sql.scope import Field, Relation
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed, identifier
from localaws.timestream.sql.types import BIGINT, ArrayType, RowType, SeriesType, Type, shown

Fresh = Callable[[str], str]
"""Makes a name that the statement has not used."""


def table(view: TableView, fresh: Fresh) -> Relation:
    """Name a table; only the columns that queries see are known."""
    name = fresh("r")
    fields = [
        Field(
            column.name,
            # What is stored is finite: Timestream takes no NaN.
            Typed(f"{name}.{identifier(column.name)}", column.type, never_nan=True),
            (view.database, view.name),
            (view.database, view.name),
        )
        for column in view.columns
    ]
    return Relation(f"{identifier(view.physical)} AS {name}", fields)


def derived(select: str, fields: Sequence[Field], fresh: Fresh) -> Relation:
    """Name a subquery whose columns are c0, c1, …, in the order of the fields."""
    name = fresh("r")
    return Relation(
        f"({select}) AS {name}",
        [
            replace(field, typed=replace(field.typed, sql=f"{name}.c{i}", literal=None))
            for i, field in enumerate(fields)
        ],
    )


def projected(relation: Relation, extra: str, fresh: Fresh) -> tuple[str, Relation]:
    """Put a subquery around a relation, with one more column; give its name and columns."""
    columns = [f"{field.typed.sql} AS c{i}" for i, field in enumerate(relation.fields)]
    found = derived(
        f"SELECT {', '.join([*columns, extra])} FROM {relation.sql}", relation.fields, fresh
    )
    name = found.sql.rsplit(" AS ", 1)[1]
    return name, found


def unnest(
    arrays: Sequence[Typed], ordinality: bool, left: Relation | None, place: Place, fresh: Fresh
) -> Relation:
    """Join a relation with the elements of arrays or series that its rows hold.

    The elements stand beside their row in one SELECT, which for DuckDB is the cheapest form; rows
    of NULL and empty arrays are left out, as CROSS JOIN UNNEST does.
    """
    added = [f"unnest({array.sql}) AS u{i}" for i, array in enumerate(arrays)]
    if ordinality:
        lengths = ", ".join(f"coalesce(len({array.sql}), 0)" for array in arrays)
        longest = f"greatest({lengths})" if len(arrays) > 1 else lengths
        added.append(f"unnest(range(1, {longest} + 1)) AS o")
    base = left if left is not None else Relation("(SELECT 1) AS one", [])
    name, found = projected(base, ", ".join(added), fresh)
    fields = list(found.fields)
    for i, array in enumerate(arrays):
        fields.extend(_elements(array.kind, f"{name}.u{i}", place))
    if ordinality:
        fields.append(Field("ordinality", Typed(f"{name}.o", BIGINT)))
    return Relation(found.sql, fields)


def _elements(kind: Type, sql: str, place: Place) -> list[Field]:
    element = point_kind(kind)
    if element is None or not isinstance(kind, ArrayType | SeriesType):
        raise invalid(place, f"Cannot unnest type: {shown(kind)}")
    if isinstance(element, RowType):
        return [
            Field(name, Typed(f"({sql}).f{i}", of)) for i, (name, of) in enumerate(element.fields)
        ]
    return [Field(None, Typed(sql, element))]


def join_using(node: s.Join, left: Relation, right: Relation) -> tuple[str, list[Field]]:
    """Write the condition of JOIN … USING and the columns that it gives: the common ones first."""
    conditions: list[str] = []
    shared: list[Field] = []
    hidden: list[Field] = []
    for name in node.using:
        pair = [_only(name, side, node.place) for side in (left, right)]
        same = together(pair[0].typed, pair[1].typed)
        if same is None or isinstance(same[0].kind, ArrayType | RowType | SeriesType):
            raise invalid(node.place, f"Column types of '{name}' do not match in USING")
        if any(each.maybe_nan for each in same):
            raise invalid(node.place, "USING of computed doubles is not supported")
        conditions.append(f"{same[0].sql} = {same[1].sql}")
        either = f"coalesce({same[0].sql}, {same[1].sql})"
        shared.append(Field(name, Typed(either, same[0].kind, never_nan=True)))
        hidden.extend(pair)
    rest = [field for field in (*left.fields, *right.fields) if field not in hidden]
    return " AND ".join(conditions), [*shared, *rest]


def _only(name: str, side: Relation, place: Place) -> Field:
    found = [field for field in side.fields if field.name and field.name.lower() == name.lower()]
    if len(found) != 1:
        problem = "is ambiguous" if found else "is missing from a side of JOIN"
        raise invalid(place, f"Column '{name}' {problem}")
    return found[0]
