"""Times: every result is compared with arithmetic of whole nanoseconds in Python."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localaws.timestream.house import HOUR, MINUTE, NOW, SECOND, House

DAY = 24 * HOUR
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}

moments = st.integers(0, 4 * 10**18)
intervals = st.tuples(st.integers(1, 10_000), st.sampled_from(sorted(UNITS)))
quick = settings(max_examples=60, deadline=None)


def shown(nanoseconds: int) -> str:
    """A naive twin of how times are written."""
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%d %H:%M:%S") + f".{rest:09d}"


@quick
@given(moments, intervals)
def test_bin_goes_down_to_a_multiple(house: House, at: int, interval: tuple[int, str]) -> None:
    count, unit = interval
    width = count * UNITS[unit]
    found = house.value(f"bin(from_nanoseconds({at}), {count}{unit})")
    assert found == shown(at // width * width)


@quick
@given(moments, intervals)
def test_intervals_are_added_to_the_nanosecond(
    house: House, at: int, interval: tuple[int, str]
) -> None:
    count, unit = interval
    width = count * UNITS[unit]
    answer = house.ask(
        f"SELECT t + {count}{unit}, {count}{unit} + t, t - {count}{unit}, (t + {count}{unit}) - t, "
        f"to_nanoseconds(t) FROM (VALUES from_nanoseconds({at})) AS v(t)"
    )
    assert answer.types == ["TIMESTAMP"] * 3 + ["INTERVAL_DAY_TO_SECOND", "BIGINT"]
    plus, swapped, minus, apart, back = answer.rows[0]
    assert (plus, swapped, back) == (shown(at + width), shown(at + width), str(at))
    assert minus == shown(at - width)
    days, clock = apart.split(" ")
    hours, minutes, seconds = clock.split(":")
    whole, part = seconds.split(".")
    total = (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * SECOND + int(part)
    assert int(days) * DAY + total == width


@quick
@given(intervals)
def test_ago_counts_from_the_one_now(house: House, interval: tuple[int, str]) -> None:
    count, unit = interval
    text = f"{count}{unit}"
    rows = house.ask(f"SELECT ago({text}), now() - {text}, now() - ago({text}) = {text}").rows
    expected = shown(NOW - count * UNITS[unit])
    assert rows == [[expected, expected, "true"]]


@quick
@given(moments, st.sampled_from(["second", "minute", "hour", "day"]))
def test_date_trunc_of_fixed_units(house: House, at: int, unit: str) -> None:
    width = UNITS[unit[0]]
    assert house.value(f"date_trunc('{unit}', from_nanoseconds({at}))") == shown(
        at // width * width
    )


@quick
@given(moments)
def test_date_trunc_of_calendar_units(house: House, at: int) -> None:
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=at // DAY)
    expected = [
        day - datetime.timedelta(days=day.weekday()),
        day.replace(day=1),
        day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
        day.replace(day=1, month=1),
    ]
    units = ("week", "month", "quarter", "year")
    listed = ", ".join(f"date_trunc('{unit}', from_nanoseconds({at}))" for unit in units)
    assert house.ask(f"SELECT {listed}").rows[0] == [
        f"{each} 00:00:00.000000000" for each in expected
    ]


@quick
@given(
    moments, moments, st.sampled_from(["millisecond", "second", "minute", "hour", "day", "week"])
)
def test_date_diff_counts_whole_units(house: House, a: int, b: int, unit: str) -> None:
    width = {"millisecond": 1_000_000, "week": 7 * DAY}.get(unit) or UNITS[unit[0]]
    expected = abs(b - a) // width * (1 if b >= a else -1)
    text = f"date_diff('{unit}', from_nanoseconds({a}), from_nanoseconds({b}))"
    assert house.value(text) == str(expected)


@quick
@given(moments)
def test_the_parts_of_a_time(house: House, at: int) -> None:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=at // SECOND)
    week = moment.isocalendar()
    expected = {
        "year": moment.year,
        "quarter": (moment.month - 1) // 3 + 1,
        "month": moment.month,
        "week": week.week,
        "year_of_week": week.year,
        "day": moment.day,
        "day_of_week": moment.isoweekday(),
        "day_of_year": moment.timetuple().tm_yday,
        "hour": moment.hour,
        "minute": moment.minute,
        "second": moment.second,
        "millisecond": at // 1_000_000 % 1000,
        "nanosecond": at % SECOND,
    }
    for form in ("{0}(t)", "extract({0} FROM t)"):
        listed = ", ".join(form.format(field) for field in expected)
        rows = house.ask(f"SELECT {listed} FROM (VALUES from_nanoseconds({at})) AS v(t)").rows
        assert rows == [[str(value) for value in expected.values()]]


@quick
@given(moments, st.integers(-240, 240))
def test_months_end_at_the_last_day(house: House, at: int, months: int) -> None:
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=at // DAY)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = datetime.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - datetime.timedelta(days=1)).day
    moved = datetime.date(year, month + 1, min(day.day, last))
    if not 1700 < moved.year < 2262:
        return
    of_day = shown(at % DAY)[11:]
    found = house.value(f"date_add('month', {months}, from_nanoseconds({at}))")
    assert found == f"{moved} {of_day}"


VALUES = [
    ("TIMESTAMP '2026-11-22 22:00:00.123000042'", "TIMESTAMP", "2026-11-22 22:00:00.123000042"),
    ("from_milliseconds(1795384800123)", "TIMESTAMP", "2026-11-22 22:00:00.123000000"),
    ("to_milliseconds(TIMESTAMP '2022-06-17 17:44:43.771000000')", "BIGINT", "1655487883771"),
    ("to_milliseconds(INTERVAL '2' DAY + INTERVAL '3' HOUR)", "BIGINT", "183600000"),
    ("to_unixtime(TIMESTAMP '2022-06-17 17:44:43.771000000')", "DOUBLE", "1.6554878837710001E9"),
    ("from_iso8601_timestamp('2022-06-17T08:04:05.000000000+05:00')", "TIMESTAMP",
     "2022-06-17 03:04:05.000000000"),
    ("to_iso8601(from_nanoseconds(300000001))", "VARCHAR", "1970-01-01T00:00:00.300000001Z"),
    ("to_iso8601(current_date)", "VARCHAR", "2026-11-22"),
    ("parse_duration('42.8ms')", "INTERVAL_DAY_TO_SECOND", "0 00:00:00.042800000"),
    ("15m", "INTERVAL_DAY_TO_SECOND", "0 00:15:00.000000000"),
    ("-5m", "INTERVAL_DAY_TO_SECOND", "-0 00:05:00.000000000"),
    ("1d + 21h", "INTERVAL_DAY_TO_SECOND", "1 21:00:00.000000000"),
    ("2 * 1h / 4", "INTERVAL_DAY_TO_SECOND", "0 00:30:00.000000000"),
    ("INTERVAL '31' MONTH", "INTERVAL_YEAR_TO_MONTH", "2-7"),
    ("current_timestamp = now()", "BOOLEAN", "true"),
    ("current_date", "DATE", "2026-11-22"),
    ("current_time", "TIME", "22:00:00.000000000"),
    ("TIME '01:00'", "TIME", "01:00:00.000000000"),
    ("TIME '23:30' + 1h", "TIME", "00:30:00.000000000"),
    ("CAST(from_nanoseconds(1) AS varchar)", "VARCHAR", "1970-01-01 00:00:00.000000001"),
    ("CAST(TIMESTAMP '2026-11-22 23:59:59.999999999' AS date)", "DATE", "2026-11-22"),
    ("date_trunc('day', TIMESTAMP '2026-11-22 23:59:59.999999999')", "TIMESTAMP",
     "2026-11-22 00:00:00.000000000"),
    ("TIMESTAMP '2020-01-31 01:00' + INTERVAL '1' MONTH", "TIMESTAMP",
     "2020-02-29 01:00:00.000000000"),
    ("date_diff('month', TIMESTAMP '2020-01-15 12:00', TIMESTAMP '2020-03-15 11:59')", "BIGINT",
     "1"),
    ("date_diff('month', TIMESTAMP '2020-03-15 11:59', TIMESTAMP '2020-01-15 12:00')", "BIGINT",
     "-1"),
    ("date_diff('year', DATE '2020-02-29', DATE '2021-02-28')", "BIGINT", "1"),
    ("date_add('week', 2, DATE '2020-02-20')", "DATE", "2020-03-05"),
    ("last_day_of_month(TIMESTAMP '2020-02-03 04:05')", "DATE", "2020-02-29"),
    ("date_format(TIMESTAMP '2026-11-22 21:05:07', '%W %M %e %Y %l:%i %p')", "VARCHAR",
     "Sunday November 22 2026 9:05 PM"),
    ("format_datetime(TIMESTAMP '2026-11-22 21:05:07.123999', 'yyyy-MM-dd''T''HH:mm:ss.SSS')",
     "VARCHAR", "2026-11-22T21:05:07.123"),
    ("sequence(TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-02', 12h)", "ARRAY(TIMESTAMP)",
     ["2020-01-01 00:00:00.000000000", "2020-01-01 12:00:00.000000000",
      "2020-01-02 00:00:00.000000000"]),
    ("bin('2023-09-20 17:12:22.958000000', 1m)", "TIMESTAMP", "2023-09-20 17:12:00.000000000"),
    ("DATE '2020-01-31' + 1d", "DATE", "2020-02-01"),
    ("DATE '2020-03-01' - DATE '2020-02-01'", "INTERVAL_DAY_TO_SECOND", "29 00:00:00.000000000"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "kind", "value"), VALUES)
def test_a_time_has_its_type_and_value(
    house: House, expression: str, kind: str, value: object
) -> None:
    answer = house.ask(f"SELECT {expression}")
    assert (answer.types, answer.rows) == ([kind], [[value]])


def test_a_text_literal_stands_for_a_time(house: House) -> None:
    rows = house.ask("SELECT time FROM $t WHERE time BETWEEN '2026-11-22 21:59:00' AND now()").rows
    # The tenth score is nine nanoseconds past now.
    assert rows == [["2026-11-22 21:59:00.000000008"]]


def test_literal_times_reach_duckdb_as_constants_so_that_it_can_prune(house: House) -> None:
    house.ask("SELECT count(*) FROM $t WHERE time BETWEEN ago(5m) AND now() - 1m")
    plan = house.database.execute(f"EXPLAIN {house.statements[-1]}").fetchall()[0][1]
    scan = plan[plan.index("Seq Scan") :]
    filters = scan[scan.index("Filters:") :]
    assert "time >= '2026-11-22 21:55:00'" in filters
    assert "time <= '2026-11-22 21:59:00'" in filters
