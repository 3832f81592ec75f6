from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from detection import forest
from detection.forest import MAGNITUDE_MAX, RandomCutForest
from detection.operating import OperatingEvent
from detection.stages import PRESETS, Stage, StageDetectors, parse_stages, warm_up
from tepwatch.errors import NewerStateError, SettingsError, StateError
from tepwatch.records import Reading, ScoreState, StageScore
from tepwatch.settings import ScoreOn, Settings
from tepwatch.tags import TAGS
from tests.plants import recording

SMALL = Settings(trees=10, sample_size=32, output_after=5)
PAIR = (Stage("pair", ("xmeas_1", "xmeas_2")),)

Row = list[float | None]


def recorded_rows(count: int) -> list[Row]:
    readings = [item for item in recording().items if isinstance(item, Reading)]
    return [[*item.xmeas, *item.xmv] for item in readings[:count]]


def row(first: float | None, second: float | None = 0.0) -> Row:
    return [first, second, *[None] * (len(TAGS) - 2)]


def scores_of(detectors: StageDetectors, rows: list[Row]) -> list[StageScore]:
    return [scores[0] for scores in detectors.score(rows)]


def test_presets_are_the_designs_groups() -> None:
    numbers = {
        name: [[int(tag.removeprefix("xmeas_")) for tag in stage.tags] for stage in stages]
        for name, stages in PRESETS.items()
        if name in {"default", "continuous"}
    }
    assert numbers == {
        "default": [list(range(23, 29)), list(range(29, 37)), list(range(37, 42))],
        "continuous": [list(range(6, 10)), list(range(10, 14)), list(range(15, 20))],
    }
    units = {stage.name: set(stage.tags) for stage in PRESETS["units"]}
    assert units["feed"] == {f"xmeas_{n}" for n in range(1, 5)} | {f"xmv_{n}" for n in range(1, 5)}
    assert units["reactor"] == {"xmeas_6", "xmeas_7", "xmeas_8", "xmeas_9", "xmeas_21", "xmv_10"}
    assert units["recycle"] == {"xmeas_5", "xmeas_10", "xmeas_20", "xmv_5", "xmv_6"}
    assert "xmv_12" not in set().union(*units.values())


@pytest.mark.parametrize(
    "text",
    ["nonsense", "[]", '{"a": []}', '{"a": ["xmeas_42"]}', '{"a": ["xmeas_1", "xmeas_1"]}'],
)
def test_a_bad_group_is_refused_in_words(text: str) -> None:
    with pytest.raises(SettingsError, match="stages"):
        parse_stages(text)


def test_a_stage_that_holds_its_values_repeats_its_score_and_learns_no_copies() -> None:
    held = StageDetectors(PAIR, SMALL)
    without_copies = StageDetectors(PAIR, SMALL)
    values = np.random.default_rng(2).normal(size=40).tolist()
    rows = [row(value) for value in values for _ in range(3)]
    scores = scores_of(held, rows)
    assert [score.state for score in scores[-3:]] == [
        ScoreState.SCORED,
        ScoreState.HELD,
        ScoreState.HELD,
    ]
    assert len({score.score for score in scores[-3:]}) == 1
    assert scores[::3] == scores_of(without_copies, [row(value) for value in values])


def test_every_reading_is_scored_where_that_is_set() -> None:
    detectors = StageDetectors(PAIR, Settings(trees=10, output_after=5, score_on=ScoreOn.EVERY))
    scores = scores_of(detectors, [row(1.0)] * 10)
    assert [score.state for score in scores] == [ScoreState.WARMING_UP] * 5 + [
        ScoreState.SCORED
    ] * 5


def test_warm_up_is_said_and_has_no_score() -> None:
    scores = scores_of(StageDetectors(PAIR, SMALL), [row(float(n)) for n in range(6)])
    assert [(score.state, score.score is None) for score in scores] == [
        (ScoreState.WARMING_UP, True)
    ] * 5 + [(ScoreState.SCORED, False)]


def test_missing_values_are_filled_with_the_last_and_counted() -> None:
    filled = StageDetectors(PAIR, SMALL)
    whole = StageDetectors(PAIR, SMALL)
    rows = [row(float(n % 7), float(n)) for n in range(20)]
    gaps = [row(None, n) if n % 5 == 3 else row(first, n) for n, (first, *_) in enumerate(rows)]
    same = [row(rows[n - 1][0], n) if n % 5 == 3 else r for n, r in enumerate(rows)]
    with_gaps = scores_of(filled, gaps)
    assert [score.filled for score in with_gaps] == [int(n % 5 == 3) for n in range(20)]
    assert [s.score for s in with_gaps] == [s.score for s in scores_of(whole, same)]


def test_a_value_that_was_never_seen_leaves_nothing_to_score() -> None:
    scores = scores_of(StageDetectors(PAIR, SMALL), [row(float(n), None) for n in range(8)])
    assert {score.state for score in scores} == {ScoreState.NO_DATA}
    assert {score.score for score in scores} == {None}


def test_a_value_the_forest_cannot_hold_counts_as_missing() -> None:
    detectors = StageDetectors(PAIR, SMALL)
    scores = scores_of(detectors, [row(float(n)) for n in range(9)] + [row(1e300)])
    assert scores[-1].filled == 1
    assert scores[-1].state is ScoreState.HELD


def test_a_new_run_holds_nothing_of_the_old_one() -> None:
    detectors = StageDetectors(PAIR, SMALL)
    scores_of(detectors, [row(float(n)) for n in range(9)])
    detectors.observe(OperatingEvent.SETPOINT)
    assert scores_of(detectors, [row(8.0)])[0].state is ScoreState.HELD
    detectors.observe(OperatingEvent.RESTART)
    assert scores_of(detectors, [row(None, 0.0)])[0].state is ScoreState.NO_DATA
    assert scores_of(detectors, [row(8.0)])[0].state is ScoreState.SCORED


@pytest.mark.parametrize("cut", [0, 3, 50, 119])
def test_restored_detectors_go_on_to_the_last_bit(cut: int) -> None:
    rows = recorded_rows(160)
    stages = parse_stages("default")
    settings = Settings(trees=10, sample_size=32, output_after=5, shingle_size=3)
    detectors = StageDetectors(stages, settings)
    detectors.score(rows[:cut])
    restored = StageDetectors(stages, settings)
    restored.restore(detectors.to_bytes())
    assert detectors.score(rows[cut:]) == restored.score(rows[cut:])


class NaiveStage:
    """One stage, a reading and a value at a time."""

    def __init__(self, stage: Stage, settings: Settings) -> None:
        self.settings = settings
        self.columns = [list(TAGS).index(tag) for tag in stage.tags]
        self.forest = RandomCutForest(
            len(stage.tags),
            trees=settings.trees,
            sample_size=settings.sample_size,
            output_after=settings.output_after,
            shingle_size=settings.shingle_size,
        )
        self.begin_run()

    def begin_run(self) -> None:
        self.last: Row = [None] * len(self.columns)
        self.last_score: float | None = None
        self.forest.break_shingle()

    def score(self, row: Row) -> tuple[float | None, ScoreState, int]:
        filled, new = 0, False
        for place, column in enumerate(self.columns):
            value = row[column]
            if value is None or abs(value) > MAGNITUDE_MAX:
                filled += 1
            elif value != self.last[place]:
                self.last[place] = value
                new = True
        if None in self.last:
            return None, ScoreState.NO_DATA, filled
        if new or self.settings.score_on is ScoreOn.EVERY:
            (score,) = self.forest.score_and_update(np.array([self.last], np.float64)).tolist()
            self.last_score = None if math.isnan(score) else score
            state = ScoreState.SCORED
        else:
            state = ScoreState.HELD
        if self.last_score is None:
            state = ScoreState.WARMING_UP
        return self.last_score, state, filled


VALUES = st.sampled_from([None, 0.0, 1.0, 2.0, -3.0, 1e300])


@examples(max_examples=60)
@given(
    rows=st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=60),
    size=st.integers(1, 30),
    score_on=st.sampled_from(ScoreOn),
    shingle_size=st.integers(1, 3),
    run_at=st.integers(0, 40),
)
def test_scores_are_those_of_going_value_by_value(
    rows: list[tuple[float | None, ...]],
    size: int,
    score_on: ScoreOn,
    shingle_size: int,
    run_at: int,
) -> None:
    stages = (Stage("two", ("xmeas_3", "xmeas_1")), Stage("one", ("xmeas_2",)), PAIR[0])
    chosen = Settings(
        trees=5, sample_size=16, output_after=3, score_on=score_on, shingle_size=shingle_size
    )
    whole: list[Row] = [[*values, *[None] * (len(TAGS) - 3)] for values in rows]
    detectors = StageDetectors(stages, chosen)
    naive = [NaiveStage(stage, chosen) for stage in stages]
    for begin, part in ((False, whole[:run_at]), (True, whole[run_at:])):
        if begin:
            detectors.begin_run()
            for one in naive:
                one.begin_run()
        cuts = [part[start : start + size] for start in range(0, len(part), size)]
        found = [scores for cut in cuts for scores in detectors.score(cut)]
        expected = [tuple(one.score(values) for one in naive) for values in part]
        assert [
            tuple((score.score, score.state, score.filled) for score in scores) for scores in found
        ] == expected


def test_warming_up_says_what_it_took_only_where_it_is_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled: list[int] = []
    monkeypatch.setattr(forest, "warm_up", compiled.append)
    caplog.set_level("INFO")
    stages = (*PAIR, Stage("one", ("xmeas_2",)), Stage("others", ("xmeas_3", "xmeas_4")))
    warm_up(stages, Settings(shingle_size=3))
    assert compiled == [3, 6]
    assert not caplog.messages
    monkeypatch.setattr("detection.stages._WARM_UP_SECONDS", -1.0)
    warm_up(stages, Settings())
    assert len(caplog.messages) == 1


def test_scores_do_not_depend_on_how_readings_are_cut() -> None:
    rows = recorded_rows(120)
    stages = parse_stages("default")
    whole = StageDetectors(stages, SMALL).score(rows)
    detectors = StageDetectors(stages, SMALL)
    pieces = [
        scores for part in (rows[:1], rows[1:50], rows[50:]) for scores in detectors.score(part)
    ]
    assert whole == pieces


def test_state_of_other_settings_is_refused() -> None:
    data = StageDetectors(PAIR, SMALL).to_bytes()
    for settings in (
        Settings(trees=11, sample_size=32, output_after=5),
        Settings(trees=10, sample_size=32, output_after=5, score_on=ScoreOn.EVERY),
    ):
        with pytest.raises(StateError, match="settings"):
            StageDetectors(PAIR, settings).restore(data)
    with pytest.raises(StateError, match="other stages"):
        StageDetectors(parse_stages("default"), SMALL).restore(data)
    with pytest.raises(StateError) as error:
        StageDetectors(PAIR, SMALL).restore(b"nonsense")
    assert not isinstance(error.value, NewerStateError)
