"""What is new in the stores, folded into how the plants stand."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from dashboards.page.feed import LiveFeed
from dashboards.page.snapshot import PlantNow
from dashboards.page.store import Answer
from tepwatch.errors import ServiceError, UnreachableError
from tests.stored import timestream_text

START_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


class Store:
    """Answers the feed's statements by rows that are given."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.failure: Exception | None = None
        self.asked: list[str] = []

    def add(self, table: str, seconds: float, **values: Any) -> None:
        time = timestream_text(START_NS + round(seconds * SECOND))
        row = {"plant": "plant-1", "run": "r1", "time": time, **values}
        self.tables.setdefault(table, []).append(row)

    def ask(self, statement: str) -> Answer:
        self.asked.append(statement)
        if self.failure is not None:
            raise self.failure
        found = re.search(r'FROM "db"."(\w+)" WHERE time > (\S+)', statement)
        assert found is not None
        if found[1] not in self.tables:
            raise ServiceError("no such table", code="ValidationException")
        rows = self.tables[found[1]]
        if found[2].startswith("from_nanoseconds"):
            since = timestream_text(int(found[2][17:-1]))
            rows = [row for row in rows if row["time"] > since]
        rows = sorted(rows, key=lambda row: row["time"], reverse=True)
        names = list(dict.fromkeys(name for row in self.tables[found[1]] for name in row))
        return Answer(
            [(name, "") for name in names],
            iter([[row.get(name) for name in names] for row in rows]),
        )


@pytest.fixture
def store() -> Store:
    return Store()


def only(feed: LiveFeed) -> PlantNow:
    (plant,) = feed.poll().plants
    return plant


def alarm(store: Store, seconds: float, state: str, hours: float, **more: Any) -> None:
    values: dict[str, Any] = {
        "alarm": "plant-1-r1-7", "state": state, "shelved": False, "unit": "feed",
        "onset_ns": START_NS, "onset_hours": 8.0, "duration_hours": hours, "p_value": 1e-5,
        "contributions": '[{"tag":"xmeas_1","share":-0.8,"value":0.0,"normal":0.25}]',
        **more,
    }  # fmt: skip
    store.add("alarms", seconds, **values)


def test_the_newest_of_each_kind_counts(store: Store) -> None:
    feed = LiveFeed(store.ask, "db")
    assert feed.poll().plants == []
    store.add("readings", 2, process_hours=8.2, xmeas_1=0.3, xmv_12=None)
    store.add("readings", 1, process_hours=8.1, xmeas_1=0.2)
    store.add("scores", 2, stage="product", score=1.5, state="scored")
    store.add("scores", 1, stage="purge_gas", score=None, state="warming_up")
    plant = only(feed)
    assert (plant.run, plant.process_hours) == ("r1", 8.2)
    assert plant.time_ms == (START_NS + 2 * SECOND) // 1_000_000
    assert (plant.values["xmeas_1"], plant.values["xmeas_2"]) == (0.3, None)
    assert {stage: each.score for stage, each in plant.scores.items()} == {
        "product": 1.5, "purge_gas": None,
    }  # fmt: skip
    # A reading that comes late changes nothing.
    store.add("readings", 1.5, process_hours=8.15, xmeas_1=0.9)
    assert only(feed).values["xmeas_1"] == 0.3


def test_only_what_is_new_is_asked_for(store: Store) -> None:
    feed = LiveFeed(store.ask, "db")
    store.add("readings", 0, xmeas_1=0.3)
    feed.poll()
    store.asked.clear()
    feed.poll()
    readings = next(each for each in store.asked if '"readings"' in each)
    assert f"time > from_nanoseconds({START_NS - 10 * SECOND})" in readings


def test_an_alarm_is_followed_until_it_is_closed(store: Store) -> None:
    feed = LiveFeed(store.ask, "db")
    judged = {"state": "monitoring", "p_value": 1e-5, "grade": 1.0, "alarm": "plant-1-r1-7"}
    store.add("assessments", 1, process_hours=8.05, **judged)
    store.add("unit_scores", 1, unit="feed", score=3.0, p_value=1e-5, grade=1.0)
    alarm(store, 1, "unacknowledged", 0.05)
    plant = only(feed)
    assert plant.monitor is not None
    assert plant.monitor.units["feed"].score == 3.0
    (raised,) = plant.alarms
    assert (raised.state, raised.onset_ms) == ("unacknowledged", START_NS // 1_000_000)
    assert msgspec.json.decode(raised.contributions)[0]["tag"] == "xmeas_1"
    # It goes on by the plant's own clock, without a row of its own.
    store.add("assessments", 60, process_hours=9.5, **judged)
    assert only(feed).alarms[0].duration_hours == pytest.approx(1.5)
    suspects = '[{"idv":6,"probability":0.9}]'
    alarm(store, 61, "unacknowledged", 1.5, suspects=suspects)
    assert msgspec.json.decode(only(feed).alarms[0].suspects) == [{"idv": 6, "probability": 0.9}]
    alarm(store, 70, "closed", 1.6, suspects=suspects)
    store.add("assessments", 120, process_hours=12.0, **judged)
    assert (only(feed).alarms[0].state, only(feed).alarms[0].duration_hours) == ("closed", 1.6)


@pytest.mark.parametrize("detail", ["{", '{"idv":"six"}', "[]", None])
def test_an_event_that_says_nothing_useful_is_no_error(store: Store, detail: str | None) -> None:
    store.add("events", 1, event="disturbance", detail=detail)
    assert only(LiveFeed(store.ask, "db")).disturbances == []


def test_disturbances_shutdowns_and_failed_instruments(store: Store) -> None:
    feed = LiveFeed(store.ask, "db")
    store.add("readings", 0, xmeas_1=0.3)
    store.add("events", 1, event="disturbance", detail='{"idv":6,"on":true}')
    store.add("events", 2, event="disturbance", detail='{"idv":4,"on":true}')
    store.add("sensor_flags", 2, tag="xmeas_5", failure="stuck", active=True)
    plant = only(feed)
    assert plant.disturbances == [4, 6]
    assert [each.tag for each in plant.sensors] == ["xmeas_5"]
    store.add("events", 3, event="disturbance", detail='{"idv":6,"on":false}')
    store.add("sensor_flags", 3, tag="xmeas_5", failure="stuck", active=False)
    plant = only(feed)
    assert (plant.disturbances, plant.sensors) == ([4], [])
    store.add("events", 4, event="shutdown", detail='{"reason":"low stripper level"}')
    assert only(feed).state == "shut down: low stripper level"
    store.add("readings", 5, run="r2", xmeas_1=0.3)
    plant = only(feed)
    assert (plant.run, plant.state, plant.disturbances) == ("r2", "running", [])


@pytest.mark.parametrize(
    "failure",
    [UnreachableError("nobody there", code="Unreachable"), ServiceError("no", code="AccessDenied")],
)
def test_a_store_that_does_not_answer_is_said_and_what_was_known_stays(
    store: Store, failure: Exception
) -> None:
    feed = LiveFeed(store.ask, "db")
    store.add("readings", 0, xmeas_1=0.3)
    feed.poll()
    store.failure = failure
    snapshot = feed.poll()
    assert snapshot.stale == str(failure)
    assert [each.values["xmeas_1"] for each in snapshot.plants] == [0.3]
    store.failure = None
    assert feed.poll().stale is None
