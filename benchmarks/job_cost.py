"""CPU of the job per 1,000 records, on Flink and split into its steps.

On Flink: a warm-up, then records at full speed on a running job; CPU of the TaskManager's JVM and
of its Python workers until all are through; without forests and sinks, and with them.
Where there are forests the warm-up lasts until their samplers are in their steady state: while a
sample fills up, a point costs several times as much.
The steps: records through the local runner's parts, each step timed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console, Group
from rich.table import Table

from benchmarks.bars import against
from benchmarks.cpu import Cpu
from benchmarks.flink_job import cost_of_job, roomy_cluster
from benchmarks.job_steps import cost_of_steps, steps_table
from benchmarks.rows import PlantRows
from cli.provision import provision
from localaws.server import LocalAws
from tepwatch.settings import Settings

_PLANTS: Final = (1, 10, 100)
_WARM_UP: Final = 20_000
_WARM_UP_A_PLANT: Final = 6_000
_MEASURED: Final = 80_000
_STEP_SINKS: Final = ("timestream,memory", "firehose", "files")
_BAR_BASE: Final = 0.09
_BAR_WHOLE: Final = 0.40
_BAR_PLANTS: Final = 1.5


class _Variant(NamedTuple):
    name: str
    stages: str
    sinks: str


_VARIANTS: Final = (
    _Variant("reading, decoding, state", "none", ""),
    _Variant("with forests and all sinks", "default", "timestream,firehose"),
)


def run(folder: Path, console: Console) -> Group:
    """The steps and the whole job at 1, 10 and 100 plants."""
    with LocalAws(folder / "aws", kinesis_mb=2048) as server:
        provision(Settings(endpoint_url=server.endpoint_url))
        steps = {f"{count} plants": _steps(server, count, folder, console) for count in _PLANTS}
        costs = _costs(server, _VARIANTS, folder, console)
    return Group(_flink_table(costs), _whole(costs), steps_table(steps))


def run_base(folder: Path, console: Console) -> Table:
    """Only the job without forests and sinks."""
    with LocalAws(folder / "aws", kinesis_mb=2048) as server:
        provision(Settings(endpoint_url=server.endpoint_url))
        return _flink_table(_costs(server, _VARIANTS[:1], folder, console))


def _steps(server: LocalAws, plants: int, folder: Path, console: Console) -> dict[str, float]:
    console.print(f"steps by themselves: {plants} plants ...")
    settings = Settings(stream=f"steps-{plants}", endpoint_url=server.endpoint_url, monitor=False)
    warm_up = _WARM_UP_A_PLANT * plants
    rows = _rows(settings.stream, plants)
    return cost_of_steps(server, settings, rows, folder, warm_up=warm_up, sinks=_STEP_SINKS)


def _costs(
    server: LocalAws, variants: Sequence[_Variant], folder: Path, console: Console
) -> dict[tuple[str, int], Cpu]:
    costs = {}
    with roomy_cluster(folder / "flink") as cluster:
        for number, variant in enumerate(variants):
            for plants in _PLANTS:
                console.print(f"job on Flink: {variant.name}, {plants} plants ...")
                settings = Settings(
                    stream=f"cost-{number}-{plants}",
                    endpoint_url=server.endpoint_url,
                    stages=variant.stages,
                    sinks=variant.sinks,
                    # It has a benchmark of its own.
                    monitor=False,
                )
                costs[variant.name, plants] = cost_of_job(
                    server,
                    cluster,
                    settings,
                    _rows(settings.stream, plants),
                    warm_up=_warm_up(variant, plants),
                    measured=_MEASURED,
                )
    return costs


def _rows(stream: str, plants: int) -> list[PlantRows]:
    """Plants of this run's own: what is stored already costs the stores another way."""
    return [PlantRows(f"{stream}-{number}", number) for number in range(plants)]


def _warm_up(variant: _Variant, plants: int) -> int:
    return _WARM_UP if variant.stages == "none" else max(_WARM_UP, _WARM_UP_A_PLANT * plants)


def _flink_table(costs: dict[tuple[str, int], Cpu]) -> Table:
    table = Table(
        title="The job on Flink: CPU seconds per 1,000 records, Python + JVM "
        "(checkpoints every 10 s, batches of 100)"
    )
    table.add_column("variant")
    for plants in _PLANTS:
        table.add_column(f"{plants} plants", justify="right")
    for variant in dict.fromkeys(name for name, _plants in costs):
        cells = []
        for plants in _PLANTS:
            cost = costs[variant, plants]
            cells.append(f"{sum(cost):.3f} = {cost.python:.3f} + {cost.jvm:.3f}")
        table.add_row(variant, *cells)
    base = max(sum(costs[_VARIANTS[0].name, plants]) for plants in _PLANTS)
    table.caption = f"{_VARIANTS[0].name}: {base:.3f} at most, {against(base, _BAR_BASE)}"
    return table


def _whole(costs: dict[tuple[str, int], Cpu]) -> str:
    whole = [sum(costs[_VARIANTS[-1].name, plants]) for plants in _PLANTS]
    ratio = whole[-1] / whole[0]
    return (
        f"{_VARIANTS[-1].name}: {max(whole):.3f} at most, {against(max(whole), _BAR_WHOLE)}; "
        f"100 plants cost x {ratio:.2f} of one, {against(ratio, _BAR_PLANTS)}"
    )
