"""The grammar of literals and of type names."""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.moments import parse_clock, parse_date, parse_timestamp
from localaws.timestream.sql.reading import TokenReader
from localaws.timestream.sql.tokens import NANOSECONDS, Place, bad_syntax, invalid
from localaws.timestream.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    MONTHS,
    TIME,
    TIMESTAMP,
    VARCHAR,
    ArrayType,
    RowType,
    Type,
)

TYPES: Final[dict[str, Type]] = {
    "BOOLEAN": BOOLEAN,
    "INTEGER": INTEGER,
    "INT": INTEGER,
    "BIGINT": BIGINT,
    "DOUBLE": DOUBLE,
    "VARCHAR": VARCHAR,
    "TIMESTAMP": TIMESTAMP,
    "DATE": DATE,
    "TIME": TIME,
}
_INTERVAL_MONTHS: Final = {"YEAR": 12, "MONTH": 1}
_INTEGER_MAX: Final = 2**31 - 1
_BIGINT_MAX: Final = 2**63 - 1


class LiteralParser(TokenReader):
    """Parses what stands for one value or one type."""

    def number(self, place: Place) -> s.Expression:
        """Take a whole number: INTEGER if it fits, else BIGINT."""
        value = self.whole()
        if value > _BIGINT_MAX:
            # 2**63 itself stands only behind a minus, where a literal cannot see it.
            raise invalid(place, f"Invalid numeric literal: {value}")
        return s.Literal(place, value, INTEGER if value <= _INTEGER_MAX else BIGINT)

    def duration(self, place: Place) -> s.Expression:
        """Take an interval such as `15m`."""
        text = self.advance().text
        unit = text.lstrip("0123456789")
        if unit.lower() not in NANOSECONDS:
            raise bad_syntax(place)
        value = int(text[: -len(unit)]) * NANOSECONDS[unit.lower()]
        if value > _BIGINT_MAX:
            raise invalid(place, f"Invalid interval literal: {text}")
        return s.Literal(place, value, INTERVAL)

    def from_text(self, place: Place, kind: Type, text: str) -> s.Expression:
        """Make a literal of a type from a text."""
        value: int | str | None
        match kind:
            case _ if kind is TIMESTAMP:
                value = parse_timestamp(text)
            case _ if kind is DATE:
                value = parse_date(text)
            case _ if kind is TIME:
                value = parse_clock(text)
            case _:
                return s.Cast(place, s.Literal(place, text, VARCHAR), kind, attempt=False)
        if value is None:
            raise invalid(place, f"'{text}' is not a valid {str(kind).lower()} literal")
        return s.Literal(place, value, kind)

    def interval(self, place: Place) -> s.Expression:
        """Take INTERVAL '…' and its unit."""
        self.advance()
        sign = -1 if self.take_symbol("-", "+") == "-" else 1
        text, unit = self.string(), self.advance()
        if self.at_word("TO"):
            raise invalid(self.place, "INTERVAL of several units is not supported")
        if not text.isascii() or not text.isdigit():
            raise invalid(place, f"Invalid INTERVAL literal: {text}")
        if unit.word in _INTERVAL_MONTHS:
            return s.Literal(place, sign * int(text) * _INTERVAL_MONTHS[unit.word], MONTHS)
        if unit.word.lower() not in NANOSECONDS:
            raise bad_syntax(unit.place)
        value = sign * int(text) * NANOSECONDS[unit.word.lower()]
        if abs(value) > _BIGINT_MAX:
            raise invalid(place, f"Invalid INTERVAL literal: {text}")
        return s.Literal(place, value, INTERVAL)

    def type_name(self) -> Type:
        """Take the name of a type."""
        place, word = self.place, self.token.word
        if not word:
            raise bad_syntax(place)
        self.advance()
        if word == "ARRAY" and (bracket := self.take_symbol("(", "<")):
            element = self.type_name()
            self.expect_symbol(")" if bracket == "(" else ">")
            return ArrayType(element)
        if word == "ROW" and self.take_symbol("("):
            fields = [self._row_field()]
            while self.take_symbol(","):
                fields.append(self._row_field())
            self.expect_symbol(")")
            return RowType(tuple(fields))
        if word not in TYPES:
            raise invalid(place, f"Unknown type: {word.lower()}")
        if self.at_symbol("("):
            raise invalid(self.place, f"{word.lower()} with a length is not supported")
        if word in ("TIME", "TIMESTAMP") and self.token.word in ("WITH", "WITHOUT"):
            raise invalid(self.place, f"{word} {self.token.word} TIME ZONE is not supported")
        return TYPES[word]

    def _row_field(self) -> tuple[str | None, Type]:
        # A type alone is a field without a name: `ROW(BIGINT)`, but `ROW(total BIGINT)`.
        following = self.ahead(1)
        alone = following.kind == "symbol" and self.token.kind == "name"
        return (None if alone else self.identifier()), self.type_name()
