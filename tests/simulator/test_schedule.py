from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.actions import VALVE4_STUCK_PERCENT, Action, ActionError, Disturb, HoldValve, Restart
from simulator.schedule import Schedule, Scheduled, check_plant, parse_hours, parse_idv

ALLOWED = "allowed is e.g. 6, 6@8h, 4@2h..5h, plant-2:6@8h or valve4-stuck@8h"


def restart(hours: float, plant: str | None = None) -> Scheduled:
    return Scheduled(hours, plant, Restart())


def test_an_empty_schedule_has_nothing_to_do() -> None:
    schedule = Schedule()
    assert schedule.next_hours is None
    assert schedule.take(1e9) == []


def test_what_is_due_is_taken_once_with_its_end_included() -> None:
    schedule = Schedule([restart(3.0), restart(1.0), restart(2.0)])
    assert schedule.next_hours == 1.0
    assert schedule.take(0.999) == []
    assert schedule.take(2.0) == [restart(1.0), restart(2.0)]
    assert schedule.next_hours == 3.0
    assert schedule.take(2.0) == []
    schedule.add([restart(2.5)])
    assert schedule.next_hours == 2.5
    assert schedule.take(9.0) == [restart(2.5), restart(3.0)]
    assert schedule.next_hours is None


@given(st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=5), st.lists(st.integers(-1, 6)))
def test_the_same_time_goes_in_the_order_of_adding(
    added: list[list[int]], times: list[int]
) -> None:
    schedule = Schedule()
    items: list[Scheduled] = []
    for hours in added:
        new = [restart(float(h), f"plant-{len(items) + n}") for n, h in enumerate(hours)]
        schedule.add(new)
        items += new
    taken: list[Scheduled] = []
    for time in sorted(times):
        part = schedule.take(time)
        assert all(item.hours <= time for item in part)
        taken += part
        assert schedule.next_hours is None or schedule.next_hours > time
    assert taken + schedule.take(9.0) == sorted(items, key=lambda item: item.hours)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("8h", 8.0),
        ("8.5h", 8.5),
        ("30m", 0.5),
        ("90s", 0.025),
        ("0h", 0.0),
        (" 2h ", 2.0),
        ("1e-05h", 1e-05),
        ("1e+22h", 1e22),
    ],
)
def test_times(text: str, hours: float) -> None:
    assert parse_hours(text) == hours


@given(st.floats(0, allow_infinity=False))
def test_a_written_time_is_read_to_the_last_bit(hours: float) -> None:
    assert parse_hours(f"{hours!r}h") == hours


@pytest.mark.parametrize(
    "text", ["", "8", "h", "-1h", "8d", "8h30m", "1e999h", "nanh", "infh", "1_0h", "٣h", ".5h"]
)
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(ActionError) as caught:
        parse_hours(text)
    assert str(caught.value) == (
        f"{text!r} is not a time since the start, such as 8h, 8.5h, 30m or 90s"
    )


STUCK = HoldValve(4, VALVE4_STUCK_PERCENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6", [(0.0, None, Disturb(6))]),
        ("20@8h", [(8.0, None, Disturb(20))]),
        ("4@2h..5h", [(2.0, None, Disturb(4)), (5.0, None, Disturb(4, on=False))]),
        ("1@90s..30m", [(0.025, None, Disturb(1)), (0.5, None, Disturb(1, on=False))]),
        ("1@8.5h..9.25h", [(8.5, None, Disturb(1)), (9.25, None, Disturb(1, on=False))]),
        ("plant-2:6", [(0.0, "plant-2", Disturb(6))]),
        (
            "plant-2:6@8h..9h",
            [(8.0, "plant-2", Disturb(6)), (9.0, "plant-2", Disturb(6, on=False))],
        ),
        ("a:b@c:6@8h", [(8.0, "a:b@c", Disturb(6))]),
        ("valve4-stuck", [(0.0, None, STUCK)]),
        (
            "plant-2:valve4-stuck@8h..9h",
            [(8.0, "plant-2", STUCK), (9.0, "plant-2", HoldValve(4, None))],
        ),
    ],
)
def test_idv(text: str, expected: list[tuple[float, str | None, Action]]) -> None:
    assert parse_idv(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a disturbance with its time"),
        ("@8h", "not a disturbance with its time"),
        ("plant-2:", "not a disturbance with its time"),
        ("six@8h", "idv is 1 to 20 or valve4-stuck, not 'six'"),
        ("-6", "idv is 1 to 20 or valve4-stuck, not '-6'"),
        ("6.5", "idv is 1 to 20 or valve4-stuck, not '6.5'"),
        ("0", "idv is between 1 and 20, not 0"),
        ("21@8h", "idv is between 1 and 20, not 21"),
        ("6@8", "'8' is not a time since the start, such as 8h, 8.5h, 30m or 90s"),
        ("6@-8h", "'-8h' is not a time since the start, such as 8h, 8.5h, 30m or 90s"),
        ("6@8h..", "'8h..' is not a time since the start, such as 8h, 8.5h, 30m or 90s"),
        ("6@8h..x", "'x' is not a time since the start, such as 8h, 8.5h, 30m or 90s"),
        ("6@8h..8h", "the end, 8h, is not after the beginning, 8h"),
        ("6@8h..30m", "the end, 30m, is not after the beginning, 8h"),
        ("plant-3:6@8h", "plant: 'plant-3' is not one of plant-1, plant-2"),
    ],
)
def test_a_bad_idv_is_told_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ActionError) as caught:
        parse_idv(text, ["plant-1", "plant-2"])
    assert str(caught.value) == f"--idv {text!r}: {reason}; {ALLOWED}"


def test_many_plants_are_not_all_listed() -> None:
    plants = [f"plant-{number}" for number in range(1, 1001)]
    check_plant("plant-1000", plants)
    with pytest.raises(
        ActionError, match=r"'x' is not one of plant-1, .*plant-9 \.\.\. plant-1000"
    ):
        check_plant("x", plants)
    with pytest.raises(ActionError, match="'x' is not one of none"):
        check_plant("x", [])
