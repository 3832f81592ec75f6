from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from jobs import bucket as bucket_module
from jobs.bucket import BucketDetector
from jobs.parse import Parser
from jobs.results import Result, StoredReading
from tepwatch.errors import NewerStateError, StateError
from tepwatch.records import (
    Command,
    DetectorEvent,
    EventKind,
    Origin,
    PlantEvent,
    Reading,
    Rejected,
    ScoreState,
    StageScores,
    StreamRecord,
)
from tepwatch.sealed import seal
from tepwatch.settings import Settings
from tepwatch.wire import encode
from tests.former_state import of_the_first_engine
from tests.plants import ARRIVAL_MS, RUN, message, reading

SETTINGS = Settings(
    buckets=1, batch_size=50, trees=10, sample_size=32, output_after=5, snapshot_records=60
)


class Store:
    """State as Flink would keep it, copied at will."""

    def __init__(
        self, snapshots: dict[str, bytes] | None = None, journal: dict[int, bytes] | None = None
    ) -> None:
        self.kept_snapshots = dict(snapshots or {})
        self.kept_journal = dict(journal or {})

    def copy(self) -> Store:
        return Store(self.kept_snapshots, self.kept_journal)

    def snapshots(self) -> Iterable[tuple[str, bytes]]:
        return list(self.kept_snapshots.items())

    def put_snapshot(self, plant: str, data: bytes) -> None:
        self.kept_snapshots[plant] = data

    def journal(self) -> Iterable[tuple[int, bytes]]:
        # Flink gives map entries in no particular order.
        return random.sample(list(self.kept_journal.items()), len(self.kept_journal))

    def append(self, number: int, data: bytes) -> None:
        self.kept_journal[number] = data

    def forget(self, number: int) -> None:
        del self.kept_journal[number]


def event(seq: int, kind: EventKind, plant: str = "plant-1") -> PlantEvent:
    return PlantEvent(
        plant, RUN, seq, reading(seq).time_ms, None, kind, None, Origin("", "0", 0, ARRIVAL_MS)
    )


def batches(records: Iterable[StreamRecord], settings: Settings = SETTINGS) -> list[bytes]:
    data = [
        message(encode(record), key=record.plant, sequence=str(number))
        for number, record in enumerate(records)
    ]
    return [batch.data for batch in Parser(settings).parse(data)]


def mixed_stream() -> list[StreamRecord]:
    """Three plants, one of them quiet, with copies, gaps, swaps, late records and events."""
    chance = random.Random(4)
    records: list[StreamRecord] = []
    for seq in range(260):
        for plant in ("plant-1", "plant-2"):
            if plant == "plant-2" and seq in {40, 41}:
                continue
            if seq == 150:
                records.append(event(seq, EventKind.RESTART, plant))
            else:
                records.append(reading(seq, plant=plant))
            if chance.random() < 0.05:
                records.append(chance.choice(records))
        if seq % 50 == 7:
            records.append(reading(seq // 50, plant="plant-3"))
    for place in range(10, len(records) - 10, 23):
        records[place], records[place + 3] = records[place + 3], records[place]
    records.insert(400, reading(40, plant="plant-2"))
    return records


def run(settings: Settings, store: Store, data: Iterable[bytes]) -> list[list[Result]]:
    detector = BucketDetector(settings, store)
    return [detector.process(batch) for batch in data]


def test_a_restore_at_any_batch_goes_on_to_the_last_bit() -> None:
    data = batches(mixed_stream())
    store = Store()
    detector = BucketDetector(SETTINGS, store)
    states, expected = [store.copy()], []
    for batch in data:
        expected.append(detector.process(batch))
        states.append(store.copy())
    assert len(data) > 10
    assert any(state.kept_snapshots for state in states)
    for cut, state in enumerate(states):
        restored = BucketDetector(SETTINGS, state)
        assert [restored.process(batch) for batch in data[cut:]] == expected[cut:]


def test_counts_are_exact_across_restores() -> None:
    data = batches(mixed_stream())
    whole = BucketDetector(SETTINGS, Store())
    for batch in data:
        whole.process(batch)
    store = Store()
    for batch in data:
        BucketDetector(SETTINGS, store).process(batch)
    restored = BucketDetector(SETTINGS, store)
    expected, found = (
        sorted(msgspec.json.encode(counts) for counts in detector.counts())
        for detector in (whole, restored)
    )
    assert found == expected


def stage_scores(results: Iterable[Iterable[Result]]) -> dict[tuple[str, int | None], Any]:
    return {
        (result.plant, result.seq): result.stages
        for batch in results
        for result in batch
        if isinstance(result, StageScores)
    }


def test_scores_do_not_depend_on_how_the_stream_is_cut_into_batches() -> None:
    records = mixed_stream()
    small = Settings(**{**msgspec.structs.asdict(SETTINGS), "batch_size": 7})
    one = stage_scores(run(SETTINGS, Store(), batches(records)))
    other = stage_scores(run(small, Store(), batches(records, small)))
    assert one == other
    assert any(s[0].state is ScoreState.SCORED for s in one.values())


def test_every_reading_is_stored_and_scored_once_late_ones_only_stored() -> None:
    results = [r for batch in run(SETTINGS, Store(), batches(mixed_stream())) for r in batch]
    stored = [r for r in results if isinstance(r, StoredReading)]
    keys = [(r.reading.plant, r.reading.seq) for r in stored]
    assert len(keys) == len(set(keys))
    late = {(r.reading.plant, r.reading.seq) for r in stored if r.late}
    assert late == {("plant-2", 40)}
    scored = [(r.plant, r.seq) for r in results if isinstance(r, StageScores)]
    assert len(scored) == len(set(scored))
    # The last two of the quiet plant wait for nothing; none of the others is left behind.
    assert set(scored) == set(keys) - late


def test_the_journal_is_cut_and_a_quiet_plant_does_not_keep_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bucket_module, "JOURNAL_BATCHES_MAX", 12)
    store = Store()
    detector = BucketDetector(SETTINGS, store)
    longest = 0
    for batch in batches([reading(0, plant="quiet")]) + batches(
        [reading(seq) for seq in range(900)], Settings(buckets=1, batch_size=5)
    ):
        detector.process(batch)
        longest = max(longest, len(store.kept_journal))
    assert longest <= 14
    assert set(store.kept_snapshots) == {"plant-1", "quiet"}


def test_detectors_never_learn_of_disturbances_valves_and_sensor_faults() -> None:
    def scores(kind: EventKind) -> dict[tuple[str, int | None], Any]:
        records: list[StreamRecord] = [reading(seq) for seq in range(100)]
        records[60] = event(60, kind)
        settings = Settings(buckets=1, trees=10, sample_size=32, output_after=5, shingle_size=4)
        return stage_scores(run(settings, Store(), batches(records)))

    hidden = [EventKind.DISTURBANCE, EventKind.VALVE, EventKind.SENSOR_FAULT]
    first = scores(hidden[0])
    assert all(scores(kind) == first for kind in hidden[1:])
    # A restart is seen: it breaks the shingles.
    assert scores(EventKind.RESTART) != first


def test_commands_and_rejected_pass_through() -> None:
    command = b'{"plant":"plant-1","command":"acknowledge","alarm":"a1"}'
    parsed = Parser(SETTINGS).parse([message(command), message(b"nonsense")])
    (batch,) = [item.data for item in parsed]
    rejected, passed, refused = BucketDetector(SETTINGS, Store()).process(batch)
    assert isinstance(rejected, Rejected)
    assert isinstance(passed, Command)
    assert passed.detail == '{"alarm":"a1"}'
    assert isinstance(refused, DetectorEvent)
    assert "no such alarm" in refused.detail


def changed(**changes: object) -> Settings:
    return msgspec.convert({**msgspec.to_builtins(SETTINGS), **changes}, Settings)


def filled_store() -> tuple[Store, list[bytes]]:
    data = batches([reading(seq) for seq in range(150)])
    store = Store()
    run(SETTINGS, store, data)
    return store, batches([reading(seq) for seq in range(150, 160)])


def restart_reasons(results: Iterable[Iterable[Result]]) -> list[str]:
    return [r.detail for batch in results for r in batch if isinstance(r, DetectorEvent)]


def test_other_detector_settings_restart_in_warm_up_with_an_event() -> None:
    store, more = filled_store()
    results = run(changed(trees=11, output_after=90), store, more)
    (detail,) = restart_reasons(results)
    assert "settings" in detail
    states = {s[0].state for s in stage_scores(results).values()}
    assert states == {ScoreState.WARMING_UP}
    # Its place is kept: a copy of what was seen before is still known.
    again = run(changed(trees=11, output_after=90), store, batches([reading(149)]))
    assert again == [[]]


def test_forests_of_the_first_engine_restart_in_warm_up_with_an_event() -> None:
    store, more = filled_store()
    store.kept_snapshots = {
        plant: of_the_first_engine(data) for plant, data in store.kept_snapshots.items()
    }
    settings = changed(output_after=90)
    detector = BucketDetector(settings, store)
    results = [detector.process(batch) for batch in more]
    (detail,) = restart_reasons(results)
    assert "RCFo has the old version 1" in detail
    (counts,) = detector.counts()
    assert counts.records == 160
    assert {s[0].state for s in stage_scores(results).values()} == {ScoreState.WARMING_UP}
    # By now there is a snapshot of the new forests: nothing is left to be said.
    again = run(settings, store, batches([reading(seq) for seq in range(160, 170)]))
    assert restart_reasons(again) == []
    assert len(stage_scores(again)) == 10


def test_an_older_snapshot_restarts_in_warm_up_with_an_event() -> None:
    store, more = filled_store()
    store.kept_snapshots["plant-1"] = seal(b"SNAP", 0, b"long ago")
    store.kept_journal.clear()
    results = run(SETTINGS, store, more)
    (detail,) = restart_reasons(results)
    assert "old version 0" in detail


def test_an_older_journal_restarts_in_warm_up_with_an_event() -> None:
    store, more = filled_store()
    store.kept_journal = {number: seal(b"JRNL", 0, b"") for number in store.kept_journal}
    results = run(SETTINGS, store, more)
    assert len(restart_reasons(results)) == 1
    assert any(isinstance(r, StoredReading) for batch in results for r in batch)


@pytest.mark.parametrize("part", ["snapshot", "journal"])
def test_newer_state_is_refused_with_a_clear_error(part: str) -> None:
    store, _ = filled_store()
    if part == "snapshot":
        store.kept_snapshots["plant-1"] = seal(b"SNAP", 99, b"")
    else:
        store.kept_journal[max(store.kept_journal)] = seal(b"JRNL", 99, b"")
    with pytest.raises(NewerStateError, match="version 99"):
        BucketDetector(SETTINGS, store)


def test_another_number_of_buckets_is_refused() -> None:
    store, _ = filled_store()
    with pytest.raises(StateError, match="buckets = 1"):
        BucketDetector(changed(buckets=2), store)


def test_readings_without_seq_are_scored_in_the_order_of_the_stream() -> None:
    bare = [reading(None, run="", row=number + 1) for number in range(50)]
    results = run(SETTINGS, Store(), batches(bare))
    scores = [r for batch in results for r in batch if isinstance(r, StageScores)]
    stored = [r.reading for batch in results for r in batch if isinstance(r, StoredReading)]
    assert [r.xmeas for r in stored] == [r.xmeas for r in bare]
    assert len({r.time_ns for r in scores}) == 50
    assert all(isinstance(r, Reading) for r in stored)
