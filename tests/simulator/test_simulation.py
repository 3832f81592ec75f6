"""What is sent of simulated plants, and how they are steered."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from simulator.actions import (
    Action,
    ActionError,
    Disturb,
    FailSensor,
    HoldValve,
    Restart,
    SensorFault,
    SetSetpoint,
)
from simulator.dropping_output import DroppingOutput
from simulator.fleet import Fleet
from simulator.live import LiveSimulation, NotFiniteError
from simulator.runs import RunNames
from simulator.schedule import Scheduled
from simulator.simulation import OnShutdown, PlantState, Simulation
from simulator.strategies import BENCHMARK_PI, RICKER, Strategy
from tepwatch.errors import SettingsError, UnreachableError
from tepwatch.records import EventKind, PlantEvent, Reading, StreamRecord
from tepwatch.wire import encode

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
# Open to its end: a plant that is shut down within an hour.
TO_SHUTDOWN = HoldValve(10, 0.0)


class Kept:
    """An output that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[StreamRecord] = []
        self.closed = False

    def write(self, records: Sequence[StreamRecord]) -> None:
        self.records += records

    def close(self) -> None:
        self.closed = True


def simulation(
    names: Sequence[str] = ("plant-1",),
    *,
    strategy: Strategy = RICKER,
    tick_seconds: float = 180.0,
    schedule: Sequence[Scheduled] = (),
    on_shutdown: OnShutdown = OnShutdown.STOP,
) -> Simulation:
    return Simulation(
        Fleet(strategy, range(1, len(names) + 1)),
        names,
        tick_seconds=tick_seconds,
        runs=RunNames(lambda: START),
        schedule=schedule,
        on_shutdown=on_shutdown,
    )


def ticks(source: Simulation, count: int) -> list[StreamRecord]:
    return [record for number in range(count) for record in source.tick(1000 + number)]


def events(records: Sequence[StreamRecord], plant: str = "plant-1") -> list[PlantEvent]:
    return [
        record for record in records if isinstance(record, PlantEvent) and record.plant == plant
    ]


def readings(records: Sequence[StreamRecord], plant: str = "plant-1") -> list[Reading]:
    return [record for record in records if isinstance(record, Reading) and record.plant == plant]


def detail(event: PlantEvent) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(event.detail or "{}")
    return fields


@pytest.mark.parametrize("strategy", [RICKER, BENCHMARK_PI])
def test_records_are_numbered_timed_and_on_the_process_clock(strategy: Strategy) -> None:
    sent = readings(ticks(simulation(strategy=strategy), 20))
    assert [reading.seq for reading in sent] == list(range(20))
    assert [reading.process_hours for reading in sent] == pytest.approx(
        [0.05 * number for number in range(1, 21)]
    )
    assert [reading.time_ms for reading in sent] == list(range(1000, 1020))
    assert {reading.run for reading in sent} == {"20260101T000000Z"}
    assert all(None not in reading.xmeas + reading.xmv for reading in sent)


def test_a_tick_that_is_no_multiple_of_the_step_falls_on_the_nearest() -> None:
    sent = readings(ticks(simulation(tick_seconds=60.0), 90))
    hours = np.array([reading.process_hours for reading in sent])
    nominal = np.arange(1, 91) / 60
    assert np.abs(hours - nominal).max() <= 0.5 * 1.8 / 3600 + 1e-9
    assert hours[2::3] == pytest.approx(nominal[2::3])
    with pytest.raises(SettingsError, match=r"at least the integration step of 1\.8 s"):
        simulation(tick_seconds=1.0)


def test_what_is_scheduled_happens_at_its_time_and_is_told_first() -> None:
    records = ticks(
        simulation(
            strategy=BENCHMARK_PI,
            schedule=[
                Scheduled(0.08, None, Disturb(6)),
                Scheduled(0.2, None, Disturb(6, on=False)),
            ],
        ),
        10,
    )
    on, off = events(records)
    assert (on.event, detail(on)) == (EventKind.DISTURBANCE, {"idv": 6, "on": True})
    assert detail(off)["on"] is False
    assert (on.process_hours, off.process_hours) == pytest.approx((0.08, 0.2))
    a_feed = [reading.xmeas[0] or 0.0 for reading in readings(records)]
    assert min(a_feed[0], a_feed[8]) > 0.2 > max(a_feed[1:3])
    # One counter for readings and events, and an event before the reading of its tick.
    assert [record.seq for record in records] == list(range(12))
    assert records.index(on) == 1


def test_a_live_run_is_repeated_by_what_was_done() -> None:
    names = ["plant-1", "plant-2"]
    live = simulation(names)
    sent: list[StreamRecord] = []
    steps: list[list[tuple[Action, list[str] | None]]] = [
        [(Disturb(4), ["plant-2"])],
        [(SetSetpoint("reactor-level", 68.0), None), (HoldValve(6, 30.0), ["plant-1"])],
        [(FailSensor("xmeas_7", SensorFault.NOISE, 3.0), ["plant-1"])],
        [(HoldValve(6), ["plant-1"]), (Restart(), ["plant-2"])],
    ]
    for actions in steps:
        sent += ticks(live, 3)
        for action, plants in actions:
            sent += live.act(action, plants, 0)[1]
    sent += ticks(live, 5)
    again = ticks(simulation(names, schedule=live.done), 17)

    def comparable(records: Sequence[StreamRecord], plant: str) -> list[bytes]:
        of_plant = [record for record in records if record.plant == plant]
        return [encode(msgspec.structs.replace(record, time_ms=0)) for record in of_plant]

    for name in names:
        assert comparable(again, name) == comparable(sent, name)


def test_an_action_is_acknowledged_where_it_took_effect() -> None:
    source = simulation(["plant-1", "plant-2"])
    ticks(source, 4)
    acknowledged, told = source.act(Disturb(6), ["plant-2"], 77)
    (only,) = acknowledged
    assert (only.plant, only.seq) == ("plant-2", 4)
    assert only.process_hours == pytest.approx(0.2005)
    (event,) = events(told, "plant-2")
    assert (event.seq, event.time_ms, event.process_hours) == (4, 77, only.process_hours)
    assert readings(ticks(source, 1), "plant-2")[0].seq == 5


@pytest.mark.parametrize(
    ("action", "plants", "text"),
    [
        (Disturb(21), None, "idv is between 1 and 20, not 21"),
        (Disturb(1), ["plant-3"], "plant: 'plant-3' is not one of plant-1, plant-2"),
        (SetSetpoint("reactor-pressure", 5000.0), None, "between 2000 and 2995 kPa gauge"),
        (SetSetpoint("reactor-presure", 2700.0), None, "'reactor-presure' under control ricker"),
        (HoldValve(13, 1.0), None, "valve is between 1 and 12"),
        (HoldValve(1, 101.0), None, "valve 1 is between 0 and 100 %"),
        (FailSensor("xmeas_42", SensorFault.STUCK), None, "xmeas_1 to xmeas_41"),
        (FailSensor("xmeas_7", SensorFault.BIAS), None, "needs an amount in kPa gauge"),
        (FailSensor("xmeas_7", SensorFault.NOISE, -1.0), None, "is above 0"),
        (FailSensor("xmeas_7", SensorFault.STUCK, 1.0), None, "stuck takes no amount"),
    ],
)
def test_what_no_plant_can_do_is_refused_and_nothing_is_done(
    action: Action, plants: list[str] | None, text: str
) -> None:
    source = simulation(["plant-1", "plant-2"])
    with pytest.raises(ActionError, match=text):
        source.act(action, plants, 0)
    assert source.done == []


def shut_down(on_shutdown: OnShutdown, count: int = 60) -> tuple[Simulation, list[StreamRecord]]:
    source = simulation(
        schedule=[Scheduled(0.1, None, TO_SHUTDOWN)], tick_seconds=60.0, on_shutdown=on_shutdown
    )
    return source, ticks(source, count)


def test_a_shut_down_plant_says_why_and_stops() -> None:
    source, records = shut_down(OnShutdown.STOP)
    assert isinstance(records[-1], PlantEvent)
    assert records[-1].event is EventKind.SHUTDOWN
    assert detail(records[-1]) == {"reason": "reactor pressure above 3000 kPa gauge"}
    assert not source.sending
    (said,) = source.shutdowns
    assert (said.plant, said.reason) == ("plant-1", "reactor pressure above 3000 kPa gauge")
    with pytest.raises(ActionError, match="sends no more; restart it first"):
        source.act(Disturb(1), None, 0)
    source.act(Restart(), None, 0)
    assert source.sending
    (reading,) = source.tick(0)
    assert (reading.run, reading.seq) == ("20260101T000001Z", 1)


def test_a_shut_down_plant_may_hold() -> None:
    source, records = shut_down(OnShutdown.HOLD)
    place = records.index(events(records)[-1])
    still = readings(records[place:])
    assert len(still) > 5
    assert len({reading.xmeas[:22] for reading in still}) == 1
    assert len(source.shutdowns) == 1
    assert source.senders[0].state is PlantState.SHUT_DOWN


def test_a_shut_down_plant_may_restart_as_a_new_run() -> None:
    source, records = shut_down(OnShutdown.RESTART)
    kinds = [event.event for event in events(records)]
    assert kinds == [EventKind.VALVE, EventKind.SHUTDOWN, EventKind.RESTART]
    second = [record for record in records if record.run == "20260101T000001Z"]
    assert [record.seq for record in second] == list(range(len(second)))
    assert isinstance(second[0], PlantEvent)
    first_reading = readings(second)[0]
    # The held valve is forgotten with the run, and the process clock begins anew.
    assert (first_reading.process_hours or 0) < 0.03
    assert first_reading.xmv[9] == pytest.approx(35.9, abs=2.0)
    assert source.sending


def test_missing_values_are_null() -> None:
    schedule = [Scheduled(0.0, None, FailSensor("xmeas_9", SensorFault.MISSING))]
    sent = readings(ticks(simulation(schedule=schedule), 3))
    assert [reading.xmeas[8] for reading in sent] == [None] * 3
    assert {reading.missing_count for reading in sent} == {1}


def test_nothing_is_sent_of_a_state_that_is_not_finite() -> None:
    source = simulation(["plant-1", "plant-2"])
    output = Kept()
    source.fleet.plants.states[1, 3] = np.nan
    with pytest.raises(NotFiniteError, match="plant-2 is no longer finite"):
        LiveSimulation(source, rate=None, ticks=5).run(output, threading.Event())
    assert {record.plant for record in output.records} == {"plant-1"}
    assert all(
        np.isfinite(value or 0.0) for item in readings(output.records) for value in item.xmeas
    )


def test_it_ends_after_its_ticks_with_event_times_of_its_own() -> None:
    output = Kept()
    live = LiveSimulation(simulation(), rate=None, ticks=7, start=START)
    live.run(output, threading.Event())
    times = [record.time_ms for record in output.records]
    begin = round(START.timestamp() * 1000)
    assert (np.diff(times) == 180_000).all()
    assert times[0] == begin + 180_000
    assert (live.sent, live.readings, live.slipped_seconds) == (7, 7, 0.0)


def test_it_is_steered_while_it_runs() -> None:
    live = LiveSimulation(simulation(["plant-1", "plant-2"]), rate=200.0)
    output, stop = Kept(), threading.Event()
    thread = threading.Thread(target=live.run, args=(output, stop))
    thread.start()
    try:
        (acknowledged,) = live.act(Disturb(6), ["plant-2"])
        with pytest.raises(ActionError, match="is not one of"):
            live.act(Disturb(6), ["nobody"])
        deadline = time.monotonic() + 30
        while live.status().plants[1].process_hours < acknowledged.process_hours + 0.5:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        status = live.status()
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    first, second = status.plants
    assert (first.disturbances, second.disturbances) == ([], [6])
    assert second.setpoints["reactor-pressure"] == 2800.0
    assert (first.state, status.control, status.dropped) == ("running", "ricker", 0)
    assert status.speed > 0
    (told,) = events(output.records, "plant-2")
    assert (told.seq, told.process_hours) == (acknowledged.seq, acknowledged.process_hours)
    with pytest.raises(ActionError, match="has ended"):
        live.act(Disturb(1))


class Stuck(Kept):
    """An output that is slow until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.failure: Exception | None = None

    def write(self, records: Sequence[StreamRecord]) -> None:
        assert self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        super().write(records)


def test_a_slow_stream_drops_readings_and_counts_them_but_no_event() -> None:
    stuck = Stuck()
    output = DroppingOutput(stuck, queued_max=10)
    source = simulation()
    written = [source.tick(number) for number in range(30)]
    for records in written:
        output.write(records)
    _, told = source.act(Disturb(1), None, 0)
    output.write(told)
    assert output.dropped == 20
    stuck.gate.set()
    output.close()
    assert [record.seq for record in stuck.records] == [*range(10), 30]
    assert stuck.closed


def test_a_failing_stream_is_told_not_dropped() -> None:
    stuck = Stuck()
    stuck.failure = UnreachableError("nothing answers", code="Unreachable")
    output = DroppingOutput(stuck)
    output.write(simulation().tick(0))
    stuck.gate.set()
    with pytest.raises(UnreachableError, match="nothing answers"):
        output.close()
    with pytest.raises(UnreachableError, match="nothing answers"):
        output.write([])


def test_names_of_runs_sort_however_fast_they_follow() -> None:
    runs = RunNames(lambda: START)
    names = [runs.next() for _ in range(70)]
    assert names == sorted(set(names))
