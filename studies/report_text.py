"""The text of a benchmark's report, in Markdown, for a process engineer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from detection.alarm_rule import P_LIMIT
from detection.baseline import P_FLAGGED
from studies.cases import Case, Raised
from studies.faults import kind_of, title_of
from studies.protocol import HARD_FAULTS, BenchmarkResult, MethodResult, WindowNaming
from tepwatch.tags import TAGS

_SHOWN: Final = 3
_SHARE_MIN: Final = 0.05
"""Of contributions, and of suspects, that are put into words."""
_MISSED: Final = "-"
_FAULTS: Final = range(1, 22)
_WORDS: Final = frozenset({"method", "source", "IDV", "not the likeliest (place)"})
"""Heads of columns that are read from the left; the others are of figures."""

_SUMMARY: Final = (
    "method",
    "FAR % test_00",
    "before fault",
    "fresh",
    "false alarms a day",
    "FDR % 18 faults",
    "all faults",
    "mean delay 18 faults",
    "all faults",
    "missed",
)
_PUBLISHED: Final = ("method", "FAR %", "FDR % 18 faults", "all faults", "IDV 3 / 9 / 15", "source")


class Published(NamedTuple):
    """Figures of somebody else, in percent, as published; "-" for what is not taken over."""

    method: str
    far: str
    fdr18: str
    fdr_all: str
    hard: str
    source: str


OTHERS: Final = (
    Published(
        "CVA",
        "1",
        "about 94",
        "about 82",
        _MISSED,
        "Russell, Chiang and Braatz, Chemometrics and Intelligent Laboratory Systems 51(1), 2000",
    ),
    Published(
        "several, compared fault by fault",
        _MISSED,
        _MISSED,
        _MISSED,
        _MISSED,
        "Yin et al., Journal of Process Control 22, 2012, from page 1567 on; for its figures see "
        "there",
    ),
    Published(
        "FARM",
        "chosen by the user",
        _MISSED,
        "96.97",
        "97 / 96 / 96",
        "Miraliakbar, Ma and Jiang, arXiv:2504.01276, 2025",
    ),
)
"""The literature to stand beside; nothing of it is reproduced here."""


def figure_name(fault: int) -> str:
    """The file of a fault's figure, beside the text.

    >>> figure_name(6)
    'idv_06.png'
    """
    return f"idv_{fault:02d}.png"


def markdown(result: BenchmarkResult, cases: Sequence[Case]) -> str:
    """The whole report.

    Args:
        result: of all methods.
        cases: what the monitor makes of each fault, in the order of the report.
    """
    blocks = chain(_head(result), _all_methods(result), _literature(result), _names(result))
    return "\n\n".join([*blocks, *_faults(cases)]) + "\n"


def summary_cells(result: MethodResult) -> list[str]:
    """A method in figures: three false-alarm rates, alarms a day, FDR and delay twice, missed."""
    return [
        f"{result.far_test00:.2f}",
        f"{result.far_before_fault:.2f}",
        f"{result.far_fresh_normal:.2f}",
        f"{result.false_alarms_per_day:.2f}",
        f"{result.fdr18:.1f}",
        f"{result.fdr21:.1f}",
        _samples(result.delay18_mean),
        _samples(result.delay21_mean),
        str(result.missed),
    ]


def fault_rows(results: Iterable[MethodResult]) -> Iterator[list[str]]:
    """For each fault that was judged its number and, of each method, FDR and delay."""
    found = [{each.fault: each for each in result.faults} for result in results]
    for fault in _FAULTS:
        cells = []
        for of_method in found:
            each = of_method.get(fault)
            delay = _MISSED if each is None or each.delay is None else str(each.delay)
            cells.append("" if each is None else f"{each.fdr:.1f} / {delay}")
        if any(cells):
            yield [str(fault), *cells]


def naming_cells(named: WindowNaming, tick_seconds: float) -> list[str]:
    """A window's hours, percent right as the likeliest and among three, and what is not right."""
    wrong = ", ".join(
        f"{found.fault} ({found.rank or _MISSED})" for found in named.ranks if found.rank != 1
    )
    hours = named.ticks * tick_seconds / 3600.0
    return [f"{hours:.1f} h", f"{named.top1:.1f}", f"{named.top3:.1f}", wrong]


def in_words(case: Case) -> str:
    """When a fault is detected, in which unit, and what stands out."""
    raised = case.raised
    if raised is None:
        return "**Missed**: no alarm is raised after the fault has begun."
    delay = raised.tick - case.fault_at
    samples = "1 sample" if delay == 1 else f"{delay} samples"
    causes = [
        TAGS[each.tag].departure(each.value, each.normal)
        for each in raised.contributions[:_SHOWN]
        if abs(each.share) >= _SHARE_MIN
    ]
    return (
        f"The alarm is raised {delay * case.tick_seconds / 60.0:.0f} min after the fault has begun "
        f"({samples}; {case.hours_of(raised.tick):.2f} h into the series), first of all in unit "
        f"**{raised.unit}**. What stands out: {'; '.join(causes)}."
    )


def _head(result: BenchmarkResult) -> Iterator[str]:
    yield "# Detection on the published benchmark"
    yield (
        f"Normal operation was learned from `{result.baseline}`: "
        f"{_ticks(result.baseline_ticks, result)} of {result.columns} columns. Fresh normal "
        f"operation, which nothing was learned from: {_ticks(result.fresh_ticks, result)}."
    )
    yield (
        f"A sample is {result.tick_seconds / 60.0:g} min. It is flagged where its p-value, how "
        f"often normal operation looks as unusual, is below {P_FLAGGED:g}; an alarm needs three in "
        f"a row whose geometric mean is below {P_LIMIT:g}. FAR is the share of normal samples that "
        "are flagged, FDR that of samples under a fault; delays are those of alarms, in samples. "
        "All limits come from normal operation, none is fitted to the test series."
    )


def _all_methods(result: BenchmarkResult) -> Iterator[str]:
    hard = ", ".join(map(str, sorted(HARD_FAULTS)))
    methods = result.methods
    yield "## All methods of this run"
    yield _table(_SUMMARY, [[name, *summary_cells(each)] for name, each in methods.items()])
    yield "\n".join(f"- {name}: {each.title}" for name, each in methods.items())
    yield f"The 18 faults are those without IDV {hard}, which most published averages leave out."
    yield "### By fault: FDR %, delay in samples"
    yield _table(["IDV", *methods], fault_rows(methods.values()))


def _literature(result: BenchmarkResult) -> Iterator[str]:
    yield "## Beside the literature"
    yield (
        "Marked *published* are figures by others, taken from the source named and **not "
        "reproduced here**: their data to learn from, limits and way to average may differ. The "
        "others are of this run."
    )
    ours = [_beside(name, each) for name, each in result.methods.items()]
    theirs = [[f"*published:* {each.method}", *each[1:]] for each in OTHERS]
    yield _table(_PUBLISHED, [*ours, *theirs])


def _beside(name: str, result: MethodResult) -> list[str]:
    rates = {each.fault: f"{each.fdr:.0f}" for each in result.faults}
    hard = " / ".join(rates.get(fault, _MISSED) for fault in sorted(HARD_FAULTS))
    far = f"{result.far_fresh_normal:.1f}"
    return [name, far, f"{result.fdr18:.1f}", f"{result.fdr21:.1f}", hard, "this run; FAR: fresh"]


def _names(result: BenchmarkResult) -> Iterator[str]:
    for name, method in result.methods.items():
        if method.naming is not None:
            yield f"## Names of faults, by {name}"
            yield (
                "How often the fault is the likeliest suspect, and one of the first three, so "
                "long after the alarm. A fault that is missed is not named right."
            )
            yield _table(
                ["after the alarm", "likeliest %", "first three %", "not the likeliest (place)"],
                [naming_cells(each, result.tick_seconds) for each in method.naming],
            )


def _faults(cases: Sequence[Case]) -> Iterator[str]:
    yield "## Fault by fault"
    yield (
        "Values are those of the sample at which the alarm is raised. The unit is the one with "
        "the highest score there; what stands out belongs to the one statistic that is farthest "
        "beyond its limit, which can be another unit's. A variable can stand out with a value near "
        "its normal one: by how it moves, or by not following the others. p-values end at the "
        "smallest that so much normal operation can tell of."
    )
    for case in cases:
        title = title_of(case.fault)
        kind = kind_of(case.fault)
        yield f"### {title} ({kind})" if kind else f"### {title}"
        yield in_words(case)
        if case.raised is not None and case.raised.suspects:
            yield "\n".join(_looks_like(case, case.raised))
        yield f"![{title}]({figure_name(case.fault)})"


def _looks_like(case: Case, raised: Raised) -> Iterator[str]:
    for window, suspects in raised.suspects.items():
        likely = [each for each in suspects[:_SHOWN] if each.probability >= _SHARE_MIN]
        words = "; ".join(
            f"{title_of(each.idv)} ({100.0 * each.probability:.0f} %)" for each in likely
        )
        told = f"most like {words}" if words else "the series ends before it can be named"
        yield f"- {case.hours_of(window):g} h later: {told}"


def _samples(delay: float | None) -> str:
    return _MISSED if delay is None else f"{delay:.1f}"


def _ticks(ticks: int, result: BenchmarkResult) -> str:
    return f"{ticks} ticks ({ticks * result.tick_seconds / 86400.0:.1f} days)"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = [":--" if name in _WORDS else "--:" for name in head]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
