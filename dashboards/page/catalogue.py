"""What the page has to know once: variables, disturbances, what can be set, the dashboards."""

from __future__ import annotations

from typing import Any, Final

from dashboards.catalogue import DASHBOARDS
from dashboards.model import Dashboard, Kind, Panel
from dashboards.page.panels import Panels
from dashboards.page.requests import Hands
from detection.alarm_rule import P_LIMIT
from detection.baseline import P_FLAGGED
from detection.stages import PRESETS
from tepwatch.tags import DISTURBANCES, VALVE_4_HELD, XMEAS, XMV, Area, Tag

_KINDS: Final = {Kind.GRAPH: "timeseries", Kind.STATES: "state", Kind.TABLE: "table"}
_UNITS: Final = (Area.FEED, Area.REACTOR, Area.SEPARATOR, Area.STRIPPER, Area.RECYCLE)


def catalogue(panels: Panels, hands: Hands, every_seconds: float) -> dict[str, Any]:
    """All of it.

    Raises:
        ServiceError: the store's error; UnreachableError where it does not answer.
    """
    setpoints = hands.setpoints()
    return {
        "every_seconds": every_seconds,
        "tags": [
            *(_tag(tag, "measurement") for tag in XMEAS),
            *(_tag(tag, "valve") for tag in XMV),
        ],
        "areas": [{"id": area, "title": area.replace("_", " ").capitalize()} for area in Area],
        "units": _UNITS,
        "stages": [stage.name for stage in PRESETS["default"]],
        "disturbances": [
            {"number": each.number, "title": each.title, "kind": each.kind}
            for each in (*DISTURBANCES, VALVE_4_HELD)
        ],
        "setpoints": setpoints,
        "limits": {"flagged": P_FLAGGED, "alarm": P_LIMIT},
        "can_steer": bool(hands.plants()),
        "can_operate": True,
        "dashboards": [_dashboard(each, panels) for each in DASHBOARDS],
    }


def _tag(tag: Tag, kind: str) -> dict[str, Any]:
    return {
        "id": tag.id,
        "title": tag.title,
        "unit": tag.unit,
        "area": tag.area,
        "normal": tag.base_value,
        "kind": kind,
    }


def _dashboard(dashboard: Dashboard, panels: Panels) -> dict[str, Any]:
    options = panels.choices(dashboard)
    return {
        "id": dashboard.name,
        "title": dashboard.title,
        "description": dashboard.description,
        "variables": [
            {"name": each.name, "label": each.title, "options": options[each.name]}
            for each in dashboard.variables
        ],
        "panels": [
            {**_panel(panel), "row": row.title, "folded": row.folded}
            for row in dashboard.rows
            for panel in row.panels
        ],
    }


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "id": panel.name,
        "title": panel.title,
        "description": panel.description,
        "kind": _KINDS[panel.kind],
        "unit": panel.unit,
        "width": panel.width,
        "height": panel.height,
        "log": panel.logarithmic,
        "held": panel.held,
        "lowest": panel.lowest,
        "highest": panel.highest,
        "thresholds": [
            {"value": each.value, "label": f"{each.value:g}"} for each in panel.thresholds
        ],
        # One panel for each value of this variable.
        "each": panel.each,
    }
