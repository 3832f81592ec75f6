"""Push and diff against a server that keeps what it is given as Grafana does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from dashboards.catalogue import DASHBOARDS
from dashboards.grafana import server as server_module
from dashboards.grafana.data_sources import Connections
from dashboards.grafana.names import PRODUCT, set_uid, uid
from dashboards.grafana.notifications import Contacts
from dashboards.grafana.server import Change, GrafanaServer
from dashboards.model import Source
from dashboards.rules import RULES
from tepwatch.errors import ServiceError, SettingsError, UnreachableError
from tests.dashboards.grafana_server import TOKEN, GrafanaState, serving

CONNECTIONS = Connections(
    database="tepwatch",
    region="us-east-1",
    endpoint="",
    influxdb_database="tepwatch",
    influxdb_url="http://influx:8086",
    influxdb_token="secret",
)
NOBODY = Contacts("", "")
SOMEBODY = Contacts("http://pager/hook", "shift@plant.example")
BOARD = uid(Source.TIMESTREAM, "plant")


@pytest.fixture
def state() -> GrafanaState:
    return GrafanaState()


@pytest.fixture
def grafana(state: GrafanaState) -> Iterator[GrafanaServer]:
    with serving(state) as url:
        server = GrafanaServer(url, TOKEN)
        yield server
        server.close()


def push(
    grafana: GrafanaServer, source: Source = Source.TIMESTREAM, contacts: Contacts = NOBODY
) -> set[Change]:
    return {outcome.change for outcome in grafana.push(source, CONNECTIONS, contacts)}


def changed(grafana: GrafanaServer, contacts: Contacts = NOBODY) -> dict[str, Change]:
    outcomes = grafana.push(Source.TIMESTREAM, CONNECTIONS, contacts)
    return {what: change for what, change in outcomes if change is not Change.UNCHANGED}


def different(grafana: GrafanaServer, contacts: Contacts = NOBODY) -> dict[str, list[str]]:
    return dict(grafana.differences(Source.TIMESTREAM, CONNECTIONS, contacts))


@pytest.mark.parametrize("source", Source)
def test_a_first_push_makes_everything(
    grafana: GrafanaServer, state: GrafanaState, source: Source
) -> None:
    assert push(grafana, source, SOMEBODY) == {Change.CREATED}
    name = set_uid(source)
    assert set(state.boards) == {uid(source, each.name) for each in DASHBOARDS}
    assert {each["meta"]["folderUid"] for each in state.boards.values()} == {name}
    assert set(state.folders) == set(state.data_sources) == {name}
    rules = state.groups[name, PRODUCT]["rules"]
    assert [rule["uid"] for rule in rules] == [uid(source, rule.name) for rule in RULES]
    assert {rule["folderUID"] for rule in rules} == {name}
    assert set(state.points) == {"tepwatch-webhook", "tepwatch-email"}
    (route,) = state.policies["routes"]
    assert route["receiver"] == PRODUCT


def test_a_second_push_changes_nothing(grafana: GrafanaServer, state: GrafanaState) -> None:
    push(grafana, contacts=SOMEBODY)
    state.writes.clear()
    assert push(grafana, contacts=SOMEBODY) == {Change.UNCHANGED}
    assert state.writes == []
    assert different(grafana, SOMEBODY) == {}


def test_a_token_is_sent_each_time_and_never_compared(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana, Source.INFLUXDB)
    name = set_uid(Source.INFLUXDB)
    state.secrets[name].clear()
    again = dict(grafana.push(Source.INFLUXDB, CONNECTIONS, NOBODY))
    assert again.pop("data source tepwatch InfluxDB") is Change.UPDATED
    assert set(again.values()) == {Change.UNCHANGED}
    assert state.secrets[name] == {"httpHeaderValue1": "Token secret"}
    assert grafana.differences(Source.INFLUXDB, CONNECTIONS, NOBODY) == []


def test_before_the_first_push_everything_is_missing(grafana: GrafanaServer) -> None:
    found = different(grafana, SOMEBODY)
    assert len(found) == len(DASHBOARDS) + 6
    assert set(map(tuple, found.values())) == {()}


def test_an_edited_dashboard_is_told_and_put_right(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana)
    board = state.boards[BOARD]["dashboard"]
    board["panels"][1]["title"] = "Mine"
    board["panels"][1]["targets"][0]["hide"] = True
    found = different(grafana)
    assert found == {
        "dashboard Plant overview": [
            "dashboard.panels[1].targets[0].hide: not wanted",
            "dashboard.panels[1].title: 'Mine' instead of 'What happened'",
        ]
    }
    assert changed(grafana) == {"dashboard Plant overview": Change.UPDATED}
    assert state.boards[BOARD]["dashboard"]["version"] == 2
    assert different(grafana) == {}


def test_a_dashboard_in_another_folder_is_brought_back(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana)
    state.boards[BOARD]["meta"]["folderUid"] = ""
    assert different(grafana) == {
        "dashboard Plant overview": ["folderUid: '' instead of 'tepwatch-timestream'"]
    }
    push(grafana)
    assert different(grafana) == {}


def test_a_dashboard_that_somebody_else_saves_meanwhile_is_saved_again(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana)
    state.boards[BOARD]["dashboard"]["title"] = "Mine"
    state.busy = 2
    assert changed(grafana) == {"dashboard Plant overview": Change.UPDATED}
    assert state.busy == 0
    assert different(grafana) == {}


def test_one_that_is_always_being_saved_is_given_up(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana)
    state.boards[BOARD]["dashboard"]["title"] = "Mine"
    state.busy = 100
    with pytest.raises(ServiceError, match=r"changed by someone else; .* push again") as raised:
        push(grafana)
    assert raised.value.status == 412
    assert "dashboard Plant overview" in str(raised.value)


def test_rules_that_are_no_longer_ours_go(grafana: GrafanaServer, state: GrafanaState) -> None:
    push(grafana)
    group = state.groups["tepwatch-timestream", PRODUCT]
    group["rules"].append({**group["rules"][0], "uid": "old", "title": "Old"})
    group["rules"][1]["for"] = "1h"
    (places,) = different(grafana).values()
    assert places == [
        f"rules: {len(RULES) + 1} instead of {len(RULES)}",
        "rules[1].for: '1h' instead of '5m'",
    ]
    assert changed(grafana) == {"alert rules tepwatch": Change.UPDATED}
    kept = state.groups["tepwatch-timestream", PRODUCT]["rules"]
    assert [rule["uid"] for rule in kept] == [uid(Source.TIMESTREAM, each.name) for each in RULES]


def test_a_group_without_rules_is_none(grafana: GrafanaServer, state: GrafanaState) -> None:
    push(grafana)
    state.groups["tepwatch-timestream", PRODUCT]["rules"] = []
    assert changed(grafana) == {"alert rules tepwatch": Change.CREATED}


def test_policies_of_others_stay(grafana: GrafanaServer, state: GrafanaState) -> None:
    other = {"receiver": "grafana-default-email", "object_matchers": [["team", "=", "b"]]}
    state.policies["routes"] = [other]
    push(grafana, contacts=SOMEBODY)
    assert state.policies["receiver"] == "grafana-default-email"
    assert state.policies["routes"][1:] == [other]
    state.policies["routes"][0]["repeat_interval"] = "1h"
    assert changed(grafana, SOMEBODY) == {"notification policy": Change.UPDATED}
    assert state.policies["routes"][1:] == [other]


def test_nobody_to_tell_leaves_contacts_and_policies_alone(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana, contacts=SOMEBODY)
    state.writes.clear()
    assert push(grafana) == {Change.UNCHANGED}
    assert set(state.points) == {"tepwatch-webhook", "tepwatch-email"}


def test_a_contact_that_moved_is_updated_and_a_hidden_one_is_believed(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana, contacts=SOMEBODY)
    moved = Contacts("http://pager/other", SOMEBODY.emails)
    assert different(grafana, moved) == {
        "contact point tepwatch-webhook": [
            "settings.url: 'http://pager/hook' instead of 'http://pager/other'"
        ]
    }
    assert changed(grafana, moved) == {"contact point tepwatch-webhook": Change.UPDATED}
    state.points["tepwatch-webhook"]["settings"]["url"] = "[REDACTED]"
    assert different(grafana, moved) == {}


def test_renamed_folders_and_edited_data_sources(
    grafana: GrafanaServer, state: GrafanaState
) -> None:
    push(grafana)
    state.folders["tepwatch-timestream"] |= {"title": "Mine", "version": 5}
    state.data_sources["tepwatch-timestream"]["jsonData"]["defaultRegion"] = "eu-west-1"
    state.data_sources["tepwatch-timestream"]["version"] = 9
    assert set(changed(grafana)) == {
        "folder tepwatch (Timestream)",
        "data source tepwatch Timestream",
    }
    assert state.folders["tepwatch-timestream"]["title"] == "tepwatch (Timestream)"
    assert different(grafana) == {}


def test_below_a_path(state: GrafanaState) -> None:
    with serving(state, "/grafana") as url:
        server = GrafanaServer(f"{url}/", TOKEN)
        assert push(server) == {Change.CREATED}
        server.close()


def test_who_may_not_is_told(state: GrafanaState) -> None:
    with serving(state) as url:
        server = GrafanaServer(url, "wrong")
        with pytest.raises(ServiceError, match="401 Invalid API key; the token is wrong"):
            push(server)
        server.close()
        state.role = "Viewer"
        server = GrafanaServer(url, TOKEN)
        with pytest.raises(ServiceError, match=r"403 .* needs the role Editor"):
            push(server)
        server.close()
    assert state.writes == []


def test_nothing_there_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    server = GrafanaServer("http://127.0.0.1:9", TOKEN)
    with pytest.raises(UnreachableError, match=r"nothing answers at http://127.0.0.1:9"):
        push(server)
    server.close()
    monkeypatch.setattr(server_module, "_ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = GrafanaServer(f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN)
        with pytest.raises(UnreachableError, match="did not answer"):
            push(server)
        server.close()


@pytest.mark.parametrize("url", ["", "grafana:3000", "ftp://x", "http://", "http://x:99999"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(SettingsError, match="is not an http"):
        GrafanaServer(url, TOKEN)


def command(*options: str, **environment: str) -> Result:
    named = {f"TEPWATCH_GRAFANA_{name}": value for name, value in environment.items()}
    return CliRunner().invoke(app, ["dashboards", *options], env=named)


def test_the_commands(state: GrafanaState) -> None:
    with serving(state) as url:
        before = command("diff", URL=url, TOKEN=TOKEN)
        assert before.exit_code == 1, before.output
        assert "dashboard Alarms: is not there" in before.output
        first = command("push", "--url", url, TOKEN=TOKEN, EMAILS="a@x.org")
        assert first.exit_code == 0, first.output
        assert "created  dashboard Alarms" in first.output
        assert state.points["tepwatch-email"]["settings"]["addresses"] == "a@x.org"
        second = command("push", URL=url, TOKEN=TOKEN)
        assert {line.split()[0] for line in second.output.splitlines()} == {"unchanged"}
        after = command("diff", URL=url, TOKEN=TOKEN)
        assert (after.exit_code, after.output) == (0, "no difference\n")
        both = command("push", "--store", "both", URL=url, TOKEN=TOKEN, INFLUXDB_URL="http://i:1")
        assert both.exit_code == 0, both.output
        assert len(state.boards) == 2 * len(DASHBOARDS)


@pytest.mark.parametrize(
    ("options", "environment", "told"),
    [
        (["push"], {}, "no token for Grafana"),
        (["push"], {"TOKEN": TOKEN, "URL": "nowhere"}, "is not an http"),
        (["render", "tests"], {}, "give a folder of its own"),
    ],
)
def test_what_is_missing_is_said(
    options: list[str], environment: dict[str, str], told: str
) -> None:
    answer = command(*options, **environment)
    assert answer.exit_code == 1
    assert told in str(answer.exception)


def test_render_writes_the_files(tmp_path: Any) -> None:
    answer = command("render", str(tmp_path / "out"))
    assert answer.exit_code == 0, answer.output
    assert "20 files" in answer.output
    assert (tmp_path / "out" / "timestream" / "dashboards" / f"{BOARD}.json").exists()
