from __future__ import annotations

import numpy as np
import pytest

from detection.baseline import Baseline, learn
from detection.channels import Unit, choose_channels
from detection.forest import FloatArray
from detection.tracker import Tracker
from tepwatch.errors import BaselineError
from tepwatch.tags import TAGS

COLUMNS = {tag: column for column, tag in enumerate(TAGS)}


def plant(ticks: int, seed: int) -> FloatArray:
    """All 53 variables about their base values, each following itself; two never move."""
    rng = np.random.default_rng(seed)
    values = np.zeros((ticks, len(TAGS)))
    for tick in range(1, ticks):
        values[tick] = 0.6 * values[tick - 1] + rng.normal(size=len(TAGS))
    values[:, [COLUMNS["xmv_5"], COLUMNS["xmv_12"]]] = 0.0
    return 50.0 + values


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learn([plant(300, seed) for seed in range(5)])


def test_what_stands_still_is_left_out_and_said() -> None:
    channels = choose_channels([plant(50, 1)])
    assert {(each.tag, each.value) for each in channels.constants} == {
        ("xmv_5", 50.0),
        ("xmv_12", 50.0),
    }
    assert [unit.name for unit in channels.units] == [
        "feed",
        "reactor",
        "separator",
        "stripper",
        "recycle",
    ]
    assert channels.tags == [list(TAGS)[column] for column in channels.columns]
    assert "xmv_5" not in channels.tags
    assert channels.has_valves
    assert channels.units[-1].end == len(channels.tags) == 32


def test_measurements_alone_are_enough_and_need_the_analysers() -> None:
    channels = choose_channels([plant(50, 1)[:, :41]])
    assert not any(tag.startswith("xmv") for tag in channels.tags)
    assert not channels.has_valves
    assert channels.units[-1] == Unit("analysers", 22, 41)
    assert channels.tags[22:] == [f"xmeas_{number}" for number in range(23, 42)]


def test_valves_that_are_all_held_say_as_little_as_none() -> None:
    held = plant(50, 1)
    held[:, 41:] = 50.0
    assert choose_channels([held]).units[-1].name == "analysers"


def test_p_values_of_normal_operation_are_what_they_say(baseline: Baseline) -> None:
    p_values = np.concatenate(
        [Tracker(baseline).advance(plant(300, seed)).p_values for seed in range(100, 110)]
    )
    p_values = p_values[~np.isnan(p_values)]
    for limit in (0.1, 0.01):
        assert limit / 4 < (p_values < limit).mean() < 2 * limit


@pytest.mark.parametrize(
    ("tag", "what"), [("xmeas_9", "shifted"), ("xmv_1", "noisier"), ("xmeas_15", "drifting")]
)
def test_a_fault_is_seen_and_its_unit_is_the_one(baseline: Baseline, tag: str, what: str) -> None:
    ticks = plant(200, 7)
    column = COLUMNS[tag]
    ticks[100:, column] += {
        "shifted": np.full(100, 8.0),
        "noisier": 6 * np.random.default_rng(3).normal(size=100),
        "drifting": np.linspace(0, 10, 100),
    }[what]
    scores = Tracker(baseline).advance(ticks)
    assert (scores.p_values[150:] < 0.01).mean() > 0.9
    unit = {"xmeas_9": 1, "xmv_1": 0, "xmeas_15": 3}[tag]
    normed = scores.units / np.array(baseline.calibration.norms)
    assert (normed[150:].argmax(axis=1) == unit).mean() > 0.8


@pytest.mark.parametrize("pieces", [1, 13])
def test_scores_are_the_same_bit_for_bit_in_pieces(baseline: Baseline, pieces: int) -> None:
    ticks = plant(60, 9)
    whole = Tracker(baseline).advance(ticks)
    tracker = Tracker(baseline)
    found = [
        tracker.advance(ticks[start : start + pieces]) for start in range(0, len(ticks), pieces)
    ]
    for name in whole._fields:
        joined = np.concatenate([getattr(each, name) for each in found])
        assert joined.tobytes() == getattr(whole, name).tobytes()
    order = baseline.model.predictor.order
    assert np.isnan(whole.p_values[:order]).all()
    assert not np.isnan(whole.p_values[order:]).any()


def test_the_same_data_and_seed_give_the_same_baseline(baseline: Baseline) -> None:
    again = learn([plant(300, seed) for seed in range(5)])
    assert again.calibration == baseline.calibration
    ticks = plant(80, 11)
    expected = Tracker(baseline).advance(ticks)
    assert Tracker(again).advance(ticks).units.tobytes() == expected.units.tobytes()


def test_parts_that_disagree_are_refused() -> None:
    recordings = [plant(300, seed) for seed in range(5)]
    recordings[3][:, COLUMNS["xmeas_7"]] += 6.0
    with pytest.raises(BaselineError, match=r"disagree.* look at recording 4, rows \d+ to 300"):
        learn(recordings)


@pytest.mark.parametrize("cut", [[500, 500, 500, 500, 500], [2500]])
def test_what_looks_abnormal_in_the_recordings_is_told(cut: list[int]) -> None:
    whole = np.concatenate([plant(500, seed) for seed in range(5)])
    whole[1140:1150, COLUMNS["xmeas_7"]] += 8.0
    recordings = np.split(whole, np.cumsum(cut)[:-1])
    first, *_ = learn(recordings).odd
    recording, start = (2, 1000) if len(cut) > 1 else (0, 0)
    assert first.recording == recording
    assert 1140 <= first.first + start <= 1145
    assert 1150 <= first.end + start <= 1250


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(BaselineError, match="100 ticks are too few"):
        learn([plant(100, 1)])
    with pytest.raises(BaselineError, match="a run of 2 ticks"):
        learn([plant(500, 1), plant(2, 2)])
    with pytest.raises(BaselineError, match="moves"):
        learn([np.ones((500, 53))])


def test_learning_looks_over_holes() -> None:
    holes = plant(500, 1)
    holes[:, COLUMNS["xmeas_2"]][::3] = np.nan
    holes[7, 3] = np.nan
    baseline = learn([holes])
    assert "xmeas_2" not in baseline.channels.tags
    assert "xmeas_4" in baseline.channels.tags
    filled = holes.copy()
    filled[:, COLUMNS["xmeas_2"]] = np.nan
    filled[7, 3] = (holes[6, 3] + holes[8, 3]) / 2
    assert learn([filled]).calibration == baseline.calibration
