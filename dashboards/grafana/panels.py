"""Panels as Grafana draws them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.models import common, statetimeline, table, timeseries
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards.grafana.targets import data_source, target
from dashboards.model import Column, Kind, Labels, Level, Panel, Source
from dashboards.units import GRAFANA_UNITS, TIME

COLOURS: Final[Mapping[Level, str]] = {
    Level.GOOD: "green",
    Level.NOTE: "blue",
    Level.WARNING: "orange",
    Level.BAD: "red",
    Level.PLAIN: "text",
}
_KINDS: Final[Mapping[Kind, str]] = {
    Kind.GRAPH: "timeseries",
    Kind.STATES: "state-timeline",
    Kind.TABLE: "table",
}
# Series that have no value where another one has are drawn on over such a gap, not over a longer.
_GAP_MS: Final = 3_600_000
_MAX_PER_ROW: Final = 3
_LABEL: Final = re.compile(r"{(\w+)}")


def panel(drawn: Panel, number: int, place: sdk.GridPos, source: Source) -> sdk.Panel:
    """A panel for a store, by its number in the dashboard and where it stands."""
    options: dict[Kind, object] = {
        Kind.GRAPH: timeseries.Options(legend=_legend(shown=True), tooltip=_tooltip()),
        Kind.STATES: statetimeline.Options(legend=_legend(shown=False), tooltip=_tooltip()),
        Kind.TABLE: table.Options(sort_by=_sorting(drawn)),
    }
    return sdk.Panel(
        type_val=_KINDS[drawn.kind],
        id_val=number,
        title=drawn.title,
        description=drawn.description,
        grid_pos=place,
        datasource=data_source(source),
        targets=[
            target(query, source, ref)
            for ref, query in zip(ascii_uppercase, drawn.queries, strict=False)
        ],
        transformations=_transformations(drawn, source) if drawn.columns else None,
        options=options[drawn.kind],
        field_config=sdk.FieldConfigSource(
            defaults=_defaults(drawn), overrides=_overrides(drawn, source)
        ),
        repeat=drawn.each,
        repeat_direction="h" if drawn.each else None,
        max_per_row=_MAX_PER_ROW if drawn.each else None,
    )


def _legend(*, shown: bool) -> common.VizLegendOptions:
    return common.VizLegendOptions(
        display_mode=common.LegendDisplayMode.LIST,
        placement=common.LegendPlacement.BOTTOM,
        show_legend=shown,
        calcs=[],
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions(
        mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.NONE
    )


def _sorting(drawn: Panel) -> list[common.TableSortByFieldState] | None:
    titles = [column.title for column in drawn.columns if column.name == drawn.newest_first]
    return [common.TableSortByFieldState(display_name=title, desc=True) for title in titles] or None


def _defaults(drawn: Panel) -> sdk.FieldConfig:
    custom: dict[Kind, object] = {
        Kind.GRAPH: _curve(drawn),
        Kind.STATES: statetimeline.FieldConfig(line_width=0, fill_opacity=80),
        Kind.TABLE: common.TableFieldOptions(),
    }
    legends = {query.legend for query in drawn.queries}
    return sdk.FieldConfig(
        unit=GRAFANA_UNITS[drawn.unit],
        display_name=_display_name(legends.pop()) if len(legends) == 1 else None,
        min_val=drawn.lowest,
        max_val=drawn.highest,
        mappings=_mappings(drawn.labels),
        thresholds=_thresholds(drawn),
        color=sdk.FieldColor(
            mode=sdk.FieldColorModeId.PALETTE_CLASSIC
            if drawn.kind is Kind.GRAPH
            else sdk.FieldColorModeId.THRESHOLDS
        ),
        custom=custom[drawn.kind],
    )


def _curve(drawn: Panel) -> common.GraphFieldConfig:
    lines = bool(drawn.thresholds)
    return common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.BARS if drawn.bars else common.GraphDrawStyle.LINE,
        line_interpolation=common.LineInterpolation.STEP_AFTER
        if drawn.held
        else common.LineInterpolation.LINEAR,
        line_width=1,
        fill_opacity=60 if drawn.bars else 0,
        show_points=common.VisibilityMode.AUTO,
        span_nulls=_GAP_MS,
        scale_distribution=common.ScaleDistributionConfig(
            type_val=common.ScaleDistribution.LOG, log=10
        )
        if drawn.logarithmic
        else common.ScaleDistributionConfig(type_val=common.ScaleDistribution.LINEAR),
        thresholds_style=common.GraphThresholdsStyleConfig(
            mode=common.GraphThresholdsStyleMode.DASHED
            if lines
            else common.GraphThresholdsStyleMode.OFF
        ),
    )


def _thresholds(drawn: Panel) -> sdk.ThresholdsConfig:
    lines = sorted(drawn.thresholds, key=lambda line: line.value)
    return sdk.ThresholdsConfig(
        mode=sdk.ThresholdsMode.ABSOLUTE,
        steps=[
            sdk.Threshold(value=None, color=COLOURS[Level.PLAIN]),
            *(sdk.Threshold(value=line.value, color=COLOURS[line.level]) for line in lines),
        ],
    )


def _display_name(legend: str) -> str | None:
    """A legend as Grafana fills it in from the labels of a series."""
    return _LABEL.sub(r"${__field.labels.\1}", legend) or None


def _mappings(labels: Labels) -> list[sdk.ValueMapping]:
    if not labels:
        return []
    return [
        sdk.ValueMap(
            options={
                value: sdk.ValueMappingResult(
                    text=label.text,
                    color=None if label.level is Level.PLAIN else COLOURS[label.level],
                    index=place,
                )
                for place, (value, label) in enumerate(labels.items())
            }
        )
    ]


def _overrides(drawn: Panel, source: Source) -> list[sdk.DashboardFieldConfigSourceOverrides]:
    columns = [
        _override("byName", _shown_name(column, source), _of_column(column))
        for column in drawn.columns_of(source)
    ]
    if len({query.legend for query in drawn.queries}) == 1:
        return columns
    return columns + [
        _override("byFrameRefID", ref, {"displayName": _display_name(query.legend)})
        for ref, query in zip(ascii_uppercase, drawn.queries, strict=False)
    ]


def _override(
    by: str, what: str, properties: Mapping[str, object]
) -> sdk.DashboardFieldConfigSourceOverrides:
    return sdk.DashboardFieldConfigSourceOverrides(
        matcher=sdk.MatcherConfig(id_val=by, options=what),
        properties=[
            sdk.DynamicConfigValue(id_val=name, value=value) for name, value in properties.items()
        ],
    )


def _shown_name(column: Column, source: Source) -> str:
    """The name of a column where Grafana has it: InfluxDB's time is renamed there."""
    return "Time" if source is Source.INFLUXDB and column.name == "time" else column.name


def _of_column(column: Column) -> dict[str, object]:
    found: dict[str, object] = {"displayName": column.title, "unit": GRAFANA_UNITS[column.unit]}
    if column.width is not None:
        found["custom.width"] = column.width
    if column.labels:
        found["mappings"] = _mappings(column.labels)
    if column.ends is not None:
        found["min"], found["max"] = column.ends
        found["color"] = sdk.FieldColor(
            mode=sdk.FieldColorModeId.FIXED, fixed_color=COLOURS[Level.NOTE]
        )
        found["custom.cellOptions"] = common.TableBarGaugeCellOptions(
            mode=common.BarGaugeDisplayMode.BASIC,
            value_display_mode=common.BarGaugeValueMode.TEXT,
        )
    return found


def _transformations(drawn: Panel, source: Source) -> list[sdk.DataTransformerConfig]:
    columns = drawn.columns_of(source)
    taken_apart = _taken_apart(columns) if source is Source.INFLUXDB else {}
    return [
        *(
            sdk.DataTransformerConfig(
                id_val="extractFields",
                options={
                    "source": column,
                    "format": "json",
                    "jsonPaths": paths,
                    "keepTime": False,
                    "replace": False,
                },
            )
            for column, paths in taken_apart.items()
        ),
        sdk.DataTransformerConfig(
            id_val="organize",
            options={
                "indexByName": {
                    _shown_name(column, source): place for place, column in enumerate(columns)
                },
                "excludeByName": _not_shown(drawn, source, taken_apart),
                "renameByName": {},
            },
        ),
    ]


def _taken_apart(columns: Sequence[Column]) -> dict[str, list[dict[str, str]]]:
    """What is taken out of which column of JSON, and its name."""
    found: dict[str, list[dict[str, str]]] = {}
    for column in columns:
        if column.json is not None:
            paths = found.setdefault(column.json.column, [])
            paths.append({"path": column.json.path, "alias": column.name})
    return found


def _not_shown(drawn: Panel, source: Source, taken_apart: Mapping[str, object]) -> dict[str, bool]:
    """Columns that come but are not the panel's: lists of JSON, and a time nobody asked for."""
    names = dict.fromkeys(taken_apart, True)
    has_time = any(column.unit == TIME for column in drawn.columns_of(source))
    if source is Source.INFLUXDB and not has_time:
        names["Time"] = True
    return names
