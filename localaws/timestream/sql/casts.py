"""Coercions and casts: Presto's rules, where DuckDB's are laxer or round otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from localaws.timestream.model import ScalarType
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.moments import DAY, parse_timestamp
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import (
    Typed,
    constant,
    date_of,
    failing,
    midnight,
    nanoseconds,
    null,
    quote,
    remainder,
)
from localaws.timestream.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    ArrayType,
    RowType,
    SeriesType,
    Type,
    coercible,
    common,
    in_duckdb,
    shown,
)

_Caster = Callable[[str, bool], str]
"""SQL of the operand and whether a failure is NULL -> SQL of the cast."""


def accepts(kind: Type, typed: Typed) -> bool:
    """Whether an expression stands where a type is expected.

    A string literal stands for a time, as in the samples of AWS:
    `time BETWEEN '2023-09-20 17:12:22.958000000' AND now()`.
    """
    return coercible(typed.kind, kind) or (kind is TIMESTAMP and _as_moment(typed) is not None)


def coerce(typed: Typed, kind: Type) -> Typed:
    """Make an expression, that `accepts` took, one of a wider type."""
    if typed.kind == kind:
        return typed
    if typed.kind is UNKNOWN:
        return null(kind)
    if kind is TIMESTAMP and (at := _as_moment(typed)) is not None:
        return at
    return _widened(typed, kind)


def together(a: Typed, b: Typed) -> tuple[Typed, Typed] | None:
    """Bring two expressions to their common type; None if they have none."""
    kind = common(a.kind, b.kind)
    if kind is None:
        if accepts(a.kind, b):
            kind = a.kind
        elif accepts(b.kind, a):
            kind = b.kind
        else:
            return None
    return coerce(a, kind), coerce(b, kind)


def all_together(typed: list[Typed]) -> list[Typed] | None:
    """Bring expressions to their common type; None if they have none."""
    kind: Type = UNKNOWN
    for each in typed:
        both = common(kind, each.kind)
        if both is None and accepts(kind, each):
            both = kind
        if both is None:
            return None
        kind = both
    return [coerce(each, kind) for each in typed]


def _as_moment(typed: Typed) -> Typed | None:
    literal = typed.literal
    if literal is None or not isinstance(literal.value, str) or literal.kind is not VARCHAR:
        return None
    at = parse_timestamp(literal.value)
    return None if at is None else constant(s.Literal(literal.place, at, TIMESTAMP))


def _widened(typed: Typed, kind: Type) -> Typed:
    never_nan = typed.never_nan or typed.kind in WHOLE
    literal = typed.literal
    if literal is not None and typed.kind in WHOLE and isinstance(literal.value, int):
        value = float(literal.value) if kind is DOUBLE else literal.value
        return constant(s.Literal(literal.place, value, kind))
    return Typed(f"CAST({typed.sql} AS {in_duckdb(kind)})", kind, never_nan=never_nan)


# -- CAST and TRY_CAST --------------------------------------------------------------------------


def cast(typed: Typed, kind: Type, place: Place, *, attempt: bool) -> Typed:
    """Cast to a type; where `attempt`, what cannot be cast is NULL.

    Raises:
        TimestreamError: Presto has no such cast.
    """
    if typed.kind == kind:
        return Typed(typed.sql, kind, never_nan=typed.never_nan)
    if typed.kind is UNKNOWN:
        return null(kind)
    sql = _cast(typed.sql, typed.kind, kind, place, attempt)
    return Typed(sql, kind, never_nan=typed.kind in WHOLE)


def _cast(sql: str, source: Type, target: Type, place: Place, attempt: bool) -> str:
    if source == target:
        return sql
    match source, target:
        case ArrayType(element), ArrayType(wanted):
            inner = _cast("e", element, wanted, place, attempt)
            return f"list_transform({sql}, lambda e: {inner})"
        case RowType(fields), RowType(wanted_fields) if len(fields) == len(wanted_fields):
            parts = ", ".join(
                f"'f{i}': {_cast(f'({sql}).f{i}', of, to, place, attempt)}"
                for i, ((_, of), (_, to)) in enumerate(zip(fields, wanted_fields, strict=True))
            )
            return f"CASE WHEN ({sql}) IS NULL THEN NULL ELSE {{{parts}}} END"
        case SeriesType() | ArrayType() | RowType(), _:
            pass
        case _ if source is UNKNOWN:
            return null(target).sql
        case _ if (caster := _CASTS.get((source, target))) is not None:
            return caster(sql, attempt)
        case _:
            pass
    raise invalid(place, f"Cannot cast {shown(source)} to {shown(target)}")


def _plain(target: Type) -> _Caster:
    """Use DuckDB's cast, which equals Presto's."""

    def write(sql: str, attempt: bool) -> str:
        return f"{'TRY_CAST' if attempt else 'CAST'}({sql} AS {in_duckdb(target)})"

    return write


def _matching(pattern: str, target: ScalarType) -> _Caster:
    """Use DuckDB's cast of texts that look as Presto wants them."""

    def write(sql: str, attempt: bool) -> str:
        refused = (
            f"CAST(NULL AS {in_duckdb(target)})"
            if attempt
            else failing(target, f"Cannot cast varchar to {shown(target)}: not in its form")
        )
        inner = _plain(target)(sql, attempt)
        return (
            f"CASE WHEN ({sql}) IS NULL THEN NULL "
            f"WHEN regexp_full_match({sql}, {quote(pattern)}) THEN {inner} ELSE {refused} END"
        )

    return write


def _rounded(target: Type) -> _Caster:
    """Round half away from zero, as Presto does; DuckDB would round half to even."""

    def write(sql: str, attempt: bool) -> str:
        return _plain(target)(f"round({sql})", attempt)

    return write


def _to_boolean(sql: str, attempt: bool) -> str:
    refused = "NULL" if attempt else failing(BOOLEAN, "Cannot cast varchar to boolean")
    return (
        f"CASE WHEN ({sql}) IS NULL THEN NULL WHEN lower({sql}) IN ('t', 'true', '1') THEN true "
        f"WHEN lower({sql}) IN ('f', 'false', '0') THEN false ELSE {refused} END"
    )


def _always(template: str) -> _Caster:
    """Use a template that cannot fail."""
    return lambda sql, _attempt: template.format(sql)


def timestamp_text(sql: str, separator: str = " ") -> str:
    """Write a time as text of nine digits; DuckDB's own forms vary in length."""
    at = nanoseconds(sql)
    second = 1_000_000_000
    seconds = f"make_timestamp((({at}) - {remainder(at, second)}) // 1000)"
    digits = f"lpad(CAST({remainder(at, second)} AS VARCHAR), 9, '0')"
    return f"(strftime({seconds}, '%Y-%m-%d{separator}%H:%M:%S') || '.' || {digits})"


def _double_text(sql: str) -> str:
    """Write a DOUBLE as Java does: 1.0E7, 1.5E-4, NaN, Infinity.

    DuckDB has the same shortest digits in other clothes: from its text the digits and the
    exponent are taken apart.
    """
    text = f"CAST(abs({sql}) AS VARCHAR)"
    mantissa = f"split_part({text}, 'e', 1)"
    all_digits = f"replace({mantissa}, '.', '')"
    digits = f"CASE WHEN trim({all_digits}, '0') = '' THEN '0' ELSE trim({all_digits}, '0') END"
    power = f"CASE WHEN contains({text}, 'e') THEN split_part({text}, 'e', 2) ELSE '0' END"
    shift = f"CAST({power} AS INTEGER)"
    # Where there is no point, as in 5e-324, it stands behind the digits.
    point = f"(strpos({mantissa} || '.', '.') - 1)"
    leading = f"(length({all_digits}) - length(ltrim({all_digits}, '0')))"
    exponent = f"CAST({shift} + {point} - {leading} - 1 AS VARCHAR)"
    fraction = f"CASE WHEN length({digits}) > 1 THEN substr({digits}, 2) ELSE '0' END"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    return (
        f"CASE WHEN ({sql}) IS NULL THEN NULL WHEN isnan({sql}) THEN 'NaN' "
        f"WHEN isinf({sql}) THEN ({sign}) || 'Infinity' "
        f"WHEN {sql} = 0 OR (abs({sql}) >= 0.001 AND abs({sql}) < 10000000) "
        f"THEN CAST({sql} AS VARCHAR) "
        f"ELSE ({sign}) || substr({digits}, 1, 1) || '.' || ({fraction}) || 'E' || {exponent} END"
    )


_WHOLE_FORM: Final = "[+-]?[0-9]+"
_DOUBLE_FORM: Final = (
    r"\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|Infinity)\s*"
)
_DATE_FORM: Final = r"\d{4}-\d{2}-\d{2}"
_TIMESTAMP_FORM: Final = _DATE_FORM + r"(?: \d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"

_CASTS: Final[dict[tuple[Type, Type], _Caster]] = {
    (VARCHAR, BIGINT): _matching(_WHOLE_FORM, BIGINT),
    (VARCHAR, INTEGER): _matching(_WHOLE_FORM, INTEGER),
    (VARCHAR, DOUBLE): _matching(_DOUBLE_FORM, DOUBLE),
    (VARCHAR, BOOLEAN): _to_boolean,
    (VARCHAR, DATE): _matching(_DATE_FORM, DATE),
    (VARCHAR, TIMESTAMP): _matching(_TIMESTAMP_FORM, TIMESTAMP),
    (DOUBLE, BIGINT): _rounded(BIGINT),
    (DOUBLE, INTEGER): _rounded(INTEGER),
    (DOUBLE, VARCHAR): lambda sql, _attempt: _double_text(sql),
    (DOUBLE, BOOLEAN): _always("({0}) <> 0"),
    (BIGINT, INTEGER): _plain(INTEGER),
    (DATE, TIMESTAMP): _plain(TIMESTAMP),
    (DATE, VARCHAR): _plain(VARCHAR),
    (TIMESTAMP, DATE): lambda sql, _attempt: date_of(sql),
    (TIMESTAMP, TIME): lambda sql, _attempt: remainder(nanoseconds(sql), DAY),
    (TIMESTAMP, VARCHAR): lambda sql, _attempt: timestamp_text(sql),
    (BOOLEAN, VARCHAR): _plain(VARCHAR),
    **{(kind, VARCHAR): _plain(VARCHAR) for kind in WHOLE},
    **{(kind, BOOLEAN): _always("({0}) <> 0") for kind in WHOLE},
    **{(kind, DOUBLE): _plain(DOUBLE) for kind in WHOLE},
    **{(BOOLEAN, kind): _plain(kind) for kind in (*WHOLE, DOUBLE)},
    (INTEGER, BIGINT): _plain(BIGINT),
}


def at_midnight(date: str) -> str:
    """Write the time at which a date begins."""
    return f"make_timestamp_ns({midnight(date)})"
