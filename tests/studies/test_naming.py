from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from detection import artefact
from detection.artefact import Origin
from detection.baseline import Baseline, learn
from detection.naming import Namer
from studies import naming
from studies.faults import FaultRun
from studies.naming import judge, teach
from studies.protocol import FaultRank
from tepwatch.errors import BaselineError, MissingPackageError
from tests.detection.test_baseline import COLUMNS, plant

WINDOWS = [10, 20]
ORIGIN = Origin("", "", 180.0, 1.0, 0.0, 42)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learn([plant(300, seed) for seed in range(5)])


def runs(seeds: range) -> list[FaultRun]:
    """Three faults, each with its variable, and one that does nothing."""
    found = []
    for seed in seeds:
        for fault, tag in {4: "xmeas_9", 6: "xmeas_1", 11: "xmeas_15", 16: None}.items():
            ticks = plant(130, 100 * fault + seed)
            if tag is not None:
                ticks[60 + seed % 7 :, COLUMNS[tag]] += 9.0
            found.append(FaultRun(fault, ticks, 60 + seed % 7))
    return found


@pytest.fixture(scope="module")
def namer(baseline: Baseline) -> Namer:
    return teach(baseline, runs(range(6)), WINDOWS).namer


def test_windows_are_half_an_hour_an_hour_and_three() -> None:
    assert naming.windows_of(180.0) == [10, 20, 60]
    assert naming.windows_of(60.0) == [30, 60, 180]
    assert naming.windows_of(3600.0) == [5, 5, 5]


def test_faults_of_other_seeds_are_named(baseline: Baseline, namer: Namer) -> None:
    judged = judge(namer, baseline, runs(range(20, 24)))
    assert namer.faults == [4, 6, 11]
    assert [each.ticks for each in judged.naming] == WINDOWS
    for each in judged.naming:
        # One of the four does nothing, and so has no name.
        assert (each.top1, each.top3) == (75.0, 75.0)
        assert len(each.ranks) == 16
    for each in judged.of_faults(namer.faults).naming:
        assert (each.top1, each.top3) == (100.0, 100.0)
        assert len(each.ranks) == 12
    delays = {run.fault: run.delay for run in judged.runs}
    assert delays[4] is not None
    assert 1 <= delays[4] <= 3


def test_what_is_not_detected_or_too_short_is_not_named_right(
    baseline: Baseline, namer: Namer
) -> None:
    (seen, *_), (unseen, *_) = runs(range(20, 21)), runs(range(21, 22))
    short = seen._replace(ticks=seen.ticks[: seen.fault_at + 15])
    unseen = unseen._replace(ticks=plant(130, 900))
    judged = judge(namer, baseline, [seen, short, unseen])
    ten, twenty = judged.naming
    assert ten.ranks == [FaultRank(4, 1), FaultRank(4, 1), FaultRank(4, None)]
    assert ten.top1 == pytest.approx(200 / 3)
    assert [each.rank for each in twenty.ranks] == [1, None, None]


def test_faults_that_are_not_detected_cannot_be_taught(baseline: Baseline) -> None:
    taught = teach(baseline, runs(range(3)), WINDOWS)
    assert taught.left_out == [16]
    assert (taught.runs[16], taught.detected[4]) == (3, 3)
    with pytest.raises(BaselineError, match="too few faults"):
        teach(baseline, [run for run in runs(range(3)) if run.fault in {4, 16}], WINDOWS)


def test_the_same_runs_teach_the_same_bytes(baseline: Baseline, namer: Namer) -> None:
    again = teach(baseline, runs(range(6)), WINDOWS).namer
    one, two = (artefact.to_bytes(baseline._replace(namer=each), ORIGIN) for each in (namer, again))
    assert one == two


def test_exported_trees_vote_as_the_classifier_does() -> None:
    rng = np.random.default_rng(4)
    faults = np.repeat([1, 5, 9], 40)
    features = (rng.normal(size=(120, 10)) + faults[:, None] / 6.0).astype(np.float32)
    examples = [
        naming.Example(int(fault), row) for fault, row in zip(faults, features, strict=True)
    ]
    trees = naming.grown(examples, 42)
    assert trees.fit(10)
    classifier = ExtraTreesClassifier(
        300, max_features=0.3, class_weight="balanced", random_state=42
    ).fit(features, faults.tolist())
    asked = (rng.normal(size=(50, 10)) + 1.0).astype(np.float32)
    votes = np.array([trees.votes(row) for row in asked])
    np.testing.assert_allclose(votes, classifier.predict_proba(asked), atol=1e-9)


def test_without_scikit_learn_it_says_what_to_install(
    baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'tepwatch\[learn\]'"):
        teach(baseline, runs(range(2)), WINDOWS)
