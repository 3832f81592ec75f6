"""Every panel of the page over a real run in the local Timestream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aws.timestream_query import TimestreamReader
from dashboards.catalogue import DASHBOARDS
from dashboards.model import Dashboard, Kind, Panel
from dashboards.page.feed import LiveFeed
from dashboards.page.panels import PanelRequest, Panels
from dashboards.page.poll import Poll
from dashboards.page.store import Answer, Ask
from localaws.server import LocalAws
from tests.dashboards.run import PLANTS
from tests.dashboards.stores import Stores
from tests.dashboards.test_page_server import Hands


@pytest.fixture(scope="module")
def ask(local_aws: LocalAws) -> Ask:
    reader = TimestreamReader(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    return lambda statement: Answer(*reader.query(statement))


@pytest.fixture(scope="module")
def panels(ask: Ask, timestream: Stores) -> Panels:
    return Panels(ask, timestream.run.settings.timestream_database)


def request(stores: Stores, dashboard: Dashboard, panel: str = "", **chosen: str) -> PanelRequest:
    times = stores.run.range
    return PanelRequest(dashboard.name, times.start_ms, times.end_ms, panel, 100, chosen)


@pytest.mark.parametrize(
    ("dashboard", "panel"),
    [
        pytest.param(dashboard, panel, id=f"{dashboard.name}-{panel.name}")
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
    ],
)
def test_every_panel_is_answered_in_the_form_that_is_drawn(
    panels: Panels, timestream: Stores, dashboard: Dashboard, panel: Panel
) -> None:
    answer = panels.answer(request(timestream, dashboard, panel.name))
    # Read back as the browser gets it.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer))
    types = [column["type"] for column in found["columns"]]
    assert all(len(row) == len(types) for row in found["rows"])
    for row in found["rows"]:
        for kind, cell in zip(types, row, strict=True):
            if kind != "text" and panel.kind is not Kind.TABLE:
                assert cell is None or isinstance(cell, int | float)
    if panel.kind is Kind.GRAPH:
        assert types[0] == "time"
        times = [row[0] for row in found["rows"]]
        assert times == sorted(set(times))


def test_a_series_is_a_column_and_choosing_narrows_down(panels: Panels, timestream: Stores) -> None:
    plant, _scores, *_ = DASHBOARDS
    name = plant.panels[1].name
    both = panels.answer(request(timestream, plant, name))
    assert [column.name for column in both.columns] == ["time", *PLANTS]
    one = panels.answer(request(timestream, plant, name, plant=PLANTS[0]))
    assert [column.name for column in one.columns] == ["time", PLANTS[0]]
    assert [row[1] for row in one.rows] == [row[1] for row in both.rows if row[1] is not None]


def test_disturbances_and_alarms_are_marked(panels: Panels, timestream: Stores) -> None:
    kinds = {mark.kind for mark in panels.annotations(request(timestream, DASHBOARDS[0]))}
    assert {"disturbance", "alarm"} <= kinds


def test_the_feed_knows_the_run_s_end(ask: Ask, timestream: Stores) -> None:
    feed = LiveFeed(ask, timestream.run.settings.timestream_database)
    snapshot = msgspec.json.decode(Poll(feed, Hands())())
    assert snapshot["stale"] is None
    assert [plant["plant"] for plant in snapshot["plants"]] == sorted(PLANTS)
    for plant in snapshot["plants"]:
        assert len(plant["values"]) == 53
        assert set(plant["scores"]) == {"reactor_feed", "purge_gas", "product"}
    assert any(plant["alarms"] for plant in snapshot["plants"])
