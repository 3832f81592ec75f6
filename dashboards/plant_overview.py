"""Plant overview: every variable at its place in the process, and what was done to the plant."""

from __future__ import annotations

from typing import Final

from dashboards.labels import EVENTS as EVENT_LABELS
from dashboards.model import Column, Dashboard, Kind, Level, Panel, Query, Row, Shape, Threshold
from dashboards.plants import MARKS, PLANT_VARIABLE
from dashboards.queries import PLANT, Aggregate, chosen, over_time
from dashboards.units import COUNT, TEXT, TIME
from tepwatch.schema import EVENTS, READINGS
from tepwatch.tags import TAGS, Area, Sampling, Tag

_TITLES: Final = {
    Area.FEED: "Feeds",
    Area.REACTOR: "Reactor",
    Area.SEPARATOR: "Condenser and separator",
    Area.STRIPPER: "Stripper",
    Area.RECYCLE: "Recycle, compressor and purge",
    Area.REACTOR_FEED_ANALYSIS: "Reactor feed analysis",
    Area.PURGE_GAS_ANALYSIS: "Purge gas analysis",
    Area.PRODUCT_ANALYSIS: "Product analysis",
}
_ANALYSERS: Final = frozenset({Sampling.ANALYSER_6_MIN, Sampling.ANALYSER_15_MIN})


def _variable(tag: Tag) -> Panel:
    lowest, highest = tag.span
    return Panel(
        name=tag.id,
        title=f"{tag.title} ({tag.id})",
        description=f"{tag.title}, {tag.sampling.value}. The line is the base case, "
        f"{tag.base_value:g} {tag.unit}; an instrument that works shows {lowest:g} to "
        f"{highest:g} {tag.unit}.",
        kind=Kind.GRAPH,
        unit=tag.unit,
        queries=(over_time(READINGS.name, tag.id, Aggregate.MEAN),),
        width=6,
        height=6,
        thresholds=(Threshold(tag.base_value, Level.NOTE),),
        held=tag.sampling in _ANALYSERS,
    )


def _area(area: Area) -> Row:
    tags = [tag for tag in TAGS.values() if tag.area is area]
    return Row(
        title=_TITLES[area],
        panels=tuple(map(_variable, tags)),
        folded=all(tag.sampling in _ANALYSERS for tag in tags),
    )


_SQL, _INFLUXQL = chosen(PLANT)

_EVENTS: Final = Panel(
    name="events",
    title="What happened",
    description="Disturbances, set-points, valves held, failing sensors, restarts and shutdowns as "
    "the plants reported them, and what the detectors did about it. The newest 200.",
    kind=Kind.TABLE,
    unit=TEXT,
    queries=(
        Query(
            sql=f'SELECT time, plant, event, detail, seq FROM $__database."{EVENTS.name}" '
            f"WHERE $__timeFilter AND {_SQL} ORDER BY time DESC LIMIT 200",
            influxql=f'SELECT "plant", "event", "detail", "seq" FROM "{EVENTS.name}" '
            f"WHERE $timeFilter AND {_INFLUXQL} ORDER BY time DESC LIMIT 200",
            shape=Shape.ROWS,
        ),
    ),
    width=24,
    height=6,
    columns=(
        Column(name="time", title="Time", unit=TIME, width=200),
        Column(name="plant", title="Plant", unit=TEXT, width=160),
        Column(name="event", title="Event", unit=TEXT, labels=EVENT_LABELS, width=180),
        Column(name="detail", title="More", unit=TEXT),
        Column(name="seq", title="Place in the run", unit=COUNT, width=120),
    ),
)

PLANT_OVERVIEW: Final = Dashboard(
    name="plant",
    title="Plant overview",
    description="The 41 measurements and 12 manipulated variables in the order of the process",
    rows=(Row(title="Events", panels=(_EVENTS,)), *map(_area, Area)),
    variables=(PLANT_VARIABLE,),
    annotations=MARKS,
)
