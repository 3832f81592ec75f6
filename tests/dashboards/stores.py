"""The stored run asked as Grafana asks, with its macros expanded; answers of one form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from aws.timestream_query import Column, TimestreamReader
from dashboards import macros
from dashboards.macros import Chosen, Target, TimeRange
from dashboards.model import Query
from tests.dashboards.influxd import Influxd, Series
from tests.dashboards.run import StoredRun

Labels = tuple[str, ...]
Points = Mapping[Labels, Mapping[int, Any]]
"""Values by time in milliseconds, by labels."""


class View(NamedTuple):
    """What is looked at: a time, in which steps, and what is chosen."""

    times: TimeRange
    interval_ms: int
    chosen: Chosen


class Answer(NamedTuple):
    """Rows of Timestream."""

    columns: list[Column]
    rows: list[list[Any]]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def by_name(self) -> list[dict[str, Any]]:
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


class Stores:
    """Both stores with the same rows in them; InfluxDB where it is there."""

    def __init__(self, run: StoredRun, reader: TimestreamReader) -> None:
        self.run = run
        self._reader = reader
        self.influxd: Influxd | None = None

    def sql(self, query: Query, view: View) -> Answer:
        statement = macros.timestream(
            query.sql,
            times=view.times,
            interval_ms=view.interval_ms,
            target=Target(f'"{self.run.settings.timestream_database}"'),
            chosen=view.chosen,
            now_ms=view.times.end_ms,
        )
        assert "$" not in statement, statement
        answer = self._reader.query(statement)
        return Answer(answer.columns, list(answer.rows))

    def influxql(self, query: Query, view: View) -> list[Series]:
        assert self.influxd is not None
        return self.influxd.ask(
            macros.influxql(
                query.influxql,
                times=view.times,
                interval_ms=view.interval_ms,
                chosen=view.chosen,
            )
        )


def milliseconds(text: str) -> int:
    """Of a time as Timestream writes it."""
    seconds, _, nanoseconds = text.partition(".")
    moment = dt.datetime.fromisoformat(f"{seconds}+00:00")
    return round(moment.timestamp()) * 1000 + int(nanoseconds) // 1_000_000


def points_of_rows(query: Query, answer: Answer) -> Points:
    """Series of rows (t, labels, value); values that are null are none."""
    found: dict[Labels, dict[int, Any]] = {}
    for t, *labels, value in answer.rows:
        series = found.setdefault(tuple(labels), {})
        at = milliseconds(t)
        assert at not in series, f"{labels} has two values at {t}: {query.sql}"
        if value is not None:
            series[at] = value
    return {labels: series for labels, series in found.items() if series}


def points_of_series(query: Query, answer: list[Series]) -> Points:
    """The same of InfluxQL."""
    found = {}
    for series in answer:
        assert series.columns == ["time", "value"]
        assert set(series.tags) == set(query.labels)
        values = {at: value for at, value in series.values if value is not None}
        if values:
            found[tuple(series.tags[label] for label in query.labels)] = values
    return found


def newest_of_rows(answer: Answer) -> dict[Labels, Any]:
    """Rows (labels, value)."""
    return {tuple(labels): value for *labels, value in answer.rows}


def newest_of_series(query: Query, answer: list[Series]) -> dict[Labels, Any]:
    """The last value of each series."""
    points = points_of_series(query, answer)
    return {labels: values[max(values)] for labels, values in points.items()}
