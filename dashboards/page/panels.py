"""Panels of the dashboards, asked of Timestream as Grafana's data source would ask it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from dashboards import macros
from dashboards.catalogue import DASHBOARDS
from dashboards.macros import Target, TimeRange
from dashboards.model import Dashboard, Kind, Level, Panel, Query, Shape, Source
from dashboards.page.store import Answer, Ask
from sinks.row_json import from_iso_time
from tepwatch.errors import InputFileError, ServiceError
from tepwatch.records import NANOSECONDS_PER_MILLISECOND

_POINTS_MAX: Final = 2000
_ROWS_MAX: Final = 1000
_TIME: Final = "time"
_CHOICES_HOURS: Final = 24
_MARKS: Final = {Level.BAD: "alarm", Level.WARNING: "disturbance"}

Row = list[Any]


class PanelRequest(msgspec.Struct, frozen=True):
    """A panel, the time that is shown, and the chosen values of variables, separated by commas."""

    dashboard: str
    from_ms: int
    to_ms: int
    panel: str = ""
    points: int = 300
    chosen: Mapping[str, str] = {}


class PanelColumn(msgspec.Struct, frozen=True):
    """A column of an answer; `type` is time, number or text, `name` the title."""

    name: str
    type: str
    unit: str = ""


class PanelAnswer(msgspec.Struct, frozen=True):
    """What a panel shows: times in milliseconds since the epoch, a column for each series."""

    columns: Sequence[PanelColumn]
    rows: Sequence[Row]


class Mark(msgspec.Struct, frozen=True):
    """An annotation; `kind` is alarm, disturbance or change."""

    time_ms: int
    title: str
    kind: str


class Panels:
    """Answers panels.

    Args:
        ask: the store.
        database: that holds the tables.
    """

    def __init__(self, ask: Ask, database: str) -> None:
        self._ask = ask
        self._database = database

    def choices(self, dashboard: Dashboard) -> dict[str, list[str]]:
        """What the variables of a dashboard can be, by what was stored in the last day."""
        now_ms = _now_ms()
        times = TimeRange(now_ms - _CHOICES_HOURS * 3_600_000, now_ms)
        found: dict[str, list[str]] = {}
        for variable in dashboard.variables:
            result = self._run(variable.query, times, 1, {})
            found[variable.name] = [str(row[0]) for row in result.rows if row[0] is not None]
        return found

    def answer(self, asked: PanelRequest) -> PanelAnswer:
        """What a panel shows.

        Raises:
            InputFileError: no such dashboard or panel.
            ServiceError: the store's error; UnreachableError where it does not answer.
        """
        dashboard = _dashboard(asked.dashboard)
        panel = next((each for each in dashboard.panels if each.name == asked.panel), None)
        if panel is None:
            raise InputFileError(f"dashboard {dashboard.name} has no panel {asked.panel}")
        chosen = self._chosen(dashboard, asked)
        results = [self._run_asked(query, asked, chosen) for query in panel.queries]
        match panel.kind:
            case Kind.GRAPH:
                return _pivoted(panel, results)
            case Kind.STATES:
                return _states(panel, results)
            case Kind.TABLE:
                return _table(panel, results[0])

    def annotations(self, asked: PanelRequest) -> list[Mark]:
        """The marks of a dashboard; errors as in `answer`."""
        dashboard = _dashboard(asked.dashboard)
        chosen = self._chosen(dashboard, asked)
        marks = []
        for annotation in dashboard.annotations:
            result = self._run_asked(annotation.query, asked, chosen)
            for row in map(dict, (zip(result.names, each, strict=True) for each in result.rows)):
                at = from_iso_time(row["time"]) // NANOSECONDS_PER_MILLISECOND
                text = str(row.get("text") or annotation.name)
                marks.append(Mark(at, text, _MARKS.get(annotation.level, "change")))
        return marks

    def _chosen(self, dashboard: Dashboard, asked: PanelRequest) -> dict[str, Sequence[str]]:
        """All values of a variable where none is chosen."""
        known = None
        chosen: dict[str, Sequence[str]] = {}
        for variable in dashboard.variables:
            given = asked.chosen.get(variable.name, "")
            if given:
                chosen[variable.name] = given.split(",")
                continue
            known = known or self.choices(dashboard)
            # An empty list would be no SQL.
            chosen[variable.name] = known[variable.name] or [""]
        return chosen

    def _run_asked(
        self, query: Query, asked: PanelRequest, chosen: Mapping[str, Sequence[str]]
    ) -> Answer:
        if not asked.from_ms < asked.to_ms:
            raise InputFileError("the time that is shown ends before it begins")
        points = min(max(1, asked.points), _POINTS_MAX)
        return self._run(query, TimeRange(asked.from_ms, asked.to_ms), points, chosen)

    def _run(
        self, query: Query, times: TimeRange, points: int, chosen: Mapping[str, Sequence[str]]
    ) -> Answer:
        statement = macros.timestream(
            query.text(Source.TIMESTREAM),
            times=times,
            interval_ms=max(1, macros.interval_of(times, points)),
            target=Target(f'"{self._database}"'),
            chosen=chosen,
            now_ms=_now_ms(),
        )
        try:
            result = self._ask(statement)
            return Answer(result.columns, iter(list(result.rows)))
        except ServiceError as error:
            # A table has its columns from its first rows.
            if error.code == "ValidationException" and "does not exist" in str(error):
                return Answer([], iter([]))
            raise


def _pivoted(panel: Panel, results: Sequence[Answer]) -> PanelAnswer:
    """Series as columns beside their times; null where a series has nothing then."""
    series: dict[str, dict[int, Any]] = {}
    for query, result in zip(panel.queries, results, strict=True):
        for at, name, value in _points(panel, query, result):
            series.setdefault(name, {})[at] = value
    times = sorted({at for values in series.values() for at in values})
    columns = [PanelColumn(_TIME, _TIME), *(PanelColumn(n, "number", panel.unit) for n in series)]
    rows = [[at, *(values.get(at) for values in series.values())] for at in times]
    return PanelAnswer(columns, rows)


def _states(panel: Panel, results: Sequence[Answer]) -> PanelAnswer:
    """Rows of a time, a series and its state from then on."""
    rows = [
        [at, name, panel.labels[value].text if value in panel.labels else value]
        for query, result in zip(panel.queries, results, strict=True)
        for at, name, value in _points(panel, query, result)
    ]
    columns = [
        PanelColumn(_TIME, _TIME),
        PanelColumn("series", "text"),
        PanelColumn("state", "text"),
    ]
    return PanelAnswer(columns, sorted(rows, key=lambda row: row[:2]))


def _points(panel: Panel, query: Query, result: Answer) -> list[tuple[int, str, Any]]:
    """Time, series and value of each point."""
    names = result.names
    found = []
    for row in result.rows:
        cells = dict(zip(names, row, strict=True))
        labels = {label: str(cells[label]) for label in query.labels}
        name = query.legend.format_map(labels) or panel.title
        if query.shape is Shape.STATES:
            points = [(point["time"], point["value"]) for point in cells["value"]]
        else:
            points = [(cells["t"], cells["value"])]
        found += [(_milliseconds(at), name, value) for at, value in points]
    return found


def _table(panel: Panel, result: Answer) -> PanelAnswer:
    names = result.names
    shown = [each for each in panel.columns_of(Source.TIMESTREAM) if each.name in names]
    types = dict(result.columns)
    columns = [PanelColumn(each.title, _type_of(types[each.name]), each.unit) for each in shown]
    rows = []
    for row in list(result.rows)[:_ROWS_MAX]:
        cells = dict(zip(names, row, strict=True))
        rows.append([_cell(cells[each.name], types[each.name], each.labels) for each in shown])
    return PanelAnswer(columns, rows)


def _cell(value: Any, kind: str, labels: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    if kind == _TIMESTAMP:
        return _milliseconds(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return labels[text].text if text in labels else value


_TIMESTAMP: Final = "TIMESTAMP"


def _type_of(kind: str) -> str:
    if kind == _TIMESTAMP:
        return _TIME
    return "number" if kind in {"DOUBLE", "BIGINT", "INTEGER"} else "text"


def _milliseconds(text: str) -> int:
    return from_iso_time(text) // NANOSECONDS_PER_MILLISECOND


def _dashboard(name: str) -> Dashboard:
    for dashboard in DASHBOARDS:
        if dashboard.name == name:
            return dashboard
    raise InputFileError(f"there is no dashboard {name}")


def _now_ms() -> int:
    return time.time_ns() // NANOSECONDS_PER_MILLISECOND
