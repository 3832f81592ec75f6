"""The nodes of SHOW and DESCRIBE, and what a statement is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from localaws.timestream.sql import syntax as s


@dataclass(frozen=True, slots=True)
class ShowDatabases(s.Node):
    """SHOW DATABASES [LIKE pattern]."""

    pattern: str | None


@dataclass(frozen=True, slots=True)
class ShowTables(s.Node):
    """SHOW TABLES FROM database [LIKE pattern]."""

    database: str
    pattern: str | None


@dataclass(frozen=True, slots=True)
class ShowMeasures(s.Node):
    """SHOW MEASURES FROM database.table [LIKE pattern]."""

    table: s.TableName
    pattern: str | None


@dataclass(frozen=True, slots=True)
class Describe(s.Node):
    """DESCRIBE database.table."""

    table: s.TableName


Statement: TypeAlias = s.Query | ShowDatabases | ShowTables | ShowMeasures | Describe
