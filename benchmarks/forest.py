"""The forest: CPU of a point against AWS's Rust library, on one core; then what the job asks of it.

Every figure is the best of some rounds, in which ours and theirs are timed in turn, since the
machine may have other work as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console, Group
from rich.table import Table

from benchmarks import forest_job
from benchmarks.bars import reaching
from benchmarks.forest_rivals import CALLS, RATES, TREES, Pair, rrcf_score

_BATCHES: Final = (1, 16, 64, 256)
_USUAL: Final = 64
"""Points in a batch from which on the bars of batches hold."""
_POINTS: Final = 1024
_ALONE_BAR: Final = 5.0
_ATTRIBUTION_BAR: Final = 5.0
_SMALL: Final = 256
_LARGE: Final = 8192
_RRCF_DIMENSIONS: Final = 8


class _Case(NamedTuple):
    """A size of forests; the bar is of the ratio of `both` in usual batches."""

    sample_size: int
    dimensions: int
    rounds: int
    bar: float


_CASES: Final = (
    _Case(_SMALL, 4, 15, 6.5),
    _Case(_SMALL, 5, 15, 6.5),
    _Case(_SMALL, 8, 15, 8.0),
    _Case(_SMALL, 13, 15, 9.0),
    _Case(_SMALL, 41, 15, 9.0),
    _Case(_LARGE, 4, 7, 3.5),
    _Case(_LARGE, 8, 7, 3.5),
    _Case(_LARGE, 41, 7, 3.5),
)


class _Cost(NamedTuple):
    """Microseconds a point: ours by call and batch, AWS's by call."""

    ours: Mapping[tuple[str, int], float]
    aws: Mapping[str, float]

    def ratio(self, call: str, batch: int) -> float:
        """How many times as long AWS's takes."""
        return self.aws[call] / self.ours[call, batch]


_Costs = Mapping[_Case, _Cost]


def run(folder: Path, console: Console) -> Group:
    """All of it."""
    costs = {}
    for case in _CASES:
        console.print(f"forest: {case.dimensions} dimensions, sample of {case.sample_size} ...")
        costs[case] = _cost(case)
    rates = _rates_table(costs)
    rates.caption = _rrcf_line(costs, console)
    return Group(rates, _attribution_table(costs), *forest_job.measure(folder, console))


def _cost(case: _Case) -> _Cost:
    pair = Pair(case.dimensions, case.sample_size)
    ours: dict[tuple[str, int], float] = {}
    aws: dict[str, float] = {}
    for _ in range(case.rounds):
        for call in CALLS:
            theirs = pair.aws.microseconds(call, pair.points.take(_POINTS))
            aws[call] = min(theirs, aws.get(call, theirs))
            for batch in _BATCHES if call in RATES else (_USUAL,):
                spent = pair.ours.microseconds(call, pair.points.take(_POINTS), batch)
                ours[call, batch] = min(spent, ours.get((call, batch), spent))
    return _Cost(ours, aws)


def _bar(case: _Case, batch: int) -> float | None:
    if batch == 1:
        return _ALONE_BAR if case.sample_size == _SMALL else None
    usual = batch >= _USUAL if case.sample_size == _SMALL else batch == _USUAL
    return case.bar if usual else None


def _rates_table(costs: _Costs) -> Table:
    table = Table(
        title=f"Forests of {TREES} trees, µs of CPU a point: ours, and AWS's Rust library "
        "(krcf 0.4.0), which takes one point at a time; both: score, then learn"
    )
    table.add_column("sample, dims")
    table.add_column("points a call")
    for name in (*RATES, "ratio"):
        table.add_column(name, justify="right")
    table.add_column("bar")
    for case, cost in costs.items():
        for batch in _BATCHES:
            bar, ratio = _bar(case, batch), cost.ratio("both", batch)
            table.add_row(
                _name(case) if batch == _BATCHES[0] else "",
                f"ours, {batch}",
                *(f"{cost.ours[call, batch]:.1f}" for call in RATES),
                f"{ratio:.2f}",
                "" if bar is None else reaching(ratio, bar),
            )
        table.add_row("", "AWS, 1", *(f"{cost.aws[call]:.1f}" for call in RATES), end_section=True)
    return table


def _attribution_table(costs: _Costs) -> Table:
    table = Table(title=f"Attribution, µs of CPU a point: ours in batches of {_USUAL}")
    for name in ("sample, dims", "ours", "AWS", "ratio"):
        table.add_column(name, justify="right")
    table.add_column("bar")
    for case, cost in costs.items():
        ratio = cost.ratio("attribution", _USUAL)
        table.add_row(
            _name(case),
            f"{cost.ours['attribution', _USUAL]:.1f}",
            f"{cost.aws['attribution']:.1f}",
            f"{ratio:.2f}",
            reaching(ratio, _ATTRIBUTION_BAR) if case.sample_size == _SMALL else "",
        )
    return table


def _name(case: _Case) -> str:
    return f"{case.sample_size}, {case.dimensions}"


def _rrcf_line(costs: _Costs, console: Console) -> str:
    console.print("forest: rrcf ...")
    dimensions, ours = next(
        (case.dimensions, cost.ours["score", _USUAL])
        for case, cost in costs.items()
        if (case.sample_size, case.dimensions) == (_SMALL, _RRCF_DIMENSIONS)
    )
    theirs = rrcf_score(dimensions, _SMALL)
    return (
        f"rrcf 0.4.4 at {_SMALL}, {dimensions}: {theirs:,.0f} µs a score, "
        f"{theirs / ours:,.0f} times ours in batches of {_USUAL}"
    )
