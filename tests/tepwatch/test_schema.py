from __future__ import annotations

from tepwatch.records import (
    EventKind,
    Origin,
    PlantEvent,
    Rejected,
    RejectReason,
    ScoreState,
    StageScore,
    StageScores,
)
from tepwatch.schema import (
    TABLES,
    Row,
    dead_letter_row,
    event_row,
    reading_row,
    row_key,
    score_rows,
)
from tepwatch.tags import DISTURBANCES, TAGS, XMEAS, XMV
from tests.plants import reading

ORIGIN = Origin("s", "9", 2, 1_800_000_000_000)


def sample_rows() -> list[Row]:
    scores = StageScores(
        "p", "r", 5, 7, 0.1, (StageScore("product", None, ScoreState.WARMING_UP, 1),)
    )
    event = PlantEvent("p", "r", 6, 1, None, EventKind.MODE, None, ORIGIN)
    rejected = Rejected(RejectReason.EMPTY, "no line", b"\x00", "key", ORIGIN)
    return [
        reading_row(reading(3), late=True),
        *score_rows(scores),
        event_row(event),
        dead_letter_row(rejected),
    ]


def test_rows_have_exactly_the_columns_of_their_table() -> None:
    for row in sample_rows():
        assert set(row.values) == {column.name for column in TABLES[row.table].columns}


def test_keys_are_columns_and_make_rows_of_a_run_unique() -> None:
    for table in TABLES.values():
        assert set(table.key) <= {column.name for column in table.columns}
    rows = [reading_row(reading(seq), late=False) for seq in range(200)]
    assert len({row_key(row) for row in rows}) == 200


def test_the_time_carries_the_seq_below_the_millisecond() -> None:
    item = reading(123_456)
    assert reading_row(item, late=False).values["time"] == item.time_ms * 1_000_000 + 123_456


def test_the_catalogue_is_the_papers() -> None:
    assert [tag.id for tag in XMEAS] == [f"xmeas_{n}" for n in range(1, 42)]
    assert [tag.id for tag in XMV] == [f"xmv_{n}" for n in range(1, 13)]
    assert len(TAGS) == 53
    assert [disturbance.number for disturbance in DISTURBANCES] == list(range(1, 21))
    mole_percents = [tag for tag in XMEAS if tag.unit == "mol%"]
    assert [tag.id for tag in mole_percents] == [f"xmeas_{n}" for n in range(23, 42)]
    # An analysis sums to 100 where it covers all components: the purge gas does.
    purge = sum(tag.base_value for tag in XMEAS[28:36])
    assert abs(purge - 100) < 0.01
