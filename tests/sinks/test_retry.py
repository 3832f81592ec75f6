from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.fan_out import FanOut
from jobs.metrics import DictMetrics
from jobs.results import StoredReading
from sinks.base import Outcome, RejectedRow
from sinks.retry import SinkUnavailableError, write
from tepwatch.records import EventKind, Origin, PlantEvent, Rejected, RejectReason
from tepwatch.schema import Row, reading_row, row_key
from tests.clock import Clock
from tests.plants import reading

ROWS = [reading_row(reading(seq), late=False) for seq in range(20)]


class FlakySink:
    """Fails and rejects by script: sets of seqs a call, `None` for everything."""

    name = "flaky"
    keeps_bytes = True

    def __init__(
        self, failures: Sequence[set[int] | None] = (), rejects: frozenset[int] = frozenset()
    ) -> None:
        self.failures = list(failures)
        self.rejects = rejects
        self.stored: list[Row] = []
        self.written: list[list[Row]] = []

    def open(self) -> None:
        pass

    def takes(self, table: str) -> bool:
        return table != "events"

    def write(self, rows: Sequence[Row]) -> Outcome:
        self.written.append(list(rows))
        failing = self.failures.pop(0) if self.failures else set()
        failed, rejected = [], []
        for row in rows:
            seq = row.values.get("seq")
            if seq in self.rejects:
                rejected.append(RejectedRow(row, "never"))
            elif failing is None or seq in failing:
                failed.append(row)
            else:
                self.stored.append(row)
        return Outcome(rejected, failed, "out of order" if failed else "")

    def close(self) -> None:
        pass


@given(
    st.lists(st.none() | st.sets(st.integers(0, 19)), max_size=10),
    st.frozensets(st.integers(0, 19)),
)
def test_every_row_is_stored_once_or_rejected_once(
    failures: list[set[int] | None], rejects: frozenset[int]
) -> None:
    sink = FlakySink(failures, rejects)
    written = write(sink, ROWS, patience_seconds=60, backoff=Clock().backoff)
    assert sorted(row_key(row) for row in sink.stored) == sorted(
        row_key(row) for row in ROWS if row.values["seq"] not in rejects
    )
    assert {item.row.values["seq"] for item in written.rejected} == rejects
    assert written.stored == len(sink.stored)
    assert written.retried == sum(len(rows) for rows in sink.written[1:])


def test_an_outage_of_a_minute_is_waited_out() -> None:
    clock = Clock()

    class Away(FlakySink):
        def write(self, rows: Sequence[Row]) -> Outcome:
            if clock.now < 60:
                return Outcome(failed=rows, cause="connection refused")
            return super().write(rows)

    sink = Away()
    written = write(sink, ROWS, patience_seconds=90, backoff=clock.backoff)
    assert (written.stored, written.rejected) == (20, [])
    assert len(sink.stored) == 20


def test_patience_ends_with_the_cause() -> None:
    clock = Clock()
    with pytest.raises(SinkUnavailableError, match="flaky took nothing for 5 s: out of order"):
        write(FlakySink([None] * 1000), ROWS, patience_seconds=5, backoff=clock.backoff)
    assert 5 <= clock.now <= 7


def test_as_long_as_a_sink_asks_for_is_waited_but_not_beyond_patience() -> None:
    class Asking(FlakySink):
        def write(self, rows: Sequence[Row]) -> Outcome:
            outcome = super().write(rows)
            return outcome._replace(wait_seconds=30) if outcome.failed else outcome

    clock = Clock()
    written = write(Asking([None]), ROWS, patience_seconds=60, backoff=clock.backoff)
    assert (written.stored, clock.sleeps) == (20, [30])
    clock = Clock()
    with pytest.raises(SinkUnavailableError):
        write(Asking([None] * 9), ROWS, patience_seconds=45, backoff=clock.backoff)
    assert clock.sleeps == [30, 15]


def test_progress_renews_patience() -> None:
    clock = Clock()
    one_by_one: list[set[int] | None] = [
        step for done in range(20) for step in ({*range(done + 1, 20)}, None, None, None)
    ]
    written = write(FlakySink(one_by_one), ROWS, patience_seconds=3, backoff=clock.backoff)
    assert written.stored == 20
    assert clock.now > 3


def test_what_a_sink_rejects_becomes_its_dead_letter() -> None:
    sink, metrics = FlakySink(rejects=frozenset({7})), DictMetrics()
    fan_out = FanOut([sink], metrics, patience_seconds=1)
    fan_out.write([StoredReading(reading(seq), late=False) for seq in range(20)])
    (letter,) = [row for row in sink.stored if row.table == "dead_letters"]
    assert letter.values["reason"] == RejectReason.SINK
    assert "never" in str(letter.values["message"])
    data = letter.values["data"]
    assert isinstance(data, bytes)
    assert b'"seq":7' in data
    values = metrics.values()
    assert (values["flaky_stored"], values["flaky_dead_letters"]) == (20, 1)


def test_a_dead_letter_that_is_refused_too_ends_there(caplog: pytest.LogCaptureFixture) -> None:
    class Grudging(FlakySink):
        def write(self, rows: Sequence[Row]) -> Outcome:
            return Outcome([RejectedRow(row, "no") for row in rows])

    fan_out = FanOut([Grudging()], DictMetrics(), patience_seconds=1)
    letter = Rejected(RejectReason.EMPTY, "m", b"", "k", Origin("s", "1", 0, 0))
    fan_out.write([letter])
    assert "refuses a dead letter" in caplog.text


def test_what_one_sink_rejects_the_others_store_and_all_get_its_dead_letter() -> None:
    picky, patient = FlakySink(rejects=frozenset({1})), FlakySink()
    fan_out = FanOut([picky, patient], DictMetrics(), patience_seconds=1)
    fan_out.write([StoredReading(reading(seq), late=False) for seq in range(3)])
    assert [row.table for row in patient.stored] == ["readings"] * 3 + ["dead_letters"]
    assert [row.table for row in picky.stored] == ["readings"] * 2 + ["dead_letters"]


def test_a_sink_is_given_only_what_it_takes() -> None:
    sink = FlakySink()
    first = reading(0)
    event = PlantEvent(
        "plant-1", first.run, 1, first.time_ms, 0.0, EventKind.RESTART, None, first.origin
    )
    metrics = DictMetrics()
    FanOut([sink], metrics, patience_seconds=1).write([event, StoredReading(first, late=False)])
    assert [row.table for row in sink.stored] == ["readings"]
    assert metrics.values()["flaky_stored"] == 1
