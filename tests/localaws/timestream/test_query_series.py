"""Time series: made, unnested, filtered, reduced and interpolated, against naive twins."""

import bisect
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.timestream.interpolation import InterpolationError, integrate, interpolate
from localaws.timestream.model import TimestreamError
from tests.localaws.timestream.house import MINUTE, NOW, SCORES, SECOND, House
from tests.localaws.timestream.test_query_times import shown

SERIES = (
    "(SELECT CREATE_TIME_SERIES(time, measure_value::double) AS s FROM $t "
    "WHERE measure_name = 'anomaly_score_stream6')"
)


def test_a_series_is_in_the_order_of_time_and_exact(house: House) -> None:
    answer = house.ask(f"SELECT s FROM {SERIES}")
    assert answer.types == ["SERIES(DOUBLE)"]
    assert answer.rows == [[[(shown(time), str(value)) for time, value in SCORES]]]


def test_a_series_of_no_rows_is_null(house: House) -> None:
    answer = house.ask("SELECT CREATE_TIME_SERIES(time, n) AS s FROM $t WHERE plant = 'none'")
    assert (answer.types, answer.rows) == (["SERIES(BIGINT)"], [[None]])
    grouped = "SELECT CREATE_TIME_SERIES(time, n) FROM $t WHERE plant = 'none' GROUP BY plant"
    assert house.ask(grouped).rows == []


def test_a_series_takes_no_null(house: House) -> None:
    with pytest.raises(TimestreamError, match="neither time nor value can be null") as caught:
        house.ask('SELECT CREATE_TIME_SERIES(time, xmeas_1) FROM "Plant Data"."readings-1"')
    assert caught.value.code == "QueryExecutionException"


def test_unnest_gives_the_rows_back(house: House) -> None:
    expected = [[shown(time), str(value)] for time, value in SCORES]
    for unnest in ("UNNEST(s)", "UNNEST(s) AS t(time, value)", "UNNEST(s) AS u (time, value)"):
        answer = house.ask(f"SELECT time, value FROM {SERIES} CROSS JOIN {unnest} ORDER BY time")
        assert answer.rows == expected


def test_filter_and_reduce_over_a_series(house: House) -> None:
    answer = house.ask(
        "SELECT FILTER(s, x -> x.value > 3.0 AND x.time < now() - 1m), "
        "REDUCE(FILTER(s, x -> x.value > 1.0), 0, (state, x) -> state + 1, state -> state), "
        "REDUCE(s, CAST(ROW(0.0, 0) AS ROW(total double, number integer)), "
        "(a, x) -> CAST(ROW(a.total + x.value, a.number + 1) "
        "AS ROW(total double, number integer)), "
        "a -> IF(a.number = 0, NULL, a.total / a.number)), "
        "REDUCE(s, DOUBLE '0.0', (a, x) -> a + x.value, a -> round(a, 1)) "
        f"FROM {SERIES}"
    )
    values = [value for _, value in SCORES]
    early = [(shown(t), str(v)) for t, v in SCORES if v > 3 and t < NOW - MINUTE]
    assert answer.types == ["SERIES(DOUBLE)", "INTEGER", "DOUBLE", "DOUBLE"]
    assert answer.rows == [
        [early, str(sum(v > 1 for v in values)), str(sum(values) / 10), str(sum(values))]
    ]


def test_interpolation_in_sql(house: House) -> None:
    answer = house.ask(
        "SELECT INTERPOLATE_LINEAR(s, SEQUENCE(t, t + 2m, 1m)), INTERPOLATE_LOCF(s, t + 30s), "
        "INTERPOLATE_FILL(s, SEQUENCE(t, t + 1m, 30s), -1), INTERPOLATE_LINEAR(s, t - 1ns), "
        "INTERPOLATE_SPLINE_CUBIC(s, t + 90s) "
        "FROM (SELECT CREATE_TIME_SERIES(bin(time, 1m), measure_value::double) AS s, "
        "bin(min(time), 1m) AS t FROM $t WHERE measure_name = 'anomaly_score_stream6')"
    )
    start = SCORES[0][0]
    times = [shown(start + i * MINUTE // 2) for i in range(5)]
    linear, locf, fill, before, spline = answer.rows[0]
    assert linear == [(times[0], "0.0"), (times[2], "0.5"), (times[4], "1.0")]
    assert locf == "0.0"
    assert fill == [(times[0], "0.0"), (times[1], "-1.0"), (times[2], "0.5")]
    assert before is None
    assert float(spline) == pytest.approx(0.75)
    assert answer.types == ["SERIES(DOUBLE)", "DOUBLE", "SERIES(DOUBLE)", "DOUBLE", "DOUBLE"]


def test_a_series_of_nothing_interpolates_to_null(house: House) -> None:
    answer = house.ask(
        "WITH b AS (SELECT bin(time, 10000ms) AS t, sum(measure_value::double) AS v FROM $t "
        "WHERE measure_name = 'none' GROUP BY bin(time, 10000ms)) "
        "SELECT INTERPOLATE_FILL(CREATE_TIME_SERIES(t, v), SEQUENCE(min(t), max(t), 10000ms), "
        "sqrt(-1)) AS filled FROM b"
    )
    assert (answer.names, answer.rows) == (["filled"], [[None]])


def test_points_of_one_time_cannot_be_interpolated(house: House) -> None:
    with pytest.raises(TimestreamError, match="several points of one time"):
        house.ask(
            "SELECT INTERPOLATE_LINEAR(CREATE_TIME_SERIES(bin(time, 1h), measure_value::double), "
            "now()) FROM $t WHERE measure_name = 'anomaly_score_stream6'"
        )


def test_the_integral_counts_in_its_interval(house: House) -> None:
    area = sum((b[0] - a[0]) / SECOND * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(SCORES))
    rows = house.ask(f"SELECT INTEGRAL_TRAPEZOID(s), INTEGRAL_TRAPEZOID(s, 1m) FROM {SERIES}").rows[
        0
    ]
    assert [float(each) for each in rows] == pytest.approx([area, area / 60])


series = st.lists(
    st.tuples(st.integers(0, 10**18), st.floats(-1e6, 1e6)), min_size=1, max_size=20,
    unique_by=lambda point: point[0],
).map(sorted)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(series, st.lists(st.integers(0, 10**18), max_size=10))
def test_interpolation_against_a_naive_twin(
    points: list[tuple[int, float]], others: list[int]
) -> None:
    times, values = [time for time, _ in points], [value for _, value in points]
    wanted = [*others, *times]
    for method in ("linear", "locf", "fill"):
        found = interpolate(method, times, values, wanted, -7.0)
        expected = [_naive(method, points, at) for at in wanted]
        assert found is not None
        for one, other in zip(found, expected, strict=True):
            assert (one is None) == (other is None)
            assert one is None or one == pytest.approx(other, rel=1e-9, abs=1e-6)
        # At a point it is the point, to the last bit.
        assert found[len(others) :] == values


def _naive(method: str, points: list[tuple[int, float]], at: int) -> float | None:
    times = [time for time, _ in points]
    if not times[0] <= at <= times[-1]:
        return None
    i = bisect.bisect_right(times, at) - 1
    (t0, v0) = points[i]
    if t0 == at or method == "locf":
        return v0
    if method == "fill":
        return -7.0
    (t1, v1) = points[i + 1]
    return v0 + (v1 - v0) * ((at - t0) / (t1 - t0))


def test_a_natural_spline_against_its_definition() -> None:
    # Natural spline of (0, 0), (1, 1), (2, 0): 1.5 x - 0.5 x**3 on the first part.
    times = [0, SECOND, 2 * SECOND]
    wanted: list[int | None] = [SECOND // 4, SECOND // 2, SECOND, 3 * SECOND // 2, 3 * SECOND]
    found: Any = interpolate("spline", times, [0.0, 1.0, 0.0], wanted, None)
    assert found[:4] == pytest.approx([0.3671875, 0.6875, 1.0, 0.6875])
    assert found[4] is None
    with pytest.raises(InterpolationError, match="3 points"):
        interpolate("spline", times[:2], [0.0, 1.0], wanted, None)


def test_nulls_of_interpolation_and_integral() -> None:
    assert interpolate("linear", None, None, [1], None) is None
    assert interpolate("linear", [], [], [1], None) == [None]
    assert interpolate("linear", [1], [2.0], [None, 1], None) == [None, 2.0]
    assert integrate(None, None, 1) is None
    assert integrate([5], [2.0], 1) == 0.0
    with pytest.raises(InterpolationError, match="without a value"):
        interpolate("linear", [1, 2], [2.0, None], [1], None)
