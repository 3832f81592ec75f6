from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from simulator.outputs import FileOutput
from simulator.pacing import BURST_SECONDS_MAX, Pacer
from simulator.recordings import Recording, load, load_all
from simulator.replay import Replay
from tepwatch.errors import InputFileError
from tepwatch.records import EventKind, PlantEvent, Reading, StreamRecord
from tepwatch.tags import TAGS
from tepwatch.wire import WirePolicy, decode, encode
from tests.plants import GOLDEN, message, recording

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Kept:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, records: Sequence[StreamRecord]) -> None:
        self.lines += map(encode, records)

    def close(self) -> None:
        pass

    def records(self) -> list[StreamRecord]:
        items = [item for line in self.lines for item in decode(message(line), WirePolicy())]
        return [item for item in items if isinstance(item, Reading | PlantEvent)]


def replayed(source: Recording, **options: object) -> list[StreamRecord]:
    output = Kept()
    Replay(source, "plant-9", start=START, **options).run(output, threading.Event())  # type: ignore[arg-type]
    return output.records()


def test_the_recorded_runs_are_the_published_ones() -> None:
    normal, faulty = recording("normal"), recording("idv6")
    readings = [item for item in normal.items if isinstance(item, Reading)]
    assert (len(readings), normal.row_seconds) == (960, 180.0)
    assert all(item.missing_count == 0 for item in readings)
    kinds = [item.event for item in faulty.items if isinstance(item, PlantEvent)]
    assert kinds == [EventKind.DISTURBANCE, EventKind.SHUTDOWN]
    assert sum(isinstance(item, Reading) for item in faulty.items) == 278
    # The A feed is lost after 8 hours: measurement 1 falls from its base case to nothing.
    a_feed = [item.xmeas[0] or 0.0 for item in faulty.items if isinstance(item, Reading)]
    assert min(a_feed[:160]) > 0.15
    assert max(a_feed[162:]) < 0.01


def test_a_run_is_numbered_timed_and_begun_again_as_a_new_run() -> None:
    records = replayed(recording("idv6"), loop=True, limit=600)
    assert len(records) == 600
    runs = sorted({record.run for record in records})
    assert runs == sorted(runs)
    assert len(runs) == 3
    for run in runs:
        of_run = [record for record in records if record.run == run]
        assert [record.seq for record in of_run] == list(range(len(of_run)))
    second = [record for record in records if record.run == runs[1]]
    assert isinstance(second[0], PlantEvent)
    assert second[0].event is EventKind.RESTART
    assert isinstance(second[-1], PlantEvent)
    assert second[-1].event is EventKind.SHUTDOWN
    readings = [record for record in records if isinstance(record, Reading)]
    first_ms = round(START.timestamp() * 1000)
    assert [r.time_ms for r in readings] == [
        first_ms + number * 180_000 for number in range(1, len(readings) + 1)
    ]
    assert readings[19].process_hours == pytest.approx(1.0)
    assert len({(record.run, record.time_ms, record.seq) for record in records}) == 600


def test_an_array_of_several_runs_needs_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "runs.npz"
    np.savez(path, y=np.ones((2, 5, 52)) * np.arange(2)[:, None, None])
    with pytest.raises(InputFileError, match="--case"):
        load(path)
    readings = [
        item for item in load(path, case=1, row_seconds=60).items if isinstance(item, Reading)
    ]
    assert len(readings) == 5
    assert readings[0].xmeas == (1.0,) * 41
    assert readings[0].xmv == (*[1.0] * 11, None)


def test_a_recording_keeps_the_times_that_it_has(tmp_path: Path) -> None:
    hours = (1.5, 1.55, 1.7)
    np.savez(tmp_path / "x.npz", y=np.ones((3, 41)), hours=np.array(hours))
    np.savez(tmp_path / "two.npz", y=np.ones((2, 3, 41)), hours=np.array([(0.1, 0.2, 0.3), hours]))
    lines = "".join(f"p,r,{at},1\n" for at in hours)
    (tmp_path / "x.csv").write_text(f"plant,run,process_hours,xmeas_1\n{lines}")
    found = [load(tmp_path / "x.npz"), load(tmp_path / "two.npz", case=1), load(tmp_path / "x.csv")]
    for each in found:
        readings = replayed(each)
        assert [reading.process_hours for reading in readings] == list(hours)
        first_ms = round(START.timestamp() * 1000)
        assert [r.time_ms - first_ms for r in readings] == [5_400_000, 5_580_000, 6_120_000]
    # Unless somebody says otherwise, or it is no one run.
    said = replayed(load(tmp_path / "x.csv", row_seconds=36.0))
    assert [reading.process_hours for reading in said] == pytest.approx([0.01, 0.02, 0.03])
    (tmp_path / "x.csv").write_text(f"plant,run,process_hours,xmeas_1\n{lines}{lines}")
    assert [r.process_hours for r in replayed(load(tmp_path / "x.csv"))][-1] == pytest.approx(0.3)


def test_rows_without_times_are_rows_of_their_run(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    path.write_text(
        '{"plant":"a","xmeas_1":1}\n{"plant":"b","xmeas_1":1}\n{"plant":"a","xmeas_1":1}\n'
        '{"plant":"a","process_hours":5,"xmeas_1":1}\n'
        '{"plant":"b","time":"2026-01-01T00:00:00Z","xmeas_1":1}\n'
    )
    items = load(path, row_seconds=360.0).in_time()
    assert [(item.plant, item.process_hours) for item in items] == [
        ("a", 0.1), ("b", 0.1), ("a", 0.2), ("a", 5.0), ("b", None)
    ]  # fmt: skip


def test_all_cases_of_an_array_are_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "runs.npz", y=np.ones((2, 5, 52)))
    assert [each.name for each in load_all(tmp_path / "runs.npz")] == ["runs 0", "runs 1"]
    assert load_all(GOLDEN / "idv6.npz") == [load(GOLDEN / "idv6.npz")]


def test_csv_with_and_without_names(tmp_path: Path) -> None:
    named = tmp_path / "named.csv"
    named.write_text("xmv_10,xmeas_7\n41.1,2705\n,2706\n")
    first, second = load(named).items
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert (first.xmeas[6], first.xmv[9]) == (2705.0, 41.1)
    assert (second.xmeas[6], second.xmv[9]) == (2706.0, None)
    plain = tmp_path / "plain.csv"
    plain.write_text("\n".join([",".join(["1.5"] * 41)] * 3))
    assert len(load(plain).items) == 3


def test_what_was_written_can_be_replayed_again(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    output = FileOutput(path)
    Replay(recording("idv6"), "plant-1", start=START).run(output, threading.Event())
    output.close()
    assert replayed(load(path)) == replayed(recording("idv6"))


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("x.txt", b"", r"\.npz"),
        ("x.npz", b"not a zip", "not an npz"),
        ("x.csv", b"xmeas_1,xmeas_99\n1,2\n", "xmeas_99"),
        ("x.csv", b"1,2,3\n", "53, 52 or 41"),
        ("x.csv", b"xmeas_1\nabc\n", "line 2.*abc"),
        ("x.csv", b"xmeas_1\n1,2\n", "line 2"),
        ("x.csv", b"process_hours,xmeas_1\n-1,2\n", "line 2: -1 is no process time"),
        ("x.csv", b"xmv_1\n1\n", "no measurement"),
        ("x.csv", b"", "no row"),
        ("x.csv", b"\xff\xfe\x00", "UTF-8"),
        ("x.ndjson", b'{"xmeas_1":1}\n{"xmeas_1":"x"}\n', "line 2"),
    ],
)
def test_a_bad_file_is_named_with_the_place(
    tmp_path: Path, name: str, content: bytes, match: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=match):
        load(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputFileError, match=r"nowhere\.npz"):
        load(GOLDEN / "nowhere.npz")


def test_bad_arrays_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, z=np.ones(3))
    with pytest.raises(InputFileError, match="no array y"):
        load(path)
    np.savez(path, y=np.ones((3, 40)))
    with pytest.raises(InputFileError, match="shape"):
        load(path)
    np.savez(path, y=np.ones((3, 41)), hours=np.ones(2))
    with pytest.raises(InputFileError, match="hours has shape"):
        load(path)
    np.savez(path, y=np.full((3, len(TAGS)), np.nan))
    with pytest.raises(InputFileError, match="row 0"):
        load(path)


def test_pacing_does_not_drift_nor_burst() -> None:
    now = [0.0]
    pacer = Pacer(10.0, clock=lambda: now[0])
    sent = 0
    for step in range(1, 1001):
        now[0] = step * 0.037
        due = pacer.due(500)
        pacer.sent(due)
        sent += due
        assert abs(sent - (now[0] * 10 + 1)) <= 1
    now[0] += 100
    assert pacer.due(5000) <= BURST_SECONDS_MAX * 10 + 2
    assert pacer.slipped_seconds == pytest.approx(99, abs=0.2)


def test_stop_ends_a_slow_replay_at_once() -> None:
    stop = threading.Event()
    replay = Replay(recording(), "plant-1", rate=0.01)
    thread = threading.Thread(target=replay.run, args=(Kept(), stop))
    thread.start()
    stop.set()
    thread.join(2)
    assert not thread.is_alive()
    assert replay.sent <= 1
