from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.pretty import pretty_repr

from tepwatch.errors import SettingsError
from tepwatch.settings import Settings, load


def write_properties(path: Path, group: str, values: dict[str, str]) -> Path:
    path.write_bytes(msgspec.json.encode([{"PropertyGroupId": group, "PropertyMap": values}]))
    return path


def test_defaults_are_the_design() -> None:
    settings = load(environment={})
    assert settings == Settings()
    assert (settings.trees, settings.sample_size, settings.seed) == (50, 256, 42)
    assert (settings.buckets, settings.batch_size, settings.order_window) == (32, 100, 64)


def test_the_last_source_wins(tmp_path: Path) -> None:
    properties = write_properties(
        tmp_path / "p.json", "tepwatch", {"trees": "10", "sample_size": "64", "seed": "1"}
    )
    settings = load(
        {"seed": 3},
        environment={"TEPWATCH_SAMPLE_SIZE": "128", "TEPWATCH_SEED": "2"},
        properties_file=properties,
    )
    assert (settings.trees, settings.sample_size, settings.seed) == (10, 128, 3)


def test_the_reference_systems_names_are_accepted(tmp_path: Path) -> None:
    properties = write_properties(
        tmp_path / "p.json",
        "FlinkApplicationProperties",
        {
            "InputStreamName": "plant",
            "KinesisRegion": "eu-central-1",
            "RcfNumberOfTrees": "30",
            "RcfSampleSize": "512",
            "RcfLambda": "0.0002",
            "RcfRandomSeed": "7",
            "RcfShingleSize": "4",
            "RcfShingleCyclic": "true",
            "TimeStreamIngestBatchSize": "50",
            "SideCSVDeliveryStreamName": "csv",
        },
    )
    settings = load(environment={"TEPWATCH_PROPERTIES_FILE": str(properties)})
    assert (settings.stream, settings.region) == ("plant", "eu-central-1")
    assert (settings.trees, settings.sample_size, settings.time_decay) == (30, 512, 0.0002)
    assert (settings.seed, settings.shingle_size, settings.cyclic_shingle) == (7, 4, True)


def test_the_services_own_groups_are_passed_over(tmp_path: Path) -> None:
    properties = write_properties(
        tmp_path / "p.json", "kinesis.analytics.flink.run.options", {"python": "main.py"}
    )
    assert load(environment={}, properties_file=properties) == Settings()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"TEPWATCH_TREES": "many"}, "trees"),
        ({"TEPWATCH_TREES": "0"}, "trees"),
        ({"TEPWATCH_SAMPLE_SIZE": "9000"}, "sample_size"),
        ({"TEPWATCH_TREE": "50"}, "TEPWATCH_TREE"),
        ({"TEPWATCH_SCORE_ON": "sometimes"}, "score_on"),
        ({"TEPWATCH_PROPERTIES_FILE": "/nowhere.json"}, "/nowhere.json"),
    ],
)
def test_a_bad_setting_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load(environment=environment)


def test_a_damaged_property_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{"no": "list"}')
    with pytest.raises(SettingsError, match=str(path)):
        load(environment={}, properties_file=path)


def test_what_is_secret_is_not_shown() -> None:
    settings = load({"influxdb_token": "t-secret", "influxdb_password": "p-secret"}, environment={})
    for shown in (repr(settings), f"{settings}", pretty_repr(settings)):
        assert "secret" not in shown
        assert "influxdb_token='***'" in shown
        assert "stream='tepwatch-readings'" in shown
    assert "influxdb_token=None" in repr(Settings())
    with pytest.raises(SettingsError, match="influxdb_token") as error:
        load({"influxdb_token": "two secrets"}, environment={})
    assert "secret" not in str(error.value)


def test_lists_are_split_at_commas() -> None:
    settings = load({"plants": "a, b,", "sinks": "files, memory"}, environment={})
    assert settings.wire_policy.plants == frozenset({"a", "b"})
    assert settings.sink_names == ("files", "memory")


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    documented = {
        name.strip("` "): default.strip("` ")
        for _, name, default, *_ in (
            line.split("|") for line in text.splitlines() if line.startswith("| `")
        )
        if name.strip("` ")[0].islower()
    }
    defaults = msgspec.to_builtins(Settings())
    spelled = {None: "none", False: "false", True: "true"}
    assert documented == {
        name: spelled[value] if value is None or isinstance(value, bool) else str(value)
        for name, value in defaults.items()
    }
