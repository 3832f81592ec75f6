from __future__ import annotations

import pytest

from detection.alarm_rule import AlarmRule, alarms


@pytest.mark.parametrize(
    ("p_values", "raised_at"),
    [
        ([0.5, 0.0009, 0.0009, 0.0009, 0.5], 3),
        ([0.5, 1e-6, 1e-6, 0.5], 2),
        ([0.5, 1e-6, 0.5, 0.5, 1e-6, 0.5], None),
        ([0.0011] * 50, None),
        ([1e-9], None),
    ],
)
def test_ticks_have_to_be_unlikely_together(p_values: list[float], raised_at: int | None) -> None:
    active = alarms(p_values)
    assert (active.index(True) if True in active else None) == raised_at


def test_an_alarm_is_over_after_seven_ticks_that_are_not_unlikely() -> None:
    active = alarms([1e-4] * 3 + [0.5] * 6 + [1e-4] + [0.5] * 12)
    assert active.index(True) == 2
    assert [tick for tick, is_active in enumerate(active) if is_active] == list(range(2, 16))


def test_what_raised_an_alarm_does_not_raise_the_next() -> None:
    active = alarms([1e-4] * 3 + [0.5] * 10 + [1e-4] + [0.5] * 5)
    assert active[12:] == [False] * 7


def test_the_rule_is_where_it_was_after_a_copy() -> None:
    rule = AlarmRule()
    for p_value in (1e-4, 1e-4):
        rule.advance(p_value)
    copy = AlarmRule(list(rule.last), rule.active, rule.clear)
    assert copy.advance(1e-4)
