from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from jobs.ordering import Arrival, Sequencer, Step
from tepwatch.records import Origin, Reading

WINDOW = 8


def record(seq: int | None, run: str = "r1") -> Reading:
    return Reading("p", run, seq, 0, None, (1.0,), (), None, Origin("", "0", 0, 0))


def push_all(sequencer: Sequencer, seqs: list[int], run: str = "r1") -> list[Step]:
    return [sequencer.push(record(seq, run)) for seq in seqs]


def released(steps: list[Step]) -> list[int | None]:
    return [item.seq for step in steps for item in step.released]


def arrivals(steps: list[Step]) -> list[Arrival]:
    return [step.arrival for step in steps]


@given(st.integers(1, 60), st.randoms(use_true_random=False))
def test_a_shuffle_within_the_window_is_undone(count: int, chance: random.Random) -> None:
    # Each record moves by less than the window: its sort key grows by less than WINDOW.
    order = sorted(range(count), key=lambda seq: seq + chance.random() * (WINDOW - 1))
    steps = push_all(Sequencer(WINDOW), order)
    assert released(steps) == list(range(count))
    assert set(arrivals(steps)) == {Arrival.ACCEPTED}
    assert sum(step.skipped for step in steps) == 0


@given(st.lists(st.integers(0, 30), max_size=120))
def test_whatever_comes_each_record_is_accepted_once_and_released_in_order(
    seqs: list[int],
) -> None:
    sequencer = Sequencer(WINDOW)
    steps = push_all(sequencer, seqs)
    seen: set[int] = set()
    for seq, step in zip(seqs, steps, strict=True):
        if seq in seen:
            assert step.arrival is Arrival.DUPLICATE
        else:
            assert step.arrival in {Arrival.ACCEPTED, Arrival.LATE}
        seen.add(seq)
    out = [seq for seq in released(steps) if seq is not None]
    assert out == sorted(set(out))
    accepted = {s for s, step in zip(seqs, steps, strict=True) if step.arrival is Arrival.ACCEPTED}
    assert set(out) | set(sequencer.state.pending) == accepted
    # A newer run releases what still waits.
    final = sequencer.push(record(0, "r2"))
    assert set(out) | {item.seq for item in final.released if item.run == "r1"} == accepted


def test_a_gap_is_waited_for_by_the_window_then_counted() -> None:
    seqs = [0, 1, *range(3, 3 + WINDOW)]
    sequencer = Sequencer(WINDOW)
    steps = push_all(sequencer, seqs)
    assert released(steps) == [0, 1]
    last = sequencer.push(record(3 + WINDOW))
    assert [item.seq for item in last.released] == list(range(3, 4 + WINDOW))
    assert last.skipped == 1


def test_what_comes_after_its_gap_was_given_up_is_late_once_then_a_duplicate() -> None:
    sequencer = Sequencer(WINDOW)
    push_all(sequencer, [0, 1, *range(4, 5 + WINDOW)])
    assert arrivals(push_all(sequencer, [3, 3, 2, 2, 1])) == [
        Arrival.LATE,
        Arrival.DUPLICATE,
        Arrival.LATE,
        Arrival.DUPLICATE,
        Arrival.DUPLICATE,
    ]


def test_a_run_that_is_joined_further_on_begins_there() -> None:
    sequencer = Sequencer(WINDOW)
    steps = push_all(sequencer, [1000, 1001, 999])
    assert released(steps) == [1000, 1001]
    assert steps[-1].arrival is Arrival.LATE
    assert sum(step.skipped for step in steps) == 0


def test_a_newer_run_begins_at_once_and_the_older_is_remembered() -> None:
    sequencer = Sequencer(WINDOW)
    push_all(sequencer, [0, 1, 3])
    step = sequencer.push(record(0, "r2"))
    assert [(item.run, item.seq) for item in step.released] == [("r1", 3), ("r2", 0)]
    assert step.skipped == 1
    assert arrivals(push_all(sequencer, [2, 3, 4, 4], "r1")) == [
        Arrival.LATE,
        Arrival.DUPLICATE,
        Arrival.LATE,
        Arrival.DUPLICATE,
    ]
    assert sequencer.push(record(1, "r2")).arrival is Arrival.ACCEPTED


def test_records_of_a_run_long_forgotten_are_late_not_dropped() -> None:
    sequencer = Sequencer(WINDOW)
    for number in range(10):
        sequencer.push(record(0, f"r{number}"))
    assert sequencer.push(record(0, "r0")).arrival is Arrival.LATE


def test_many_gaps_are_forgotten_towards_late() -> None:
    sequencer = Sequencer(0)
    push_all(sequencer, [0, *range(2, 2000, 2)])
    assert sequencer.push(record(1)).arrival is Arrival.LATE
    assert sequencer.push(record(1997)).arrival is Arrival.LATE
    assert sequencer.push(record(1998)).arrival is Arrival.DUPLICATE


def test_a_record_without_seq_is_released_at_once() -> None:
    sequencer = Sequencer(WINDOW)
    push_all(sequencer, [0, 2])
    bare = record(None, "")
    assert sequencer.push(bare) == Step(Arrival.ACCEPTED, (bare,))
    assert released(push_all(sequencer, [1])) == [1, 2]
