"""The face: pages, tokens, limits, cancelling, threads, and a database that is left alone."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from localaws.timestream import pages
from localaws.timestream.model import TimestreamError
from localaws.timestream.pages import PAGE_BYTES_MAX
from tests.localaws.timestream.house import TABLE, House

NUMBERS = "SELECT x FROM UNNEST(sequence(1, 25)) AS t(x)"
SLOW = (
    "SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a(x), UNNEST(sequence(1, 10000)) AS b(y), "
    "UNNEST(sequence(1, 1000)) AS c(z) WHERE sqrt(x * y * z) < 0"
)


def values(page: dict[str, Any]) -> list[int]:
    return [int(row["Data"][0]["ScalarValue"]) for row in page["Rows"]]


def test_an_answer_has_the_shape_of_the_api(house: House) -> None:
    page = house.raw("SELECT 1 AS one, NULL, ARRAY[ROW(1, 'a\"b')]")
    assert page.pop("QueryId").isalnum()
    assert page.pop("QueryStatus")["ProgressPercentage"] == 100.0
    row = {"RowValue": {"Data": [{"ScalarValue": "1"}, {"ScalarValue": 'a"b'}]}}
    assert page == {
        "Rows": [{"Data": [{"ScalarValue": "1"}, {"NullValue": True}, {"ArrayValue": [row]}]}],
        "ColumnInfo": [
            {"Name": "one", "Type": {"ScalarType": "INTEGER"}},
            {"Name": "_col1", "Type": {"ScalarType": "UNKNOWN"}},
            {
                "Name": "_col2",
                "Type": {
                    "ArrayColumnInfo": {
                        "Type": {
                            "RowColumnInfo": [
                                {"Name": "field0", "Type": {"ScalarType": "INTEGER"}},
                                {"Name": "field1", "Type": {"ScalarType": "VARCHAR"}},
                            ]
                        }
                    }
                },
            },
        ],
    }


def test_rows_that_fit_come_at_once(house: House) -> None:
    page = house.raw(NUMBERS, MaxRows=25)
    assert values(page) == list(range(1, 26))
    assert "NextToken" not in page


def test_more_than_max_rows_come_by_tokens_after_an_empty_page(house: House) -> None:
    page = house.raw(NUMBERS, MaxRows=10)
    assert page["Rows"] == [] and page["ColumnInfo"]
    found, sizes = [], []
    while "NextToken" in page:
        page = house.raw(NUMBERS, MaxRows=10, NextToken=page["NextToken"])
        found.extend(values(page))
        sizes.append(len(page["Rows"]))
    assert found == list(range(1, 26))
    assert sizes == [10, 10, 5]


def test_a_token_gives_the_same_page_until_the_next_is_used(house: House) -> None:
    first = house.raw(NUMBERS, MaxRows=10)["NextToken"]
    page = house.raw(NUMBERS, MaxRows=10, NextToken=first)
    again = house.raw(NUMBERS, MaxRows=10, NextToken=first)
    assert values(again) == values(page)
    house.raw(NUMBERS, MaxRows=10, NextToken=again["NextToken"])
    with pytest.raises(TimestreamError, match="Invalid pagination token"):
        house.raw(NUMBERS, MaxRows=10, NextToken=first)


def test_a_token_wears_out_and_belongs_to_its_query(house: House) -> None:
    token = house.raw(NUMBERS, MaxRows=10)["NextToken"]
    with pytest.raises(TimestreamError, match="Invalid pagination token"):
        house.raw(NUMBERS + " ", MaxRows=10, NextToken=token)
    for _ in range(pages.TOKEN_USES_MAX):
        house.raw(NUMBERS, MaxRows=10, NextToken=token)
    with pytest.raises(TimestreamError, match="Invalid pagination token"):
        house.raw(NUMBERS, MaxRows=10, NextToken=token)
    with pytest.raises(TimestreamError, match="Invalid pagination token"):
        house.raw(NUMBERS, NextToken="made up")


def test_a_token_expires(house: House) -> None:
    token = house.raw(NUMBERS, MaxRows=10)["NextToken"]
    before = house.now
    house.now += (pages.TOKEN_SECONDS + 1) * 10**9
    try:
        with pytest.raises(TimestreamError, match="Invalid pagination token"):
            house.raw(NUMBERS, MaxRows=10, NextToken=token)
    finally:
        house.now = before


def test_results_that_wait_are_bounded(house: House) -> None:
    first = house.raw(NUMBERS, MaxRows=10)["NextToken"]
    for _ in range(pages.WAITING_MAX):
        house.raw(NUMBERS, MaxRows=10)
    with pytest.raises(TimestreamError, match="Invalid pagination token"):
        house.raw(NUMBERS, MaxRows=10, NextToken=first)


def test_a_page_holds_a_megabyte(house: House) -> None:
    query = "SELECT x, sequence(x, x + 2000) FROM UNNEST(sequence(1, 60)) AS t(x)"
    page = house.raw(query)
    sizes = [len(page["Rows"])]
    assert 1 < sizes[0] < 60
    assert len(str(page["Rows"])) < 2 * PAGE_BYTES_MAX
    while "NextToken" in page:
        page = house.raw(query, NextToken=page["NextToken"])
        sizes.append(len(page["Rows"]))
    assert sum(sizes) == 60 and len(sizes) > 2


def test_a_row_larger_than_a_page_is_refused(house: House) -> None:
    query = (
        "SELECT array_agg(x) FROM UNNEST(sequence(1, 10000)) AS t(x), "
        "UNNEST(sequence(1, 6)) AS u(y)"
    )
    with pytest.raises(TimestreamError, match="max page response size has been exceeded"):
        house.raw(query)
    assert house.raw("SELECT 1")["Rows"]


@pytest.mark.parametrize("rows_max", [0, 1001, True, "10"])
def test_max_rows_is_checked(house: House, rows_max: object) -> None:
    with pytest.raises(TimestreamError, match="maxRows"):
        house.raw(NUMBERS, MaxRows=rows_max)


def test_a_query_string_is_needed(house: House) -> None:
    for request in ({}, {"QueryString": ""}, {"QueryString": 5}):
        with pytest.raises(TimestreamError, match="queryString"):
            house.queries.query(request, house)
    with pytest.raises(TimestreamError, match="length between 1 and 262144"):
        house.raw("SELECT 1" + " " * 262_144)


def test_prepare_checks_and_names_the_columns(house: House) -> None:
    text = f"SELECT plant, n AS number, bin(time, 1m) FROM {TABLE}"
    before = list(house.statements)
    prepared = house.queries.prepare_query({"QueryString": text, "ValidateOnly": True}, house)
    source = {"DatabaseName": "kdaflink", "TableName": "kinesisdata1"}
    assert prepared == {
        "QueryString": text,
        "Columns": [
            {"Name": "plant", "Type": {"ScalarType": "VARCHAR"}, "Aliased": False, **source},
            {"Name": "number", "Type": {"ScalarType": "BIGINT"}, "Aliased": True, **source},
            {"Name": "_col2", "Type": {"ScalarType": "TIMESTAMP"}, "Aliased": False},
        ],
        "Parameters": [],
    }
    assert house.statements == before
    with pytest.raises(TimestreamError, match="ValidateOnly"):
        house.queries.prepare_query({"QueryString": text}, house)
    with pytest.raises(TimestreamError, match="Column 'foo' does not exist"):
        house.queries.prepare_query({"QueryString": "SELECT foo", "ValidateOnly": True}, house)


@pytest.fixture
def hasty() -> Iterator[House]:
    house = House(seconds_max=0.3)
    yield house
    house.close()


def test_a_query_that_takes_too_long_is_stopped(hasty: House) -> None:
    start = time.monotonic()
    with pytest.raises(TimestreamError, match=r"time limit of 0\.3s") as caught:
        hasty.raw(SLOW)
    assert caught.value.code == "QueryExecutionException"
    assert time.monotonic() - start < 10
    assert hasty.value("1") == "1"


def test_a_running_query_can_be_cancelled() -> None:
    house = House()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(house.raw, SLOW)
        deadline = time.monotonic() + 10
        while not future.done() and time.monotonic() < deadline:
            for query_id in house.queries._runner.running():
                answer = house.queries.cancel_query({"QueryId": query_id})
                assert query_id in answer["CancellationMessage"]
            time.sleep(0.05)
        with pytest.raises(TimestreamError, match="was cancelled") as caught:
            future.result()
    assert caught.value.code == "ConflictException"
    assert house.value("1") == "1"
    house.close()


def test_cancelling_forgets_what_waits(house: House) -> None:
    page = house.raw(NUMBERS, MaxRows=10)
    house.queries.cancel_query({"QueryId": page["QueryId"]})
    with pytest.raises(TimestreamError, match="Invalid pagination token"):
        house.raw(NUMBERS, MaxRows=10, NextToken=page["NextToken"])
    with pytest.raises(TimestreamError, match="does not exist"):
        house.queries.cancel_query({"QueryId": page["QueryId"]})


def test_several_threads_ask_at_once(house: House) -> None:
    barrier = threading.Barrier(6)

    def ask(number: int) -> list[Any]:
        barrier.wait()
        return [house.value(f"{number} * {i}") for i in range(20)]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, range(6)))
    assert found == [[str(number * i) for i in range(20)] for number in range(6)]


def test_asking_writes_nothing_to_the_database(tmp_path: Path) -> None:
    path = tmp_path / "house.duckdb"
    house = House(str(path))
    for text in (
        "SELECT count(*) FROM $t",
        "SELECT INTERPOLATE_LINEAR(CREATE_TIME_SERIES(time, 1.0), ago(5m)) FROM $t",
        "SHOW MEASURES FROM $t",
    ):
        assert house.ask(text).rows
    house.close()
    again = duckdb.connect(str(path))
    functions = "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'tepwatch%'"
    assert again.execute(functions).fetchall() == [(0,)]
    again.close()


def test_two_services_may_share_a_database(house: House) -> None:
    other = House()
    other.database.close()
    other.database = house.database
    assert (
        other.value("interpolate_linear(CAST(NULL AS varchar) || 'a', now())" if False else "1")
        == "1"
    )
    other.queries.close()
