from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.record_log import Entry, RecordLog

LARGE = 10**9


def entry(number: int) -> Entry:
    return Entry(f"{number:030d}", float(number), "eHg=", "key")


operations = st.lists(
    st.tuples(
        st.sampled_from(["push", "expire", "drop", "read"]), st.integers(0, 60), st.integers(1, 30)
    ),
    max_size=60,
)


@given(operations)
def test_it_behaves_as_a_list_that_is_cut_at_the_front(
    steps: list[tuple[str, int, int]],
) -> None:
    log = RecordLog()
    twin: list[Entry] = []
    pushed = expired = dropped = 0
    for kind, number, amount in steps:
        if kind == "push":
            for _ in range(amount):
                pushed += 1
                log.push(entry(pushed))
                twin.append(entry(pushed))
        elif kind == "expire":
            kept = [item for item in twin if item.arrival >= number]
            expired += len(twin) - len(kept)
            twin = kept
            log.expire(float(number))
        elif kind == "drop":
            freed = 0
            while twin and freed < amount:
                freed += twin.pop(0).size
                dropped += 1
            log.drop_oldest(amount)
        after = f"{number:030d}"
        behind = [item for item in twin if item.sequence > after]
        before = [item.sequence for item in twin if item.sequence < after]
        assert log.after(after, 5, LARGE) == behind[:5]
        assert log.first_after(after) == (behind[0] if behind else None)
        assert log.last_before(after) == (before[-1] if before else "")
        assert log.last_before_time(float(number)) == log.last_before(after)
        assert log.last == (twin[-1].sequence if twin else "")
        assert list(log) == [item.as_dict() for item in twin]
        assert log[:3] == [item.as_dict() for item in twin[:3]]
        assert log.size_bytes == sum(item.size for item in twin)
    assert (log.expired, log.dropped) == (expired, dropped)


def test_a_read_stops_at_the_size_but_gives_at_least_one() -> None:
    log = RecordLog()
    for number in range(10):
        log.push(entry(number))
    size = entry(0).size
    assert len(log.after("", 100, 3 * size)) == 3
    assert len(log.after("", 100, 1)) == 1


def test_trimming_many_keeps_what_is_left() -> None:
    log = RecordLog()
    for number in range(20_000):
        log.append(entry(number).as_dict())
    log.expire(15_000.0)
    assert (len(log), log.expired) == (5_000, 15_000)
    assert log[0]["SequenceNumber"] == entry(15_000).sequence
    assert log[-1]["SequenceNumber"] == entry(19_999).sequence
    with pytest.raises(IndexError):
        log[5_000]
