"""What is not known is refused by name, and nothing of it reaches DuckDB."""

import pytest

from localaws.timestream.model import TimestreamError
from tests.localaws.timestream.house import TABLE, House

REFUSED = [
    # names
    ("SELECT foo FROM $t", "line 1:8: Column 'foo' does not exist"),
    ("SELECT a.foo FROM $t a", "line 1:8: Column 'a.foo' does not exist"),
    ("SELECT interval", "line 1:8: Column 'interval' does not exist"),
    ("SELECT\n  foo FROM $t", "line 2:3: Column 'foo' does not exist"),
    ("SELECT _version FROM $t", "Column '_version' does not exist"),
    ('SELECT "_version" FROM $t', "Column '_version' does not exist"),
    ("SELECT x FROM (SELECT 1 AS x, 2 AS x)", "Column 'x' is ambiguous"),
    ("SELECT foo(1)", "line 1:8: Function 'foo' not registered"),
    ("SELECT sum(n) FROM p1", "Database must be specified for table 'p1'"),
    ('SELECT n FROM "kdaflink"."rows-1"', "The table rows-1 does not exist"),
    ("SELECT n FROM a.b.c", "Table 'a.b.c' does not exist"),
    ("SELECT b.n FROM $t a WHERE EXISTS (SELECT 1 FROM $t b WHERE a.n = b.n)",
     "'a.n' does not exist"),
    # DuckDB's laxer scopes
    ("SELECT n AS x, x + 1 FROM $t", "line 1:16: Column 'x' does not exist"),
    ("SELECT n AS x FROM $t WHERE x > 1", "Column 'x' does not exist"),
    ("SELECT plant AS p, count(*) FROM $t GROUP BY p", "Column 'p' does not exist"),
    ("SELECT plant AS p FROM $t GROUP BY plant HAVING p = 'a'", "Column 'p' does not exist"),
    ("SELECT plant, n FROM $t GROUP BY plant", "'n' must be an aggregate expression or appear in"),
    ("SELECT * FROM $t GROUP BY plant", "must be an aggregate expression or appear in GROUP BY"),
    ("SELECT sum(n), plant FROM $t", "'plant' must be an aggregate expression"),
    ("SELECT DISTINCT n FROM $t ORDER BY plant", "ORDER BY expressions must appear in select list"),
    ("SELECT n FROM $t ORDER BY 2", "ORDER BY position 2 is not in select list"),
    ("SELECT sum(sum(n)) FROM $t", "cannot contain aggregations: sum"),
    ("SELECT n FROM $t WHERE sum(n) > 1", "WHERE clause cannot contain aggregations: sum"),
    ("SELECT n FROM $t WHERE row_number() OVER () = 1",
     "WHERE clause cannot contain window functions"),
    ("SELECT row_number()", "Window function row_number requires an OVER clause"),
    # types
    ("SELECT n FROM $t WHERE plant = 1", "'=' cannot be applied to varchar, integer"),
    ("SELECT '1' = 1", "'=' cannot be applied to varchar, integer"),
    ("SELECT n + plant FROM $t", "'+' cannot be applied to bigint, varchar"),
    ("SELECT time + 1 FROM $t", "'+' cannot be applied to timestamp, integer"),
    ("SELECT 'a' || 1", "'||' cannot be applied to varchar, integer"),
    ("SELECT abs('x')", "Unexpected parameters (varchar) for function abs"),
    ("SELECT ago('15m')", "Unexpected parameters (varchar) for function ago"),
    ("SELECT 1 WHERE 1", "WHERE clause must evaluate to a boolean"),
    ("SELECT 1 UNION SELECT 'a'", "column 1 in UNION query has incompatible types"),
    ("SELECT CASE WHEN true THEN 1 ELSE 'a' END", "All CASE results must be the same type"),
    ("SELECT CAST(1 AS timestamp)", "Cannot cast integer to timestamp"),
    ("SELECT CAST(1 AS decimal(10, 2))", "Unknown type: decimal"),
    ("SELECT time FROM $t WHERE time > '2026'", "'>' cannot be applied to timestamp, varchar"),
    ("SELECT ARRAY[1] = ARRAY[1]", "'=' of array(integer) is not supported"),
    ("SELECT reduce(ARRAY[1], 0, (s, x) -> s + 0.5, s -> s)",
     "the state is integer, the lambda makes double"),
    # what DuckDB would do otherwise
    ("SELECT derivative_linear(s, 1m) FROM (SELECT CREATE_TIME_SERIES(time, n) AS s FROM $t)",
     "Function 'derivative_linear' not registered"),
    ("SELECT interpolate_linear(CREATE_TIME_SERIES(time, n), now()) FROM $t",
     "Unexpected parameters (timeseries(bigint), timestamp) for function interpolate_linear"),
    ("SELECT reverse('abc')", "Unexpected parameters (varchar) for function reverse"),
    ("SELECT round(1.5, -1)", "round to other than 0 to 15 digits is not supported"),
    ("SELECT regexp_like(plant, '(?=a)') FROM $t", "'(?=' in a pattern is not supported"),
    ("SELECT regexp_like(plant, '[a-z&&[b]]') FROM $t", "'&&' in a pattern is not supported"),
    ("SELECT regexp_like(plant, plant) FROM $t", "regexp_like of a pattern that is no literal"),
    ("SELECT regexp_replace('a', 'x*', 'b')", "may match nothing is not supported"),
    ("SELECT 'a' LIKE 'a' ESCAPE 'xy'", "Escape string must be a single character"),
    ("SELECT date_format(time, '%f') FROM $t", "'%f' is not supported"),
    ("SELECT format_datetime(time, 'yyyy ZZZ') FROM $t", "'ZZZ' is not supported"),
    ("SELECT date_trunc('century', time) FROM $t", "'century' is not a valid Timestamp field"),
    ("SELECT approx_percentile(n, 1.5) FROM $t", "Percentile must be between 0 and 1"),
    ("SELECT max(n, 2) FROM $t", "Unexpected parameters (bigint, integer) for function max"),
    ("SELECT bin(time, 0s) FROM $t", "bin: the interval must be positive"),
    ("SELECT 9223372036854775808", "Invalid numeric literal: 9223372036854775808"),
    # constructs
    ("SELECT n FROM $t TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE is not supported"),
    ("SELECT count(*) FROM $t GROUP BY ROLLUP (plant)", "ROLLUP is not supported"),
    ("SELECT count(*) FROM $t GROUP BY GROUPING SETS ((plant))", "GROUPING SETS is not supported"),
    ("SELECT 1 FROM $t a NATURAL JOIN $t b", "NATURAL is not supported"),
    ("SELECT 1 FROM $t LEFT JOIN UNNEST(ARRAY[1]) AS t(x) ON true",
     "LEFT JOIN UNNEST is not supported"),
    ("WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a", "RECURSIVE is not supported"),
    ("SELECT 1 FETCH FIRST 1 ROWS ONLY", "FETCH is not supported"),
    ("SELECT time AT TIME ZONE 'UTC' FROM $t", "AT TIME ZONE is not supported"),
    ("SELECT 1 = ALL (SELECT 1)", "ALL is not supported"),
    ("SELECT count(*) OVER (ORDER BY n RANGE 1 PRECEDING) FROM $t",
     "RANGE with an offset is not supported"),
    ("EXPLAIN SELECT 1", "EXPLAIN is not supported"),
    ("UNLOAD (SELECT 1) TO 's3://bucket'", "UNLOAD is not supported"),
    # not read at all
    ("SELECT 1;SELECT 2", "The query syntax is invalid at line 1:10"),
    ("SELECT 1,", "The query syntax is invalid at line 1:10"),
    ("SELECT FROM $t", "The query syntax is invalid at line 1:8"),
    ("SELECT 1 = = 1", "The query syntax is invalid at line 1:12"),
    ("SELECT 1 LIMIT 5, 3", "The query syntax is invalid at line 1:17"),
    ("SELECT a = b = c FROM $t", "The query syntax is invalid at line 1:14"),
    ("SELECT 'a", "The query syntax is invalid at line 1:8"),
    ("SELECT `n` FROM $t", "The query syntax is invalid at line 1:8"),
    ("SELECT 15x", "The query syntax is invalid at line 1:8"),
    ("SELECT n FROM $t WHERE n == 1", "The query syntax is invalid"),
    ("SELECT 1::double", "The query syntax is invalid"),
    ("SELECT n FROM $t WHERE plant = @plant", "The query syntax is invalid"),
    ("SELECT n FROM $t QUALIFY 1 = 1", "The query syntax is invalid"),
    ("SELECT {'a': 1}", "The query syntax is invalid"),
    # what touches more than tables
    ("SELECT * FROM read_csv('/etc/passwd')", "Table function 'read_csv' not registered"),
    ("SELECT * FROM duckdb_tables()", "Table function 'duckdb_tables' not registered"),
    ("SELECT * FROM range(10)", "Table function 'range' not registered"),
    ("SELECT read_text('/etc/passwd')", "Function 'read_text' not registered"),
    ("SELECT getenv('HOME')", "Function 'getenv' not registered"),
    ("SELECT current_setting('memory_limit')", "Function 'current_setting' not registered"),
    ("SELECT error('x')", "Function 'error' not registered"),
    ("SELECT tepwatch_integrate(1, 2, 3)", "Function 'tepwatch_integrate' not registered"),
    ("SELECT * FROM '/etc/passwd'", "The query syntax is invalid"),
    ('SELECT * FROM "/etc/passwd"', "Database must be specified"),
    ("SELECT * FROM information_schema.tables", "The database information_schema does not exist"),
    ("SELECT * FROM main.sqlite_master", "The database main does not exist"),
    ("PRAGMA database_list", "The query syntax is invalid at line 1:1"),
    ("ATTACH 'x.db'", "The query syntax is invalid at line 1:1"),
    ("COPY (SELECT 1) TO '/tmp/x'", "The query syntax is invalid at line 1:1"),
    ("INSERT INTO $t VALUES (1)", "The query syntax is invalid at line 1:1"),
    ("DELETE FROM $t", "The query syntax is invalid at line 1:1"),
    ("DROP TABLE $t", "The query syntax is invalid at line 1:1"),
    ("SET threads = 1", "The query syntax is invalid at line 1:1"),
    ("INSTALL httpfs", "The query syntax is invalid at line 1:1"),
    ("SHOW TABLES", "The query syntax is invalid"),
    ("SHOW COLUMNS FROM $t", "The query syntax is invalid"),
    # what a lenient parser passes over, takes in another order or fills in
    ("SELECT abs(n,, 1) FROM $t", "The query syntax is invalid at line 1:14"),
    ("SELECT CASE WHEN true 1 END", "The query syntax is invalid at line 1:23"),
    ("SELECT 1 BETWEEN 0 2", "The query syntax is invalid at line 1:20"),
    ("SELECT count(*) FILTER (n = 1) FROM $t", "The query syntax is invalid at line 1:25"),
    ("SELECT count(*) OVER FROM $t", "WINDOW by name is not supported"),
    ("SELECT n FROM $t LIMIT 1 ORDER BY n", "The query syntax is invalid"),
    ("SELECT n FROM $t GROUP BY n WHERE n = 1", "The query syntax is invalid"),
    ("SELECT AS 1", "The query syntax is invalid at line 1:8"),
    ("SELECT 1 AS 'x'", "The query syntax is invalid"),
    ("SELECT n FROM $t AS 'x'", "The query syntax is invalid"),
    ("SELECT 1 FROM $t a JOIN $t b", "The query syntax is invalid"),
    ("SELECT 1 FROM $t a OUTER JOIN $t b ON true", "The query syntax is invalid"),
    ("SELECT n FROM kdaflink..kinesisdata1", "The query syntax is invalid at line 1:24"),
    ("SELECT n FROM $t GROUP BY DISTINCT n", "DISTINCT is not supported"),
    ("WITH a (SELECT 1) SELECT * FROM a", "The query syntax is invalid"),
    ("SELECT 1 IS TRUE", "The query syntax is invalid"),
    ("SELECT 1 NOT IS NULL", "The query syntax is invalid at line 1:14"),
    ("SELECT 1 IS NULL IS NULL", "The query syntax is invalid"),
    ("SELECT CAST(1 AS )", "The query syntax is invalid at line 1:18"),
    ("SELECT n FROM $t ORDER BY n ASC DESC", "The query syntax is invalid"),
    ("SELECT 1 = 2 IS NULL", "The query syntax is invalid"),
    ("SELECT 1 = NOT true", "The query syntax is invalid"),
    ("SELECT !true", "The query syntax is invalid at line 1:8"),
    ("SELECT 1 ?? 2", "The query syntax is invalid at line 1:10"),
    ("SELECT CAST('1' AS bigint FORMAT 'x')", "The query syntax is invalid at line 1:27"),
    ("SELECT 1 {# x #}", "The query syntax is invalid at line 1:10"),
    ("SELECT 0x1F", "The query syntax is invalid at line 1:8"),
    ("FROM $t", "The query syntax is invalid at line 1:1"),
    ("TABLE $t", "The query syntax is invalid at line 1:1"),
    ("DESCRIBE 'x'", "The query syntax is invalid at line 1:10"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "message"), REFUSED)
def test_it_is_refused_by_name_and_duckdb_sees_nothing(
    house: House, query: str, message: str
) -> None:
    before = list(house.statements)
    with pytest.raises(TimestreamError) as caught:
        house.ask(query)
    assert message in str(caught.value)
    assert caught.value.code == "ValidationException"
    assert house.statements == before


HOSTILE = ["'); DROP TABLE x; --", '"; DROP TABLE x; --', "a''b", "\\", "{0}", "%s", "\n--"]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_stay_texts(house: House, text: str) -> None:
    written = text.replace("'", "''")
    assert house.value(f"'{written}'") == text
    assert house.value(f"concat('{written}', '{written}')") == text * 2
    assert house.ask(f"SELECT count(*) FROM $t WHERE plant = '{written}'").rows == [["0"]]
    quoted = text.replace('"', '""')
    assert house.ask(f'SELECT 1 AS "{quoted}"').names == [text]
    with pytest.raises(TimestreamError, match="does not exist"):
        house.ask(f'SELECT "{quoted}" FROM $t')


def test_too_deep_and_too_complex_are_said(house: House) -> None:
    deep = "SELECT " + "(" * 3000 + "1" + ")" * 3000
    with pytest.raises(TimestreamError, match="nested too deep"):
        house.ask(deep)
    exploding = "n"
    for _ in range(12):
        exploding = f"nullif({exploding}, {exploding})"
    with pytest.raises(TimestreamError, match="too complex"):
        house.ask(f"SELECT {exploding} FROM $t")
    names = "WITH a0 AS (SELECT 1 AS x)" + "".join(
        f", a{i} AS (SELECT l.x FROM a{i - 1} l, a{i - 1} r)" for i in range(1, 15)
    )
    with pytest.raises(TimestreamError, match="too complex"):
        house.ask(f"{names} SELECT * FROM a14")


def test_long_chains_are_no_depth(house: House) -> None:
    conditions = " OR ".join(f"n = {i}" for i in range(1000))
    assert house.ask(f"SELECT count(*) FROM {TABLE} WHERE {conditions}").rows == [["0"]]
