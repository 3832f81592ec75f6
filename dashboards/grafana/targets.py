"""Queries as the two data sources take them.

After the query models of grafana-timestream-datasource 2.13.0 (`src/types.ts`) and of Grafana's
InfluxDB data source 13.1 (`src/types.ts`, `src/migrations.ts`), for which the SDK has no types.
"""

from __future__ import annotations

from typing import Any, Final

from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.grafana.names import PLUGINS, set_uid
from dashboards.model import Query, Shape, Source

_TABLE: Final = 0
_SERIES: Final = 1
"""Timestream's formats; the second makes a series of each label."""


def data_source(source: Source) -> DataSourceRef:
    """The data source of a store."""
    return DataSourceRef(type_val=PLUGINS[source], uid=set_uid(source))


def target(query: Query, source: Source, ref: str) -> UnknownDataquery:
    """A query of a panel."""
    return UnknownDataquery(_model(query, source, ref))


def rule_target(query: Query, source: Source, ref: str, every_seconds: int) -> UnknownDataquery:
    """A query of an alert rule, which is asked without a screen to fit into."""
    return UnknownDataquery(
        {**_model(query, source, ref), "intervalMs": every_seconds * 1000, "maxDataPoints": 43200}
    )


def _model(query: Query, source: Source, ref: str) -> dict[str, Any]:
    plugin = {"type": PLUGINS[source], "uid": set_uid(source)}
    if source is Source.TIMESTREAM:
        return {
            "refId": ref,
            "datasource": plugin,
            "rawQuery": query.sql,
            "format": _SERIES if query.shape is Shape.NUMBERS else _TABLE,
            # Else each page of a long answer is taken for all of it.
            "waitForResult": True,
        }
    return {
        "refId": ref,
        "datasource": plugin,
        "query": query.influxql,
        "rawQuery": True,
        "resultFormat": "table" if query.shape is Shape.ROWS else "time_series",
    }


def mark(name: str, query: Query, source: Source) -> UnknownDataquery:
    """A query of an annotation, with columns time, text and tags."""
    if source is Source.TIMESTREAM:
        return target(query, source, "marks")
    return UnknownDataquery(
        {
            "refId": "marks",
            "name": name,
            "fromAnnotations": True,
            "query": query.influxql,
            "textColumn": "text",
            "tagsColumn": "tags",
            "titleColumn": "",
            "timeEndColumn": "",
        }
    )


def choices(query: Query, source: Source) -> str | dict[str, object]:
    """A query of a variable."""
    if source is Source.TIMESTREAM:
        return query.sql
    return {"refId": "choices", "query": query.influxql}
