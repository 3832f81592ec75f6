"""The monitor as the job uses it, on a plant of made-up numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np
import pytest

from detection.announcer import Finding
from detection.artefact import Origin as BaselineOrigin
from detection.baseline import learn
from detection.forest import FloatArray
from detection.monitor import Monitor
from detection.operating import OperatingEvent
from detection.reference import Reference
from tepwatch.errors import StateError
from tepwatch.records import (
    AlarmChange,
    AlarmEvent,
    AlarmState,
    Assessment,
    Command,
    CommandKind,
    DetectorEvent,
    DetectorEventKind,
    MonitorState,
    Origin,
    Reading,
    SensorFailure,
    SensorFlag,
)
from tepwatch.settings import Settings
from tepwatch.tags import TAGS
from tests.detection.test_baseline import COLUMNS
from tests.detection.test_baseline import plant as made_up

SETTINGS = Settings(start_hours=0.0, settle_hours=1.0, learn_ticks=400)
PLANT = "plant-1"
START_MS = 1_800_000_000_000

_BASE = np.array([tag.base_value for tag in TAGS.values()])
_STEP = 0.01
_F = TypeVar("_F", bound=Finding)


@pytest.fixture(scope="module")
def reference() -> Reference:
    baseline = learn([plant(300, seed) for seed in range(5)])
    return Reference.of(baseline, BaselineOrigin("made up", "", 180.0, 1.0, 0.0, 42))


def plant(ticks: int, seed: int) -> FloatArray:
    """Variables about their base values, in steps of 1 % of them."""
    values: FloatArray = _BASE * (1.0 + _STEP * (made_up(ticks, seed) - 50.0))
    return values


def readings(
    values: FloatArray, *, run: str = "r1", first: int = 1, seconds: float = 180.0
) -> list[Reading]:
    return [
        Reading(
            PLANT,
            run,
            number,
            START_MS + round(1000 * seconds * number),
            seconds * number / 3600,
            tuple(None if np.isnan(value) else value for value in row[:41].tolist()),
            tuple(row[41:].tolist()),
            None,
            Origin("", "0", 0, 0),
        )
        for number, row in enumerate(values, first)
    ]


def fed(monitor: Monitor, items: Sequence[Reading]) -> list[Finding]:
    rows = np.array([item.xmeas + item.xmv for item in items], dtype=np.float64)
    return monitor.advance(items, rows)


def of(found: Sequence[Finding], kind: type[_F]) -> list[_F]:
    return [item for item in found if isinstance(item, kind)]


def kinds(found: Sequence[Finding]) -> list[DetectorEventKind]:
    return [event.event for event in of(found, DetectorEvent)]


def command(kind: CommandKind, **detail: object) -> Command:
    text = msgspec.json.encode(detail).decode()
    return Command(PLANT, "", None, START_MS, None, kind, text, Origin("", "1", 0, 0))


def faulty(seed: int = 7, *, first: int = 100, end: int = 160, ticks: int = 300) -> FloatArray:
    values = plant(ticks, seed)
    values[first:end, COLUMNS["xmeas_9"]] *= 1.0 + 8 * _STEP
    return values


def test_an_alarm_from_its_onset_until_somebody_has_seen_it(reference: Reference) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    found = fed(monitor, readings(faulty()))
    assert kinds(found) == [DetectorEventKind.BASELINE_USED]
    assessments = of(found, Assessment)
    assert len(assessments) == 300
    order = reference.baseline.model.predictor.order
    assert [item.p_value is None for item in assessments] == [n < order for n in range(300)]
    assert {item.state for item in assessments} == {MonitorState.MONITORING}
    raised, cleared = (
        event for event in of(found, AlarmEvent) if event.change is not AlarmChange.NAMED
    )
    assert (raised.change, cleared.change) == (AlarmChange.RAISED, AlarmChange.CLEARED)
    assert raised.alarm == cleared.alarm == f"{PLANT}-r1-{raised.seq}"
    assert raised.seq in range(101, 105)
    assert raised.onset_hours == pytest.approx(101 * 0.05)
    assert raised.unit == "reactor"
    top = raised.contributions[0]
    assert top.tag == "xmeas_9"
    assert top.share > 0.5
    assert top.value - top.normal == pytest.approx(9.6, abs=5.0)
    assert cleared.seq in range(160, 200)
    assert (raised.state, cleared.state) == (AlarmState.UNACKNOWLEDGED, AlarmState.CLEARED)
    during = assessments[120]
    assert (during.alarm, during.alarm_onset_ns) == (raised.alarm, raised.onset_ns)
    assert during.grade == 1.0
    assert assessments[-1].alarm is None
    # Over, but nobody has seen it yet.
    (closed,) = of(monitor.command(command(CommandKind.ACKNOWLEDGE)), AlarmEvent)
    assert (closed.alarm, closed.state) == (raised.alarm, AlarmState.CLOSED)
    assert closed.duration_hours == cleared.duration_hours
    assert monitor.alarms == []


def test_an_alarm_that_was_seen_closes_when_it_is_over(reference: Reference) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    items = readings(faulty())
    (raised,) = of(fed(monitor, items[:110]), AlarmEvent)
    (seen,) = of(monitor.command(command(CommandKind.ACKNOWLEDGE, alarm=raised.alarm)), AlarmEvent)
    assert seen.state is AlarmState.ACKNOWLEDGED
    cleared = of(fed(monitor, items[110:]), AlarmEvent)[-1]
    assert (cleared.change, cleared.state) == (AlarmChange.CLEARED, AlarmState.CLOSED)
    refused = of(monitor.command(command(CommandKind.ACKNOWLEDGE, alarm="x")), DetectorEvent)
    assert [event.event for event in refused] == [DetectorEventKind.COMMAND_REFUSED]


def test_shelved_alarms_are_raised_and_marked(reference: Reference) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    items = readings(faulty())
    fed(monitor, items[:90])
    assert monitor.command(command(CommandKind.SHELVE, hours=2.0)) == []
    assert of(fed(monitor, items[90:110]), AlarmEvent)[0].shelved
    later = Monitor(PLANT, SETTINGS, reference)
    fed(later, items[:50])
    later.command(command(CommandKind.SHELVE, hours=1.0))
    assert not of(fed(later, items[50:110]), AlarmEvent)[0].shelved
    refused = of(later.command(command(CommandKind.SHELVE, hours="long")), DetectorEvent)
    assert "hours" in refused[0].detail


@pytest.mark.parametrize("pieces", [1, 17])
def test_it_is_the_same_bit_for_bit_in_pieces_and_after_restores(
    reference: Reference, pieces: int
) -> None:
    values = faulty()
    values[np.random.default_rng(1).random(values.shape) < 0.02] = np.nan
    values[:, 41:] = faulty()[:, 41:]
    items = readings(values)
    whole = fed(Monitor(PLANT, SETTINGS, reference), items)
    monitor, found = Monitor(PLANT, SETTINGS, reference), []
    for start in range(0, len(items), pieces):
        found.extend(fed(monitor, items[start : start + pieces]))
        monitor = Monitor.from_bytes(monitor.to_bytes(), PLANT, SETTINGS, reference)
    assert found == whole


def test_without_a_baseline_it_learns_says_so_and_then_watches() -> None:
    settings = msgspec.structs.replace(SETTINGS, learn_ticks=400)
    items = readings(np.concatenate([plant(400, 1), faulty(2, first=60, end=90, ticks=150)]))
    monitor, found = Monitor(PLANT, settings, None), []
    for start in range(0, len(items), 50):
        found.extend(fed(monitor, items[start : start + 50]))
        monitor = Monitor.from_bytes(monitor.to_bytes(), PLANT, settings, None)
    assessments = of(found, Assessment)
    assert [item.state for item in assessments].index(MonitorState.MONITORING) == 400
    assert all(item.p_value is None for item in assessments[:400])
    assert all(item.p_value is not None for item in assessments[400:])
    assert assessments[450].model is not None
    assert kinds(found) == [DetectorEventKind.BASELINE_USED]
    assert of(found, AlarmEvent)[0].seq in range(461, 466)


def test_what_is_not_normal_is_not_learned() -> None:
    values = plant(500, 1)
    values[150:230] *= 1.0 + 8 * _STEP
    found = fed(Monitor(PLANT, SETTINGS, None), readings(values))
    refused = of(found, DetectorEvent)
    assert [event.event for event in refused] == [DetectorEventKind.LEARNING_REFUSED]
    assert "disagree" in refused[0].detail
    assert of(found, Assessment)[-1].state is MonitorState.LEARNING


@pytest.mark.parametrize("how", ["setpoint", "accepted"])
def test_a_change_of_operation_settles_and_is_learned_again(reference: Reference, how: str) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    values = np.concatenate([faulty(5, first=30, end=100, ticks=100), plant(500, 6)])
    values[100:] *= 1.0 + 5 * _STEP
    items = readings(values)
    fed(monitor, items[:100])
    changed = (
        monitor.observe(OperatingEvent.SETPOINT)
        if how == "setpoint"
        else monitor.command(command(CommandKind.ACCEPT_NORMAL))
    )
    # What was normal no longer is: the condition of the alarm can no longer be told.
    assert [event.change for event in of(changed, AlarmEvent)] == [AlarmChange.CLEARED]
    found = fed(monitor, items[100:])
    states = [item.state for item in of(found, Assessment)]
    # One hour to settle, then the ticks that are learned from.
    assert states.index(MonitorState.MONITORING) == 20 + SETTINGS.learn_ticks
    assert set(states[:400]) == {MonitorState.TRANSITION}
    assert of(found, AlarmEvent) == []
    models = {item.model for item in of(found, Assessment)[430:]}
    assert reference.version not in models


def test_a_run_that_has_just_begun_is_not_judged_until_it_has_settled(
    reference: Reference,
) -> None:
    settings = msgspec.structs.replace(SETTINGS, start_hours=4.0)
    monitor = Monitor(PLANT, settings, reference)
    values = faulty(first=20, end=60, ticks=120)
    found = fed(monitor, readings(values))
    states = [item.state for item in of(found, Assessment)]
    assert states == [MonitorState.TRANSITION] * 79 + [MonitorState.MONITORING] * 41
    assert of(found, AlarmEvent) == []
    # A run that was joined after that is judged at once.
    joined = Monitor(PLANT, settings, reference)
    found = fed(joined, readings(values, first=200))
    assert {item.state for item in of(found, Assessment)} == {MonitorState.MONITORING}


def test_a_new_run_ends_the_alarms_of_the_last_one(reference: Reference) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    fed(monitor, readings(faulty(end=120, ticks=120)))
    found = fed(monitor, readings(plant(50, 9), run="r2"))
    (cleared,) = of(found, AlarmEvent)
    assert (cleared.run, cleared.change, cleared.why) == (
        "r1",
        AlarmChange.CLEARED,
        "a new run began",
    )
    order = reference.baseline.model.predictor.order
    assert [item.p_value is None for item in of(found, Assessment)][: order + 1] == (
        [True] * order + [False]
    )


def test_a_shutdown_ends_the_condition(reference: Reference) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    fed(monitor, readings(faulty(end=120, ticks=120)))
    (cleared,) = of(monitor.observe(OperatingEvent.SHUTDOWN), AlarmEvent)
    assert cleared.why == "shutdown"


@pytest.mark.parametrize("missing", [3, 3360])
def test_few_missing_ticks_are_bridged_and_a_week_is_a_new_beginning(
    reference: Reference, missing: int
) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    found = fed(monitor, readings(plant(100, 3)))
    found = fed(monitor, readings(plant(100, 4), first=101 + missing))
    assessments = of(found, Assessment)
    assert len(assessments) == 100
    if missing == 3:
        assert all(item.p_value is not None for item in assessments)
        assert kinds(found) == []
    else:
        order = reference.baseline.model.predictor.order
        assert [item.p_value is None for item in assessments[: order + 1]] == (
            [True] * order + [False]
        )
        assert kinds(found) == [DetectorEventKind.GAP]
    assert of(found, AlarmEvent) == []


@pytest.mark.parametrize("pieces", [1, 3, 900])
def test_a_reading_of_a_tick_that_is_over_changes_nothing(
    reference: Reference, pieces: int
) -> None:
    # Ten seconds before a tick's end: the reading after it tells that it is over.
    items = [
        msgspec.structs.replace(
            item, process_hours=(180 * tick - 10) / 3600, time_ms=item.time_ms - 10_000
        )
        for tick, item in enumerate(readings(faulty()), 1)
    ]

    def found(arrivals: Sequence[Reading]) -> list[Finding]:
        monitor = Monitor(PLANT, SETTINGS, reference)
        return [
            finding
            for start in range(0, len(arrivals), pieces)
            for finding in fed(monitor, arrivals[start : start + pieces])
        ]

    late = [
        msgspec.structs.replace(item, seq=10_000 + place, xmeas=(1e4,) * 41)
        for place, item in enumerate(items[:-1])
    ]
    arrivals = [items[0], *(each for pair in zip(items[1:], late, strict=True) for each in pair)]
    expected = found(items)
    assert of(expected, AlarmEvent)
    assert found(arrivals) == expected


def test_another_sampling_rate_is_refused_and_taken_back_when_it_is_the_old_one(
    reference: Reference,
) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    fed(monitor, readings(plant(100, 3)))
    faster = readings(plant(300, 4), first=501, seconds=36.0)
    found = fed(monitor, faster)
    refused = of(found, DetectorEvent)
    assert [event.event for event in refused] == [DetectorEventKind.BASELINE_REFUSED]
    assert "readings a tick, learned from 1" in refused[0].detail
    assert of(found, Assessment)[-1].state is MonitorState.LEARNING
    assert of(found, AlarmEvent) == []
    found = fed(monitor, readings(plant(40, 5), first=161))
    assert kinds(found) == [DetectorEventKind.BASELINE_USED]
    assert of(found, Assessment)[-1].state is MonitorState.MONITORING


@pytest.mark.parametrize(("seconds", "tag"), [(180.0, "xmv_3"), (270.0, None)])
def test_a_stream_that_does_not_fit_is_refused_with_its_reason(
    reference: Reference, seconds: float, tag: str | None
) -> None:
    values = plant(60, 3)
    items = readings(values, seconds=seconds)
    if tag is not None:
        items = [
            msgspec.structs.replace(item, xmv=(None,) * 2 + (None,) + item.xmv[3:])
            for item in items
        ]
    found = fed(Monitor(PLANT, SETTINGS, reference), items)
    refused = of(found, DetectorEvent)[1:]
    if tag is not None:
        assert "no values of xmv_1, xmv_2, xmv_3" in refused[0].detail
    else:
        # Ticks with a reading each, but now at one place of the tick, now at another.
        assert "of a tick before its end" in refused[0].detail


def test_a_sensor_that_is_stuck_is_flagged_and_raises_no_alarm_after(
    reference: Reference,
) -> None:
    values = plant(400, 3)
    values[100:, COLUMNS["xmeas_11"]] = values[99, COLUMNS["xmeas_11"]]
    found = fed(Monitor(PLANT, SETTINGS, reference), readings(values))
    (flag,) = of(found, SensorFlag)
    assert (flag.tag, flag.failure, flag.active) == ("xmeas_11", SensorFailure.STUCK, True)
    assessments = of(found, Assessment)
    assert assessments[-1].sensors_failed == 1
    assert assessments[-1].filled == 1
    assert [item.alarm for item in assessments[150:]] == [None] * 250


def test_a_reference_that_is_given_up_or_replaced_is_said(reference: Reference) -> None:
    monitor = Monitor(PLANT, SETTINGS, reference)
    items = readings(plant(80, 3))
    fed(monitor, items[:40])
    data = monitor.to_bytes()
    without = Monitor.from_bytes(data, PLANT, SETTINGS, None)
    found = fed(without, items[40:])
    assert kinds(found) == [DetectorEventKind.BASELINE_REFUSED]
    assert of(found, Assessment)[0].state is MonitorState.LEARNING
    with pytest.raises(StateError):
        Monitor.from_bytes(data[:-5], PLANT, SETTINGS, reference)
