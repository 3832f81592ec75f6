"""Calls with OVER."""

from __future__ import annotations

from typing import Final

from localaws.timestream.sql import aggregates
from localaws.timestream.sql import syntax as s
from localaws.timestream.sql.scope import Translator
from localaws.timestream.sql.sorting import sorted_by
from localaws.timestream.sql.tokens import invalid
from localaws.timestream.sql.typed import Typed

_OVER_REFUSED: Final = ("approx_distinct", "create_time_series")


def call(node: s.Call, window: s.Window, translator: Translator) -> Typed:
    """Translate a window function, or an aggregate used as one.

    Raises:
        TimestreamError: there is no such function, or not in this form.
    """
    name = node.name
    if name not in aggregates.AGGREGATES | aggregates.WINDOWS:
        raise invalid(node.place, f"Function '{name}' not registered")
    if node.distinct or node.order or name in _OVER_REFUSED or (node.star and name != "count"):
        raise invalid(node.place, f"{name} of this form with OVER is not supported")
    if node.ignore_nulls and name not in aggregates.VALUES:
        raise invalid(node.place, f"IGNORE NULLS is not supported for {name}")
    if node.condition is not None and name in aggregates.WINDOWS:
        raise invalid(node.place, f"FILTER is not supported for {name}")
    arguments = [translator.translate(each) for each in node.arguments]
    choose = aggregates.windowed if name in aggregates.WINDOWS else aggregates.aggregate
    form = choose(node, arguments)
    nulls = " IGNORE NULLS" if node.ignore_nulls else ""
    filtered = ""
    if node.condition is not None:
        filtered = f" FILTER (WHERE {translator.condition(node.condition).sql})"
    sql = f"{form.inner}({', '.join(form.arguments)}{nulls}){filtered}"
    return Typed(
        form.outer.format(f"{sql} OVER ({_over(window, translator)})"),
        form.kind,
        never_nan=form.never_nan,
    )


def _over(window: s.Window, translator: Translator) -> str:
    parts: list[str] = []
    if window.partition:
        keys = ", ".join(translator.translate(each).sql for each in window.partition)
        parts.append(f"PARTITION BY {keys}")
    if window.order:
        keys = ", ".join(
            sorted_by(key, translator.translate(key.expression)) for key in window.order
        )
        parts.append(f"ORDER BY {keys}")
    if window.frame is not None:
        parts.append(f"{window.frame.unit} BETWEEN {window.frame.start} AND {window.frame.end}")
    return " ".join(parts)
