from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.actions import (
    Action,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
    check,
)
from simulator.scenario import dump, load
from simulator.schedule import Scheduled
from simulator.strategies import BENCHMARK_PI, OPEN_LOOP, RICKER, STRATEGIES, Strategy
from tepwatch.errors import InputFileError
from tepwatch.tags import XMEAS_IDS

PLANTS = ("plant-1", "plant-2")
A_TIME = 'a time in quotes such as "8h", "8.5h", "30m" or "90s"'


def loaded(
    folder: Path, text: str, strategy: Strategy = RICKER, plants: tuple[str, ...] = PLANTS
) -> list[Scheduled]:
    path = folder / "day.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, strategy, plants)


WHOLE_DAY = """\
# What a day can bring.
[[disturbance]]
idv = 6
at = "8h"
until = "12h"
plant = "plant-2"

[[setpoint]]
name = "reactor-pressure"
value = 2750
at = "2h"

[[valve]]  # by hand
number = 10
percent = 45
at = "3h"
until = "4h"
plant = ["plant-1", "plant-2", "plant-1"]

[[ sensor ]]
tag = "xmeas_9"
fault = "bias"
amount = 2.0
at = "5h"
until = "330m"

[[restart]]
at = "20h"

[[disturbance]]
idv = 1
at = "90s"
"""


def test_a_whole_day(tmp_path: Path) -> None:
    expected: list[tuple[float, str | None, Action]] = [
        (0.025, None, Disturb(1)),
        (2.0, None, SetSetpoint("reactor-pressure", 2750.0)),
        (3.0, "plant-1", HoldValve(10, 45.0)),
        (3.0, "plant-2", HoldValve(10, 45.0)),
        (4.0, "plant-1", HoldValve(10)),
        (4.0, "plant-2", HoldValve(10)),
        (5.0, None, FailSensor("xmeas_9", SensorFault.BIAS, 2.0)),
        (5.5, None, FailSensor("xmeas_9")),
        (8.0, "plant-2", Disturb(6)),
        (12.0, "plant-2", Disturb(6, on=False)),
        (20.0, None, Restart()),
    ]
    assert loaded(tmp_path, WHOLE_DAY) == expected


@pytest.mark.parametrize("fault", list(SensorFault))
def test_every_sensor_fault(tmp_path: Path, fault: SensorFault) -> None:
    amount = 0.0 if fault in (SensorFault.STUCK, SensorFault.MISSING) else 0.5
    text = f'[[sensor]]\ntag = "xmeas_41"\nfault = "{fault}"\namount = {amount}\nat = "0h"\n'
    assert loaded(tmp_path, text) == [(0.0, None, FailSensor("xmeas_41", fault, amount))]


def test_what_undoes_has_its_own_form(tmp_path: Path) -> None:
    text = """
        [[disturbance]]
        idv = 6
        on = false
        at = "1h"
        [[valve]]
        number = 4
        auto = true
        at = "2h"
        [[sensor]]
        tag = "xmeas_1"
        fault = "ok"
        at = "3h"
    """
    expected: list[tuple[float, None, Action]] = [
        (1.0, None, Disturb(6, on=False)),
        (2.0, None, HoldValve(4)),
        (3.0, None, FailSensor("xmeas_1")),
    ]
    assert loaded(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("strategy", "name", "start"),
    [
        (RICKER, "reactor-pressure", 2800.0),
        (RICKER, "stripper-level", 50.0),
        (BENCHMARK_PI, "reactor-level", 75.0),
    ],
)
def test_a_setpoint_ends_where_the_strategy_starts(
    tmp_path: Path, strategy: Strategy, name: str, start: float
) -> None:
    low = strategy.setpoints[name].low
    text = f'[[setpoint]]\nname = "{name}"\nvalue = {low}\nat = "1h"\nuntil = "2h"\n'
    expected = [(1.0, None, SetSetpoint(name, low)), (2.0, None, SetSetpoint(name, start))]
    assert loaded(tmp_path, text, strategy) == expected


@pytest.mark.parametrize("strategy", [one for one in STRATEGIES.values() if one.setpoints])
def test_every_setpoint_starts_with_what_may_be_asked_for(
    tmp_path: Path, strategy: Strategy
) -> None:
    for name, setpoint in strategy.setpoints.items():
        text = f'[[setpoint]]\nname = "{name}"\nvalue = {setpoint.high}\nat = "1h"\nuntil = "2h"\n'
        check(loaded(tmp_path, text, strategy)[1].action, strategy)


def test_at_the_same_time_ends_come_first_and_then_the_order_of_the_file(tmp_path: Path) -> None:
    text = """
        [[valve]]
        number = 10
        percent = 60
        at = "4h"
        [[restart]]
        at = "4h"
        [[valve]]
        number = 10
        percent = 45
        at = "3h"
        until = "4h"
        [[disturbance]]
        idv = 6
        at = "4h"
        [[restart]]
        at = "4h"
    """
    assert [item.action for item in loaded(tmp_path, text)] == [
        HoldValve(10, 45.0),
        HoldValve(10),
        HoldValve(10, 60.0),
        Restart(),
        Disturb(6),
        Restart(),
    ]


def test_files_of_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes('\ufeff[[restart]]\r\nat = "1h"\r\n[[restart]]\r\nat = "2h"\r\n'.encode())
    assert load(path, RICKER, PLANTS) == [(1.0, None, Restart()), (2.0, None, Restart())]


def test_a_header_within_a_text_is_none(tmp_path: Path) -> None:
    text = '[[restart]]\nat = "1h"\nplant = """a\n[[valve]]\n[[x]]"""\n'
    name = "a\n[[valve]]\n[[x]]"
    assert loaded(tmp_path, text, plants=(name,)) == [(1.0, name, Restart())]


@pytest.mark.parametrize("text", ["", "# nothing\n", "restart = []\n"])
def test_a_scenario_may_be_empty(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) == []


KINDS = "[[disturbance]], [[setpoint]], [[valve]], [[sensor]], [[restart]]"
HUGE, SHOWN = 10**400, f"1{'0' * 17}...{'0' * 19}"
FAULTS = "stuck, bias, drift, noise, missing, ok"
OF_RICKER = (
    "production-rate, product-mix, reactor-pressure, reactor-level, reactor-temperature, "
    "separator-level, stripper-level"
)


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        # Fields.
        (
            "setpoint",
            'nmae = "reactor-level"\nvalue = 60',
            "'nmae' is not a field; allowed are at, plant, until, name, value",
        ),
        ("restart", 'until = "9h"', "'until' is not a field; allowed are at, plant"),
        ("setpoint", "value = 60", "name is missing: the name of a set-point in quotes"),
        ("disturbance", "", "idv is missing: a whole number"),
        ("sensor", 'tag = "xmeas_1"', f"fault is missing: one of {FAULTS}, in quotes"),
        ("disturbance", 'idv = "6"', "idv: '6' is not a whole number"),
        ("disturbance", "idv = 6.5", "idv: 6.5 is not a whole number"),
        ("disturbance", "idv = true", "idv: True is not a whole number"),
        ("disturbance", f"idv = {HUGE}", f"idv: {SHOWN} is not a whole number"),
        ("disturbance", "idv = 6\non = 1", "on: 1 is not true or false"),
        ("setpoint", "name = 7\nvalue = 1", "name: 7 is not the name of a set-point in quotes"),
        ("setpoint", 'name = "reactor-level"\nvalue = "60"', "value: '60' is not a number"),
        ("setpoint", f'name = "x"\nvalue = {HUGE}', f"value: {SHOWN} is not a number"),
        ("valve", 'number = 1\npercent = "x"', "percent: 'x' is not a number between 0 and 100"),
        (
            "sensor",
            'fault = "bias"\ntag = 9',
            'tag: 9 is not a measurement in quotes such as "xmeas_9"',
        ),
        (
            "restart",
            'plant = ["plant-1", 2]',
            "plant: ['plant-1', 2] is not a name in quotes such as \"plant-2\", or a list of names",
        ),
        # Times.
        (
            "disturbance",
            'idv = 6\nuntil = "soon"',
            "'soon' is not a time since the start, such as 8h, 8.5h, 30m or 90s",
        ),
        ("disturbance", "idv = 6\nuntil = 9", f"until: 9 is not {A_TIME}"),
        ("disturbance", 'idv = 6\nuntil = "1h"', "the end, 1h, is not after the beginning, 1h"),
        ("disturbance", 'idv = 6\nuntil = "59m"', "the end, 59m, is not after the beginning, 1h"),
        ("disturbance", 'idv = 6\non = false\nuntil = "2h"', "until: on = false has no end"),
        ("valve", 'number = 1\nauto = true\nuntil = "2h"', "until: auto = true has no end"),
        (
            "sensor",
            'tag = "xmeas_1"\nfault = "ok"\nuntil = "2h"',
            'until: fault = "ok" has no end',
        ),
        # Plants.
        ("restart", 'plant = "plant-3"', "plant: 'plant-3' is not one of plant-1, plant-2"),
        (
            "restart",
            'plant = ["plant-1", "plant-3"]',
            "plant: 'plant-3' is not one of plant-1, plant-2",
        ),
        ("restart", "plant = []", "plant: the list is empty; leave it out for all plants"),
        # Values.
        ("disturbance", "idv = 21", "idv is between 1 and 20, not 21"),
        ("disturbance", "idv = -1", "idv is between 1 and 20, not -1"),
        (
            "setpoint",
            'name = "reactor-presure"\nvalue = 2750',
            f"setpoint: 'reactor-presure' under control ricker is not one of {OF_RICKER}",
        ),
        (
            "setpoint",
            'name = "reactor-pressure"\nvalue = 3001\nuntil = "2h"',
            "reactor-pressure is between 2000 and 2995 kPa gauge, not 3001",
        ),
        (
            "setpoint",
            'name = "reactor-pressure"\nvalue = nan',
            "reactor-pressure is between 2000 and 2995 kPa gauge, not nan",
        ),
        ("valve", "number = 13\npercent = 1", "valve is between 1 and 12, not 13"),
        ("valve", "number = 10\npercent = 101", "valve 10 is between 0 and 100 %, not 101"),
        (
            "valve",
            "number = 10",
            "valve 10 needs either percent, a number between 0 and 100, or auto = true",
        ),
        (
            "valve",
            "number = 10\npercent = 5\nauto = true",
            "valve 10 needs either percent, a number between 0 and 100, or auto = true",
        ),
        (
            "sensor",
            'tag = "xmv_3"\nfault = "stuck"',
            "sensor: 'xmv_3' is not one of xmeas_1 to xmeas_41",
        ),
        (
            "sensor",
            'tag = "xmeas_9"\nfault = "stukc"',
            f"fault: 'stukc' is not one of {FAULTS}",
        ),
        (
            "sensor",
            'tag = "xmeas_9"\nfault = "bias"',
            "sensor xmeas_9: bias needs an amount in °C, other than 0",
        ),
        (
            "sensor",
            'tag = "xmeas_9"\nfault = "drift"\namount = inf',
            "amount: inf is not a finite number",
        ),
    ],
)
def test_a_bad_entry_is_told_in_one_line(
    tmp_path: Path, kind: str, fields: str, reason: str
) -> None:
    text = f'[[{kind}]]\nat = "1h"\n{fields}\n'
    good = 'percent = 1\nnumber = 1\nat = "1h"\n'
    with pytest.raises(InputFileError) as caught:
        loaded(tmp_path, f"[[valve]]\n{good}{text}")
    number = 2 if kind == "valve" else 1
    assert str(caught.value) == f"{tmp_path / 'day.toml'} line 5, [[{kind}]] {number}: {reason}"


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("", f"at is missing: {A_TIME}"),
        ("at = 8", f"at: 8 is not {A_TIME}"),
        ("at = 08:00:00", f"at: datetime.time(8, 0) is not {A_TIME}"),
        ('at = "-1h"', "'-1h' is not a time since the start, such as 8h, 8.5h, 30m or 90s"),
    ],
)
def test_a_bad_time_is_told(tmp_path: Path, at: str, reason: str) -> None:
    with pytest.raises(InputFileError) as caught:
        loaded(tmp_path, f"[[restart]]\n{at}\n")
    assert str(caught.value) == f"{tmp_path / 'day.toml'} line 1, [[restart]] 1: {reason}"


def test_without_controllers_there_is_no_setpoint(tmp_path: Path) -> None:
    text = '[[setpoint]]\nname = "reactor-level"\nvalue = 60\nat = "1h"\nuntil = "2h"\n'
    with pytest.raises(InputFileError, match="under control none is not one of none"):
        loaded(tmp_path, text, OPEN_LOOP)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '\n[[setpont]]\nat = "1h"\n',
            f" line 2: 'setpont' is not a kind of entry; allowed are {KINDS}",
        ),
        ("speed = 10\n", f": 'speed' is not a kind of entry; allowed are {KINDS}"),
        (
            '[restart]\nat = "1h"\n',
            ": each restart begins with a line [[restart]] of its own",
        ),
        (
            'restart = [{at = "1h"}]\n',
            ": each restart begins with a line [[restart]] of its own",
        ),
        (
            '[[restart]]\nat = "1h"\nat = "2h"\n',
            " is not a TOML file in UTF-8: Cannot overwrite a value (at line 3, column 10)",
        ),
    ],
)
def test_what_is_no_entry_is_told(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputFileError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'day.toml'}{reason}"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"at 8h", b"a = " + b"9" * 5000, b"a = " + b"[" * 5000]
)
def test_what_is_not_toml_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=r"x\.toml is not a TOML file in UTF-8: ") as caught:
        load(path, RICKER, PLANTS)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nowhere\.toml: No such file"):
        load(tmp_path / "nowhere.toml", RICKER, PLANTS)
    with pytest.raises(InputFileError, match="Is a directory"):
        load(tmp_path, RICKER, PLANTS)


def test_what_a_run_did_is_written_entry_by_entry() -> None:
    items = [
        Scheduled(0.1 + 0.2, None, SetSetpoint("reactor-pressure", 2750.0)),
        Scheduled(8.0005, 'the "old" plant', Disturb(6)),
        Scheduled(9, "plant-2", Disturb(6, on=False)),
        Scheduled(9.0, None, FailSensor("xmeas_9", SensorFault.STUCK)),
    ]
    assert (
        dump(items)
        == """\
[[setpoint]]
at = "0.30000000000000004h"
name = "reactor-pressure"
value = 2750.0

[[disturbance]]
at = "8.0005h"
plant = "the \\"old\\" plant"
idv = 6

[[disturbance]]
at = "9.0h"
plant = "plant-2"
idv = 6
on = false

[[sensor]]
at = "9.0h"
tag = "xmeas_9"
fault = "stuck"
"""
    )
    assert dump([]) == ""


amounts = st.floats(allow_nan=False, allow_infinity=False)
setpoints = st.sampled_from(sorted(RICKER.setpoints)).flatmap(
    lambda name: st.builds(
        SetSetpoint,
        st.just(name),
        st.floats(RICKER.setpoints[name].low, RICKER.setpoints[name].high),
    )
)
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Disturb, st.integers(1, 20), st.booleans()),
    setpoints,
    st.builds(HoldValve, st.integers(1, 12), st.none() | st.floats(0, 100)),
    st.builds(
        FailSensor,
        st.sampled_from(XMEAS_IDS),
        st.sampled_from((SensorFault.BIAS, SensorFault.DRIFT)),
        st.floats(allow_nan=False, allow_infinity=False).filter(bool),
    ),
    st.builds(
        FailSensor,
        st.sampled_from(XMEAS_IDS),
        st.just(SensorFault.NOISE),
        st.floats(0, exclude_min=True, allow_infinity=False),
    ),
    st.builds(
        FailSensor,
        st.sampled_from(XMEAS_IDS),
        st.sampled_from((None, SensorFault.STUCK, SensorFault.MISSING)),
    ),
    st.just(Restart()),
)
names = st.text(min_size=1, max_size=20).filter(str.isprintable)
hours = st.floats(0, allow_infinity=False) | st.sampled_from((0.0, 8.0, 8.0005))


@given(
    st.lists(names, min_size=1, max_size=3).flatmap(
        lambda plants: st.tuples(
            st.just(plants),
            st.lists(
                st.builds(Scheduled, hours, st.none() | st.sampled_from(plants), actions),
                max_size=12,
            ),
        )
    )
)
def test_what_was_written_is_read_again(given_: tuple[list[str], list[Scheduled]]) -> None:
    plants, items = given_
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.toml"
        path.write_text(dump(items), encoding="utf-8")
        assert load(path, RICKER, plants) == sorted(items, key=lambda item: item.hours)
