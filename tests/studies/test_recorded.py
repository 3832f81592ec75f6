"""Recorded readings become the ticks that the monitor sees, and what cannot is said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from detection.baseline import learn
from detection.forest import FloatArray
from simulator.fleet import Fleet
from simulator.runs import RunNames
from simulator.simulation import Simulation
from simulator.strategies import RICKER
from studies import normal_operation, recorded
from studies.normal_operation import Cadence
from studies.recorded import Recorded
from tepwatch.errors import BaselineError, InputFileError
from tepwatch.records import EventKind, Origin, PlantEvent, Reading, StreamRecord
from tests.detection.test_baseline import plant
from tests.detection.test_monitor import readings

TICK = 180.0
NOWHERE = Origin("", "0", 0, 0)


def ticks_of(records: list[StreamRecord] | list[Reading]) -> Recorded:
    return recorded.in_ticks(recorded.of_records(records), TICK)


def learned_from(rows: FloatArray, row_seconds: float) -> tuple[Recorded, list[str]]:
    said: list[str] = []
    series = [recorded.of_rows("a", rows, row_seconds)]
    return recorded.to_learn_from(series, TICK, said.append), said


def test_a_row_a_tick_stays_as_it_is() -> None:
    rows = plant(60, 1)
    (run,), pace = recorded.in_ticks([recorded.of_rows("a", rows)], TICK)
    assert (run.name, run.begins_hours) == ("a", 0.0)
    assert run.ticks.tobytes() == rows.tobytes()
    assert pace == (1.0, 0.0)


def test_several_rows_a_tick_have_their_means() -> None:
    rows = plant(180, 1)
    (run,), pace = recorded.in_ticks([recorded.of_rows("a", rows, 60.0)], TICK)
    assert pace == (3.0, 0.0)
    assert (run.ticks[:, :53] == rows[2::3]).all()
    np.testing.assert_allclose(run.ticks[:, 53:], rows.reshape(60, 3, 53).mean(axis=1))


def test_a_live_stream_becomes_the_ticks_that_are_simulated_to_learn_from() -> None:
    ticks, settling = 30, normal_operation.settling_ticks(RICKER)
    # 60 s are no whole number of integration steps of 1.8 s.
    simulation = Simulation(Fleet(RICKER, [11]), ["p"], tick_seconds=60.0, runs=RunNames())
    records = [
        record for _ in range(3 * (settling + ticks)) for record in simulation.tick(time_ms=0)
    ]
    (run,), pace = ticks_of(records)
    (whole,) = normal_operation.simulate(RICKER, 2, 11, cadence=Cadence(TICK, 3))
    assert pace == (3.0, 0.0)
    assert run.ticks[settling:].tobytes() == whole[:ticks].tobytes()


def test_runs_are_of_one_plant_and_one_of_its_runs_in_the_order_of_seq() -> None:
    one, two = readings(plant(60, 1), run="r1"), readings(plant(70, 2), run="r2")
    other = [msgspec.structs.replace(item, plant="plant-2") for item in readings(plant(80, 3))]
    mixed = [*two, *one, *other, *two[:5]]
    np.random.default_rng(4).shuffle(mixed)  # type: ignore[arg-type]
    found = {run.name: run.ticks for run in ticks_of(mixed).runs}
    assert set(found) == {"plant-1 r1", "plant-1 r2", "plant-2 r1"}
    np.testing.assert_allclose(found["plant-1 r2"], plant_values(two))
    assert len(found["plant-2 r1"]) == 80


def plant_values(items: list[Reading]) -> FloatArray:
    return np.array([item.xmeas + item.xmv for item in items], dtype=np.float64)


@pytest.mark.parametrize(("missing", "lengths"), [(5, [125]), (6, [60, 60])])
def test_a_run_ends_at_a_gap_that_the_monitor_does_not_bridge(
    missing: int, lengths: list[int]
) -> None:
    items = [*readings(plant(60, 1)), *readings(plant(60, 2), first=61 + missing)]
    runs = ticks_of(items).runs
    assert [len(run.ticks) for run in runs] == lengths
    if missing == 5:
        assert np.isnan(runs[0].ticks[60:65]).all()
        assert not np.isnan(runs[0].ticks[65]).any()
    else:
        assert runs[1].begins_hours == pytest.approx(66 * 0.05)
        assert runs[1].hours(10, 20, TICK) == "plant-1 r1, hours 3.8 to 4.3"


def test_a_shutdown_or_a_restart_is_a_break_and_a_setpoint_is_none() -> None:
    items: list[StreamRecord] = list(readings(plant(200, 1)))
    for place, kind in (
        (150, EventKind.SHUTDOWN),
        (90, EventKind.SETPOINT),
        (60, EventKind.RESTART),
    ):
        items.insert(place, PlantEvent("plant-1", "r1", None, 0, None, kind, None, NOWHERE))
    assert [len(run.ticks) for run in ticks_of(items).runs] == [60, 90, 50]


def test_without_the_plants_clock_ticks_go_by_event_time() -> None:
    items = [
        msgspec.structs.replace(item, process_hours=None, time_ms=1_767_225_600_000 + 60_000 * n)
        for n, item in enumerate(readings(plant(300, 1)))
    ]
    (run,), pace = ticks_of(items)
    # The first is right at the end of a tick.
    assert len(run.ticks) == 100
    assert pace == (3.0, 0.0)
    assert run.hours(20, 40, TICK) == "plant-1 r1, from 2025-12-31T23:57:00Z, hours 1.0 to 2.0"


def test_what_is_too_short_is_left_out_and_said() -> None:
    items = [*readings(plant(49, 1)), *readings(plant(60, 2), first=100)]
    said: list[str] = []
    found = recorded.to_learn_from(recorded.of_records(items), TICK, said.append)
    assert [len(run.ticks) for run in found.runs] == [60]
    assert said == [
        "left out: 49 ticks in pieces of less than 50 without a gap, the longest has 49"
    ]


@pytest.mark.parametrize(
    ("rows", "row_seconds", "text"),
    [
        (10, 180.0, "50 ticks of 180 s without a gap, the longest has 10; readings are 180 s"),
        (500, 1800.0, "the longest has 1; readings are 1800 s apart"),
        (500, 300.0, "40% of the ticks of 180 s have no reading.*300 s apart"),
        (1, 180.0, "the longest has 1$"),
        (1, 60.0, "not one tick of 180 s"),
    ],
)
def test_too_few_ticks_or_too_sparse_readings_are_said(
    rows: int, row_seconds: float, text: str
) -> None:
    with pytest.raises(BaselineError, match=text):
        learned_from(plant(rows, 1), row_seconds)


def test_variables_that_a_run_does_not_have_are_in_none() -> None:
    series = [
        recorded.of_rows("measurements", plant(180, 1)[:, :41], 60.0),
        recorded.of_rows("all", plant(180, 2), 60.0),
    ]
    said: list[str] = []
    found = recorded.to_learn_from(series, TICK, said.append)
    for run in found.runs:
        by_kind = run.ticks.reshape(60, 2, 53)
        assert np.isnan(by_kind[:, :, 41:]).all()
        assert not np.isnan(by_kind[:, :, :41]).any()


def test_columns_that_are_blank_are_learned_as_if_they_were_not_there() -> None:
    rows = plant(500, 1)[:, :41]
    found, _ = learned_from(rows, TICK)
    assert found.runs[0].ticks.shape == (500, 53)
    blank, cut = learn([run.ticks for run in found.runs]), learn([rows])
    assert blank.calibration == cut.calibration
    assert blank.channels == cut.channels


def test_files_hold_collections_or_recordings(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", a=plant(60, 1), b=plant(60, 2)[:, :41])
    np.savez(tmp_path / "one.npz", y=plant(60, 3), row_seconds=60.0)
    np.savez(tmp_path / "cases.npz", y=np.stack([plant(60, 3), plant(60, 4)]), row_seconds=60.0)
    (tmp_path / "table.csv").write_text("xmeas_7\n1\n2\n")
    found = recorded.from_file(tmp_path / "many.npz")
    assert {each.name: each.seconds[-1] for each in found} == {"a": 10800.0, "b": 10800.0}
    (one,) = recorded.from_file(tmp_path / "one.npz")
    assert one.name == "one"
    assert one.seconds[-1] == pytest.approx(3600.0)
    cases = recorded.from_file(tmp_path / "cases.npz")
    assert [each.name for each in cases] == ["cases 0", "cases 1"]
    assert cases[0].rows.tobytes() == one.rows.tobytes()
    (table,) = recorded.from_file(tmp_path / "table.csv", 30.0)
    assert table.seconds == pytest.approx([30.0, 60.0])
    both = recorded.from_files([tmp_path / "many.npz", tmp_path / "table.csv"])
    assert [each.name for each in both] == ["many a", "many b", "table"]
    with pytest.raises(InputFileError, match=r"many\.txt"):
        recorded.from_file(tmp_path / "many.txt")


def test_times_of_a_recording_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    rows = "".join(f"p,r,{hours},{hours}\n" for hours in (1.0, 1.05, 1.1, 3.0))
    path.write_text(f"plant,run,process_hours,xmeas_7\n{rows}")
    (series,) = recorded.from_file(path, 60.0)
    assert series.seconds == pytest.approx([3600.0, 3780.0, 3960.0, 10800.0])
    assert [len(run.ticks) for run in recorded.in_ticks([series], TICK).runs] == [3, 1]
