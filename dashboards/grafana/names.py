"""What Grafana knows our things by. The uids are for ever: links and notifications hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.model import Source

PRODUCT: Final = "tepwatch"
"""Name of the rule group and of the contact point, and the label by which alerts are routed."""

TITLES: Final[Mapping[Source, str]] = {
    Source.TIMESTREAM: "Timestream",
    Source.INFLUXDB: "InfluxDB",
}
PLUGINS: Final[Mapping[Source, str]] = {
    Source.TIMESTREAM: "grafana-timestream-datasource",
    Source.INFLUXDB: "influxdb",
}
"""Types of the data sources."""

EXPRESSION: Final = "__expr__"
"""Grafana's own data source of arithmetic."""


def set_uid(source: Source) -> str:
    """Of the folder and of the data source; also the tag of the dashboards."""
    return f"{PRODUCT}-{source.value}"


def folder_title(source: Source) -> str:
    """Of the folder that dashboards and rules are in."""
    return f"{PRODUCT} ({TITLES[source]})"


def uid(source: Source, name: str) -> str:
    """Of a dashboard or a rule by its name."""
    return f"{set_uid(source)}-{name}"
