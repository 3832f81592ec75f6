"""What is rendered is what Grafana takes: by its SDK's own models, and its file formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting, units
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards.catalogue import DASHBOARDS
from dashboards.grafana import data_sources, notifications, rules
from dashboards.grafana.boards import board, panel_numbers
from dashboards.grafana.data_sources import Connections
from dashboards.grafana.files import rendered, write
from dashboards.grafana.names import set_uid, uid
from dashboards.grafana.notifications import Contacts
from dashboards.model import Dashboard, Source
from dashboards.rules import RULES
from dashboards.units import GRAFANA_UNITS
from tepwatch.errors import InputFileError
from tepwatch.settings import Settings

RENDERED = Path(__file__).resolve().parents[2] / "dashboards" / "rendered"
UID_LENGTH_MAX = 40
_SETTINGS = Settings()
CONNECTIONS = Connections(
    database=_SETTINGS.timestream_database,
    region=_SETTINGS.region,
    influxdb_database=_SETTINGS.influxdb_database,
)
plugins.register_default_plugins()

BOARDS = [
    pytest.param(shown, source, id=f"{source.value}-{shown.name}")
    for source in Source
    for shown in DASHBOARDS
]


def as_json(value: object) -> Any:
    return json.loads(json.dumps(value, cls=JSONEncoder))


def panels_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """All panels, those of folded rows too."""
    found: list[dict[str, Any]] = []
    for panel in made["panels"]:
        found += panel["panels"] if panel["type"] == "row" else [panel]
    return found


@pytest.mark.parametrize(("shown", "source"), BOARDS)
def test_the_sdk_reads_a_dashboard_and_loses_nothing(shown: Dashboard, source: Source) -> None:
    made = board(shown, source)
    again = as_json(sdk.Dashboard.from_json(made))
    for link in again["links"]:
        del link["placement"]
    assert again == made


@pytest.mark.parametrize(("shown", "source"), BOARDS)
def test_panels_have_ids_of_their_own_and_do_not_overlap(shown: Dashboard, source: Source) -> None:
    made = board(shown, source)
    rows = [panel for panel in made["panels"] if panel["type"] == "row"]
    panels = panels_of(made)
    ids = [panel["id"] for panel in (*rows, *panels)]
    assert len(set(ids)) == len(ids)
    assert {panel["id"]: panel["title"] for panel in panels} == {
        number: next(each.title for each in shown.panels if each.name == name)
        for name, number in panel_numbers(shown).items()
    }
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not taken & cells
        taken |= cells


@pytest.mark.parametrize(("shown", "source"), BOARDS)
def test_every_query_goes_to_the_right_data_source(shown: Dashboard, source: Source) -> None:
    made = board(shown, source)
    asked = {"timestream": "rawQuery", "influxdb": "query"}[source.value]
    texts = []
    for panel in panels_of(made):
        assert panel["datasource"]["uid"] == set_uid(source)
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == set_uid(source)
            texts.append(target[asked])
    assert texts == [query.text(source) for panel in shown.panels for query in panel.queries]


def test_units_are_grafanas() -> None:
    known = {value for name, value in vars(units).items() if isinstance(value, str)}
    for unit in GRAFANA_UNITS.values():
        assert unit in known or unit.startswith("suffix:"), unit


@pytest.mark.parametrize("source", Source)
def test_the_sdk_reads_the_rules_and_loses_nothing(source: Source) -> None:
    made = rules.group(source)
    assert as_json(alerting.RuleGroup.from_json(made)) == made
    assert len(made["rules"]) == len(RULES)


@pytest.mark.parametrize("source", Source)
def test_conditions_ask_for_what_is_there(source: Source) -> None:
    numbers = {uid(source, each.name): panel_numbers(each) for each in DASHBOARDS}
    for rule in rules.group(source)["rules"]:
        refs = [query["refId"] for query in rule["data"]]
        assert len(set(refs)) == len(refs)
        assert rule["condition"] == refs[-1]
        for query in rule["data"]:
            model = query["model"]
            assert model["refId"] == query["refId"]
            assert model["datasource"]["uid"] == query["datasourceUid"]
            if model.get("type") == "reduce":
                assert model["expression"] in refs
            if model.get("type") == "math":
                assert "$A" in model["expression"]
        shown = numbers[rule["annotations"]["__dashboardUid__"]]
        assert int(rule["annotations"]["__panelId__"]) in shown.values()


def test_uids_are_not_too_long() -> None:
    names = [each.name for each in DASHBOARDS] + [rule.name for rule in RULES]
    assert max(len(uid(source, name)) for source in Source for name in names) <= UID_LENGTH_MAX


def test_what_is_committed_is_what_the_definitions_give() -> None:
    files = rendered(CONNECTIONS, Contacts())
    kept = {
        str(path.relative_to(RENDERED)): path.read_bytes()
        for path in RENDERED.rglob("*")
        if path.is_file()
    }
    assert kept.keys() == files.keys()
    stale = [name for name, content in files.items() if kept[name] != content]
    assert not stale, "tepwatch dashboards render"


def test_the_same_definitions_give_the_same_bytes() -> None:
    assert rendered(CONNECTIONS, Contacts()) == rendered(CONNECTIONS, Contacts())


def test_files_take_the_place_of_older_ones(tmp_path: Path) -> None:
    old = tmp_path / "timestream" / "dashboards" / "gone.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    write(tmp_path, rendered(CONNECTIONS, Contacts("", "")))
    assert not old.exists()
    assert (tmp_path / "influxdb" / "rules.json").exists()
    assert not (tmp_path / "notifications").exists()


def test_nothing_else_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputFileError, match="thesis"):
        write(tmp_path, rendered(CONNECTIONS, Contacts()))
    assert (tmp_path / "thesis.tex").exists()


class _Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Files of Grafana: a field it does not know is a mistake of ours."""


class DataSource(_Strict):
    """Of pkg/services/provisioning/datasources/types.go."""

    name: str
    type: str
    access: str
    uid: str
    org_id: int
    version: int
    editable: bool
    is_default: bool
    json_data: dict[str, str]
    url: str = ""
    secure_json_data: dict[str, str] = {}


class DataSources(_Strict):
    api_version: int
    datasources: list[DataSource]


class Provider(_Strict):
    """Of pkg/services/provisioning/dashboards/types.go."""

    name: str
    org_id: int
    folder: str
    folder_uid: str
    type: str
    disable_deletion: bool
    allow_ui_updates: bool
    update_interval_seconds: int
    options: dict[str, str]


class Providers(_Strict):
    api_version: int
    providers: list[Provider]


class RuleQuery(_Strict):
    ref_id: str
    query_type: str
    datasource_uid: str
    relative_time_range: dict[str, int]
    model: dict[str, Any]


class ProvisionedRule(_Strict):
    """Of pkg/services/provisioning/alerting/rules_types.go."""

    uid: str
    title: str
    condition: str
    data: list[RuleQuery]
    dashboard_uid: str
    panel_id: int
    no_data_state: str
    exec_err_state: str
    annotations: dict[str, str]
    labels: dict[str, str]
    is_paused: bool
    duration: str = msgspec.field(name="for")
    keep_firing_for: str = ""


class Group(_Strict):
    org_id: int
    name: str
    folder: str
    interval: str
    rules: list[ProvisionedRule]


class Groups(_Strict):
    api_version: int
    groups: list[Group]


class Receiver(_Strict):
    """Of pkg/services/provisioning/alerting/contact_point_types.go."""

    uid: str
    type: str
    settings: dict[str, Any]
    disable_resolve_message: bool


class Point(_Strict):
    org_id: int
    name: str
    receivers: list[Receiver]


class Points(_Strict):
    api_version: int
    contact_points: list[Point]


class Route(msgspec.Struct, forbid_unknown_fields=True):
    """Alertmanager's, with Grafana's matchers."""

    receiver: str
    group_by: list[str]
    group_wait: str = ""
    group_interval: str = ""
    repeat_interval: str = ""
    object_matchers: list[tuple[str, str, str]] = []
    routes: list[Route] = []
    orgId: int = 1  # noqa: N815 - Grafana's


class Policies(_Strict):
    api_version: int
    policies: list[Route]


@pytest.mark.parametrize(
    ("ending", "form"),
    [
        ("provisioning/datasources/*.yaml", DataSources),
        ("provisioning/dashboards/*.yaml", Providers),
        ("provisioning/alerting/*-rules.yaml", Groups),
        ("provisioning/alerting/*-contact-points.yaml", Points),
        ("provisioning/alerting/*-policies.yaml", Policies),
    ],
)
def test_provisioning_files_have_grafanas_form(ending: str, form: Any) -> None:
    paths = sorted(RENDERED.glob(f"*/{ending}"))
    assert paths
    for path in paths:
        read = msgspec.yaml.decode(path.read_bytes(), type=form)
        assert read.api_version == 1


@pytest.mark.parametrize("source", Source)
def test_provisioned_rules_are_those_of_the_api(source: Source) -> None:
    (group,) = msgspec.convert(rules.provisioned(source), Groups).groups
    for file, api in zip(group.rules, rules.group(source)["rules"], strict=True):
        assert file.uid == api["uid"]
        assert file.keep_firing_for == api.get("keep_firing_for", "")
        assert [query.model for query in file.data] == [query["model"] for query in api["data"]]


def test_no_secret_is_in_a_file() -> None:
    made = data_sources.provisioned(Source.INFLUXDB, CONNECTIONS)["datasources"][0]
    assert made["secureJsonData"] == {"httpHeaderValue1": "Token $TEPWATCH_GRAFANA_INFLUXDB_TOKEN"}


def test_who_is_told() -> None:
    assert notifications.contact_points(Contacts("", "")) == []
    (webhook,) = notifications.contact_points(Contacts("http://x/hook", ""))
    assert (webhook["type"], webhook["settings"]["url"]) == ("webhook", "http://x/hook")
    (email,) = notifications.contact_points(Contacts("", "a@x.org, b@x.org"))
    assert (email["type"], email["settings"]["addresses"]) == ("email", "a@x.org;b@x.org")
    assert webhook["name"] == email["name"] == notifications.route()["receiver"]


def test_policies_of_others_stay() -> None:
    other = {"receiver": "night shift", "object_matchers": [["team", "=", "b"]]}
    tree = {"receiver": "somebody", "group_wait": "1m", "routes": [other]}
    once = notifications.with_route(tree)
    assert once == {**tree, "routes": [notifications.route(), other]}
    assert notifications.with_route(once) == once
