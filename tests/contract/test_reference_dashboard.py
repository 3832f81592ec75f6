"""The reference system's dashboard over our single layout: its eighteen queries give its series."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from aws.timestream_query import TimestreamReader
from cli.provision import provision
from localaws.server import LocalAws
from sinks import retry
from sinks.registry import make_sinks
from tepwatch.records import ScoreState, StageScore, StageScores
from tepwatch.schema import Row, reading_row, score_rows
from tepwatch.settings import Settings, TimestreamLayout, load
from tests.plants import reading
from tests.stored import timestream_text

# What aws-samples/flink-industrial-anomaly-detector's TEP-SIM-DEV dashboard asks for: alias of the
# series and name of the measure.
SCORES = {
    "anomaly_stream6": "anomaly_score_stream6",
    "anomaly_stream9": "anomaly_score_stream9",
    "anomaly_stream11": "anomaly_score_stream_11",
}
MEASUREMENTS = [f"xmeas_{n}" for n in (1, 2, 8, 6, 9, 10, 12, 13, 15, 16, 17, 19, 20, 21, 22)]
COUNT = 60


def dashboard_query(alias: str, measure: str) -> str:
    return (
        f"SELECT CREATE_TIME_SERIES(time, measure_value::double) as {alias} FROM "
        f'"kdaflink"."kinesisdata1"\n    WHERE measure_name=\'{measure}\' AND\n'
        "    time between ago(15m) and now()"
    )


def settings_of_the_reference(folder: Path, endpoint_url: str) -> Settings:
    """Through the property names that the reference system's template sets."""
    path = folder / "application_properties.json"
    properties = {
        "TimeStreamRegion": "us-east-1",
        "TimeStreamDbName": "kdaflink",
        "TimeStreamTableName": "kinesisdata1",
        "TimeStreamIngestBatchSize": "50",
        "SideCSVDeliveryStreamName": "reference-side-stream",
    }
    group = {"PropertyGroupId": "FlinkApplicationProperties", "PropertyMap": properties}
    path.write_text(json.dumps([group]))
    given = {"endpoint_url": endpoint_url, "timestream_layout": "single"}
    return load(given, environment={}, properties_file=path)


@pytest.fixture(scope="module")
def stored(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    settings = settings_of_the_reference(tmp_path_factory.mktemp("p"), local_aws.endpoint_url)
    assert settings.timestream_layout is TimestreamLayout.SINGLE
    assert settings.delivery_streams["readings"] == "reference-side-stream"
    provision(settings)
    start_ns = time.time_ns() - 14 * 60 * 1_000_000_000
    rows: list[Row] = []
    for seq in range(COUNT):
        at = start_ns + seq * 10_000_000_000
        row = reading_row(reading(seq), late=False)
        rows.append(replace(row, time=at))
        stages = tuple(
            StageScore(stage, place + seq / 8, ScoreState.SCORED, 0)
            for place, stage in enumerate(("reactor_feed", "purge_gas", "product"))
        )
        rows += score_rows(StageScores("plant-1", "r", seq, at, None, stages))
    # What is older than a quarter of an hour is not on the dashboard.
    old = replace(rows[0], time=start_ns - 120_000_000_000)
    sink = make_sinks(settings)[0]
    sink.open()
    written = retry.write(sink, [old, *rows], patience_seconds=10)
    sink.close()
    assert written.stored == len(rows) + 1
    return rows


def series_of(rows: list[Row], measure: str) -> list[tuple[str, float]]:
    stages = dict(zip(SCORES.values(), ("reactor_feed", "purge_gas", "product"), strict=True))
    points = []
    for row in rows:
        if measure in stages and row.values.get("stage") == stages[measure]:
            points.append((row.values["time"], row.values["score"]))
        elif measure not in stages and row.table == "readings":
            points.append((row.values["time"], row.values[measure]))
    return [
        (timestream_text(at), float(value))
        for at, value in points
        if isinstance(at, int) and isinstance(value, float | int)
    ]


@pytest.mark.parametrize(
    ("alias", "measure"), [*SCORES.items(), *((name, name) for name in MEASUREMENTS)]
)
def test_each_of_its_queries_gives_its_series(
    local_aws: LocalAws, stored: list[Row], alias: str, measure: str
) -> None:
    reader = TimestreamReader(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    result = reader.query(dashboard_query(alias, measure))
    assert [(column.name, column.type) for column in result.columns] == [(alias, "TIMESERIES")]
    ((series,),) = list(result.rows)
    reader.close()
    assert [(point["time"], point["value"]) for point in series] == series_of(stored, measure)
    assert len(series) == COUNT
