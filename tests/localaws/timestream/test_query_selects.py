"""SELECT and what surrounds it, on tables with known rows."""

import pytest

from localaws.timestream.model import TimestreamError
from tests.localaws.timestream.house import SCORES, House

SCORE = "measure_name = 'anomaly_score_stream6'"


def test_star_shows_the_columns_of_the_view_only(house: House) -> None:
    answer = house.ask("SELECT * FROM $t ORDER BY time LIMIT 1")
    assert answer.names[:4] == ["plant", "Process-Area", "measure_name", "time"]
    assert "_version" not in answer.names
    assert answer.rows[0][:5] == [
        "plant-1",
        "area-0",
        "anomaly_score_stream6",
        "2026-11-22 21:51:00.000000000",
        "0.0",
    ]


def test_grouping_by_bin_against_a_naive_twin(house: House) -> None:
    answer = house.ask(
        'SELECT "process-area", bin(time, 5m) AS slot, avg(measure_value::double), count(*), '
        f"min(time), max_by(measure_value::double, time) FROM $t WHERE {SCORE} "
        'GROUP BY "Process-Area", bin(time, 5m) ORDER BY slot DESC, 1'
    )
    groups: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for i, (time, value) in enumerate(SCORES):
        groups.setdefault((-(time // 300_000_000_000), i % 2), []).append((time, value))
    expected = [
        [f"area-{area}", str(sum(v for _, v in rows) / len(rows)), str(len(rows)), str(rows[-1][1])]
        for (_, area), rows in sorted(groups.items())
    ]
    assert [[row[0], row[2], row[3], row[5]] for row in answer.rows] == expected
    assert answer.names == ["process-area", "slot", "_col2", "_col3", "_col4", "_col5"]
    assert answer.types == ["VARCHAR", "TIMESTAMP", "DOUBLE", "BIGINT", "TIMESTAMP", "DOUBLE"]


QUERIES = [
    # aggregates
    ("SELECT sum(x), avg(x), count(x), count(*) FROM (VALUES 1, 2, NULL) AS t(x)",
     [["3", "1.5", "2", "3"]]),
    ("SELECT sum(x), count(*), max(x), array_agg(x) FROM (VALUES 1) AS t(x) WHERE x > 1",
     [[None, "0", None, None]]),
    ("SELECT count(DISTINCT x), approx_distinct(x), count_if(x > 1) FROM (VALUES 1, 2, 2) AS t(x)",
     [["2", "2", "2"]]),
    ("SELECT stddev(x), stddev_pop(x), variance(x), var_pop(x) FROM (VALUES 1.0, 3.0) AS t(x)",
     [["1.4142135623730951", "1.0", "2.0", "1.0"]]),
    ("SELECT stddev(x), variance(x) FROM (VALUES 1.0) AS t(x)", [[None, None]]),
    ("SELECT corr(x, y), regr_slope(x, y), regr_intercept(x, y), covar_pop(x, y) "
     "FROM (VALUES (1, 1), (3, 2)) AS t(x, y)", [["1.0", "2.0", "-1.0", "0.5"]]),
    ("SELECT corr(x, 1) FROM (VALUES 1, 2) AS t(x)", [[None]]),
    ("SELECT max_by(x, y), min_by(x, y) "
     "FROM (VALUES (1, 5), (NULL, 9), (3, NULL), (4, 1)) AS t(x, y)",
     [[None, "4"]]),
    ("SELECT approx_percentile(x, 0.5), approx_percentile(x, 0.9) FROM "
     "UNNEST(sequence(1, 10)) AS t(x)", [["5", "9"]]),
    ("SELECT array_agg(x ORDER BY x DESC), bool_and(x > 0), bool_or(x > 2) "
     "FROM (VALUES 1, 3) AS t(x)",
     [[["3", "1"], "true", "true"]]),
    ("SELECT sum(x) FILTER (WHERE x > 1) FROM (VALUES 1, 2, 3) AS t(x)", [["5"]]),
    ("SELECT sum(i) FROM (VALUES 1h, 30m) AS t(i)", [["0 01:30:00.000000000"]]),
    ("SELECT x % 2, count(*) FROM UNNEST(sequence(1, 5)) AS t(x) GROUP BY 1 HAVING count(*) > 2",
     [["1", "3"]]),
    ("SELECT x + 1, sum(x + 1) FROM (VALUES 1, 1) AS t(x) GROUP BY x + 1", [["2", "4"]]),
    ("SELECT T.x, count(*) FROM (VALUES 1, 1) AS t(X) GROUP BY x", [["1", "2"]]),
    ("SELECT count(*) FROM (VALUES 1) AS t(x) WHERE false GROUP BY x", []),
    ("SELECT 1 FROM (VALUES 1, 2) AS t(x) HAVING true", [["1"]]),
    # order
    ("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x", [["1"], ["2"], [None]]),
    ("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x DESC", [["2"], ["1"], [None]]),
    ("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x DESC NULLS FIRST LIMIT 2",
     [[None], ["2"]]),
    ("SELECT -x AS x FROM (VALUES 1, 2) AS t(x) ORDER BY x", [["-2"], ["-1"]]),
    ("SELECT -x AS y FROM (VALUES 1, 2) AS t(x) ORDER BY x", [["-1"], ["-2"]]),
    ("SELECT x AS y FROM (VALUES 1, 2) AS t(x) ORDER BY -y", [["2"], ["1"]]),
    ("SELECT x FROM (VALUES 3, 1, 2) AS t(x) ORDER BY 1 OFFSET 1 LIMIT 1", [["2"]]),
    ("SELECT DISTINCT x FROM (VALUES 2, 1, 2) AS t(x) ORDER BY x", [["1"], ["2"]]),
    ("SELECT x, sum(y) AS s FROM (VALUES (1, 5), (2, 7)) AS t(x, y) GROUP BY x ORDER BY s DESC",
     [["2", "7"], ["1", "5"]]),
    ("SELECT x FROM (VALUES (1, 5), (2, 7)) AS t(x, y) GROUP BY x ORDER BY max(y) DESC",
     [["2"], ["1"]]),
    # joins
    ("SELECT a.x, b.x FROM (VALUES 1, 2) a(x) JOIN (VALUES 2, 3) b(x) ON a.x = b.x", [["2", "2"]]),
    ("SELECT a.x, b.x FROM (VALUES 1, 2) a(x) LEFT JOIN (VALUES 2, 3) b(x) ON a.x = b.x ORDER BY 1",
     [["1", None], ["2", "2"]]),
    ("SELECT a.x, b.x FROM (VALUES 1) a(x) FULL JOIN (VALUES 2) b(x) ON a.x = b.x ORDER BY 1, 2",
     [["1", None], [None, "2"]]),
    ("SELECT * FROM (VALUES (1, 'a')) l(k, v) JOIN (VALUES (1, 'b')) r(k, w) USING (k)",
     [["1", "a", "b"]]),
    ("SELECT count(*) FROM (VALUES 1, 2) a(x), (VALUES 1, 2, 3) b(y)", [["6"]]),
    ("SELECT r.* FROM (VALUES 1) l(x) CROSS JOIN (VALUES (2, 3)) r(y, z)", [["2", "3"]]),
    # combined
    ("SELECT 1 AS x UNION ALL SELECT 2.5 ORDER BY x DESC", [["2.5"], ["1.0"]]),
    ("SELECT 1 UNION SELECT 1", [["1"]]),
    ("VALUES 1, 2 INTERSECT VALUES 2, 3", [["2"]]),
    ("VALUES 1, 2 EXCEPT VALUES 2", [["1"]]),
    ("(SELECT 1 AS x) UNION ALL (SELECT 2 ORDER BY 1 LIMIT 1) ORDER BY x DESC LIMIT 1", [["2"]]),
    # WITH
    ("WITH a AS (SELECT 1 AS x), b(y) AS (SELECT x + 1 FROM a) SELECT x, y FROM a, b", [["1",
     "2"]]),
    ("WITH a AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT 2) SELECT * FROM a), a", [["2", "1"]]),
    # subqueries
    ("SELECT x FROM (VALUES 1, 5) AS t(x) WHERE x = (SELECT max(y) FROM (VALUES 5) AS u(y))",
     [["5"]]),
    ("SELECT x FROM (VALUES 1, 5) AS t(x) WHERE x IN (SELECT 1)", [["1"]]),
    ("SELECT x FROM (VALUES 1) AS t(x) WHERE x NOT IN (SELECT NULL)", []),
    ("SELECT EXISTS (SELECT 1 WHERE false)", [["false"]]),
    ("SELECT CASE WHEN 1 = 2 THEN (SELECT NULL) ELSE now() END",
     [["2026-11-22 22:00:00.000000000"]]),
    # UNNEST
    ("SELECT * FROM UNNEST(ARRAY[1, 2], ARRAY['a']) WITH ORDINALITY AS t(x, y, i)",
     [["1", "a", "1"], ["2", None, "2"]]),
    ("SELECT k, x FROM (VALUES ('a', ARRAY[1, 2]), ('b', NULL)) AS t(k, xs) "
     "CROSS JOIN UNNEST(xs) AS u(x)",
     [["a", "1"], ["a", "2"]]),
    ("SELECT x, y FROM UNNEST(ARRAY[ROW(1, 'a'), ROW(2, 'b')]) AS t(x, y)",
     [["1", "a"], ["2", "b"]]),
    # windows
    ("SELECT x, row_number() OVER (ORDER BY x DESC), lag(x) OVER (ORDER BY x), "
     "lead(x, 1, 0) OVER (ORDER BY x), sum(x) OVER (ORDER BY x), "
     "first_value(x) OVER (ORDER BY x DESC), ntile(2) OVER (ORDER BY x) "
     "FROM (VALUES 1, 2, 3) AS t(x) ORDER BY x",
     [["1", "3", None, "2", "1", "3", "1"], ["2", "2", "1", "3", "3", "3", "1"],
      ["3", "1", "2", "0", "6", "3", "2"]]),
    ("SELECT x, avg(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) "
     "FROM (VALUES 1, 2, 4) AS t(x) ORDER BY x", [["1", "1.0"], ["2", "1.5"], ["4", "3.0"]]),
    ("SELECT t, last_value(x) IGNORE NULLS OVER (ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND "
     "CURRENT ROW) FROM (VALUES (1, 5), (2, NULL), (3, 6)) AS v(t, x) ORDER BY t",
     [["1", "5"], ["2", "5"], ["3", "6"]]),
    ("SELECT k, sum(x), rank() OVER (ORDER BY sum(x) DESC) "
     "FROM (VALUES ('a', 1), ('b', 2), ('a', 3)) AS t(k, x) GROUP BY k ORDER BY k",
     [["a", "4", "1"], ["b", "2", "2"]]),
    ("SELECT x, dense_rank() OVER (PARTITION BY k ORDER BY x), percent_rank() OVER (ORDER BY x) "
     "FROM (VALUES ('a', 1), ('a', 1), ('b', 2)) AS t(k, x) ORDER BY x, k",
     [["1", "1", "0.0"], ["1", "1", "0.0"], ["2", "1", "1.0"]]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), QUERIES)
def test_a_query_has_the_rows_known_by_hand(
    house: House, query: str, rows: list[list[object]]
) -> None:
    assert house.ask(query).rows == rows


def test_names_are_as_written_or_numbered(house: House) -> None:
    answer = house.ask(
        'SELECT PLANT, measure_value::DOUBLE, 1, kinesisdata1.time AS "At Time", $t.plant, '
        "count(*) OVER () FROM $t LIMIT 1"
    )
    assert answer.names == ["PLANT", "measure_value::DOUBLE", "_col2", "At Time", "plant", "_col5"]


def test_each_kind_of_measure_value_keeps_its_type(house: House) -> None:
    answer = house.ask(
        "SELECT measure_value::bigint, measure_value::varchar, measure_value::boolean FROM $t "
        f"WHERE NOT {SCORE} ORDER BY time"
    )
    assert answer.types == ["BIGINT", "VARCHAR", "BOOLEAN"]
    assert answer.rows == [
        [None, "LEARNING", None],
        ["9007199254740993", None, None],
        [None, None, "true"],
    ]


def test_columns_of_multi_measure_records_have_their_own_names(house: House) -> None:
    answer = house.ask(
        'SELECT xmeas_1, n FROM "Plant Data"."readings-1" WHERE xmeas_1 IS NOT NULL ORDER BY n'
    )
    assert answer.rows == [["10.0", "0"], ["11.0", "1"], ["13.0", "3"]]


def test_show_and_describe(house: House) -> None:
    assert house.ask("SHOW DATABASES").rows == [["Plant Data"], ["kdaflink"]]
    assert house.ask("SHOW DATABASES LIKE 'k%'").rows == [["kdaflink"]]
    assert house.ask('SHOW TABLES FROM "Plant Data"').rows == [["readings-1"]]
    assert house.ask("SHOW TABLES IN kdaflink LIKE '%data_'").rows == [["kinesisdata1"]]
    described = house.ask("DESCRIBE $t")
    assert described.names == ["Column", "Type", "Timestream attribute type"]
    assert described.rows[1:5] == [
        ["Process-Area", "varchar", "DIMENSION"],
        ["measure_name", "varchar", "MEASURE_NAME"],
        ["time", "timestamp", "TIMESTAMP"],
        ["measure_value::double", "double", "MEASURE_VALUE"],
    ]


def test_show_measures_names_the_dimensions_that_a_measure_has(house: House) -> None:
    answer = house.ask("SHOW MEASURES FROM $t")
    assert answer.names == ["measure_name", "data_type", "dimensions"]
    assert answer.types[2] == "ARRAY(ROW(dimension_name VARCHAR, data_type VARCHAR))"
    plant, area = ("plant", "varchar"), ("Process-Area", "varchar")
    assert answer.rows == [
        ["alarm", "boolean", [plant]],
        ["anomaly_score_stream6", "double", [plant, area]],
        ["count", "bigint", [plant]],
        ["mode", "varchar", [plant]],
    ]
    multi = house.ask('SHOW MEASURES FROM "Plant Data"."readings-1" LIKE \'read%\'')
    assert multi.rows == [["readings", "multi", [plant, area]]]


def test_an_unknown_table_is_the_catalogues_error(house: House) -> None:
    for text in ("SELECT 1 FROM kdaflink.nothing", "DESCRIBE kdaflink.nothing"):
        with pytest.raises(TimestreamError, match="The table nothing does not exist"):
            house.ask(text)
