"""The whole pipeline on recorded data: the same assertions without Flink and on it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from jobs.metrics import MILLIS_BEHIND
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from sinks.files import count_rows
from tepwatch.records import ScoreState
from tepwatch.schema import Row
from tests.flow.pipeline import (
    BAD,
    OnFlink,
    OnLocal,
    Runs,
    Stored,
    interleaved,
    new_stream,
    put,
    settings_for,
    stored,
    with_faults,
)

pytestmark = pytest.mark.flow

COUNT = 400
PLANTS = ("plant-1", "plant-2")
# Every reading is scored but the one bare message's own plant is scored as well.
SCORE_ROWS = 3 * (len(PLANTS) * (COUNT - 1) + 1)


@pytest.fixture(scope="module")
def faulty_stream(local_aws: LocalAws) -> str:
    name = "flow-faulty"
    client = new_stream(local_aws, name)
    put(client, name, with_faults(interleaved(COUNT)))
    client.close()
    return name


class Finished(NamedTuple):
    """What a run stored and measured."""

    stored: Stored
    metrics: dict[str, int]
    health: Row | None = None


@pytest.fixture(scope="module")
def on_local(
    local_aws: LocalAws, faulty_stream: str, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    return run(OnLocal(), local_aws, faulty_stream, tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def on_flink(
    cluster: FlinkCluster,
    local_aws: LocalAws,
    faulty_stream: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    flink = OnFlink(cluster)
    finished = run(flink, local_aws, faulty_stream, tmp_path_factory.mktemp("on-flink"))
    return finished._replace(health=flink.health)


def run(runner: Runs, server: LocalAws, stream: str, folder: Path) -> Finished:
    def complete() -> bool:
        scores, letters = (count_rows(folder, table) for table in ("scores", "dead_letters"))
        return scores >= SCORE_ROWS and letters > len(BAD)

    metrics = runner.run(settings_for(server, stream, folder), complete)
    return Finished(stored(folder), metrics)


@pytest.fixture(params=["on_local", "on_flink"])
def finished(request: pytest.FixtureRequest) -> Finished:
    found: Finished = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def result(finished: Finished) -> Stored:
    return finished.stored


def table(result: Stored, name: str) -> list[Row]:
    return [row for row in result.values() if row.table == name]


def test_every_reading_and_event_is_stored_once(result: Stored) -> None:
    seqs = Counter(
        (row.values["plant"], row.values["seq"])
        for row in table(result, "readings") + table(result, "events")
        if row.values["plant"] in PLANTS
    )
    assert seqs == Counter((plant, seq) for plant in PLANTS for seq in range(COUNT))
    assert not any(row.values["late"] for row in table(result, "readings"))


def test_every_stage_is_scored_for_every_reading(result: Stored) -> None:
    scores = table(result, "scores")
    assert len(scores) == SCORE_ROWS
    states = Counter(row.values["state"] for row in scores if row.values["plant"] == "plant-1")
    assert states[ScoreState.WARMING_UP] > 0
    assert states[ScoreState.SCORED] > 150
    assert states[ScoreState.HELD] > 150
    assert states[ScoreState.NO_DATA] == 0
    for row in scores:
        waiting = row.values["state"] in {ScoreState.WARMING_UP, ScoreState.NO_DATA}
        assert (row.values["score"] is None) == waiting


def test_both_plants_replay_the_same_data_and_get_the_same_scores(result: Stored) -> None:
    first, second = (
        sorted(
            (int(str(row.values["seq"])), str(row.values["stage"]), row.values["score"])
            for row in table(result, "scores")
            if row.values["plant"] == plant
        )
        for plant in PLANTS
    )
    assert first == second


def test_bad_records_are_dead_letters_with_their_bytes(result: Stored) -> None:
    letters = table(result, "dead_letters")
    assert sorted(bytes(row.values["data"]) for row in letters) == sorted([*BAD, b"nonsense"])  # type: ignore[arg-type]
    assert {str(row.values["reason"]) for row in letters} == {
        "empty", "not_json", "wrong_type", "no_measurement", "absurd_time", "unknown_event",
        "aggregated", "too_large",
    }  # fmt: skip


def test_the_bare_message_is_stored_under_its_partition_key(result: Stored) -> None:
    (row,) = [row for row in table(result, "readings") if row.values["plant"] == "edge"]
    assert (row.values["xmeas_7"], row.values["xmeas_2"], row.values["missing"]) == (
        2705.0,
        None,
        39,
    )


def test_metrics_count_what_happened(finished: Finished) -> None:
    sent = with_faults(interleaved(COUNT))
    lines = sum(max(1, len(record.data.split(b"\n"))) for record in sent)
    metrics = finished.metrics
    rejected = len(BAD) + 1
    assert metrics["records_read_total"] == len(sent)
    assert (metrics["records_in"], metrics["rejected"]) == (lines, rejected)
    assert metrics["records"] == lines - rejected
    # Copies: one for each of the faults' swaps, and the two lines that come together.
    unique = len(PLANTS) * COUNT + 1
    assert metrics["duplicates"] == metrics["records"] - unique > 20
    assert (metrics["late"], metrics["gaps"], metrics["missing"]) == (0, 0, 39)
    states = Counter(row.values["state"] for row in table(finished.stored, "scores"))
    assert metrics["scored"] == states[ScoreState.SCORED]
    assert metrics["held"] == states[ScoreState.HELD]
    assert metrics["files_stored"] == len(finished.stored)
    assert (metrics["files_retried"], metrics["files_dead_letters"]) == (0, rejected)
    behind = {name: value for name, value in metrics.items() if name.startswith(MILLIS_BEHIND)}
    assert len(behind) == 2
    assert set(behind.values()) == {0}


def test_health_is_what_the_metrics_say(on_flink: Finished) -> None:
    metrics, row = on_flink.metrics, on_flink.health
    assert row is not None
    health = row.values
    assert (health["job"], health["state"], health["restarts"]) == ("tepwatch", "RUNNING", 0)
    for column, metric in (
        ("records_read", "records_read_total"),
        *((name, name) for name in ("late", "duplicates", "gaps", "rejected")),
        *((name, f"files_{name}") for name in ("stored", "retried", "dead_letters")),
    ):
        assert health[column] == metrics[metric], column
    assert health["millis_behind"] == 0
    assert int(str(health["checkpoints_completed"])) > 0
    assert int(str(health["checkpoint_ms"])) > 0


def test_flink_stores_what_the_local_runner_stores_to_the_last_bit(
    on_local: Finished, on_flink: Finished
) -> None:
    assert on_flink.stored == on_local.stored
