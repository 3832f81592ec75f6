"""Teaches a namer on runs whose fault is known, and counts how often it is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detection.baseline import Baseline
from detection.forest import FloatArray
from detection.naming import BEFORE_TICKS, LEAF, WINDOW_MIN, Axes, Features, Namer, Trees, describe
from detection.tracker import Tracker
from studies.faults import FaultRun
from studies.protocol import FaultRank, WindowNaming, onset_after
from tepwatch.errors import BaselineError, MissingPackageError
from tepwatch.records import Suspect

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.tree import Tree

WINDOW_HOURS: Final = (0.5, 1.0, 3.0)
"""Of process time from an alarm on, after which it is asked what it is like."""

_TREES: Final = 300
_FEATURES_TRIED: Final = 0.3
"""Part of the features that a node chooses from."""

_SHIFTS: Final = (-2, 0, 2, 5)
"""Ticks after an alarm at which windows to learn from begin: it could as well have been later."""

_DETECTED_MIN: Final = 0.5
"""Part of a fault's runs in which it is detected, below which there is nothing to be taught."""

_NODES_MAX: Final = 2**16
"""Of one tree: what a link can reach."""


class Taught(NamedTuple):
    """What was learned, from how many runs, and in how many of them the fault was detected."""

    namer: Namer
    runs: Mapping[int, int]
    detected: Mapping[int, int]

    @property
    def left_out(self) -> list[int]:
        """Faults that are hardly ever detected: no alarm of theirs is there to be named."""
        return [fault for fault in sorted(self.runs) if not _is_taught(fault, self)]


def windows_of(tick_seconds: float) -> list[int]:
    """The windows in ticks, for ticks of so many seconds of process time.

    >>> windows_of(180.0)
    [10, 20, 60]
    """
    return [max(WINDOW_MIN, round(hours * 3600.0 / tick_seconds)) for hours in WINDOW_HOURS]


def teach(
    baseline: Baseline, runs: Iterable[FaultRun], windows: Sequence[int], *, seed: int = 42
) -> Taught:
    """Teach a namer to tell the alarms that a baseline raises on runs; the same each time.

    Args:
        baseline: that the namer will be used with; windows are cut where it raises its alarms.
        runs: by turns of several faults; taken one after the other.
        windows: lengths in ticks.
        seed: of the trees.

    Raises:
        MissingPackageError: scikit-learn is not installed.
        BaselineError: less than two faults are detected.
    """
    check_installed()
    alarms: dict[int, list[_Alarm]] = {}
    counts = Counter[int]()
    for run in runs:
        counts[run.fault] += 1
        alarms.setdefault(run.fault, []).extend(_alarms(baseline, run, max(windows)))
    detected = {fault: len(found) for fault, found in alarms.items()}
    whitening = baseline.model.statistics.whitening
    axes = Axes(whitening, np.empty((0, len(whitening))))
    taught = Taught(Namer(axes, {}), counts, detected)
    kept = {fault: found for fault, found in alarms.items() if fault not in taught.left_out}
    if len(kept) < 2:  # noqa: PLR2004 - one name is none
        raise BaselineError(
            f"too few faults are detected in these runs to tell one from the other: {len(kept)}"
        )
    directions = [_direction(found, whitening) for _, found in sorted(kept.items())]
    axes = Axes(whitening, np.array(directions))
    trees = {
        window: grown(
            [
                Example(fault, describe(*cut, axes))
                for fault, found in kept.items()
                for alarm in found
                for shift in _SHIFTS
                for cut in alarm.cut(shift, window)
            ],
            seed,
        )
        for window in windows
    }
    return taught._replace(namer=Namer(axes, trees))


class RunDelay(msgspec.Struct, frozen=True):
    """Ticks from the fault to its alarm, None where it is missed."""

    fault: int
    delay: int | None


class Judged(msgspec.Struct, frozen=True):
    """What became of runs of faults."""

    runs: list[RunDelay]
    naming: list[WindowNaming]

    def of_faults(self, faults: Sequence[int]) -> Judged:
        """The same with the names of some faults only."""
        return Judged(
            self.runs,
            [
                WindowNaming.of(each.ticks, [rank for rank in each.ranks if rank.fault in faults])
                for each in self.naming
            ],
        )


def judge(namer: Namer, baseline: Baseline, runs: Iterable[FaultRun]) -> Judged:
    """How often the fault is the likeliest suspect, or one of the first three, by window.

    A fault that is not detected, or whose run ends before the window does, is not named right;
    nor is one that could not be taught.
    """
    delays: list[RunDelay] = []
    ranks: dict[int, list[FaultRank]] = {window: [] for window in namer.windows}
    for run in runs:
        alarm = next(iter(_alarms(baseline, run, namer.windows[-1])), None)
        delay = None if alarm is None else alarm.raised_at - run.fault_at
        delays.append(RunDelay(run.fault, delay))
        for window, found in ranks.items():
            cuts = [] if alarm is None else alarm.cut(0, window)
            suspects = [suspect for cut in cuts for suspect in namer.suspects(*cut)]
            found.append(FaultRank(run.fault, _rank(suspects, run.fault)))
    return Judged(delays, [WindowNaming.of(window, found) for window, found in ranks.items()])


def _is_taught(fault: int, taught: Taught) -> bool:
    return taught.detected[fault] >= _DETECTED_MIN * taught.runs[fault]


def _rank(suspects: Sequence[Suspect], fault: int) -> int | None:
    faults = [suspect.idv for suspect in suspects]
    return faults.index(fault) + 1 if fault in faults else None


class Example(NamedTuple):
    """A window, described, and the fault that it is of."""

    fault: int
    features: Features


class _Alarm(NamedTuple):
    """An alarm's tick, and values and innovations (ticks, n) about it, from tick `first` on."""

    raised_at: int
    first: int
    values: FloatArray
    innovations: FloatArray

    def cut(self, shift: int, window: int) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """A window that begins so many ticks after the alarm, or none where it is not all there.

        Its values and innovations, and the innovations before it.
        """
        start = self.raised_at + shift - self.first
        ticks = slice(start, start + window)
        values, innovations = self.values[ticks], self.innovations[ticks]
        there = start >= 0 and len(values) == window and not np.isnan(innovations).any()
        before = self.innovations[max(0, start - BEFORE_TICKS) : start]
        return [(values, innovations, before)] if there else []


def _alarms(baseline: Baseline, run: FaultRun, longest: int) -> list[_Alarm]:
    """The first alarm after the fault has begun, if there is one, with what windows are cut of."""
    scores = Tracker(baseline).advance(run.ticks)
    raised_at = onset_after(scores.p_values, run.fault_at)
    if raised_at is None:
        return []
    first = max(0, raised_at + min(_SHIFTS) - BEFORE_TICKS)
    ticks = slice(first, raised_at + max(_SHIFTS) + longest)
    return [_Alarm(raised_at, first, scores.values[ticks].copy(), scores.innovations[ticks].copy())]


def _direction(alarms: Sequence[_Alarm], whitening: FloatArray) -> FloatArray:
    """Into which a fault moves whitened innovations, (n,): the first principal one of its runs."""
    means = [alarm.innovations[alarm.raised_at - alarm.first :].mean(axis=0) for alarm in alarms]
    moves = np.array(means) @ whitening
    # Each run counts as much, however strong its fault is.
    moves /= np.linalg.norm(moves, axis=1, keepdims=True)
    direction: FloatArray = np.linalg.svd(moves, full_matrices=False)[2][0]
    direction *= np.sign(direction[np.abs(direction).argmax()])
    return direction


def grown(examples: Sequence[Example], seed: int) -> Trees:
    """Trees that tell the examples' faults apart; each vote of theirs is for one fault.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    classifier = _classifier()(
        n_estimators=_TREES,
        max_features=_FEATURES_TRIED,
        # So that a fault whose runs are often too short for a window is not thought rare.
        class_weight="balanced",
        random_state=seed,
        n_jobs=-1,
    )
    classifier.fit(
        np.array([each.features for each in examples]), [each.fault for each in examples]
    )
    trees = [each.tree_ for each in classifier.estimators_]
    return Trees(
        tuple(int(fault) for fault in classifier.classes_),
        np.concatenate([_asked(tree) for tree in trees]),
        np.concatenate([tree.threshold.astype(np.float32) for tree in trees]),
        np.concatenate([_links(tree) for tree in trees]),
        np.cumsum([0, *(tree.node_count for tree in trees[:-1])]).astype(np.int32),
    )


def _asked(tree: Tree) -> NDArray[np.int16]:
    leaf = tree.children_left < 0
    return np.where(leaf, LEAF, tree.feature).astype(np.int16)


def _links(tree: Tree) -> NDArray[np.uint16]:
    leaf = tree.children_left < 0
    places = np.arange(tree.node_count)
    if tree.node_count > _NODES_MAX or (tree.children_left != places + 1)[~leaf].any():
        raise BaselineError("the trees have grown too large, or not in depth")
    # Leaves are of one fault, but where windows of several look the same.
    return np.where(leaf, tree.value[:, 0].argmax(axis=1), tree.children_right).astype(np.uint16)


def check_installed() -> None:
    """Nothing, where faults can be taught.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    _classifier()


def _classifier() -> type[ExtraTreesClassifier]:
    try:
        from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415 - no one else needs it
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"naming is taught with scikit-learn, and {error.name} is not installed: "
            "pip install 'tepwatch[learn]'"
        ) from error
    return ExtraTreesClassifier
