"""Formats of times: MySQL's of date_format and Joda's of format_datetime to DuckDB's strftime."""

from __future__ import annotations

import itertools
from typing import Final

from localaws.timestream.sql.tokens import Place, invalid

_MYSQL: Final = {
    "a": "%a",
    "b": "%b",
    "c": "%-m",
    "d": "%d",
    "e": "%-d",
    "H": "%H",
    "h": "%I",
    "I": "%I",
    "i": "%M",
    "j": "%j",
    "k": "%-H",
    "l": "%-I",
    "M": "%B",
    "m": "%m",
    "p": "%p",
    "r": "%I:%M:%S %p",
    "S": "%S",
    "s": "%S",
    "T": "%H:%M:%S",
    "v": "%V",
    "W": "%A",
    "Y": "%Y",
    "y": "%y",
    "%": "%%",
}

_JODA: Final = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "DDD": "%j",
    "EEEE": "%A",
    "EEE": "%a",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSS": "%g",
    "a": "%p",
}


def from_mysql(text: str, place: Place) -> str:
    """Translate date_format's.

    Raises:
        TimestreamError: a specifier that DuckDB has not, or writes otherwise.

    >>> from_mysql("%Y-%m-%d %H:%i", Place(1, 1))
    '%Y-%m-%d %H:%M'
    """
    written: list[str] = []
    characters = iter(text)
    for character in characters:
        if character != "%":
            written.append(character)
            continue
        specifier = next(characters, "")
        if specifier not in _MYSQL:
            raise invalid(place, f"date_format: '%{specifier}' is not supported")
        written.append(_MYSQL[specifier])
    return "".join(written)


def from_joda(text: str, place: Place) -> str:
    """Translate format_datetime's.

    Raises:
        TimestreamError: letters that DuckDB has not, or writes otherwise.

    >>> from_joda("yyyy-MM-dd'T'HH:mm", Place(1, 1))
    '%Y-%m-%dT%H:%M'
    """
    written: list[str] = []
    # Texts in quotes stand at the odd places; '' is a quote.
    for i, part in enumerate(text.replace("''", "\0").split("'")):
        if i % 2:
            written.append(_escaped(part))
            continue
        for letter, run in itertools.groupby(part):
            letters = "".join(run)
            if letters in _JODA:
                written.append(_JODA[letters])
            elif letter.isalpha():
                raise invalid(place, f"format_datetime: '{letters}' is not supported")
            else:
                written.append(_escaped(letters))
    return "".join(written).replace("\0", "'")


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
