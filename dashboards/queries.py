"""The questions that most panels ask, written once in both languages.

Every one is bounded by the time that is shown and by the chosen plants, and gathers what it finds
by the interval that a screen can show, so that it stays as fast over many rows as over few.
"""

from __future__ import annotations

import enum
from typing import Final

from dashboards.model import Query, Shape

PLANT: Final = "plant"
STAGE: Final = "stage"
JOB: Final = "job"
"""Columns that rows are told apart by, and variables of dashboards."""

JSON_TEXT: Final = '"([^"]*)"'
JSON_NUMBER: Final = "([-+0-9.eE]+)"
"""Regular expressions, for Timestream has no functions of JSON."""


class Aggregate(enum.Enum):
    """How the values within an interval become one: in SQL, and in InfluxQL."""

    MEAN = ("avg", "mean")
    HIGHEST = ("max", "max")
    LOWEST = ("min", "min")

    def __init__(self, sql: str, influxql: str) -> None:
        self.sql = sql
        self.influxql = influxql


def chosen(variable: str) -> tuple[str, str]:
    """The condition that a variable's column is one of its chosen values, in both languages."""
    return (
        f"{variable} IN (${{{variable}:sqlstring}})",
        f'"{variable}" =~ /^${{{variable}:regex}}$/',
    )


def _where(variables: tuple[str, ...]) -> tuple[str, str]:
    conditions = [chosen(variable) for variable in variables]
    return (
        " AND ".join(["$__timeFilter", *(sql for sql, _ in conditions)]),
        " AND ".join(["$timeFilter", *(influxql for _, influxql in conditions)]),
    )


def _comma(names: tuple[str, ...]) -> str:
    return "".join(f", {name}" for name in names)


def _quoted(names: tuple[str, ...]) -> str:
    return "".join(f', "{name}"' for name in names)


def _legend(labels: tuple[str, ...]) -> str:
    return ", ".join(f"{{{label}}}" for label in reversed(labels))


def over_time(
    table: str,
    column: str,
    aggregate: Aggregate,
    *,
    by: tuple[str, ...] = (PLANT,),
    variables: tuple[str, ...] = (PLANT,),
) -> Query:
    """A number over time, a series for each value of the columns `by`."""
    sql_where, influxql_where = _where(variables)
    return Query(
        sql=f'SELECT bin(time, $__interval) AS t{_comma(by)}, {aggregate.sql}("{column}") AS value '
        f'FROM $__database."{table}" WHERE {sql_where} '
        f"GROUP BY bin(time, $__interval){_comma(by)} ORDER BY t",
        influxql=f'SELECT {aggregate.influxql}("{column}") AS "value" FROM "{table}" '
        f"WHERE {influxql_where} GROUP BY time($__interval){_quoted(by)} fill(none)",
        shape=Shape.NUMBERS,
        labels=by,
        legend=_legend(by),
    )


def counted(
    table: str,
    column: str,
    *,
    where: str = "",
    by: tuple[str, ...] = (PLANT,),
    variables: tuple[str, ...] = (PLANT,),
    a_second: bool = True,
) -> Query:
    """Rows over time, a second or in each interval.

    Args:
        table: whose rows are counted.
        column: one that every row has filled; InfluxQL counts values, not rows.
        where: a further condition, which has to mean the same in both languages.
        by: columns, a series for each of their values.
        variables: that narrow it down.
        a_second: whether the count is divided by the length of the interval.
    """
    sql_where, influxql_where = _where(variables)
    also = f" AND {where}" if where else ""
    sql_share, influxql_share = (
        (" * 1000.0 / $__interval_raw_ms", " * 1000 / $__interval_ms") if a_second else ("", "")
    )
    return Query(
        sql=f"SELECT bin(time, $__interval) AS t{_comma(by)}, count(*){sql_share} AS value "
        f'FROM $__database."{table}" WHERE {sql_where}{also} '
        f"GROUP BY bin(time, $__interval){_comma(by)} ORDER BY t",
        influxql=f'SELECT count("{column}"){influxql_share} AS "value" '
        f'FROM "{table}" WHERE {influxql_where}{also} '
        f"GROUP BY time($__interval){_quoted(by)} fill(none)",
        shape=Shape.NUMBERS,
        labels=by,
        legend=_legend(by),
    )


def totals(table: str, **columns: str) -> str:
    """SQL: the last values of a job's counts in each interval, under other names."""
    sql_where, _ = _where((JOB,))
    named = ", ".join(f'max_by("{column}", time) AS {name}' for name, column in columns.items())
    filled = " AND ".join(f'"{column}" IS NOT NULL' for column in columns.values())
    return (
        f'SELECT bin(time, $__interval) AS t, {JOB}, {named} FROM $__database."{table}" '
        f"WHERE {sql_where} AND {filled} GROUP BY bin(time, $__interval), {JOB}"
    )


def _grown(table: str, column: str, grown: str, influxql: str, legend: str) -> Query:
    """What a count has grown by from interval to interval; nothing where it began anew."""
    _, influxql_where = _where((JOB,))
    window = f"OVER (PARTITION BY {JOB} ORDER BY t)"
    return Query(
        sql=f"SELECT t, {JOB}, CASE WHEN total >= before THEN {grown} END AS value FROM ("
        f"SELECT t, {JOB}, total, lag(total) {window} AS before, lag(t) {window} AS t_before "
        f"FROM ({totals(table, total=column)})) WHERE before IS NOT NULL ORDER BY t",
        influxql=f'SELECT {influxql} AS "value" FROM "{table}" '
        f'WHERE {influxql_where} GROUP BY time($__interval), "{JOB}" fill(none)',
        shape=Shape.NUMBERS,
        labels=(JOB,),
        legend=f"{legend}, {{{JOB}}}",
    )


def growth(table: str, column: str, legend: str) -> Query:
    """What a job's count has grown by in each interval."""
    grown = f'non_negative_difference(last("{column}"))'
    return _grown(table, column, "total - before", grown, legend)


def per_second(table: str, column: str, legend: str) -> Query:
    """What a job's count grows by a second."""
    elapsed = "(to_milliseconds(t) - to_milliseconds(t_before))"
    grown = f'non_negative_derivative(last("{column}"), 1s)'
    return _grown(table, column, f"1000.0 * (total - before) / {elapsed}", grown, legend)


def states(
    table: str,
    column: str,
    *,
    by: tuple[str, ...] = (PLANT,),
    variables: tuple[str, ...] = (PLANT,),
) -> Query:
    """A text over time, the last one of each interval, a series for each value of `by`."""
    sql_where, influxql_where = _where(variables)
    labels = _comma(by)
    return Query(
        sql=f"SELECT {labels[2:]}, CREATE_TIME_SERIES(t, value) AS value FROM ("
        f'SELECT bin(time, $__interval) AS t{labels}, max_by("{column}", time) AS value '
        f'FROM $__database."{table}" WHERE {sql_where} AND "{column}" IS NOT NULL '
        f"GROUP BY bin(time, $__interval){labels}) GROUP BY {labels[2:]} ORDER BY {labels[2:]}",
        influxql=f'SELECT last("{column}") AS "value" FROM "{table}" '
        f"WHERE {influxql_where} GROUP BY time($__interval){_quoted(by)} fill(none)",
        shape=Shape.STATES,
        labels=by,
        legend=_legend(by),
    )


def json_field(field: str, value: str) -> str:
    """The regular expression of a field in JSON, its value being what is captured."""
    return f'"{field}":{value}'


def choices(table: str, column: str) -> Query:
    """The values that a column has had in the time shown, for a variable."""
    return Query(
        sql=f'SELECT DISTINCT {column} FROM $__database."{table}" WHERE $__timeFilter '
        f"ORDER BY {column}",
        influxql=f'SHOW TAG VALUES FROM "{table}" WITH KEY = "{column}" WHERE $timeFilter',
        shape=Shape.ROWS,
    )
