"""What is true of every dashboard and rule, whatever draws it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dashboards.catalogue import DASHBOARDS
from dashboards.model import Kind, Query, Shape, Source
from dashboards.rules import RULES
from dashboards.units import GRAFANA_UNITS, TEXT, TIME
from detection.alarm_rule import P_LIMIT
from detection.baseline import P_FLAGGED
from tepwatch.schema import TABLES
from tepwatch.tags import TAGS, XMEAS_IDS, XMV_IDS, Area

PANELS = [
    pytest.param(dashboard, panel, id=f"{dashboard.name}-{panel.name}")
    for dashboard in DASHBOARDS
    for panel in dashboard.panels
]
QUERIES = [
    *(query for board in DASHBOARDS for panel in board.panels for query in panel.queries),
    *(mark.query for board in DASHBOARDS for mark in board.annotations),
    *(variable.query for board in DASHBOARDS for variable in board.variables),
    *(query for rule in RULES for query in rule.queries),
]


@pytest.mark.parametrize(("_dashboard", "panel"), PANELS)
def test_every_panel_says_what_it_shows_and_in_which_unit(_dashboard: Any, panel: Any) -> None:
    assert panel.title
    assert panel.description.endswith(".")
    assert panel.unit in GRAFANA_UNITS
    assert panel.queries
    assert (panel.kind is Kind.TABLE) == bool(panel.columns)
    for column in panel.columns:
        assert column.unit in GRAFANA_UNITS
    shapes = {query.shape for query in panel.queries}
    assert shapes == {
        {
            Kind.GRAPH: Shape.NUMBERS,
            Kind.STATES: Shape.STATES,
            Kind.TABLE: Shape.ROWS,
        }[panel.kind]
    }


@pytest.mark.parametrize(("_dashboard", "panel"), PANELS)
def test_series_are_told_apart_by_all_of_their_labels(_dashboard: Any, panel: Any) -> None:
    for query in panel.queries:
        assert set(re.findall(r"{(\w+)}", query.legend)) == set(query.labels)


def test_every_unit_of_the_catalogue_and_of_the_tables_has_a_name_in_grafana() -> None:
    units = {tag.unit for tag in TAGS.values()}
    units |= {column.unit for table in TABLES.values() for column in table.columns if column.unit}
    assert units <= set(GRAFANA_UNITS)


def test_names_are_unique() -> None:
    names = [dashboard.name for dashboard in DASHBOARDS]
    assert len(set(names)) == len(names)
    for dashboard in DASHBOARDS:
        panels = [panel.name for panel in dashboard.panels]
        assert len(set(panels)) == len(panels)
    rules = [rule.name for rule in RULES]
    assert len(set(rules)) == len(rules)


def test_the_overview_has_every_variable_in_the_order_of_the_process() -> None:
    (overview,) = [board for board in DASHBOARDS if board.name == "plant"]
    shown = [panel.name for panel in overview.panels if panel.name in TAGS]
    assert sorted(shown) == sorted((*XMEAS_IDS, *XMV_IDS))
    areas = [TAGS[name].area for name in shown]
    assert list(dict.fromkeys(areas)) == list(Area)
    for panel in overview.panels:
        if panel.name in TAGS:
            tag = TAGS[panel.name]
            assert panel.unit == tag.unit
            assert tag.title in panel.title
            assert [line.value for line in panel.thresholds] == [tag.base_value]


def test_the_p_value_is_drawn_with_its_limits() -> None:
    (panel,) = [panel for board in DASHBOARDS for panel in board.panels if panel.name == "p_values"]
    assert panel.logarithmic
    assert {line.value for line in panel.thresholds} == {0.01, 0.001} == {P_FLAGGED, P_LIMIT}


def test_rules_point_at_a_panel() -> None:
    panels = {(board.name, panel.name) for board in DASHBOARDS for panel in board.panels}
    for rule in RULES:
        assert rule.panel in panels
        assert rule.summary
        assert rule.description.endswith(".")
        labels = {label for query in rule.queries for label in query.labels}
        for label in re.findall(r"\$labels\.(\w+)", f"{rule.summary} {rule.description}"):
            assert label in labels


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.sql[:60])
def test_no_query_reads_all_that_is_stored(query: Query) -> None:
    assert query.sql.count("FROM $__database") == query.sql.count("$__timeFilter") > 0
    assert "$timeFilter" in query.influxql
    for source in Source:
        text = query.text(source)
        if query.shape is Shape.ROWS:
            bounded = ("LIMIT", "GROUP BY", "DISTINCT", "SHOW TAG VALUES")
            assert any(word in text for word in bounded)
        else:
            assert "GROUP BY" in text
    for variable in re.findall(r"\$\{(\w+):sqlstring\}", query.sql):
        assert f"${{{variable}:regex}}" in query.influxql


def test_tables_name_their_time_and_texts() -> None:
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            for column in panel.columns:
                assert column.title or column.labels
                if column.name == "time":
                    assert column.unit == TIME
                if column.labels and column.json is None and column.only is None:
                    assert column.unit in {TEXT, "1"}
