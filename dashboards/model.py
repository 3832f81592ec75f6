"""What a dashboard and an alert rule are, as plain data: no Grafana in it.

The definitions (`dashboards.catalogue`, `dashboards.rules`) are made of these; `dashboards.grafana`
renders them for Grafana, and a page that draws them itself reads the same. Every query is given in
the languages of both stores, with Grafana's macros in it (`dashboards.macros` expands them).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec


class Source(enum.StrEnum):
    """A store that is asked, each in its own language: Timestream's SQL, or InfluxQL."""

    TIMESTREAM = "timestream"
    INFLUXDB = "influxdb"


class Shape(enum.StrEnum):
    """What a query gives.

    NUMBERS: series of numbers. STATES: series of texts. NEWEST: one number a label. ROWS: a table.
    """

    NUMBERS = "numbers"
    STATES = "states"
    NEWEST = "newest"
    ROWS = "rows"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question, in both languages.

    Series come in a column `value`, told apart by the columns `labels`: of SQL, numbers as rows
    (t, labels, value) in the order of time, states as rows (labels, value) with a time series in
    `value`, newest numbers as rows (labels, value); of InfluxQL, as series with the labels as tags,
    of which the last value is the newest. `legend` names a series, by its labels in braces.
    """

    sql: str
    influxql: str
    shape: Shape
    labels: tuple[str, ...] = ()
    legend: str = ""

    def text(self, source: Source) -> str:
        """The query in the language of a store."""
        return self.sql if source is Source.TIMESTREAM else self.influxql


class Level(enum.StrEnum):
    """How bad something is; each has a colour of its own on a screen."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    BAD = "bad"
    PLAIN = "plain"


class Label(msgspec.Struct, frozen=True):
    """What is shown in place of a value."""

    text: str
    level: Level = Level.PLAIN


Labels = Mapping[str, Label]
"""By value, as text."""


class Threshold(msgspec.Struct, frozen=True):
    """A line across a graph, in the colour of its level."""

    value: float
    level: Level


class FromJson(msgspec.Struct, frozen=True):
    """Where a column is found in a column of JSON: at `path`, such as `[0].tag`."""

    column: str
    path: str


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a table.

    `json` says where InfluxQL, which cannot look into a text, has it; `only` is the one store that
    gives the column. A column with `ends` is drawn as a bar between these.
    """

    name: str
    title: str
    unit: str
    labels: Labels = {}
    json: FromJson | None = None
    only: Source | None = None
    ends: tuple[float, float] | None = None
    width: int | None = None


class Kind(enum.StrEnum):
    """How a panel draws."""

    GRAPH = "graph"
    STATES = "states"
    TABLE = "table"


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One panel; `name` is unique in its dashboard and does not change.

    `unit` is one of `dashboards.units`, as that of each column of a table. Widths are in the 24
    columns of a screen, heights in units of some 30 pixels. `each` is a variable: one panel for
    each of its values, side by side. A value is `held` until the next where the curve between would
    be made up. A table begins with the row that has the most in the column `newest_first`.
    """

    name: str
    title: str
    description: str
    kind: Kind
    unit: str
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    thresholds: tuple[Threshold, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    logarithmic: bool = False
    held: bool = False
    bars: bool = False
    labels: Labels = {}
    columns: tuple[Column, ...] = ()
    newest_first: str | None = None
    each: str | None = None

    def columns_of(self, source: Source) -> tuple[Column, ...]:
        """The columns that a store gives."""
        return tuple(each for each in self.columns if each.only in {None, source})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Panels under a heading; folded ones ask nothing until somebody unfolds them."""

    title: str
    panels: tuple[Panel, ...]
    folded: bool = False


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader chooses, several values at a time; the query's rows are the choices."""

    name: str
    title: str
    description: str
    query: Query


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """Marks across all graphs; the query gives columns time, text and tags."""

    name: str
    level: Level
    query: Query


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """One screen; `name` is unique and does not change. `hours` is the time that is shown first."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]
    hours: int = 6

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, from above."""
        return tuple(panel for row in self.rows for panel in row.panels)


class WhenUnknown(enum.StrEnum):
    """What a rule says when its queries give nothing, or fail.

    OK: that all is well. FIRE: that it is not. KEEP: what it said before. ERROR: that.
    """

    OK = "ok"
    FIRE = "fire"
    KEEP = "keep"
    ERROR = "error"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """An alert rule: it fires for each label whose condition has held for `for_seconds`.

    The queries are asked for the last `minutes`, in intervals of `every_seconds` where they have
    any, and the newest value of each label counts. `condition` is arithmetic over these, the first
    query's being `$A`. Once it fires it does so for `keep_seconds` at least. `panel` is where to
    look: names of a dashboard and of a panel in it. Summary and description may name labels
    (`{{ $labels.plant }}`) and newest values (`{{ $values.A.Value }}`).
    """

    name: str
    title: str
    summary: str
    description: str
    severity: str
    queries: tuple[Query, ...]
    condition: str
    minutes: int
    for_seconds: int
    keep_seconds: int = 0
    every_seconds: int = 60
    without_data: WhenUnknown
    on_error: WhenUnknown
    panel: tuple[str, str]
