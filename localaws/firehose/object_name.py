"""Names of the objects that Firehose writes: custom prefixes and the suffix.

Source: "Understand custom prefixes for Amazon S3 objects" and "Configure Amazon S3 object name
format" in the Amazon Data Firehose developer guide.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import uuid
from typing import Final

from localaws.hooks import ClientError

PROCESSING_FAILED: Final = "processing-failed"
_HOUR: Final = "yyyy/MM/dd/HH/"
_EXPRESSION: Final = re.compile(r"!\{([A-Za-z]+):([^}]*)\}")
_ERROR_TYPE: Final = "!{firehose:error-output-type}"
_RANDOM_LENGTH: Final = 11
_SHORT_YEAR: Final = 2
_SHORT_MONTH_NAME: Final = 3
_MONTHS: Final = (
    "January February March April May June July August September October November December"
).split()


def check_prefixes(prefix: str, error_prefix: str) -> None:
    """Refuse what Firehose refuses, and the expressions of dynamic partitioning.

    Raises:
        ClientError: InvalidArgumentException, saying which rule is broken.
    """
    if _ERROR_TYPE in prefix:
        raise _invalid(f"Prefix can't contain {_ERROR_TYPE}")
    if "!{" in prefix and not error_prefix:
        raise _invalid("ErrorOutputPrefix can't be null or empty when Prefix contains expressions")
    if "!{" in error_prefix and _ERROR_TYPE not in error_prefix:
        raise _invalid(f"ErrorOutputPrefix must include {_ERROR_TYPE} when it contains expressions")
    for text in (prefix, error_prefix):
        if "!{" in _EXPRESSION.sub("", text):
            raise _invalid(f"!{{ can only appear in !{{namespace:value}} expressions: {text}")
        _evaluated(text, dt.datetime.now(dt.UTC), PROCESSING_FAILED)


def data_prefix(prefix: str, arrival: dt.datetime) -> str:
    """The evaluated prefix of delivered records; without a timestamp the hour is appended."""
    hour = "" if "!{timestamp:" in prefix else _java_time(_HOUR, arrival)
    return _evaluated(prefix, arrival, "") + hour


def failure_prefix(prefix: str, error_prefix: str, arrival: dt.datetime) -> str:
    """The evaluated prefix of records whose processing failed."""
    if _ERROR_TYPE in error_prefix:
        return _evaluated(error_prefix, arrival, PROCESSING_FAILED)
    return f"{error_prefix or prefix}{PROCESSING_FAILED}/{_java_time(_HOUR, arrival)}"


def suffix(stream: str, version: str, arrival: dt.datetime, unique: uuid.UUID) -> str:
    """What follows the prefix: stream, version, time of the oldest record, a unique part."""
    return f"{stream}-{version}-{_java_time('yyyy-MM-dd-HH-mm-ss', arrival)}-{unique}"


def _evaluated(text: str, arrival: dt.datetime, error_type: str) -> str:
    def value(match: re.Match[str]) -> str:
        match match.groups():
            case ("timestamp", pattern):
                return _java_time(pattern, arrival)
            case ("firehose", "random-string"):
                return secrets.token_hex(_RANDOM_LENGTH)[:_RANDOM_LENGTH]
            case ("firehose", "error-output-type"):
                return error_type
            case (namespace, _) if str(namespace).startswith("partitionKeyFrom"):
                raise _invalid(f"The local AWS does not support dynamic partitioning: {match[0]}")
            case _:
                raise _invalid(f"Invalid prefix expression: {match[0]}")

    return _EXPRESSION.sub(value, text)


def _java_time(pattern: str, time: dt.datetime) -> str:
    """Format with a Java DateTimeFormatter pattern: letters y M d H m s D and quoted text."""
    out: list[str] = []
    for token in re.finditer(r"'((?:[^']|'')*)'|([A-Za-z])\2*|.", pattern):
        quoted, letter = token.groups()
        if quoted is not None:
            out.append(quoted.replace("''", "'") if quoted else "'")
        elif letter is None:
            out.append(token[0])
        else:
            out.append(_field(letter, len(token[0]), time))
    return "".join(out)


def _field(letter: str, width: int, time: dt.datetime) -> str:
    values = {
        "y": time.year,
        "M": time.month,
        "d": time.day,
        "H": time.hour,
        "m": time.minute,
        "s": time.second,
        "D": time.timetuple().tm_yday,
    }
    if letter not in values:
        raise _invalid(f"The local AWS does not support {letter} in !{{timestamp:...}}")
    value = values[letter]
    if letter == "y" and width == _SHORT_YEAR:
        return f"{value % 100:02d}"
    if letter == "M" and width >= _SHORT_MONTH_NAME:
        name = _MONTHS[value - 1]
        return name[:3] if width == _SHORT_MONTH_NAME else name
    return f"{value:0{width}d}"


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidArgumentException", message)
