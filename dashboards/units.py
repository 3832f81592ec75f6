"""Units of panels and columns, and what Grafana calls them.

Beside the units of the catalogue and of the tables (`tepwatch.tags`, `tepwatch.schema`) there are
those below, which numbers have on a screen only. What Grafana has no unit for is written after the
number as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NUMBER: Final = "1"
"""A number without a unit."""
P_VALUE: Final = "p"
"""A number without a unit that has to be read by its power of ten."""
SHARE: Final = "share"
"""A share of one."""
COUNT: Final = "count"
PER_SECOND: Final = "1/s"
MILLISECONDS: Final = "ms"
EPOCH_MS: Final = "ms since the epoch"
TIME: Final = "time"
TEXT: Final = "text"

GRAFANA_UNITS: Final[Mapping[str, str]] = {
    "kscmh": "suffix:kscmh",
    "kg/h": "suffix:kg/h",
    # Grafana's own unit of pressure would go over to MPa, and knows no gauge pressure.
    "kPa gauge": "suffix:kPa gauge",
    "%": "percent",
    "°C": "celsius",
    "m³/h": "suffix:m³/h",
    "kW": "kwatt",
    "mol%": "suffix:mol%",
    "h": "h",
    "ns": "ns",
    NUMBER: "none",
    P_VALUE: "sci",
    SHARE: "percentunit",
    COUNT: "short",
    PER_SECOND: "cps",
    MILLISECONDS: "ms",
    EPOCH_MS: "dateTimeAsIso",
    TIME: "dateTimeAsIso",
    TEXT: "string",
}
"""Grafana's unit id of each unit."""
