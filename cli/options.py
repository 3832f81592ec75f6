"""Options that several commands take, and the settings they lead to."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from tepwatch import settings
from tepwatch.settings import Settings

EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        help="Address of a local AWS, as `tepwatch localaws` prints it. "
        "Default: TEPWATCH_ENDPOINT_URL, else AWS itself.",
        show_default=False,
    ),
]
StreamOption = Annotated[
    str | None,
    typer.Option(
        "--stream",
        help="Kinesis stream. Default: TEPWATCH_STREAM, else tepwatch-readings.",
        show_default=False,
    ),
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region",
        help="AWS region. Default: TEPWATCH_REGION, else us-east-1.",
        show_default=False,
    ),
]
DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="TEPWATCH_DATA_DIR",
        help="Folder for stored tables, state and logs.",
    ),
]
DEFAULT_DATA_DIR = Path("tepwatch-data")


class Destination(enum.StrEnum):
    """Where to send the records."""

    KINESIS = "kinesis"
    FILE = "file"
    STDOUT = "stdout"


def load_settings(**given: Any) -> Settings:
    """Settings from the environment and the options that were given."""
    return settings.load(given)


def is_http_address(url: str) -> bool:
    """Whether a text is an http:// or https:// address.

    >>> is_http_address("http://127.0.0.1:8081"), is_http_address("127.0.0.1:8081")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def parse_duration(text: str) -> float:
    """Seconds of a duration.

    >>> parse_duration("90"), parse_duration("60s"), parse_duration("5m"), parse_duration("1.5h")
    (90.0, 60.0, 300.0, 5400.0)
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    try:
        seconds = float(number) * units[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(f"{text!r} is not a duration such as 90, 60s, 5m or 1h")
    return seconds


def parse_rate(text: str) -> float | None:
    """Records a second; None for `unlimited`.

    >>> parse_rate("2.5"), parse_rate("unlimited")
    (2.5, None)
    """
    if text == "unlimited":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise typer.BadParameter(f"--rate takes a number above 0 or `unlimited`, not {text!r}")
    return rate
