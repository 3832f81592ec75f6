"""Functions that take a lambda: TRANSFORM, FILTER and REDUCE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.arrays import point_kind
from localaws.timestream.sql.casts import coerce
from localaws.timestream.sql.overloads import unexpected
from localaws.timestream.sql.scope import Translator
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import (
    BOOLEAN,
    UNKNOWN,
    ArrayType,
    SeriesType,
    Type,
    coercible,
    in_duckdb,
    shown,
)

_ARGUMENTS: Final = {"transform": 2, "filter": 2, "reduce": 4}
NAMES: Final = frozenset(_ARGUMENTS)
"""The functions of this module."""


def call(node: s.Call, translator: Translator) -> Typed:
    """Translate a call of one of `NAMES`.

    Raises:
        TimestreamError: it does not take these arguments.
    """
    if len(node.arguments) != _ARGUMENTS[node.name]:
        raise invalid(node.place, f"{node.name} takes {_ARGUMENTS[node.name]} arguments")
    base = translator.translate(node.arguments[0])
    element = point_kind(base.kind)
    if element is None:
        raise unexpected(node.name, [base], node.place)
    match node.name:
        case "transform":
            return _transform(node, translator, base, element)
        case "filter":
            return _filter(node, translator, base, element)
        case _:
            return _reduce(node, translator, base, element)


def _transform(node: s.Call, translator: Translator, base: Typed, element: Type) -> Typed:
    if isinstance(base.kind, SeriesType):
        raise unexpected(node.name, [base], node.place)
    (name,), body = _lambda(node, 1, [element], translator)
    kind = ArrayType(body.kind)
    made = f"list_transform({base.sql}, lambda {name}: {body.sql})"
    return Typed(f"CAST({made} AS {in_duckdb(kind)})", kind)


def _filter(node: s.Call, translator: Translator, base: Typed, element: Type) -> Typed:
    (name,), body = _lambda(node, 1, [element], translator)
    if body.kind not in (BOOLEAN, UNKNOWN):
        raise unexpected(node.name, [base, body], node.place)
    return Typed(f"list_filter({base.sql}, lambda {name}: {coerce(body, BOOLEAN).sql})", base.kind)


def _reduce(node: s.Call, translator: Translator, base: Typed, element: Type) -> Typed:
    """Translate reduce(array, start, (state, x) -> …, state -> …).

    DuckDB's list_reduce wants state and element of one type, so both are put into one struct.
    """
    start = translator.translate(node.arguments[1])
    names, step = _lambda(node, 2, [start.kind, element], translator)
    if not coercible(step.kind, start.kind):
        raise invalid(
            node.arguments[2].place,
            f"reduce: the state is {shown(start.kind)}, the lambda makes {shown(step.kind)}",
        )
    pair, left, right = (translator.fresh("p") for _ in range(3))
    struct = f"STRUCT(s {in_duckdb(start.kind)}, x {in_duckdb(element)})"
    wrapped = (
        f"list_transform({base.sql}, lambda {pair}: CAST({{'s': NULL, 'x': {pair}}} AS {struct}))"
    )
    # Lists of one element name the parameters without repeating what stands for them.
    body = (
        f"list_transform([{left}.s], lambda {names[0]}: list_transform([{right}.x], "
        f"lambda {names[1]}: {coerce(step, start.kind).sql})[1])[1]"
    )
    reduced = (
        f"list_reduce({wrapped}, lambda {left}, {right}: "
        f"CAST({{'s': {body}, 'x': NULL}} AS {struct}), "
        f"CAST({{'s': {start.sql}, 'x': NULL}} AS {struct})).s"
    )
    (last,), result = _lambda(node, 3, [start.kind], translator)
    made = f"list_transform([{reduced}], lambda {last}: {result.sql})[1]"
    return Typed(f"CASE WHEN ({base.sql}) IS NOT NULL THEN {made} END", result.kind)


def _lambda(
    node: s.Call, at: int, kinds: Sequence[Type], translator: Translator
) -> tuple[list[str], Typed]:
    """Translate a lambda; give DuckDB's names of its parameters, and its body."""
    function = node.arguments[at]
    if not isinstance(function, s.Lambda) or len(function.parameters) != len(kinds):
        raise invalid(function.place, f"{node.name} needs a lambda of {len(kinds)} parameters here")
    names = [translator.fresh("p") for _ in kinds]
    known = {
        parameter: Typed(name, kind)
        for parameter, name, kind in zip(function.parameters, names, kinds, strict=True)
    }
    return names, translator.inside(known).translate(function.body)
