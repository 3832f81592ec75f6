"""Expansion as Grafana and its data sources do it; expected texts are those of their own tests."""

from __future__ import annotations

import pytest

from dashboards.macros import Chosen, Target, TimeRange, influxql, interval_of, timestream

TIMES = TimeRange(1500376552001, 1500376552002)


def sql(text: str, chosen: Chosen | None = None, interval_ms: int = 60_000) -> str:
    return timestream(
        text,
        times=TIMES,
        interval_ms=interval_ms,
        target=Target('"ddb"', '"dtb"', "measure"),
        chosen=chosen or {},
        now_ms=1500376559999,
    )


def iql(text: str, chosen: Chosen | None = None, interval_ms: int = 60_000) -> str:
    return influxql(text, times=TIMES, interval_ms=interval_ms, chosen=chosen or {})


# pkg/timestream/macros_test.go of the data source, 2.13.0.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "AND $__timeFilter TIMESERIES",
            "AND time BETWEEN from_milliseconds(1500376552001) "
            "AND from_milliseconds(1500376552002) TIMESERIES",
        ),
        ("GROUP BY $__interval_ms TIMESERIES", "GROUP BY 60000ms TIMESERIES"),
        ("GROUP BY $__interval TIMESERIES", "GROUP BY 60000ms TIMESERIES"),
        ("'$__measure' FROM $__database.$__table", '\'measure\' FROM "ddb"."dtb"'),
        ("$__now_ms", "1500376559999"),
        ("TIME > from_milliseconds($__timeFrom)", "TIME > from_milliseconds(1500376552001)"),
        ("TIME < from_milliseconds($__timeTo)", "TIME < from_milliseconds(1500376552002)"),
        ("rate(input) * $__interval_raw_ms", "rate(input) * 60000"),
    ],
)
def test_timestreams_macros(text: str, expected: str) -> None:
    assert sql(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$timeFilter", "time >= 1500376552001ms and time <= 1500376552002ms"),
        ("time($__interval)", "time(1m)"),
        ("time($interval)", "time(1m)"),
        ("count / $__interval_ms", "count / 60000"),
    ],
)
def test_influxdbs_macros(text: str, expected: str) -> None:
    assert iql(text) == expected


@pytest.mark.parametrize(
    ("interval_ms", "expected"),
    [
        (1, "1ms"),
        (500, "500ms"),
        (10_000, "10s"),
        (90_000, "1m"),
        (7_200_000, "2h"),
        (86_400_000, "1d"),
        (31_536_000_000, "1y"),
    ],
)
def test_intervals_of_influxdb(interval_ms: int, expected: str) -> None:
    assert iql("$__interval", interval_ms=interval_ms) == expected


@pytest.mark.parametrize(
    ("value", "plain", "listed"),
    [
        ("a", "a", "'a'"),
        (["a"], "'a'", "'a'"),
        (["a", "it's"], "'a','it''s'", "'a','it''s'"),
        ([], "", ""),
    ],
)
def test_variables_in_sql(value: str | list[str], plain: str, listed: str) -> None:
    assert sql("IN ($plant)", {"plant": value}) == f"IN ({plain})"
    assert sql("IN (${plant})", {"plant": value}) == f"IN ({plain})"
    assert sql("IN (${plant:sqlstring})", {"plant": value}) == f"IN ({listed})"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (["a"], "a"),
        (["a", "b"], "(a|b)"),
        (["a.b", "c/d"], r"(a\.b|c\/d)"),
        (["O'Hare (2) $1 [x]{y} a|b ^*+?\\"], r"O'Hare \(2\) \$1 \[x\]\{y\} a\|b \^\*\+\?\\"),
    ],
)
def test_variables_in_influxql(value: str | list[str], expected: str) -> None:
    for text in ("/^$plant$/", "/^${plant:regex}$/", "/^[[plant:regex]]$/"):
        assert iql(text, {"plant": value}) == f"/^{expected}$/"


def test_what_is_no_variable_stays() -> None:
    assert sql("$plant ${other} $") == "$plant ${other} $"


@pytest.mark.parametrize(
    ("minutes", "points", "expected"),
    [(5, 1000, 200), (15, 1000, 1000), (360, 1000, 20_000), (10_080, 500, 1_200_000)],
)
def test_intervals_are_round(minutes: int, points: int, expected: int) -> None:
    assert interval_of(TimeRange(0, minutes * 60_000), points) == expected
