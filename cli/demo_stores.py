"""What the demo has stored so far, asked of the stores themselves: Timestream and S3."""

from __future__ import annotations

from typing import Final, NamedTuple

from aws.timestream_query import TimestreamReader, Value
from cli.alarm_table import AlarmLine
from cli.stored_alarms import stored_alarms
from sinks.delivered import Delivered
from tepwatch.errors import ServiceError
from tepwatch.records import EventKind
from tepwatch.resources import DELIVERY_STREAMS
from tepwatch.schema import EVENTS, SCORES
from tepwatch.settings import Settings

_RECENT: Final = "15m"


class LastScore(NamedTuple):
    """The last score of a stage and what it stands for."""

    score: float | None
    state: str


class DemoStores:
    """Reads on in the stores of some settings."""

    def __init__(self, settings: Settings) -> None:
        self._database = settings.timestream_database
        self._reader = TimestreamReader(region=settings.region, endpoint_url=settings.endpoint_url)
        self._delivered = {
            stream.table: Delivered(
                settings.bucket,
                stream.folder,
                region=settings.region,
                endpoint_url=settings.endpoint_url,
            )
            for stream in DELIVERY_STREAMS
        }

    def last_scores(self) -> dict[str, dict[str, LastScore]]:
        """The last score of each stage of each plant, if not older than a quarter of an hour."""
        scores: dict[str, dict[str, LastScore]] = {}
        recent = f"WHERE time > ago({_RECENT}) GROUP BY plant, stage"
        last = "max_by(score, time), max_by(state, time)"
        # While all forests warm up there is no score yet, nor a column for it.
        rows = self._select(f"plant, stage, {last}", SCORES.name, recent) or self._select(
            "plant, stage, null, max_by(state, time)", SCORES.name, recent
        )
        for plant, stage, score, state in rows:
            scores.setdefault(plant, {})[stage] = LastScore(score, state)
        return scores

    def alarms(self) -> list[AlarmLine]:
        """How alarms stand, the newest first."""
        return stored_alarms(self._reader, self._database)

    def rows(self, table: str, where: str = "") -> int:
        """Rows of a table in Timestream, or those of them that a WHERE clause names."""
        found = self._select("count(*)", table, where)
        return int(found[0][0]) if found else 0

    def plant_events(self) -> int:
        """Events that came from the plants; the detectors' own are kept in the same table."""
        kinds = ", ".join(f"'{kind}'" for kind in EventKind)
        return self.rows(EVENTS.name, f"WHERE event IN ({kinds})")

    def all_rows(self) -> dict[str, int]:
        """Rows in Timestream, a table that the job writes: each is in S3 too."""
        return {name: self.rows(name) for name in self._delivered}

    def read_on(self) -> dict[str, int]:
        """Different lines in S3, a table; reads only what is new."""
        return {name: delivered.read_on() for name, delivered in self._delivered.items()}

    def _select(self, what: str, table: str, rest: str = "") -> list[list[Value]]:
        try:
            result = self._reader.query(f'SELECT {what} FROM "{self._database}"."{table}" {rest}')
            return list(result.rows)
        except ServiceError as error:
            # A table has its columns from its first rows.
            if error.code == "ValidationException":
                return []
            raise

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        for delivered in self._delivered.values():
            delivered.close()
