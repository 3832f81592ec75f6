"""Expressions against values known by hand: what Presto and Timestream document."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.timestream.answer import show_double
from localaws.timestream.model import TimestreamError
from tests.localaws.timestream.house import House

VALUES = [
    # whole numbers stay whole, truncate and keep their width
    ("7/2", "INTEGER", "3"),
    ("-7/2", "INTEGER", "-3"),
    ("7/-2", "INTEGER", "-3"),
    ("-7 % 2", "INTEGER", "-1"),
    ("7 % -2", "INTEGER", "1"),
    ("2147483648/3", "BIGINT", "715827882"),
    ("7/2.0", "DOUBLE", "3.5"),
    ("1 + 2 * 3 - 4", "INTEGER", "3"),
    ("2 * (3 + 4)", "INTEGER", "14"),
    ("- -3", "INTEGER", "3"),
    ("mod(-7, 3)", "INTEGER", "-1"),
    # doubles are written as Java does
    ("1e7", "DOUBLE", "1.0E7"),
    ("9999999.5", "DOUBLE", "9999999.5"),
    ("0.001", "DOUBLE", "0.001"),
    ("0.00099", "DOUBLE", "9.9E-4"),
    ("0.1 + 0.2", "DOUBLE", "0.30000000000000004"),
    ("-0.0", "DOUBLE", "-0.0"),
    ("1e0/0", "DOUBLE", "Infinity"),
    ("-1e0/0", "DOUBLE", "-Infinity"),
    ("0e0/0", "DOUBLE", "NaN"),
    # NaN equals nothing
    ("nan() = nan()", "BOOLEAN", "false"),
    ("nan() <> nan()", "BOOLEAN", "true"),
    ("nan() > 1", "BOOLEAN", "false"),
    ("1 < nan()", "BOOLEAN", "false"),
    ("nan() = CAST(NULL AS double)", "BOOLEAN", None),
    ("nan() BETWEEN 0 AND 1", "BOOLEAN", "false"),
    ("nan() IN (nan(), 1.0)", "BOOLEAN", "false"),
    ("nan() NOT IN (nan(), 1.0)", "BOOLEAN", "true"),
    # NULL
    ("NULL", "UNKNOWN", None),
    ("NULL + 1", "INTEGER", None),
    ("NULL = 1", "BOOLEAN", None),
    ("NULL AND false", "BOOLEAN", "false"),
    ("NULL OR true", "BOOLEAN", "true"),
    ("NOT NULL", "BOOLEAN", None),
    ("1 IN (2, NULL)", "BOOLEAN", None),
    ("1 NOT IN (2, 3)", "BOOLEAN", "true"),
    ("1 IS DISTINCT FROM NULL", "BOOLEAN", "true"),
    ("NULL IS NOT DISTINCT FROM NULL", "BOOLEAN", "true"),
    ("greatest(1, NULL)", "INTEGER", None),
    ("least(2, 1.5)", "DOUBLE", "1.5"),
    ("greatest(sqrt(4), 1.5)", "DOUBLE", "2.0"),
    ("coalesce(NULL, 2, 3.5)", "DOUBLE", "2.0"),
    ("nullif(1, 1)", "INTEGER", None),
    ("if(1 > 2, 'a')", "VARCHAR", None),
    ("if(true, 1, 2.5)", "DOUBLE", "1.0"),
    ("CASE 3 WHEN 1 THEN 'one' WHEN 3 THEN 'three' END", "VARCHAR", "three"),
    ("CASE WHEN NULL THEN 1 ELSE 2 END", "INTEGER", "2"),
    # casts round half away from zero and read only what Presto reads
    ("CAST(2.5 AS bigint)", "BIGINT", "3"),
    ("CAST(-2.5 AS bigint)", "BIGINT", "-3"),
    ("TRY_CAST('1.5' AS bigint)", "BIGINT", None),
    ("TRY_CAST('0x10' AS bigint)", "BIGINT", None),
    ("CAST('+15' AS bigint)", "BIGINT", "15"),
    ("CAST('1e3' AS double)", "DOUBLE", "1000.0"),
    ("CAST(true AS varchar)", "VARCHAR", "true"),
    ("CAST('T' AS boolean)", "BOOLEAN", "true"),
    ("TRY_CAST('yes' AS boolean)", "BOOLEAN", None),
    ("CAST(0 AS boolean)", "BOOLEAN", "false"),
    ("CAST(1e7 AS varchar)", "VARCHAR", "1.0E7"),
    ("CAST(-0.00015 AS varchar)", "VARCHAR", "-1.5E-4"),
    ("CAST(100.0 AS varchar)", "VARCHAR", "100.0"),
    ("TRY_CAST(1e300 AS bigint)", "BIGINT", None),
    ("TRY_CAST('2020-13-01' AS date)", "DATE", None),
    # texts
    ("'a' || 'b' || NULL", "VARCHAR", None),
    ("concat('a', 'b', 'c')", "VARCHAR", "abc"),
    ("length('héllo')", "BIGINT", "5"),
    ("substr('hello', 0)", "VARCHAR", ""),
    ("substr('hello', 2, 3)", "VARCHAR", "ell"),
    ("substr('hello', -3)", "VARCHAR", "llo"),
    ("substr('hello', -9)", "VARCHAR", ""),
    ("substring('hello', 9)", "VARCHAR", ""),
    ("split_part('a,b,c', ',', 2)", "VARCHAR", "b"),
    ("split_part('a,b,c', ',', 4)", "VARCHAR", None),
    ("split('a,b', ',')", "ARRAY(VARCHAR)", ["a", "b"]),
    ("strpos('hello', 'l')", "BIGINT", "3"),
    ("position('z' IN 'hello')", "BIGINT", "0"),
    ("replace('abab', 'b', 'x')", "VARCHAR", "axax"),
    ("trim('\t a ')", "VARCHAR", "a"),
    ("upper('abc') || lower('ABC')", "VARCHAR", "ABCabc"),
    ("'abc' LIKE 'a_c'", "BOOLEAN", "true"),
    ("'abc' LIKE 'A%'", "BOOLEAN", "false"),
    (r"'a%b' LIKE 'a\%b'", "BOOLEAN", "false"),
    (r"'a%b' LIKE 'a\%b' ESCAPE '\'", "BOOLEAN", "true"),
    ("regexp_like('stream_11', '_\\d+$')", "BOOLEAN", "true"),
    ("regexp_extract('stream_11', '_(\\d+)', 1)", "VARCHAR", "11"),
    ("regexp_extract('stream', '\\d+')", "VARCHAR", None),
    ("regexp_replace('a1b2', '\\d', '<$0>')", "VARCHAR", "a<1>b<2>"),
    # numbers
    ("round(2.5)", "DOUBLE", "3.0"),
    ("round(-2.5)", "DOUBLE", "-3.0"),
    ("round(0.285, 2)", "DOUBLE", "0.28"),
    ("round(7, 2)", "INTEGER", "7"),
    ("ceil(1.2) + floor(-1.2)", "DOUBLE", "0.0"),
    ("power(2, 10)", "DOUBLE", "1024.0"),
    ("sign(-3)", "INTEGER", "-1"),
    ("truncate(-1.7)", "DOUBLE", "-1.0"),
    ("log(2, 8)", "DOUBLE", "3.0"),
    ("is_nan(0e0/0)", "BOOLEAN", "true"),
    # arrays and rows
    ("ARRAY[1, 2.5]", "ARRAY(DOUBLE)", ["1.0", "2.5"]),
    ("ARRAY[10, 20][2]", "INTEGER", "20"),
    ("element_at(ARRAY[10, 20], -1)", "INTEGER", "20"),
    ("element_at(ARRAY[10, 20], 3)", "INTEGER", None),
    ("cardinality(ARRAY['a'])", "BIGINT", "1"),
    ("contains(ARRAY[1, NULL], 1)", "BOOLEAN", "true"),
    ("contains(ARRAY[1, NULL], 2)", "BOOLEAN", None),
    ("contains(ARRAY[1, 3], 2)", "BOOLEAN", "false"),
    ("array_max(ARRAY[1, NULL])", "INTEGER", None),
    ("array_sort(ARRAY[3, NULL, 1])", "ARRAY(INTEGER)", ["1", "3", None]),
    ("array_join(ARRAY['a', NULL, 'b'], '-')", "VARCHAR", "a-b"),
    ("ARRAY[1] || ARRAY[2]", "ARRAY(INTEGER)", ["1", "2"]),
    ("sequence(5, 1, -2)", "ARRAY(BIGINT)", ["5", "3", "1"]),
    ("transform(ARRAY[1, 2], x -> x * 10)", "ARRAY(INTEGER)", ["10", "20"]),
    ("filter(ARRAY[1, NULL, 3], x -> x > 1)", "ARRAY(INTEGER)", ["3"]),
    ("reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s * 2)", "INTEGER", "12"),
    ("transform(ARRAY[1], x -> transform(ARRAY[2, 3], y -> x * y))", "ARRAY(ARRAY(INTEGER))",
     [["2", "3"]]),
    ("ROW(1, 'a')", "ROW(field0 INTEGER, field1 VARCHAR)", ("1", "a")),
    ("CAST(ROW(1, 2) AS ROW(a bigint, b double))", "ROW(a BIGINT, b DOUBLE)", ("1", "2.0")),
    ("1 + CAST(ROW(1, 2) AS ROW(a bigint, b double)).b", "DOUBLE", "3.0"),
    # what fails can be tried
    ("try(1/0)", "INTEGER", None),
    ("coalesce(try(CAST('x' AS bigint)), 7)", "BIGINT", "7"),
    ("typeof(ARRAY[1.5])", "VARCHAR", "array(double)"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "kind", "value"), VALUES)
def test_an_expression_has_prestos_type_and_value(
    house: House, expression: str, kind: str, value: object
) -> None:
    answer = house.ask(f"SELECT {expression}")
    assert (answer.names, answer.types, answer.rows) == (["_col0"], [kind], [[value]])


FAILURES = [
    ("1/0", "Division by zero"),
    ("5 % 0", "Division by zero"),
    ("CAST('1.5' AS bigint)", "Cannot cast varchar to bigint"),
    ("CAST('abc' AS boolean)", "Cannot cast varchar to boolean"),
    ("CAST(1e300 AS bigint)", "out of range"),
    ("9223372036854775807 + 1", "Overflow"),
    ("2147483647 + 1", "Overflow"),
    ("ARRAY[1][2]", "Array subscript out of bounds"),
    ("element_at(ARRAY[1], 0)", "SQL array indices start at 1"),
    ("sequence(1, 10001)", "must not have more than 10000 entries"),
    ("sequence(1, 10, -1)", "sequence stop value"),
    ("split_part('a', ',', 0)", "Index must be greater than zero"),
    ("DATE '2020-01-31' + 1h", "Cannot add hour, minutes or seconds to a date"),
    ("(SELECT x FROM (VALUES 1, 2) AS t(x))", "Scalar sub-query has returned multiple rows"),
    ("regexp_like('é', '\\w')", "beyond ASCII"),
    ("greatest(sqrt(-1), 1.5)", "Invalid argument to greatest"),
    ("upper('ß')", "upper of a text with 'ß'"),
]


@pytest.mark.parametrize(("expression", "message"), FAILURES)
def test_what_fails_while_it_runs_says_so(house: House, expression: str, message: str) -> None:
    with pytest.raises(TimestreamError, match=message) as caught:
        house.value(expression)
    assert caught.value.code == "QueryExecutionException"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-(2**31) + 1, 2**31 - 1),
    st.integers(-(2**31) + 1, 2**31 - 1).filter(bool),
)
def test_division_truncates_towards_zero(house: House, a: int, b: int) -> None:
    rows = house.ask(f"SELECT x / y, x % y FROM (VALUES ({a}, {b})) AS t(x, y)").rows
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    assert rows == [[str(quotient), str(a - quotient * b)]]


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_written_alike_by_answers_and_casts(house: House, number: float) -> None:
    answer = house.ask(f"SELECT x, CAST(x AS varchar) FROM (VALUES {number!r}) AS t(x)").rows[0]
    assert answer == [show_double(number)] * 2
    assert float(answer[0]) == number
    assert ("E" in answer[0]) == (number != 0 and not 1e-3 <= abs(number) < 1e7)


def test_no_double_is_lost_on_the_way(house: House) -> None:
    for number in (
        5e-324,
        1.7976931348623157e308,
        2.0**53 + 2,
        math.pi,
        1e16,
        123456789012345680.0,
    ):
        assert float(house.value(repr(number))) == number
