from __future__ import annotations

import numpy as np
import pytest

from detection.alarm_book import AlarmBook, Moment
from detection.forest import FloatArray
from detection.naming import Axes, Namer
from tepwatch.records import AlarmChange, Suspect
from tests.detection.test_naming import trees

NAMER = Namer(Axes(np.eye(1), np.empty((0, 1))), {5: trees(), 7: trees()})


def raised(book: AlarmBook, tick: int) -> None:
    now = Moment(tick, 0, 0.0)
    book.raise_alarm("one", "run", now, now, unit="feed", model="m", channels=1)


@pytest.mark.parametrize(
    ("ticks", "kept"),
    [
        (range(100, 160), range(120, 160)),
        ([100, 101, 158, 159], range(158, 160)),
        (range(100, 159), []),
    ],
    ids=["the last ones", "after a gap", "not up to the alarm"],
)
def test_what_was_before_an_alarm_is_kept_for_its_name(
    monkeypatch: pytest.MonkeyPatch, ticks: list[int], kept: list[int]
) -> None:
    asked: list[tuple[int, list[float]]] = []

    def suspects(
        _namer: Namer, values: FloatArray, innovations: FloatArray, before: FloatArray
    ) -> list[Suspect]:
        assert (values == 2.0 * innovations).all()
        asked.append((len(values), before.ravel().tolist()))
        return [Suspect(number, 0.1) for number in range(1, 8)]

    monkeypatch.setattr(Namer, "suspects", suspects)
    book = AlarmBook()
    for tick in ticks:
        book.remember(tick, np.array([float(tick)]))
    raised(book, 160)
    changes = []
    for tick in range(160, 170):
        book.follow(1e-5, np.ones(1))
        changes += book.name(NAMER, np.array([2.0 * tick]), np.array([float(tick)]))
        book.remember(tick, np.array([float(tick)]))
    assert asked == [(5, list(kept)), (7, list(kept))]
    assert [change.change for change in changes] == [AlarmChange.NAMED] * 2
    assert book.active is not None
    assert [suspect.idv for suspect in book.active.suspects] == [1, 2, 3]
    assert (book.active.window, book.active.before) == ([], [])
