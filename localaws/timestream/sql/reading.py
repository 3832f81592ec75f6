"""A cursor over a statement's tokens, and the words that cannot name things."""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql.tokens import Place, Token, bad_syntax, invalid, tokenize

RESERVED: Final = frozenset(
    """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_DATE CURRENT_TIME
    CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE EXCEPT
    EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO
    IS JOIN LEFT LIKE LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE
    RECURSIVE RIGHT ROLLUP SELECT TABLE THEN TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
    """.split()
)
"""Words that need double quotes to be an identifier."""

_NOT_AN_ALIAS: Final = frozenset(("LIMIT", "OFFSET", "FETCH", "TABLESAMPLE", "WINDOW"))


class TokenReader:
    """Reads tokens one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._position = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._position]

    @property
    def place(self) -> Place:
        """Where the next token stands."""
        return self.token.place

    def ahead(self, count: int) -> Token:
        """Look at a later token."""
        return self._tokens[min(self._position + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the next token, whatever it is."""
        token = self.token
        if token.kind != "end":
            self._position += 1
        return token

    def at_word(self, *words: str) -> bool:
        """Whether the next tokens are these words, one after the other."""
        return all(self.ahead(i).word == word for i, word in enumerate(words))

    def take_word(self, *words: str) -> bool:
        """Take these words if they come next."""
        if not self.at_word(*words):
            return False
        self._position += len(words)
        return True

    def expect_word(self, *words: str) -> None:
        """Take these words.

        Raises:
            TimestreamError: something else comes next.
        """
        for word in words:
            if not self.take_word(word):
                raise bad_syntax(self.place)

    def at_symbol(self, *symbols: str) -> bool:
        """Whether the next token is one of these symbols."""
        return self.token.kind == "symbol" and self.token.text in symbols

    def take_symbol(self, *symbols: str) -> str:
        """Take one of these symbols; empty if none comes next."""
        return self.advance().text if self.at_symbol(*symbols) else ""

    def expect_symbol(self, symbol: str) -> None:
        """Take this symbol.

        Raises:
            TimestreamError: something else comes next.
        """
        if not self.take_symbol(symbol):
            raise bad_syntax(self.place)

    def at_identifier(self) -> bool:
        """Whether the next token can name something."""
        token = self.token
        return token.kind == "quoted" or (token.kind == "name" and token.word not in RESERVED)

    def identifier(self) -> str:
        """Take a name.

        Raises:
            TimestreamError: something else comes next.
        """
        if not self.at_identifier():
            raise bad_syntax(self.place)
        return self.advance().text

    def identifiers(self) -> tuple[str, ...]:
        """Take names in parentheses."""
        self.expect_symbol("(")
        names = [self.identifier()]
        while self.take_symbol(","):
            names.append(self.identifier())
        self.expect_symbol(")")
        return tuple(names)

    def alias(self) -> str | None:
        """Take `[AS] name` if it comes next."""
        if self.take_word("AS"):
            return self.identifier()
        if self.at_identifier() and self.token.word not in _NOT_AN_ALIAS:
            return self.identifier()
        return None

    def string(self) -> str:
        """Take a string."""
        if self.token.kind != "string":
            raise bad_syntax(self.place)
        return self.advance().text

    def whole(self) -> int:
        """Take a whole number."""
        if self.token.kind != "whole":
            raise bad_syntax(self.place)
        return int(self.advance().text)

    def refuse_words(self, *words: str) -> None:
        """Refuse SQL that Timestream may know and this one does not.

        Raises:
            TimestreamError: one of these words comes next.
        """
        if self.token.word in words:
            raise invalid(self.place, f"{self.token.word} is not supported")
