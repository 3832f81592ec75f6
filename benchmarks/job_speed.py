"""The job, one plant at full speed: CPU per 1,000 records, and what the forests alone would take.

Every reading brings new values and is scored and learned by all three stage forests. Beside the
job stand, on the same readings, the same forests in AWS's Java library and ours, each without a job
around them. All is measured after a warm-up, with the samplers in their steady state.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from rich.console import Console, Group
from rich.table import Table

from aws.kinesis import OutgoingRecord
from benchmarks import aws_java
from benchmarks.aws_java import Anchor
from benchmarks.bars import against
from benchmarks.cpu import Cpu
from benchmarks.flink_job import cost_of_job
from benchmarks.job_steps import cost_of_steps, readings_of, steps_table
from benchmarks.rows import PlantRows
from cli.provision import provision
from detection.stages import StageDetectors, parse_stages
from localaws.flink_cluster import FlinkCluster
from localaws.server import LocalAws
from tepwatch.settings import ScoreOn, Settings
from tepwatch.tags import TAGS

_WARM_UP: Final = 20_000
# Long enough for some checkpoints, which come every 10 s.
_MEASURED: Final = 120_000
_SEED: Final = 1
_STEP_SINKS: Final = ("timestream,memory", "firehose")

_Values = Sequence[Sequence[float | None]]


class _Variant(NamedTuple):
    name: str
    sinks: str
    bar: float


_DISCARDING: Final = _Variant("job, discarding sinks", "", 0.10)
_WHOLE: Final = _Variant("job, all sinks", "timestream,firehose", 0.20)


class _Forests(NamedTuple):
    """CPU seconds per 1,000 readings, and the mean of all scores."""

    cost: float
    mean_score: float


def run(folder: Path, console: Console) -> Group:
    """The job with and without sinks, the forests alone, and where the time goes."""
    settings = Settings(stages="default", score_on=ScoreOn.EVERY, batch_size=50, monitor=False)
    console.print("speed: the forests alone ...")
    records = _rows("forests").take(_WARM_UP + _MEASURED)
    ours = _our_forests(settings, records)
    console.print("speed: AWS's Java library ...")
    java = aws_java.measure(records, settings, folder / "java", warm_up=_WARM_UP)
    del records
    with LocalAws(folder / "aws", kinesis_mb=2048) as server:
        settings = msgspec.structs.replace(settings, endpoint_url=server.endpoint_url)
        provision(settings)
        console.print("speed: steps by themselves ...")
        at_steps = msgspec.structs.replace(settings, stream="speed-steps")
        rows = [_rows(at_steps.stream)]
        steps = cost_of_steps(server, at_steps, rows, folder, warm_up=_WARM_UP, sinks=_STEP_SINKS)
        costs = {
            variant: _cost(server, settings, variant, folder, console)
            for variant in (_DISCARDING, _WHOLE)
        }
    return Group(_table(costs, ours, java), _steps_table(steps, costs[_WHOLE]))


def _rows(plant: str) -> PlantRows:
    """The same readings each time, of a plant of its own."""
    return PlantRows(plant, _SEED, held=False)


def _cost(
    server: LocalAws, settings: Settings, variant: _Variant, folder: Path, console: Console
) -> Cpu:
    console.print(f"speed: {variant.name}, on Flink ...")
    stream = f"speed-{variant.sinks.replace(',', '-') or 'none'}"
    settings = msgspec.structs.replace(settings, stream=stream, sinks=variant.sinks)
    with FlinkCluster(folder / "flink" / stream) as cluster:
        return cost_of_job(
            server, cluster, settings, [_rows(stream)], warm_up=_WARM_UP, measured=_MEASURED
        )


def _our_forests(settings: Settings, records: Sequence[OutgoingRecord]) -> _Forests:
    """The stage forests in this process, in batches as the job's."""
    values = [reading.xmeas + reading.xmv for reading in readings_of(settings, records)]
    _refuse_repeats(settings, values)
    detectors = StageDetectors(parse_stages(settings.stages), settings)
    for batch in _batches(settings, values[:_WARM_UP]):
        detectors.score(batch)
    measured = _batches(settings, values[_WARM_UP:])
    before = time.process_time()
    scored = [detectors.score(batch) for batch in measured]
    cost = (time.process_time() - before) / (_MEASURED / 1000)
    scores = [one.score for batch in scored for stages in batch for one in stages]
    return _Forests(cost, statistics.fmean(score for score in scores if score is not None))


def _batches(settings: Settings, values: _Values) -> list[_Values]:
    size = settings.batch_size
    return [values[start : start + size] for start in range(0, len(values), size)]


def _refuse_repeats(settings: Settings, values: _Values) -> None:
    """A forest that is fed with copies would be measured at another work."""
    table = np.array(values, dtype=np.float32)
    columns = list(TAGS)
    for stage in parse_stages(settings.stages):
        points = table[:, [columns.index(tag) for tag in stage.tags]]
        copies = len(points) - len(np.unique(points, axis=0))
        if copies:
            raise ValueError(f"{copies} readings of stage {stage.name} repeat earlier ones")


def _table(costs: Mapping[_Variant, Cpu], ours: _Forests, java: Anchor) -> Table:
    table = Table(
        title="The job, one plant at full speed: three forests at every reading, batches of 50, "
        "checkpoints every 10 s"
    )
    table.add_column("what")
    table.add_column("CPU s per 1,000 records", justify="right")
    table.add_column("records a second and core", justify="right")
    table.add_column("bar")
    for variant, cost in costs.items():
        parts = f"{sum(cost):.3f} = {cost.python:.3f} Python + {cost.jvm:.3f} JVM"
        verdict = against(sum(cost), variant.bar)
        table.add_row(variant.name, parts, f"{1000 / sum(cost):,.0f}", verdict)
    table.add_row("our forests alone", f"{ours.cost:.3f}", f"{1000 / ours.cost:,.0f}", "")
    name = "AWS's Java library, parsing and forests alone"
    if java.cost is None:
        table.add_row(name, "", aws_java.RECORDED, "")
        table.caption = f"AWS's Java library: {java.reason}"
        return table
    rate = java.cost.records_per_cpu_second
    thread = 1000 * java.cost.thread_cpu_seconds / java.cost.records
    table.add_row(name, f"{1000 / rate:.3f}, {thread:.3f} its thread", f"{rate:,.0f}", "")
    job_rate = 1000 / sum(costs[_DISCARDING])
    table.caption = (
        f"{_DISCARDING.name}: x {job_rate / rate:.2f} of AWS's Java library; "
        f"mean scores {ours.mean_score:.4f}, of AWS's Java library {java.cost.mean_score:.4f}"
    )
    return table


def _steps_table(steps: Mapping[str, float], whole: Cpu) -> Table:
    table = steps_table({"one plant": steps})
    worker = whole.python - sum(steps.values())
    table.caption = (
        f"what they leave of the job with all sinks, for Flink itself: {worker:.3f} in its Python "
        f"worker + {whole.jvm:.3f} JVM"
    )
    return table
