"""Functions of numbers."""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql.operators import divided
from localaws.timestream.sql.overloads import Overload, Overloads, unexpected
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, WHOLE

_ROUND_DIGITS_MAX: Final = 15


def _of_double(template: str, *, never_nan: bool = False) -> tuple[Overload, ...]:
    return (Overload((DOUBLE,), DOUBLE, template, never_nan),)


def _whole_unchanged(template: str) -> tuple[Overload, ...]:
    return (
        Overload((INTEGER,), INTEGER, "{0}"),
        Overload((BIGINT,), BIGINT, "{0}"),
        Overload((DOUBLE,), DOUBLE, template, never_nan=True),
    )


NUMBER_FUNCTIONS: Final[Overloads] = {
    "abs": (
        Overload((INTEGER,), INTEGER, "abs({0})"),
        Overload((BIGINT,), BIGINT, "abs({0})"),
        Overload((DOUBLE,), DOUBLE, "abs({0})", never_nan=True),
    ),
    "acos": _of_double("acos({0})"),
    "asin": _of_double("asin({0})"),
    "atan": _of_double("atan({0})"),
    "atan2": (Overload((DOUBLE, DOUBLE), DOUBLE, "atan2({0}, {1})"),),
    "cbrt": _of_double("cbrt({0})"),
    "ceil": _whole_unchanged("ceil({0})"),
    "ceiling": _whole_unchanged("ceil({0})"),
    "cos": _of_double("cos({0})"),
    "degrees": _of_double("degrees({0})"),
    "e": (Overload((), DOUBLE, "CAST('2.718281828459045' AS DOUBLE)", never_nan=True),),
    "exp": _of_double("exp({0})"),
    "floor": _whole_unchanged("floor({0})"),
    "infinity": (Overload((), DOUBLE, "CAST('inf' AS DOUBLE)", never_nan=True),),
    "is_finite": (Overload((DOUBLE,), BOOLEAN, "isfinite({0})"),),
    "is_infinite": (Overload((DOUBLE,), BOOLEAN, "isinf({0})"),),
    "is_nan": (Overload((DOUBLE,), BOOLEAN, "isnan({0})"),),
    "ln": _of_double("ln({0})"),
    "log10": _of_double("log10({0})"),
    "log2": _of_double("log2({0})"),
    "nan": (Overload((), DOUBLE, "CAST('nan' AS DOUBLE)"),),
    "pi": (Overload((), DOUBLE, "pi()", never_nan=True),),
    "pow": (Overload((DOUBLE, DOUBLE), DOUBLE, "pow({0}, {1})"),),
    "power": (Overload((DOUBLE, DOUBLE), DOUBLE, "pow({0}, {1})"),),
    "radians": _of_double("radians({0})"),
    "sign": (
        Overload((INTEGER,), INTEGER, "CAST(sign({0}) AS INTEGER)"),
        Overload((BIGINT,), BIGINT, "CAST(sign({0}) AS BIGINT)"),
        Overload(
            (DOUBLE,),
            DOUBLE,
            "CASE WHEN isnan({0}) THEN {0} ELSE CAST(sign({0}) AS DOUBLE) END",
            never_nan=True,
        ),
    ),
    "sin": _of_double("sin({0})"),
    "sqrt": _of_double("sqrt({0})"),
    "tan": _of_double("tan({0})"),
    "truncate": _of_double("trunc({0})", never_nan=True),
}
"""Those that a template says completely."""


def round_(arguments: list[Typed], place: Place) -> Typed:
    """Translate ROUND(x) and round(x, digits): half away from zero, as in DuckDB.

    Raises:
        TimestreamError: the digits are no literal of 0 to 15; Presto multiplies by a power of ten
            where DuckDB divides by another, and they differ in the last bit.
    """
    operand = arguments[0] if 1 <= len(arguments) <= 2 else None  # noqa: PLR2004 - x, digits
    if operand is None or operand.kind not in (*WHOLE, DOUBLE):
        raise unexpected("round", arguments, place)
    digits = 0
    if len(arguments) > 1:
        literal = arguments[1].literal
        value = literal.value if literal is not None else None
        if not isinstance(value, int) or not 0 <= value <= _ROUND_DIGITS_MAX:
            raise invalid(
                place, f"round to other than 0 to {_ROUND_DIGITS_MAX} digits is not supported"
            )
        digits = value
    if operand.kind in WHOLE:
        return Typed(operand.sql, operand.kind)
    return Typed(f"round({operand.sql}, {digits})", DOUBLE, never_nan=operand.never_nan)


def mod(arguments: list[Typed], place: Place) -> Typed:
    """Translate MOD(a, b), which is `a % b`."""
    match arguments:
        case [left, right] if {left.kind, right.kind} <= {INTEGER, BIGINT}:
            kind = BIGINT if BIGINT in (left.kind, right.kind) else INTEGER
            return Typed(divided("%", left.sql, right, kind), kind)
        case [left, right] if {left.kind, right.kind} <= {INTEGER, BIGINT, DOUBLE}:
            return Typed(f"(CAST({left.sql} AS DOUBLE) % CAST({right.sql} AS DOUBLE))", DOUBLE)
        case _:
            raise unexpected("mod", arguments, place)
