"""Every query runs, in both languages; its answer has the form its panel takes, and both agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from dashboards.catalogue import DASHBOARDS
from dashboards.macros import TimeRange, interval_of
from dashboards.model import Column, Panel, Query, Rule, Shape, Source
from dashboards.rules import RULES
from dashboards.units import TEXT, TIME
from tepwatch.schema import HEALTH
from tests.dashboards import health
from tests.dashboards.run import FAULTS, PLANTS, StoredRun
from tests.dashboards.stores import (
    Stores,
    View,
    newest_of_rows,
    newest_of_series,
    points_of_rows,
    points_of_series,
)

STAGES = ("product", "purge_gas", "reactor_feed")
_NUMBERS = {"BIGINT", "DOUBLE", "INTEGER"}
_POINTS = 100
RECORDS_A_SECOND = health.RECORDS_A_SAMPLE * 1000 / health.SAMPLE_MS


class Asked(NamedTuple):
    """A query and the panel that asks it."""

    panel: Panel
    query: Query


def _of_panels(shape: Shape) -> list[Any]:
    return [
        pytest.param(Asked(panel, query), id=f"{dashboard.name}-{panel.name}-{number}")
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        for number, query in enumerate(panel.queries)
        if query.shape is shape
    ]


_VARIABLES = {each.name: each.query for board in DASHBOARDS for each in board.variables}
_MARKS = {each.name: each.query for board in DASHBOARDS for each in board.annotations}


def view(
    run: StoredRun, query: Query, *, plants: tuple[str, ...] = PLANTS, end_ms: int | None = None
) -> View:
    """All that was stored; of the job's health, the twenty minutes that it covers."""
    end = run.range.end_ms if end_ms is None else end_ms
    times = health.times(end) if f'"{HEALTH.name}"' in query.sql else run.range._replace(end_ms=end)
    chosen = {"plant": plants, "stage": STAGES, "job": (health.JOB,)}
    return View(times, interval_of(times, _POINTS), chosen)


@pytest.mark.parametrize("asked", _of_panels(Shape.NUMBERS))
def test_numbers_over_time(timestream: Stores, asked: Asked) -> None:
    query = asked.query
    looked_at = view(timestream.run, query)
    answer = timestream.sql(query, looked_at)
    assert answer.names == ["t", *query.labels, "value"]
    types = [column.type for column in answer.columns]
    assert types[:-1] == ["TIMESTAMP", *("VARCHAR" for _ in query.labels)]
    assert types[-1] in _NUMBERS
    assert [row[0] for row in answer.rows] == sorted(row[0] for row in answer.rows)
    points = points_of_rows(query, answer)
    assert points
    for series in points.values():
        for at, value in series.items():
            assert looked_at.times.start_ms - looked_at.interval_ms < at <= looked_at.times.end_ms
            assert at % looked_at.interval_ms == 0
            assert asked.panel.lowest is None or value >= asked.panel.lowest
            assert asked.panel.highest is None or value <= asked.panel.highest
    if "plant" in query.labels:
        place = query.labels.index("plant")
        shown = {labels[place] for labels in points}
        # Values not believed, late readings: each plant has some.
        assert shown == set(PLANTS)


@pytest.mark.parametrize("asked", _of_panels(Shape.NUMBERS))
def test_both_languages_give_the_same_numbers(both: Stores, asked: Asked) -> None:
    query = asked.query
    looked_at = view(both.run, query)
    expected = points_of_rows(query, both.sql(query, looked_at))
    found = points_of_series(query, both.influxql(query, looked_at))
    assert found.keys() == expected.keys()
    for labels, series in expected.items():
        assert found[labels] == pytest.approx(series), labels


@pytest.mark.parametrize("asked", _of_panels(Shape.STATES))
def test_states_over_time(timestream: Stores, asked: Asked) -> None:
    query = asked.query
    answer = timestream.sql(query, view(timestream.run, query))
    assert answer.names == [*query.labels, "value"]
    assert [column.type for column in answer.columns][-1] == "TIMESERIES"
    assert answer.rows
    for *_, series in answer.rows:
        assert {point["value"] for point in series} <= set(asked.panel.labels)


@pytest.mark.parametrize("asked", _of_panels(Shape.STATES))
def test_both_languages_give_the_same_states(both: Stores, asked: Asked) -> None:
    query = asked.query
    looked_at = view(both.run, query)
    rows = both.sql(query, looked_at).rows
    found = points_of_series(query, both.influxql(query, looked_at))
    assert {tuple(labels) for *labels, _ in rows} == set(found)
    for *labels, series in rows:
        assert [point["value"] for point in series] == list(found[tuple(labels)].values())


def _fits(column: Column, value: Any) -> bool:
    if value is None:
        return True
    if column.unit == TEXT:
        return isinstance(value, str) or str(value).lower() in column.labels
    if column.unit == TIME:
        return isinstance(value, str | int)
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize("asked", _of_panels(Shape.ROWS))
def test_tables(timestream: Stores, asked: Asked) -> None:
    columns = asked.panel.columns_of(Source.TIMESTREAM)
    answer = timestream.sql(asked.query, view(timestream.run, asked.query))
    assert set(answer.names) == {column.name for column in columns}
    rows = answer.by_name()
    assert rows
    for column in columns:
        values = [row[column.name] for row in rows]
        assert any(value is not None for value in values), column.name
        assert all(_fits(column, value) for value in values), column.name
        if column.labels and column.unit == TEXT:
            assert {str(value).lower() for value in values} <= set(column.labels), column.name
        if column.ends is not None:
            lowest, highest = column.ends
            assert all(value is None or lowest <= value <= highest for value in values)


@pytest.mark.parametrize("asked", _of_panels(Shape.ROWS))
def test_tables_of_influxql(both: Stores, asked: Asked) -> None:
    columns = asked.panel.columns_of(Source.INFLUXDB)
    answer = both.influxql(asked.query, view(both.run, asked.query))
    assert answer
    names = {column.name if column.json is None else column.json.column for column in columns}
    for series in answer:
        # Grafana mixes the columns of several tags up.
        assert len(series.tags) <= 1
        assert names | {"time"} == {*series.columns, *series.tags}
        for values in series.values:
            row = {**dict(zip(series.columns, values, strict=True)), **series.tags}
            for column in columns:
                if column.json is None:
                    assert _fits(column, row[column.name]), column.name


@pytest.mark.parametrize(("name", "query"), list(_VARIABLES.items()), ids=list(_VARIABLES))
def test_choices(both: Stores, name: str, query: Query) -> None:
    looked_at = view(both.run, query)
    expected = {"plant": PLANTS, "stage": STAGES, "job": (health.JOB,)}[name]
    assert sorted(row[0] for row in both.sql(query, looked_at).rows) == sorted(expected)
    (series,) = both.influxql(query, looked_at)
    assert series.columns == ["key", "value"]
    assert sorted(value for _, value in series.values) == sorted(expected)


@pytest.mark.parametrize("query", list(_MARKS.values()), ids=list(_MARKS))
def test_marks(both: Stores, query: Query) -> None:
    looked_at = view(both.run, query)
    answer = both.sql(query, looked_at)
    assert answer.names == ["time", "text", "tags"]
    assert [column.type for column in answer.columns] == ["TIMESTAMP", "VARCHAR", "VARCHAR"]
    assert answer.rows
    assert all(None not in row for row in answer.rows)
    (series,) = both.influxql(query, looked_at)
    assert series.columns == ["time", "text", "tags"]
    assert len(series.values) == len(answer.rows)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_only_chosen_plants_are_asked_for(both: Stores, dashboard: Any) -> None:
    queries = [query for panel in dashboard.panels for query in panel.queries]
    chosen = [query for query in queries if "${plant" in query.sql]
    assert chosen
    for query in [*chosen, *(each.query for each in dashboard.annotations)]:
        assert "${plant" in query.influxql
        looked_at = view(both.run, query, plants=(PLANTS[1],))
        told = f"{both.sql(query, looked_at).rows} {both.influxql(query, looked_at)}"
        assert PLANTS[0] not in told, query


def _view_of(rule: Rule, end_ms: int) -> View:
    times = TimeRange(end_ms - rule.minutes * 60_000, end_ms)
    return View(times, rule.every_seconds * 1000, {})


def _newest(stores: Stores, rule: Rule, end_ms: int) -> list[dict[str, dict[Any, Any]]]:
    """The newest values of each query, in both languages."""
    looked_at = _view_of(rule, end_ms)
    found: list[dict[str, dict[Any, Any]]] = [{}, {}]
    for name, query in zip("ABC", rule.queries, strict=False):
        answer = stores.sql(query, looked_at)
        assert answer.names == [*query.labels, "value"]
        assert answer.columns[-1].type in _NUMBERS
        found[0][name] = newest_of_rows(answer)
        found[1][name] = newest_of_series(query, stores.influxql(query, looked_at))
    return found


def _firing(rule: Rule, newest: dict[str, dict[Any, Any]]) -> set[Any]:
    """The labels for which the condition holds; Grafana joins queries by their labels."""
    labels = set.intersection(*(set(values) for values in newest.values()))
    condition = rule.condition.replace("&&", "and")
    firing = set()
    for label in labels:
        text = condition
        for name, values in newest.items():
            text = text.replace(f"${name}", repr(values[label]))
        if eval(text):
            firing.add(label)
    return firing


_Fires = dict[str, dict[int, set[tuple[str, ...]]]]

# How long after the end of the run somebody looks, in minutes, and for which labels each fires.
_FIRES: _Fires = {
    "alarm-active": {0: {(PLANTS[0],)}},
    "readings-silent": {0: set(), 30: {(plant,) for plant in PLANTS}},
    "scores-silent": {0: set()},
    "lag": {0: {(health.JOB,)}},
    "dead-letters": {0: {("not_json",), ("wrong_type",), ("unknown_event",)}, 30: set()},
    "job-restarting": {0: {(health.JOB,)}, 30: set()},
    "job-not-running": {-9: {(health.JOB,)}, 0: set()},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_fire_for_what_is_wrong(both: Stores, rule: Rule) -> None:
    for minutes, expected in _FIRES[rule.name].items():
        # At the end itself the newest interval has just begun.
        end_ms = both.run.range.end_ms + minutes * 60_000
        if rule.every_seconds > 60:
            end_ms -= end_ms % (rule.every_seconds * 1000) + 1
        for newest in _newest(both, rule, end_ms):
            assert _firing(rule, newest) == expected, (minutes, newest)


@pytest.mark.parametrize(
    ("readings", "scores", "fires"), [(4, 12, False), (4, 0, True), (0, 0, False)]
)
def test_scores_are_missed_while_readings_come(readings: int, scores: int, fires: bool) -> None:
    (rule,) = [rule for rule in RULES if rule.name == "scores-silent"]
    plant = (PLANTS[0],)
    assert bool(_firing(rule, {"A": {plant: readings}, "B": {plant: scores}})) == fires


def test_an_alarm_is_listed_with_its_cause_and_its_name(both: Stores) -> None:
    (panel,) = [panel for board in DASHBOARDS for panel in board.panels if panel.name == "alarms"]
    (query,) = panel.queries
    rows = {row["plant"]: row for row in both.sql(query, view(both.run, query)).by_name()}
    assert {plant: row["suspect"] for plant, row in rows.items()} == FAULTS
    assert {plant: row["cause"] for plant, row in rows.items()} == {
        PLANTS[0]: "xmeas_15",
        PLANTS[1]: "xmeas_1",
    }
    assert {plant: row["shelved"] for plant, row in rows.items()} == {
        PLANTS[0]: False,
        PLANTS[1]: True,
    }
    events = [row for row in both.run.table("alarms") if row["plant"] == PLANTS[1]]
    assert rows[PLANTS[1]]["onset"] == int(str(events[0]["onset_ns"])) // 1_000_000


def test_what_a_job_counts_begins_anew_with_it(both: Stores) -> None:
    (panel,) = [panel for board in DASHBOARDS for panel in board.panels if panel.name == "read"]
    (query,) = panel.queries
    (series,) = points_of_rows(query, both.sql(query, view(both.run, query))).values()
    rates = list(series.values())
    # The interval with the restart has none; all others have the rate of the samples.
    assert rates == pytest.approx([RECORDS_A_SECOND] * len(rates))
    assert len(rates) >= 100 - 5
