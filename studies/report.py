"""The report of a benchmark in a folder: `report.md`, and a figure of each fault beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.alarm_rule import P_LIMIT, stretches
from detection.baseline import P_FLAGGED
from studies import report_text
from studies.cases import Case
from studies.faults import title_of
from studies.protocol import BenchmarkResult
from tepwatch.errors import InputFileError, MissingPackageError
from tepwatch.tags import TAGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REPORT_FILE: Final = "report.md"

_SIZE_INCHES: Final = (11.0, 9.5)
_DOTS_AN_INCH: Final = 100
_HEIGHTS: Final = (2.5, 1.0)
_FAULT_COLOUR: Final = "tab:gray"
_ALARM_COLOUR: Final = "tab:red"
_HIGH_COLOUR: Final = "tab:orange"
_LOW_COLOUR: Final = "tab:blue"
# In the order of the units, on a ground that is red where there is an alarm.
_UNIT_COLOURS: Final = (
    "tab:blue",
    "tab:orange",
    "tab:green",
    "tab:purple",
    "tab:brown",
    "tab:pink",
)


def check_installed() -> None:
    """Nothing, where figures can be drawn.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    _figure_class()


def write(folder: Path, result: BenchmarkResult, cases: Sequence[Case]) -> Path:
    """Write the report; what is there of an earlier one is replaced. Gives the text's path.

    Args:
        folder: made where it is not there.
        result: of all methods.
        cases: what the monitor makes of each fault, in the order of the report.

    Raises:
        MissingPackageError: matplotlib is not installed.
        InputFileError: the folder cannot be written to.
    """
    text = folder / REPORT_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for case in cases:
            # Without the library's version, so that the same results are the same bytes.
            draw(case).savefig(
                folder / report_text.figure_name(case.fault),
                format="png",
                backend="agg",
                metadata={"Software": None},
            )
        text.write_text(report_text.markdown(result, cases), encoding="utf-8")
    except OSError as error:
        raise InputFileError(f"no report can be written to {folder}: {error}") from error
    return text


def draw(case: Case) -> Figure:
    """A fault's p-values, scores of process units and contributions, one below the other.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    figure = _figure_class()(figsize=_SIZE_INCHES, dpi=_DOTS_AN_INCH, layout="constrained")
    figure.suptitle(title_of(case.fault))
    # Parts of their own, so that the long names of variables do not narrow what is above them.
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=_HEIGHTS)
    over_time, at_alarm = parts[:, 0]
    p_values, scores = over_time.subplots(2, 1, sharex=True)
    _draw_p_values(p_values, case)
    _draw_scores(scores, case)
    _draw_contributions(at_alarm.subplots(), case)
    return figure


def _draw_p_values(axes: Axes, case: Case) -> None:
    axes.semilogy(case.hours, case.p_values, color="black", linewidth=0.8)
    for limit, style, what in ((P_FLAGGED, "--", "flagged"), (P_LIMIT, ":", "alarm")):
        axes.axhline(limit, color="black", linewidth=0.9, linestyle=style, label=f"{what}: {limit}")
    _mark(axes, case)
    axes.set_ylabel("p-value")
    axes.set_title("How often normal operation looks as unusual", fontsize=10, loc="left")
    _explain(axes)


def _draw_scores(axes: Axes, case: Case) -> None:
    for place, unit in enumerate(case.units):
        colour = _UNIT_COLOURS[place % len(_UNIT_COLOURS)]
        axes.plot(case.hours, case.scores[:, place], color=colour, linewidth=0.9, label=unit)
    axes.axhline(1.0, color="black", linewidth=0.7, linestyle="--")
    _mark(axes, case)
    axes.set_xlabel("hours of the series")
    axes.set_ylabel("score")
    axes.set_title(
        "Scores of the process units; of each, 2 of 1000 ticks of normal operation are above 1",
        fontsize=10,
        loc="left",
    )
    _explain(axes)


def _explain(axes: Axes) -> None:
    """What the lines are, to the right of them."""
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _mark(axes: Axes, case: Case) -> None:
    """The fault's begin, the alarm, and as a red ground all the time that there is an alarm."""
    begin = case.hours_of(case.fault_at)
    axes.axvline(begin, color=_FAULT_COLOUR, linewidth=1.8, label="fault begins")
    if case.raised is not None:
        raised = case.hours_of(case.raised.tick)
        axes.axvline(raised, color=_ALARM_COLOUR, linewidth=1.0, label="alarm raised")
    for first, end in stretches(np.nan_to_num(case.p_values, nan=1.0)):
        ends = case.hours_of(first), case.hours_of(end)
        axes.axvspan(*ends, color=_ALARM_COLOUR, alpha=0.08, linewidth=0.0)
    axes.set_xlim(0.0, case.hours_of(len(case.p_values)))


def _draw_contributions(axes: Axes, case: Case) -> None:
    axes.set_title("What stands out when the alarm is raised", fontsize=10, loc="left")
    if case.raised is None:
        axes.text(0.5, 0.5, "no alarm", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    causes = case.raised.contributions
    shares = [100.0 * each.share for each in causes]
    axes.barh(
        [f"{TAGS[each.tag].departure(each.value, each.normal)}\n{each.tag}" for each in causes],
        shares,
        color=[_HIGH_COLOUR if share > 0.0 else _LOW_COLOUR for share in shares],
    )
    axes.invert_yaxis()
    axes.axvline(0.0, color="black", linewidth=0.7)
    axes.tick_params(axis="y", labelsize=8)
    most = max(map(abs, shares))
    axes.set_xlim(-1.05 * most, 1.05 * most)
    axes.set_xlabel("share of all contributions, %: too low to the left, too high to the right")


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - no one else needs it
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"figures are drawn with matplotlib, and {error.name} is not installed: "
            "pip install 'tepwatch[learn]'"
        ) from error
    return Figure
