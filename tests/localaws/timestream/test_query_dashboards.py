"""The statements that dashboards send: the reference system's, Grafana's plugin's, AWS's kind."""

import pytest

from tests.localaws.timestream.house import MINUTE, NOW, SCORES, House
from tests.localaws.timestream.test_query_times import shown

PANELS = {
    "anomaly_stream6": "anomaly_score_stream6",
    "anomaly_stream9": "anomaly_score_stream9",
    "anomaly_stream11": "anomaly_score_stream_11",
    **{f"xmeas_{i}": f"xmeas_{i}" for i in (1, 2, 6, 8, 9, 10, 12, 13, 15, 16, 17, 19, 20, 21, 22)},
}
"""The reference dashboard's panels: a series' name and its measure."""


@pytest.mark.parametrize(("alias", "measure"), PANELS.items())
def test_the_reference_dashboards_panels(house: House, alias: str, measure: str) -> None:
    answer = house.ask(
        f'SELECT CREATE_TIME_SERIES(time, measure_value::double) as {alias} FROM "kdaflink".'
        f"\"kinesisdata1\"\n    WHERE measure_name='{measure}' AND\n"
        "    time between ago(15m) and now()"
    )
    assert (answer.names, answer.types) == ([alias], ["SERIES(DOUBLE)"])
    points = [(shown(time), str(value)) for time, value in SCORES if time <= NOW]
    assert answer.rows == [[points if measure == "anomaly_score_stream6" else None]]


def test_what_grafanas_plugin_asks_by_itself(house: House) -> None:
    assert house.ask("SELECT 1").rows == [["1"]]
    for text in ("SHOW DATABASES", 'SHOW TABLES FROM "kdaflink"', "SHOW MEASURES FROM $t"):
        assert house.ask(text).rows


def test_grafanas_macros_as_it_writes_them(house: House) -> None:
    start, end = (NOW - 15 * MINUTE) // 10**6, NOW // 10**6
    filtered = f"time BETWEEN from_milliseconds({start}) AND from_milliseconds({end})"
    answer = house.ask(
        "SELECT BIN(time, 60000ms) AS time_bin, ROUND(AVG(measure_value::double), 2) AS avg_value, "
        "ROUND(APPROX_PERCENTILE(measure_value::double, 0.9), 2) AS p90 "
        f"FROM $t WHERE {filtered} AND measure_name = 'anomaly_score_stream6' "
        "GROUP BY BIN(time, 60000ms) ORDER BY time_bin desc"
    )
    assert answer.types == ["TIMESTAMP", "DOUBLE", "DOUBLE"]
    inside = [(time, value) for time, value in SCORES if time // 10**6 * 10**6 <= NOW - 1]
    assert [row[1] for row in answer.rows] == [str(value) for _, value in reversed(inside)]
    assert house.ask(f"SELECT {end} - 1000 < to_milliseconds(now())").rows == [["true"]]


def test_labelled_series_sorted_by_an_aggregate(house: House) -> None:
    answer = house.ask(
        'SELECT plant, "Process-Area", CREATE_TIME_SERIES(time, measure_value::double) AS score '
        "FROM $t WHERE time > ago(1h) AND measure_name = 'anomaly_score_stream6' "
        'GROUP BY plant, "Process-Area", measure_name '
        "ORDER BY AVG(measure_value::double) DESC LIMIT 3"
    )
    assert [row[1] for row in answer.rows] == ["area-1", "area-0"]
    assert [len(row[2]) for row in answer.rows] == [5, 5]


def test_a_fleets_outliers(house: House) -> None:
    answer = house.ask(
        'WITH fleet AS (SELECT count(DISTINCT "Process-Area") AS areas, '
        "avg(measure_value::double) AS level FROM $t "
        "WHERE measure_name = 'anomaly_score_stream6'), "
        'one AS (SELECT "Process-Area" AS area, avg(measure_value::double) AS level FROM $t '
        "WHERE measure_name = 'anomaly_score_stream6' GROUP BY \"Process-Area\"), "
        "ranked AS (SELECT area, level, dense_rank() OVER (ORDER BY level DESC) AS rank FROM one) "
        "SELECT r.area, r.level, fleet.level, areas, rank FROM fleet, ranked r "
        "WHERE r.level > 1.05 * fleet.level AND rank = 1"
    )
    assert answer.rows == [["area-1", "2.5", "2.25", "2", "1"]]


def test_a_share_of_rows_by_counting_an_if(house: House) -> None:
    text = (
        "SELECT ROUND(COUNT(IF(v > 3.2, 1, NULL)) * 100 / CAST(COUNT(*) AS DOUBLE)) AS share "
        "FROM (SELECT measure_value::double AS v FROM $t WHERE measure_name LIKE 'anomaly%')"
    )
    assert house.ask(text).rows == [["30.0"]]


def test_measures_side_by_side(house: House) -> None:
    answer = house.ask(
        "SELECT BIN(time, 1h) AS hour, "
        "MAX(CASE WHEN measure_name = 'count' THEN measure_value::bigint ELSE NULL END) AS most, "
        "COUNT(CASE WHEN measure_name = 'mode' THEN measure_value::varchar END) AS modes "
        "FROM $t WHERE measure_name IN ('count', 'mode') GROUP BY BIN(time, 1h) ORDER BY hour"
    )
    assert answer.rows == [["2026-11-22 21:00:00.000000000", "9007199254740993", "1"]]


def test_a_grid_of_times_joined_with_what_was_measured(house: House) -> None:
    answer = house.ask(
        "WITH grid AS (SELECT date_add('minute', m, bin('2026-11-22 21:50:30', 1m)) AS time "
        "FROM UNNEST(sequence(0, 2)) t(m)), "
        "measured AS (SELECT bin(time, 1m) AS slot, avg(measure_value::double) AS v FROM $t "
        "WHERE measure_name = 'anomaly_score_stream6' GROUP BY bin(time, 1m)) "
        "SELECT time, v, LAST_VALUE(v) IGNORE NULLS OVER (ORDER BY time "
        "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS filled "
        "FROM grid LEFT JOIN measured ON grid.time = measured.slot ORDER BY time"
    )
    assert [row[1:] for row in answer.rows] == [[None, None], ["0.0", "0.0"], ["0.5", "0.5"]]
