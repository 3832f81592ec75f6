"""Functions given by their parameters, their result and a template of DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from localaws.timestream.model import TimestreamError
from localaws.timestream.sql.casts import accepts, coerce
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import Type, shown


class Overload(NamedTuple):
    """One form of a function.

    `template` has {0}, {1}, … for the arguments, coerced to `parameters`; it is NULL where one
    of them is. `never_nan` says that a DOUBLE result is no NaN unless an argument is one.
    """

    parameters: tuple[Type, ...]
    result: Type
    template: str
    never_nan: bool = False


Overloads = Mapping[str, Sequence[Overload]]


def call(name: str, overloads: Sequence[Overload], arguments: list[Typed], place: Place) -> Typed:
    """Translate a call by the first form whose parameters the arguments coerce to.

    Raises:
        TimestreamError: no form takes these arguments.
    """
    for overload in overloads:
        if len(overload.parameters) != len(arguments):
            continue
        pairs = list(zip(overload.parameters, arguments, strict=True))
        if all(accepts(kind, argument) for kind, argument in pairs):
            coerced = [coerce(argument, kind) for kind, argument in pairs]
            sql = overload.template.format(*(each.sql for each in coerced))
            clean = overload.never_nan and not any(each.maybe_nan for each in coerced)
            return Typed(f"({sql})", overload.result, never_nan=clean)
    raise unexpected(name, arguments, place, overloads)


def unexpected(
    name: str, arguments: Sequence[Typed], place: Place, overloads: Sequence[Overload] = ()
) -> TimestreamError:
    """Make the error of a function called with other arguments than it takes."""
    found = ", ".join(shown(each.kind) for each in arguments)
    message = f"Unexpected parameters ({found}) for function {name}."
    if overloads:
        forms = ", ".join(
            f"{name}({', '.join(shown(kind) for kind in each.parameters)})" for each in overloads
        )
        message += f" Expected: {forms}"
    return invalid(place, message)
