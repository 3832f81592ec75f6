from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from detection.artefact import Origin
from detection.baseline import Baseline, learn
from detection.naming import LEAF, Axes, Namer, Trees
from detection.reference import Reference
from detection.tracker import Tracker
from studies import report
from studies.cases import Case, Raised, follow
from studies.faults import FaultRun
from studies.protocol import (
    BenchmarkResult,
    FaultRank,
    FaultResult,
    MethodResult,
    WindowNaming,
)
from studies.report_text import in_words, markdown
from tepwatch.errors import InputFileError, MissingPackageError
from tepwatch.records import Contribution, Suspect
from tests.detection.test_baseline import COLUMNS, plant


def method(title: str, *faults: FaultResult, naming: list[WindowNaming] | None) -> MethodResult:
    return MethodResult(
        title, 0.11, 0.14, 0.59, 0.03, 98.5, 98.2, 13.8, None, 1, list(faults), naming
    )


def result() -> BenchmarkResult:
    ours = method(
        "unit forests",
        FaultResult(3, 97.6, None),
        FaultResult(6, 100.0, 4),
        naming=[WindowNaming.of(20, [FaultRank(3, None), FaultRank(6, 1)])],
    )
    other = method("principal components", FaultResult(6, 50.0, 9), naming=None)
    return BenchmarkResult("44d", 21120, 960, 52, 180.0, {"tepwatch": ours, "pca": other})


def case(fault: int, raised: Raised | None) -> Case:
    ticks = 100
    p_values = np.where(np.arange(ticks) < 62, 0.4, 1e-5)
    p_values[:10] = np.nan
    return Case(fault, 60, 180.0, p_values, ("feed", "reactor"), np.ones((ticks, 2)), raised)


RAISED = Raised(
    64,
    "feed",
    (
        Contribution("xmeas_1", -0.7, 0.001, 0.2666),
        Contribution("xmv_3", 0.28, 100.0, 24.6),
        Contribution("xmeas_9", 0.02, 120.4, 120.4),
    ),
    {20: [Suspect(6, 0.93), Suspect(1, 0.07)], 60: []},
)


def test_the_alarm_is_told_in_engineering_words() -> None:
    told = in_words(case(6, RAISED))
    assert "12 min after the fault has begun (4 samples; 3.20 h into the series)" in told
    assert "unit **feed**" in told
    assert "A feed 0.001 kscmh, normally 0.2666; A feed flow 100 %, normally 24.6." in told
    assert "Missed" in in_words(case(3, None))


def test_the_text_has_each_figure_once_and_whose_it_is() -> None:
    lines = markdown(result(), [case(3, None), case(6, RAISED)]).splitlines()
    summary = "0.11 | 0.14 | 0.59 | 0.03 | 98.5 | 98.2 | 13.8 | - | 1 |"
    assert f"| tepwatch | {summary}" in lines
    assert "| 3 | 97.6 / - |  |" in lines
    assert "| 6 | 100.0 / 4 | 50.0 / 9 |" in lines
    assert "| 1.0 h | 50.0 | 50.0 | 3 (-) |" in lines
    assert "| tepwatch | 0.6 | 98.5 | 98.2 | 98 / - / - | this run; FAR: fresh |" in lines
    (farm,) = [line for line in lines if "96.97" in line]
    assert farm.startswith("| *published:* FARM |")
    named = "IDV 6, A feed loss (93 %); IDV 1, A/C feed ratio, B composition constant (7 %)"
    assert f"- 1 h later: most like {named}" in lines
    assert "- 3 h later: the series ends before it can be named" in lines
    widths = [line.count("|") for line in lines if line.startswith("| ")]
    assert set(widths) == {11, 4, 7, 5}


def test_the_report_is_the_same_each_time(tmp_path: Path) -> None:
    cases = [case(3, None), case(6, RAISED)]
    text = report.write(tmp_path / "one", result(), cases)
    report.write(tmp_path / "two", result(), cases)
    assert text == tmp_path / "one" / "report.md"
    written = {file.name: file.read_bytes() for file in text.parent.iterdir()}
    assert written == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
    assert set(written) == {"report.md", "idv_03.png", "idv_06.png"}
    assert b"](idv_06.png)" in written["report.md"]
    for name in ("idv_03.png", "idv_06.png"):
        assert written[name].startswith(b"\x89PNG")
        assert min(struct.unpack(">II", written[name][16:24])) > 800


def test_the_figure_marks_limits_fault_alarm_and_the_way_variables_are_off() -> None:
    p_values, scores, contributions = report.draw(case(6, RAISED)).axes
    marks = {str(line.get_label()): line for line in p_values.lines}
    assert np.asarray(marks["flagged: 0.01"].get_ydata())[0] == 0.01
    assert np.asarray(marks["alarm: 0.001"].get_ydata())[0] == 0.001
    assert np.asarray(marks["fault begins"].get_xdata())[0] == 3.0
    assert np.asarray(marks["alarm raised"].get_xdata())[0] == 3.2
    assert {"feed", "reactor"} <= {str(line.get_label()) for line in scores.lines}
    bars = [each for each in contributions.patches if isinstance(each, Rectangle)]
    assert [round(bar.get_width()) for bar in bars] == [-70, 28, 2]
    assert contributions.get_yticklabels()[0].get_text().startswith("A feed 0.001 kscmh")
    assert report.draw(case(3, None)).axes[2].texts[0].get_text() == "no alarm"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputFileError, match="file"):
        report.write(tmp_path / "file", result(), [])


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'tepwatch\[learn\]'"):
        report.check_installed()


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learn([plant(300, seed) for seed in range(5)])


def stump(baseline: Baseline) -> Namer:
    """Fault 4 where the reactor's temperature is too high in the mean of a window, else 6."""
    channel = baseline.channels.tags.index("xmeas_9")
    trees = Trees(
        (4, 6),
        np.array([channel, LEAF, LEAF], dtype=np.int16),
        np.array([0.5, 0.0, 0.0], dtype=np.float32),
        np.array([2, 1, 0], dtype=np.uint16),
        np.array([0], dtype=np.int32),
    )
    whitening = baseline.model.statistics.whitening
    return Namer(Axes(whitening, np.empty((0, len(whitening)))), {10: trees, 60: trees})


def test_a_run_is_followed_as_the_tracker_does(baseline: Baseline) -> None:
    origin = Origin("made up", "", 180.0, 1.0, 0.0, 42)
    reference = Reference.of(baseline._replace(namer=stump(baseline)), origin)
    ticks = plant(110, 7)
    ticks[60:, COLUMNS["xmeas_9"]] += 9.0
    found = follow(reference, FaultRun(4, ticks, 60))
    scores = Tracker(baseline).advance(ticks)
    assert found.p_values.tobytes() == scores.p_values.tobytes()
    np.testing.assert_allclose(found.scores.max(axis=1), scores.fused)
    assert found.raised is not None
    assert 60 < found.raised.tick <= 63
    assert found.raised.unit == "reactor"
    top = found.raised.contributions[0]
    assert top.tag == "xmeas_9"
    assert top.share > 0
    assert top.value == pytest.approx(ticks[found.raised.tick, COLUMNS["xmeas_9"]])
    # The run ends before the second window is full.
    assert found.raised.suspects == {10: [Suspect(4, 1.0)], 60: []}


def test_a_single_odd_tick_is_no_alarm(baseline: Baseline) -> None:
    reference = Reference.of(baseline, Origin("made up", "", 180.0, 1.0, 0.0, 42))
    ticks = plant(61, 7)
    ticks[60:, COLUMNS["xmeas_9"]] += 9.0
    assert follow(reference, FaultRun(4, ticks, 60)).raised is None
