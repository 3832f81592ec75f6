"""Operators: which types they join, to which type, and how DuckDB computes the same."""

from __future__ import annotations

from localaws.timestream.model import ScalarType, TimestreamError
from localaws.timestream.sql.casts import coerce, together
from localaws.timestream.sql.moments import DAY
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import (
    Typed,
    any_null,
    date_of,
    failing,
    midnight,
    nanoseconds,
    remainder,
)
from localaws.timestream.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTERVAL,
    MONTHS,
    NUMBERS,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    ArrayType,
    RowType,
    SeriesType,
    common,
    shown,
)


def arithmetic(operator: str, left: Typed, right: Typed, place: Place) -> Typed:
    """Translate `+ - * / %` and `||`.

    Raises:
        TimestreamError: no such operator between these types.
    """
    if operator == "||":
        return _concatenated(left, right, place)
    if UNKNOWN in (left.kind, right.kind):
        left, right = _nulls_typed(left, right)
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return _numeric(operator, left, right)
    found = _temporal(operator, left, right)
    if found is None:
        raise _refused(operator, left, right, place)
    return found


def _nulls_typed(left: Typed, right: Typed) -> tuple[Typed, Typed]:
    # NULL takes the other's type; two of them are BIGINT.
    kind = left.kind if left.kind is not UNKNOWN else right.kind
    kind = BIGINT if kind is UNKNOWN else kind
    return coerce(left, kind), coerce(right, kind)


def _refused(operator: str, left: Typed, right: Typed, place: Place) -> TimestreamError:
    return invalid(
        place, f"'{operator}' cannot be applied to {shown(left.kind)}, {shown(right.kind)}"
    )


def _concatenated(left: Typed, right: Typed, place: Place) -> Typed:
    if isinstance(left.kind, ArrayType) or isinstance(right.kind, ArrayType):
        pair = together(left, right)
        if pair is None:
            raise _refused("||", left, right, place)
        return Typed(f"({pair[0].sql} || {pair[1].sql})", pair[0].kind)
    if not {left.kind, right.kind} <= {VARCHAR, UNKNOWN}:
        raise _refused("||", left, right, place)
    return Typed(f"({coerce(left, VARCHAR).sql} || {coerce(right, VARCHAR).sql})", VARCHAR)


def _numeric(operator: str, left: Typed, right: Typed) -> Typed:
    kind = common(left.kind, right.kind)
    assert kind is not None
    left, right = coerce(left, kind), coerce(right, kind)
    if operator in "/%" and kind in WHOLE and isinstance(kind, ScalarType):
        return Typed(divided(operator, left.sql, right, kind), kind)
    return Typed(f"({left.sql} {operator} {right.sql})", kind)


def divided(operator: str, left: str, right: Typed, kind: ScalarType) -> str:
    """Write a division of whole numbers, truncating and failing on zero.

    DuckDB's `/` would make a DOUBLE of it and zero NULL.
    """
    in_duckdb = "//" if operator == "/" else "%"
    literal = right.literal
    if literal is not None and literal.value:
        return f"({left} {in_duckdb} {right.sql})"
    divisor = (
        f"CASE WHEN {right.sql} = 0 THEN {failing(kind, 'Division by zero')} ELSE {right.sql} END"
    )
    return f"({left} {in_duckdb} ({divisor}))"


def _temporal(operator: str, left: Typed, right: Typed) -> Typed | None:
    match operator:
        case "+" if left.kind in (INTERVAL, MONTHS) and right.kind in (TIMESTAMP, DATE, TIME):
            return _moved("+", right, left)
        case "+" | "-" if left.kind in (TIMESTAMP, DATE, TIME) and right.kind in (INTERVAL, MONTHS):
            return _moved(operator, left, right)
        case "+" | "-" if left.kind == right.kind and left.kind in (INTERVAL, MONTHS):
            return Typed(f"({left.sql} {operator} {right.sql})", left.kind)
        case "-" if {left.kind, right.kind} <= {TIMESTAMP, DATE}:
            return Typed(f"({_instant(left)} - {_instant(right)})", INTERVAL)
        case "*" if left.kind in (INTERVAL, MONTHS) and right.kind in NUMBERS:
            return _scaled(left, right)
        case "*" if right.kind in (INTERVAL, MONTHS) and left.kind in NUMBERS:
            return _scaled(right, left)
        case "/" if left.kind in (INTERVAL, MONTHS) and right.kind in WHOLE:
            return Typed(divided("/", left.sql, coerce(right, BIGINT), BIGINT), left.kind)
        case _:
            return None


def _instant(typed: Typed) -> str:
    return nanoseconds(typed.sql) if typed.kind is TIMESTAMP else midnight(typed.sql)


def _scaled(interval: Typed, factor: Typed) -> Typed:
    if factor.kind is DOUBLE:
        return Typed(f"CAST(trunc({interval.sql} * {factor.sql}) AS BIGINT)", interval.kind)
    return Typed(f"({interval.sql} * {factor.sql})", interval.kind)


def _moved(operator: str, moment: Typed, interval: Typed) -> Typed | None:
    by = f"({operator} ({interval.sql}))" if operator == "-" else interval.sql
    if interval.kind is MONTHS:
        return None if moment.kind is TIME else months_added(moment, by)
    if moment.kind is DATE:
        return Typed(_days_added(moment.sql, by), DATE)
    if moment.kind is TIME:
        return Typed(remainder(f"{moment.sql} {operator} {interval.sql}", DAY), TIME)
    at = f"{nanoseconds(moment.sql)} {operator} {interval.sql}"
    return Typed(f"make_timestamp_ns({at})", TIMESTAMP)


def _days_added(date: str, by: str) -> str:
    refused = failing(BIGINT, "Cannot add hour, minutes or seconds to a date")
    days = f"CASE WHEN ({by}) % {DAY} <> 0 THEN {refused} ELSE ({by}) // {DAY} END"
    return f"({date} + CAST({days} AS INTEGER))"


def months_added(moment: Typed, months: str) -> Typed:
    """Add months to a date or time; a day that the month has not becomes its last."""
    if moment.kind is DATE:
        return Typed(f"CAST({moment.sql} + to_months(CAST({months} AS INTEGER)) AS DATE)", DATE)
    moved = f"({date_of(moment.sql)} + to_months(CAST({months} AS INTEGER)))"
    of_day = remainder(nanoseconds(moment.sql), DAY)
    return Typed(f"make_timestamp_ns({midnight(moved)} + {of_day})", TIMESTAMP)


def negated(sign: str, operand: Typed, place: Place) -> Typed:
    """Translate `-x` and `+x`.

    Raises:
        TimestreamError: no such operator for this type.
    """
    if operand.kind not in (*NUMBERS, INTERVAL, MONTHS):
        raise invalid(place, f"'{sign}' cannot be applied to {shown(operand.kind)}")
    if sign == "+":
        return operand
    return Typed(f"(- ({operand.sql}))", operand.kind, never_nan=operand.never_nan)


# -- comparing ------------------------------------------------------------------------------------


def compared(operator: str, left: Typed, right: Typed, place: Place) -> Typed:
    """Translate a comparison.

    Raises:
        TimestreamError: the types cannot be compared.
    """
    pair = together(left, right)
    if pair is None:
        raise _refused(operator, left, right, place)
    left, right = pair
    kind = left.kind
    if isinstance(kind, ArrayType | RowType | SeriesType):
        # DuckDB and Presto differ in the NULLs inside.
        raise invalid(place, f"'{operator}' of {shown(kind)} is not supported")
    plain = f"({left.sql} {operator} {right.sql})"
    doubtful = [f"isnan({each.sql})" for each in pair if each.maybe_nan]
    if not doubtful or operator.startswith("IS"):
        return Typed(plain, BOOLEAN)
    answer = "true" if operator == "<>" else "false"
    unknown, nan = any_null([left.sql, right.sql]), " OR ".join(doubtful)
    return Typed(
        f"CASE WHEN {unknown} THEN NULL WHEN {nan} THEN {answer} ELSE {plain} END", BOOLEAN
    )


def between(operand: Typed, low: Typed, high: Typed, place: Place) -> Typed:
    """Translate BETWEEN, which is two comparisons."""
    above = compared(">=", operand, low, place)
    below = compared("<=", operand, high, place)
    return Typed(f"({above.sql} AND {below.sql})", BOOLEAN)


def one_of(operand: Typed, options: list[Typed], place: Place) -> Typed:
    """Translate IN (…): an equality with each option, in one list where DuckDB's is the same."""
    same = [compared("=", operand, option, place) for option in options]
    pairs = [together(operand, option) for option in options]
    kinds = {pair[0].kind for pair in pairs if pair is not None}
    if len(kinds) == 1 and not any(each.maybe_nan for pair in pairs if pair for each in pair):
        first = pairs[0]
        assert first is not None
        listed = ", ".join(pair[1].sql for pair in pairs if pair is not None)
        return Typed(f"({first[0].sql} IN ({listed}))", BOOLEAN)
    return Typed("(" + " OR ".join(each.sql for each in same) + ")", BOOLEAN)
