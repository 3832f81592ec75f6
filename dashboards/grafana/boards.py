"""Whole dashboards as Grafana keeps them: its classic JSON, which files and the API take alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.grafana.names import set_uid, uid
from dashboards.grafana.panels import COLOURS, panel
from dashboards.grafana.targets import choices, data_source, mark
from dashboards.model import Annotation, Dashboard, Panel, Source, Variable

_COLUMNS: Final = 24
_REFRESH: Final = "10s"
# A choice of all values, which Grafana makes of the variable's own.
_ALL: Final = sdk.VariableOption(selected=True, text=["All"], value=["$__all"])
_OF_GRAFANA: Final = sdk.AnnotationQuery(
    name="Annotations & Alerts",
    datasource=DataSourceRef(type_val="grafana", uid="-- Grafana --"),
    enable=True,
    hide=True,
    icon_color="rgba(0, 211, 255, 1)",
    type_val="dashboard",
    built_in=1,
)
"""What people write on a graph by hand."""


def board(shown: Dashboard, source: Source) -> dict[str, Any]:
    """A dashboard for a store, as JSON values."""
    made = sdk.Dashboard(
        uid=uid(source, shown.name),
        title=shown.title,
        description=shown.description,
        tags=[set_uid(source)],
        timezone="browser",
        editable=False,
        graph_tooltip=sdk.DashboardCursorSync.CROSSHAIR,
        time=sdk.DashboardDashboardTime(from_val=f"now-{shown.hours}h", to="now"),
        timepicker=sdk.TimePickerConfig(),
        refresh=_REFRESH,
        panels=_panels(shown, source),
        templating=sdk.DashboardDashboardTemplating(
            list_val=[_variable(each, source) for each in shown.variables]
        ),
        annotations=sdk.AnnotationContainer(
            list_val=[_OF_GRAFANA, *(_annotation(each, source) for each in shown.annotations)]
        ),
        links=[_links(source)],
    )
    values = as_values(made)
    for link in values["links"]:
        # The SDK would have it out of sight, in a menu.
        del link["placement"]
    return values


def as_values(made: object) -> dict[str, Any]:
    """What the SDK has made, as plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder))
    return values


def panel_numbers(shown: Dashboard) -> dict[str, int]:
    """Grafana's number of each panel, by the panel's name."""
    return {each.name: number for number, each in enumerate(shown.panels, 1)}


def _panels(shown: Dashboard, source: Source) -> list[sdk.Panel | sdk.RowPanel]:
    numbers = panel_numbers(shown)
    found: list[sdk.Panel | sdk.RowPanel] = []
    top = 0
    for place, row in enumerate(shown.rows):
        placed, bottom = _placed(row.panels, top + 1)
        drawn = [
            panel(each, numbers[each.name], at, source)
            for each, at in zip(row.panels, placed, strict=True)
        ]
        found.append(
            sdk.RowPanel(
                id_val=len(numbers) + 1 + place,
                title=row.title,
                collapsed=row.folded,
                grid_pos=sdk.GridPos(h=1, w=_COLUMNS, x=0, y=top),
                panels=drawn if row.folded else [],
            )
        )
        if row.folded:
            top += 1
        else:
            found += drawn
            top = bottom
    return found


def _placed(panels: Sequence[Panel], top: int) -> tuple[list[sdk.GridPos], int]:
    """Where panels stand, from the left to the right and then below; and where that ends."""
    found = []
    left, bottom = 0, top
    for each in panels:
        width = _COLUMNS if each.each else each.width
        if left + width > _COLUMNS:
            left, top = 0, bottom
        found.append(sdk.GridPos(h=each.height, w=width, x=left, y=top))
        left += width
        bottom = max(bottom, top + each.height)
    return found, bottom


def _variable(variable: Variable, source: Source) -> sdk.VariableModel:
    return sdk.VariableModel(
        type_val=sdk.VariableType.QUERY,
        name=variable.name,
        label=variable.title,
        description=variable.description,
        datasource=data_source(source),
        query=choices(variable.query, source),
        definition=variable.query.text(source),
        multi=True,
        include_all=True,
        current=_ALL,
        refresh=sdk.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=sdk.VariableSort.NATURAL_ASC,
    )


def _annotation(annotation: Annotation, source: Source) -> sdk.AnnotationQuery:
    return sdk.AnnotationQuery(
        name=annotation.name,
        datasource=data_source(source),
        enable=True,
        icon_color=COLOURS[annotation.level],
        target=mark(annotation.name, annotation.query, source),
    )


def _links(source: Source) -> sdk.DashboardLink:
    """One to each dashboard of the set, with the time and the choices of this one."""
    return sdk.DashboardLink(
        title=set_uid(source),
        type_val=sdk.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[set_uid(source)],
        as_dropdown=False,
        include_vars=True,
        keep_time=True,
    )
