"""What names mean: the columns that a part of a query sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.tokens import Place, invalid
from localaws.timestream.sql.typed import Typed
from localaws.timestream.sql.types import RowType, Type


class Translator(Protocol):
    """What translates the expressions inside a call."""

    def translate(self, node: s.Expression) -> Typed:
        """Translate an expression."""

    def condition(self, node: s.Expression) -> Typed:
        """Translate what has to be true or false."""

    def inside(self, parameters: Mapping[str, Typed]) -> Translator:
        """Translate what is inside a lambda with these parameters."""

    def fresh(self, prefix: str) -> str:
        """Make a name that the statement has not used."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a relation.

    `qualifier` is the alias, or the database and table, before its name; `source` the database and
    table that it comes from unchanged.
    """

    name: str | None
    typed: Typed
    qualifier: tuple[str, ...] = ()
    source: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that stands in FROM: DuckDB's SQL and the columns that it has."""

    sql: str
    fields: Sequence[Field]

    def renamed(self, alias: str, columns: Sequence[str], place: Place) -> Relation:
        """Give it another name and, if there are any, its columns other names.

        Raises:
            TimestreamError: not one name a column.
        """
        if columns and len(columns) != len(self.fields):
            raise invalid(
                place,
                f"Column alias list has {len(columns)} entries but '{alias}' has "
                f"{len(self.fields)} columns available",
            )
        names: Sequence[str | None] = columns or [field.name for field in self.fields]
        return Relation(
            self.sql,
            [
                replace(field, name=name, qualifier=(alias,))
                for field, name in zip(self.fields, names, strict=True)
            ],
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """Columns, and the parameters of the lambdas around an expression."""

    fields: Sequence[Field]
    parameters: Mapping[str, Typed]

    def with_parameters(self, parameters: Mapping[str, Typed]) -> Scope:
        """See the parameters of one more lambda, which hide what is called the same."""
        added = {name.lower(): typed for name, typed in parameters.items()}
        return Scope(self.fields, {**self.parameters, **added})

    def find(self, parts: Sequence[str], place: Place) -> Typed | None:
        """Find what a name of one or more parts means; None if it is no column.

        Raises:
            TimestreamError: several columns have that name.
        """
        if len(parts) == 1 and (parameter := self.parameters.get(parts[0].lower())) is not None:
            return parameter
        *qualifier, name = (part.lower() for part in parts)
        found = [
            field
            for field in self.fields
            if field.name is not None
            and field.name.lower() == name
            and _qualifies(qualifier, field.qualifier)
        ]
        if len(found) > 1:
            raise invalid(place, f"Column '{'.'.join(parts)}' is ambiguous")
        return found[0].typed if found else None


def _qualifies(written: Sequence[str], qualifier: Sequence[str]) -> bool:
    return not written or list(written) == [part.lower() for part in qualifier[-len(written) :]]


def field_of(typed: Typed, name: str) -> Typed | None:
    """Take a field of a row; None if it is no row or has no such field."""
    if not isinstance(typed.kind, RowType):
        return None
    kinds: list[tuple[int, Type]] = [
        (i, kind)
        for i, (field, kind) in enumerate(typed.kind.fields)
        if field is not None and field.lower() == name.lower()
    ]
    if len(kinds) != 1:
        return None
    place, kind = kinds[0]
    return Typed(f"({typed.sql}).f{place}", kind)
