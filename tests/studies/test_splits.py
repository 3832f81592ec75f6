from __future__ import annotations

import pytest

from detection.baseline import learn
from simulator.strategies import RICKER
from studies import splits
from studies.faults import FAULTS
from studies.naming import Judged
from studies.protocol import FaultRank, FaultResult, MethodResult, WindowNaming
from studies.splits import SCOPES, FaultSummary, Scope


def result(far: float, *faults: FaultResult) -> MethodResult:
    return MethodResult("some", 0.0, far, far, far / 10, 0.0, 0.0, None, None, 0, list(faults))


def test_splits_are_counted_together() -> None:
    scope = Scope(frozenset({1, 2}), frozenset({3}))
    found = splits.summarise(
        [
            result(1.0, FaultResult(1, 90.0, 2), FaultResult(2, 80.0, 4), FaultResult(3, 9.0, 60)),
            result(3.0, FaultResult(1, 94.0, 6), FaultResult(2, 0.0, None), FaultResult(5, 0.0, 9)),
        ],
        scope,
    )
    assert (found.far_fresh_normal, found.false_alarms_per_day) == ([1.0, 3.0], [0.1, 0.3])
    assert found.fdr_plain == pytest.approx((90.0 + 80.0 + 94.0 + 0.0) / 4)
    assert found.delay_minutes == pytest.approx(3 * (2 + 4 + 60 + 6) / 4)
    # What is neither plain nor hard is no miss.
    assert found.missed == 1
    assert found.faults[0] == FaultSummary(1, 2, 2, 92.0, 12.0)
    assert found.faults[1] == FaultSummary(2, 2, 1, 40.0, 12.0)
    assert [each.fault for each in found.faults] == [1, 2, 3, 5]


def test_names_of_all_splits_are_shares_of_all_runs() -> None:
    first, second = FaultRank(1, 1), FaultRank(2, 3)
    judged = [
        Judged([], [WindowNaming.of(10, [first]), WindowNaming.of(20, [first])]),
        Judged([], [WindowNaming.of(10, [second]), WindowNaming.of(20, [first])]),
    ]
    names = splits.all_names(judged)
    assert [(each.ticks, each.top1, each.top3) for each in names] == [(10, 50, 100), (20, 100, 100)]


def test_scopes_are_those_of_the_protocols() -> None:
    assert len(SCOPES["pi"].plain) == 18
    assert len(SCOPES["ricker"].plain) == 16
    assert SCOPES["ricker"].hard == {3, 9}


def test_a_split_is_simulated_and_judged() -> None:
    split, other = (splits.simulate(RICKER, 6, 2, number) for number in (0, 1))
    assert (len(split.recordings), len(split.fresh), len(split.runs)) == (3, 1, len(FAULTS))
    assert (split.recordings[0] != other.recordings[0]).any()
    assert (split.runs[0].ticks[:50] != other.runs[0].ticks[:50]).any()
    results = splits.judge(split, learn(split.recordings), lambda _text: None)
    assert set(results) == {"tepwatch", "reference", "pca", "dpca", "cva"}
    by_fault = {each.fault: each for each in results["tepwatch"].faults}
    assert by_fault[6].fdr > 99
    assert by_fault[6].delay is not None
