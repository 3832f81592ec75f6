"""Readings as Timestream gives them back."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from aws.timestream_query import TimestreamReader
from cli.provision import provision
from cli.stored_readings import stored_readings
from localaws.server import LocalAws
from sinks.registry import make_sinks
from tepwatch.errors import BaselineError, ServiceError
from tepwatch.records import Reading
from tepwatch.schema import reading_row
from tepwatch.settings import Settings
from tests.plants import reading

DATABASE = "stored-readings"
PLANTS = ("plant-1", "plant-2")


@pytest.fixture(scope="module")
def stored(local_aws: LocalAws) -> list[Reading]:
    """Readings of two plants, one value missing, as they were written; the newest first."""
    settings = Settings(
        endpoint_url=local_aws.endpoint_url, sinks="timestream,memory", timestream_database=DATABASE
    )
    provision(settings)
    written = [reading(seq, plant=plant) for seq in range(20) for plant in PLANTS]
    written[7] = msgspec.structs.replace(written[7], xmeas=(None, *written[7].xmeas[1:]))
    sink = make_sinks(settings)[0]
    sink.open()
    rows = [reading_row(each, late=number == 7) for number, each in enumerate(written)]
    assert not sink.write(rows[::-1]).failed
    sink.close()
    return written


@pytest.fixture
def reader(local_aws: LocalAws) -> Iterator[TimestreamReader]:
    made = TimestreamReader(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    yield made
    made.close()


def test_whole_rows_are_the_readings_that_were_written(
    stored: list[Reading], reader: TimestreamReader
) -> None:
    found = stored_readings(reader, f'SELECT * FROM "{DATABASE}"."readings" ORDER BY time DESC')
    times = [each.time_ms for each in found]
    assert times == sorted(times)
    nowhere = found[0].origin
    assert sorted(found, key=lambda each: (each.seq, each.plant)) == [
        msgspec.structs.replace(each, origin=nowhere) for each in stored
    ]


def test_few_columns_are_enough(stored: list[Reading], reader: TimestreamReader) -> None:
    # Of whole minutes, as integers.
    statement = (
        f"SELECT bin(time, 1m) AS time, CAST(count(*) AS bigint) AS xmeas_7 "
        f'FROM "{DATABASE}"."readings" GROUP BY 1'
    )
    found = stored_readings(reader, statement)
    assert [each.xmeas[6] for each in found] == [2.0] * 20
    assert {(each.plant, each.run, each.seq, each.process_hours) for each in found} == {
        ("", "", None, None)
    }
    assert {each.time_ms % 60_000 for each in found} == {0}
    assert found[0].time_ms == stored[0].time_ms // 60_000 * 60_000


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ("xmeas_1", "columns are xmeas_1; missing: time"),
        ("time, seq", r"columns are time, seq; missing: one of a variable \(xmeas_1"),
        ("plant", "columns are plant; missing: time and one of a variable"),
        ("time, plant AS xmeas_1", "column xmeas_1 is VARCHAR, not DOUBLE or BIGINT or INTEGER"),
        ("seq AS time, xmeas_1", "column time is BIGINT, not TIMESTAMP"),
        ("time, plant AS seq, xmeas_1", "column seq is VARCHAR, not BIGINT or INTEGER"),
    ],
)
def test_columns_that_are_missing_or_of_another_type_are_said(
    stored: list[Reading], reader: TimestreamReader, columns: str, text: str
) -> None:
    with pytest.raises(BaselineError, match=f"--query: {text}"):
        stored_readings(reader, f'SELECT {columns} FROM "{DATABASE}"."readings"')


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("WHERE plant = 'plant-3'", "no value of a variable is found, in 0 rows"),
        ("WHERE xmeas_1 IS NULL", "no value of a variable is found, in 1 rows"),
    ],
)
def test_nothing_to_learn_from_is_said(
    stored: list[Reading], reader: TimestreamReader, rest: str, text: str
) -> None:
    with pytest.raises(BaselineError, match=text):
        stored_readings(reader, f'SELECT time, xmeas_1 FROM "{DATABASE}"."readings" {rest}')


def test_the_services_own_error_is_passed_on(reader: TimestreamReader) -> None:
    with pytest.raises(ServiceError, match="nonsense"):
        stored_readings(reader, "SELECT nonsense")
