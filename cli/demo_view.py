"""The demo in the terminal."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.alarm_table import AlarmLine, table_of
from cli.demo_run import DemoRun, Status, Summary
from cli.demo_stores import LastScore
from tepwatch.records import ScoreState

_ALARMS_SHOWN: Final = 3


def live(demo: DemoRun, status: Status) -> RenderableType:
    """One screen: flow, scores, places to look at."""
    parts: list[RenderableType] = [_flow(demo, status), Text(), _scores(status), Text()]
    if status.alarms:
        parts += [table_of(status.alarms[:_ALARMS_SHOWN]), Text()]
    return Group(*parts, places(demo))


def _flow(demo: DemoRun, status: Status) -> Table:
    latest = status.checkpoints
    checkpoint = (
        f"{latest.completed}, last {latest.latest_duration_ms} ms, "
        f"{(latest.latest_bytes or 0) / 1e6:.1f} MB"
        if latest.latest_path
        else "none yet"
    )
    table = Table(title="Flow", title_justify="left", box=None, show_header=False)
    for name, value in (
        ("records sent", f"{status.sent}"),
        ("records read by the job", f"{status.read}"),
        ("readings scored and stored", f"{status.stored} of {demo.live.readings}"),
        ("lag of the reader", f"{status.millis_behind} ms"),
        ("checkpoints", checkpoint),
        ("restarts", f"{status.restarts}"),
    ):
        table.add_row(name, value)
    return table


def _scores(status: Status) -> Table:
    table = Table(title="Last scores", title_justify="left", box=None)
    stages = sorted({stage for plant in status.scores.values() for stage in plant})
    for column in ("plant", "process h", "disturbances", *stages):
        table.add_column(column)
    for plant in status.plants.plants:
        latest = status.scores.get(plant.plant, {})
        cells = [_score(*latest.get(stage, LastScore(None, ""))) for stage in stages]
        on = ", ".join(f"IDV {number}" for number in plant.disturbances) or "-"
        table.add_row(plant.plant, f"{plant.process_hours:.2f}", on, *cells)
    return table


def _score(score: float | None, state: str) -> Text:
    if score is None:
        return Text(state.replace("_", " ") or "-", style="dim")
    style = "dim" if state == ScoreState.HELD else ""
    return Text(f"{score:.2f}", style=style)


def places(demo: DemoRun) -> Table:
    """Where everything can be looked at."""
    table = Table(title="Look at", title_justify="left", box=None, show_header=False)
    for name, value in (
        ("live page", demo.page_url),
        ("Flink", demo.flink.rest.url),
        ("local AWS", demo.local_aws.endpoint_url),
        ("stored", f"{demo.data}"),
        ("steer", "tepwatch inject 4 --plant plant-1; clear, setpoint, valve, status"),
        ("alarms", "tepwatch alarms; ack, shelve, accept-normal"),
        ("ask", f"tepwatch query --endpoint {demo.local_aws.endpoint_url} 'SELECT ...'"),
        ("logs", f"{demo.folder}/localaws.log, {demo.flink.log_folder}"),
    ):
        table.add_row(name, value)
    return table


def line(status: Status) -> str:
    """The status in one line, for an output that is no terminal."""
    scores = "; ".join(
        f"{plant} " + " ".join("-" if score is None else f"{score:.2f}" for score, _ in by.values())
        for plant, by in sorted(status.scores.items())
    )
    return (
        f"sent {status.sent} read {status.read} stored {status.stored} "
        f"lag {status.millis_behind} ms checkpoints {status.checkpoints.completed} "
        f"scores {scores or '-'}"
    )


def alarm_line(alarm: AlarmLine) -> str:
    """How an alarm stands, in one line."""
    causes = [each.words for each in alarm.contributions[:1]]
    said = "; ".join(filter(None, [*causes, alarm.looks_like]))
    return f"{alarm.alarm} {alarm.state.value.replace('_', ', ')}: {said}"


def ended(summary: Summary) -> RenderableType:
    """What was stored."""
    table = Table(title="Stored", title_justify="left", box=None, show_header=False)
    for name, value in (
        ("seconds", f"{summary.seconds}"),
        ("records sent", f"{summary.records_sent}"),
        ("records read", f"{summary.records_read}"),
        ("readings scored", f"{summary.readings_scored} of {summary.readings_sent}"),
        ("records stored", f"{summary.records_stored}"),
        ("dead letters", f"{summary.dead_letters}"),
        ("restarts", f"{summary.restarts}"),
        ("samples of the job's health", f"{summary.health_rows}"),
        ("rows in Timestream", _by_table(summary.timestream_rows)),
        ("lines in S3", _by_table(summary.s3_lines)),
        ("kept in", summary.data),
    ):
        table.add_row(name, value)
    problems = [Text(f"does not agree: {problem}", style="red") for problem in summary.problems]
    return Group(table, *problems)


def _by_table(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"
