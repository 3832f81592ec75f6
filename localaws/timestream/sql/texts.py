"""Functions of texts; patterns are literals, so that they can be checked."""

from __future__ import annotations

import re
from typing import Final

from localaws.timestream.model import TimestreamError
from localaws.timestream.sql.casts import coerce
from localaws.timestream.sql.overloads import Overload, Overloads, unexpected
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed, failing, quote
from localaws.timestream.sql.types import BIGINT, BOOLEAN, UNKNOWN, VARCHAR, ArrayType

_SPACES: Final = "".join(
    chr(code)
    for code in (
        *range(9, 14),
        *range(28, 33),
        0x1680,
        *range(0x2000, 0x2007),
        *range(0x2008, 0x200B),
        0x2028,
        0x2029,
        0x205F,
        0x3000,
    )
)
"""What Presto trims: Java's white space."""

_AT_LEAST_ONE: Final = failing(BIGINT, "Index must be greater than zero")

_SUBSTRING: Final = (
    Overload(
        (VARCHAR, BIGINT),
        VARCHAR,
        "CASE WHEN {1} = 0 OR abs({1}) > length({0}) THEN '' ELSE substr({0}, {1}) END",
    ),
    Overload(
        (VARCHAR, BIGINT, BIGINT),
        VARCHAR,
        "CASE WHEN {1} = 0 OR {2} <= 0 OR abs({1}) > length({0}) THEN '' "
        "ELSE substr({0}, {1}, {2}) END",
    ),
)


def _delimited(template: str) -> str:
    empty = failing(VARCHAR, "The delimiter may not be the empty string")
    delimiter = f"CASE WHEN {{1}} = '' THEN {empty} ELSE {{1}} END"
    return template.replace("[parts]", f"string_split({{0}}, {delimiter})")


TEXT_FUNCTIONS: Final[Overloads] = {
    "length": (Overload((VARCHAR,), BIGINT, "length({0})"),),
    "lower": (Overload((VARCHAR,), VARCHAR, "lower({0})"),),
    "upper": (
        Overload(
            (VARCHAR,),
            VARCHAR,
            # Java leaves it as it is, DuckDB makes a capital of it.
            "CASE WHEN contains({0}, 'ß') THEN "
            + failing(VARCHAR, "upper of a text with 'ß' is not supported")
            + " ELSE upper({0}) END",
        ),
    ),
    "ltrim": (Overload((VARCHAR,), VARCHAR, f"ltrim({{0}}, {quote(_SPACES)})"),),
    "rtrim": (Overload((VARCHAR,), VARCHAR, f"rtrim({{0}}, {quote(_SPACES)})"),),
    "trim": (Overload((VARCHAR,), VARCHAR, f"trim({{0}}, {quote(_SPACES)})"),),
    "split": (Overload((VARCHAR, VARCHAR), ArrayType(VARCHAR), _delimited("[parts]")),),
    "split_part": (
        Overload(
            (VARCHAR, VARCHAR, BIGINT),
            VARCHAR,
            _delimited(f"[parts][CASE WHEN {{2}} < 1 THEN {_AT_LEAST_ONE} ELSE {{2}} END]"),
        ),
    ),
    "strpos": (Overload((VARCHAR, VARCHAR), BIGINT, "strpos({0}, {1})"),),
    "substr": _SUBSTRING,
    "substring": _SUBSTRING,
    "replace": (
        Overload(
            (VARCHAR, VARCHAR, VARCHAR),
            VARCHAR,
            "replace({0}, CASE WHEN {1} = '' THEN "
            + failing(VARCHAR, "replace of the empty string is not supported")
            + " ELSE {1} END, {2})",
        ),
    ),
}
"""Those that a template says completely."""

# RE2, which DuckDB has, reads these otherwise than Joni, which Presto has.
_OTHERWISE_READ: Final = re.compile(r"&&|\[\[|\[:|\\[pPXRhHvVKGZQNkuxgz0-9]|\(\?[^:i]|[+*?}]\+")

_CLASSES: Final = re.compile(r"\\[wWdDsSbB]|\(\?i")


def checked_pattern(name: str, pattern: Typed, place: Place) -> str:
    """Take a regular expression that means the same to RE2 and to Presto.

    Raises:
        TimestreamError: it is no literal, no regular expression, or one that could differ.
    """
    literal = pattern.literal
    if literal is None or not isinstance(literal.value, str):
        raise invalid(place, f"{name} of a pattern that is no literal is not supported")
    found = _OTHERWISE_READ.search(literal.value)
    if found is not None:
        raise invalid(place, f"{name}: '{found.group()}' in a pattern is not supported")
    try:
        re.compile(literal.value)
    except re.error as error:
        raise invalid(place, f"{name}: the pattern is invalid: {error}") from error
    return literal.value


def regexp_like(arguments: list[Typed], place: Place) -> Typed:
    """Translate REGEXP_LIKE(text, pattern): whether the pattern occurs."""
    text, pattern = _text_and_pattern("regexp_like", arguments, place)
    return Typed(f"regexp_matches({text}, {quote(pattern)})", BOOLEAN)


def regexp_extract(arguments: list[Typed], place: Place) -> Typed:
    """Translate REGEXP_EXTRACT(text, pattern[, group]): NULL where there is no match."""
    text, pattern = _text_and_pattern("regexp_extract", arguments[:2], place)
    group = 0
    if len(arguments) == 3:  # noqa: PLR2004 - text, pattern, group
        literal = arguments[2].literal
        value = literal.value if literal is not None else None
        if not isinstance(value, int) or value > re.compile(pattern).groups:
            raise invalid(
                place, f"Pattern has {re.compile(pattern).groups} groups. Cannot access it"
            )
        if re.search(r"\||\)[?*{]", pattern):
            # A group that took no part is NULL to Presto, empty to DuckDB.
            raise invalid(place, "regexp_extract of a group that may be absent is not supported")
        group = value
    elif len(arguments) != 2:  # noqa: PLR2004
        raise unexpected("regexp_extract", arguments, place)
    written = quote(pattern)
    return Typed(
        f"CASE WHEN regexp_matches({text}, {written}) "
        f"THEN regexp_extract({text}, {written}, {group}) END",
        VARCHAR,
    )


def regexp_replace(arguments: list[Typed], place: Place) -> Typed:
    """Translate REGEXP_REPLACE(text, pattern[, replacement]) of every occurrence."""
    name = "regexp_replace"
    text, pattern = _text_and_pattern(name, arguments[:2], place)
    replacement = ""
    if len(arguments) == 3:  # noqa: PLR2004 - text, pattern, replacement
        literal = arguments[2].literal
        if literal is None or not isinstance(literal.value, str) or "\\" in literal.value:
            raise invalid(place, f"{name} by other than a plain literal is not supported")
        if re.search(r"\$(?!\d(?!\d))", literal.value):
            raise invalid(place, f"{name}: '$' in a replacement is not supported")
        replacement = literal.value.replace("$", "\\")
    elif len(arguments) != 2:  # noqa: PLR2004
        raise unexpected(name, arguments, place)
    if re.compile(pattern).search("") or re.search(r"\\b|\\B|\^|\$", pattern):
        raise invalid(place, f"{name} of a pattern that may match nothing is not supported")
    return Typed(f"regexp_replace({text}, {quote(pattern)}, {quote(replacement)}, 'g')", VARCHAR)


def _text_and_pattern(name: str, arguments: list[Typed], place: Place) -> tuple[str, str]:
    match arguments:
        case [text, pattern] if {text.kind, pattern.kind} <= {VARCHAR, UNKNOWN}:
            written = checked_pattern(name, pattern, place)
            return _ascii_where_needed(name, coerce(text, VARCHAR).sql, written), written
        case _:
            raise unexpected(name, arguments, place)


def _ascii_where_needed(name: str, text: str, pattern: str) -> str:
    """Let classes such as that of words meet ASCII only: beyond it RE2's and Joni's differ."""
    if not _CLASSES.search(pattern):
        return text
    refused = failing(
        VARCHAR, f"{name} with a class such as \\w of text beyond ASCII is not supported"
    )
    return f"CASE WHEN strlen({text}) <> length({text}) THEN {refused} ELSE {text} END"


def like(operand: Typed, pattern: Typed, escape: Typed | None, place: Place) -> Typed:
    """Translate LIKE.

    Raises:
        TimestreamError: no texts, or an escape that is no literal of one character.
    """
    if not {operand.kind, pattern.kind} <= {VARCHAR, UNKNOWN}:
        raise _no_texts(operand, pattern, place)
    sql = f"{coerce(operand, VARCHAR).sql} LIKE {coerce(pattern, VARCHAR).sql}"
    if escape is None:
        return Typed(f"({sql})", BOOLEAN)
    literal = escape.literal
    if literal is None or not isinstance(literal.value, str) or len(literal.value) != 1:
        raise invalid(place, "Escape string must be a single character")
    escaped = pattern.literal.value if pattern.literal is not None else None
    if not isinstance(escaped, str):
        raise invalid(place, "LIKE … ESCAPE of a pattern that is no literal is not supported")
    mark = re.escape(literal.value)
    if re.search(rf"{mark}(?![%_{mark}])", re.sub(rf"{mark}{mark}", "", escaped)):
        raise invalid(
            place, "Escape character must be followed by '%', '_' or the escape character itself"
        )
    return Typed(f"({sql} ESCAPE {quote(literal.value)})", BOOLEAN)


def _no_texts(operand: Typed, pattern: Typed, place: Place) -> TimestreamError:
    return unexpected("LIKE", [operand, pattern], place)
