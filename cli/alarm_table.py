"""Alarms for a person: when, how long, what stands out, what it looks like."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from rich.table import Table

from studies.faults import title_of
from tepwatch.records import AlarmState
from tepwatch.tags import TAGS

_SHOWN: Final = 3
_SHARE_MIN: Final = 0.05


class Cause(msgspec.Struct, frozen=True):
    """A variable that stands out; `share` is above zero where it is too high."""

    tag: str
    share: float
    value: float
    normal: float

    @property
    def words(self) -> str:
        """In engineering words and units.

        >>> Cause("xmeas_1", -0.7, 0.001, 0.2666).words
        'A feed 0.001 kscmh, normally 0.2666'
        """
        return TAGS[self.tag].departure(self.value, self.normal)


class Suspicion(msgspec.Struct, frozen=True):
    """A disturbance that an alarm looks like."""

    idv: int
    probability: float

    @property
    def words(self) -> str:
        """With its title.

        >>> Suspicion(6, 0.931).words
        'IDV 6, A feed loss (93%)'
        """
        return f"{title_of(self.idv)} ({self.probability:.0%})"


class AlarmLine(msgspec.Struct, frozen=True):
    """How an alarm stands."""

    plant: str
    alarm: str
    state: AlarmState
    shelved: bool
    onset_ns: int
    onset_hours: float
    duration_hours: float
    unit: str
    contributions: list[Cause]
    suspects: list[Suspicion]

    @property
    def is_active(self) -> bool:
        """Whether its condition holds."""
        return self.state in {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}

    @property
    def looks_like(self) -> str:
        """The most likely disturbances; empty where it is not named yet."""
        words = [each.words for each in self.suspects[:_SHOWN] if each.probability >= _SHARE_MIN]
        return "most like " + "; ".join(words) if words else ""


def line_of(values: Mapping[str, Any]) -> AlarmLine:
    """An alarm by a row of the table of alarms."""
    fields = {name: values.get(name) for name in AlarmLine.__struct_fields__}
    for name in ("contributions", "suspects"):
        fields[name] = msgspec.json.decode(fields[name] or "[]")
    return msgspec.convert(fields, AlarmLine)


def latest(rows: Iterable[Mapping[str, Any]]) -> list[AlarmLine]:
    """How alarms stand after rows in the order of time; the newest alarm first."""
    last: dict[tuple[str, str], AlarmLine] = {}
    for row in rows:
        line = line_of(row)
        last[line.plant, line.alarm] = line
    return sorted(last.values(), key=lambda line: line.onset_ns, reverse=True)


def until_now(line: AlarmLine, hours: float | None) -> AlarmLine:
    """An alarm that goes on lasts until now, by the plant's own clock."""
    if not line.is_active or hours is None:
        return line
    lasts = max(line.duration_hours, hours - line.onset_hours)
    return msgspec.structs.replace(line, duration_hours=lasts)


def table_of(lines: Iterable[AlarmLine]) -> Table:
    """Alarms as a table."""
    table = Table(show_lines=True)
    table.add_column("alarm", overflow="fold", min_width=30)
    table.add_column("what stands out", overflow="fold")
    for line in lines:
        onset = dt.datetime.fromtimestamp(line.onset_ns / 1e9, dt.UTC)
        causes = [
            each.words for each in line.contributions[:_SHOWN] if abs(each.share) >= _SHARE_MIN
        ]
        table.add_row(
            f"{line.alarm}\n"
            f"{line.state.value.replace('_', ', ')}{', shelved' if line.shelved else ''}\n"
            f"since {onset:%Y-%m-%d %H:%M:%S}Z, {line.onset_hours:.2f} h\n"
            f"lasts {line.duration_hours:.2f} h{', goes on' if line.is_active else ''}",
            "\n".join(filter(None, [f"unit {line.unit}", *causes, line.looks_like])),
        )
    return table
