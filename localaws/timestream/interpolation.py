"""Values between the points of a time series, and the area below it.

Plain functions of lists, registered with DuckDB under `FUNCTIONS`' names. Times are nanoseconds
and are made relative to the first point before they become floats, so that none is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import duckdb
import numpy as np
from duckdb.func import FunctionNullHandling
from numpy.typing import NDArray

Numbers = Sequence[float | None]
_Floats = NDArray[np.float64]

_SPLINE_POINTS_MIN: Final = 3


class InterpolationError(ValueError):
    """A series that cannot be interpolated."""


def interpolate(
    method: str | None,
    times: Sequence[int] | None,
    values: Numbers | None,
    wanted: Sequence[int | None] | None,
    fill: float | None,
) -> list[float | None] | None:
    """Interpolate at the wanted times; outside the series' range the value is None.

    Args:
        method: linear, locf (last observation carried forward), fill or spline (natural cubic).
        times: nanoseconds since 1970, increasing.
        values: one a time.
        wanted: nanoseconds since 1970, in any order.
        fill: what `fill` puts where the series has no point.

    Raises:
        InterpolationError: two points of one time, a point without a value, too few points.

    >>> interpolate("linear", [0, 10], [1.0, 2.0], [5, 20], None)
    [1.5, None]
    """
    if times is None or values is None or wanted is None:
        return None
    if not times:
        return [None] * len(wanted)
    known = np.asarray(times, dtype=np.int64)
    if np.any(np.diff(known) <= 0):
        raise InterpolationError("the time series has several points of one time")
    if any(value is None for value in values):
        raise InterpolationError("the time series has a point without a value")
    floats = np.asarray(values, dtype=np.float64)
    inside = [i for i, at in enumerate(wanted) if at is not None and times[0] <= at <= times[-1]]
    found: list[float | None] = [None] * len(wanted)
    if inside:
        at = np.asarray([wanted[i] for i in inside], dtype=np.int64)
        computed = _METHODS[str(method)](known, floats, at, fill)
        for i, value in zip(inside, computed, strict=True):
            found[i] = value
    return found


def _linear(known: NDArray[np.int64], values: _Floats, at: NDArray[np.int64], _: object) -> Numbers:
    if len(known) == 1:
        return [float(values[0])] * len(at)
    left = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 2)
    share = (at - known[left]) / (known[left + 1] - known[left])
    found: list[float] = (values[left] + (values[left + 1] - values[left]) * share).tolist()
    # At a point it is the point's value, to the last bit.
    last = at == known[-1]
    return [float(values[-1]) if is_last else x for x, is_last in zip(found, last, strict=True)]


def _locf(known: NDArray[np.int64], values: _Floats, at: NDArray[np.int64], _: object) -> Numbers:
    found: list[float] = values[np.searchsorted(known, at, side="right") - 1].tolist()
    return found


def _fill(
    known: NDArray[np.int64], values: _Floats, at: NDArray[np.int64], fill: float | None
) -> Numbers:
    place = np.searchsorted(known, at, side="right") - 1
    return [
        float(values[i]) if known[i] == moment else fill
        for i, moment in zip(place, at, strict=True)
    ]


def _spline(known: NDArray[np.int64], values: _Floats, at: NDArray[np.int64], _: object) -> Numbers:
    if len(known) < _SPLINE_POINTS_MIN:
        raise InterpolationError(f"a cubic spline needs {_SPLINE_POINTS_MIN} points or more")
    x = (known - known[0]).astype(np.float64)
    second = _second_derivatives(x, values)
    left = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 2)
    width = x[left + 1] - x[left]
    b = (at - known[left]) / width
    a = 1.0 - b
    curve = ((a**3 - a) * second[left] + (b**3 - b) * second[left + 1]) * width**2 / 6.0
    found: list[float] = (a * values[left] + b * values[left + 1] + curve).tolist()
    return found


def _second_derivatives(x: _Floats, y: _Floats) -> _Floats:
    """Solve the spline's tridiagonal system; zero at both ends makes it natural."""
    n = len(x)
    widths, slopes = np.diff(x), np.diff(y) / np.diff(x)
    diagonal, right = np.zeros(n), np.zeros(n)
    for i in range(1, n - 1):
        below = widths[i - 1]
        factor = below / diagonal[i - 1] if i > 1 else 0.0
        diagonal[i] = 2.0 * (widths[i - 1] + widths[i]) - factor * below
        right[i] = 6.0 * (slopes[i] - slopes[i - 1]) - factor * right[i - 1]
    second = np.zeros(n)
    for i in range(n - 2, 0, -1):
        second[i] = (right[i] - widths[i] * second[i + 1]) / diagonal[i]
    return second


_Method = Callable[
    [NDArray[np.int64], _Floats, NDArray[np.int64], float | None], Sequence[float | None]
]
_METHODS: Final[dict[str, _Method]] = {
    "linear": _linear,
    "locf": _locf,
    "fill": _fill,
    "spline": _spline,
}


def integrate(
    times: Sequence[int] | None, values: Numbers | None, unit: int | None
) -> float | None:
    """Integrate over time by the trapezoidal rule, time counted in `unit` nanoseconds.

    Raises:
        InterpolationError: a point without a value.

    >>> integrate([0, 2_000_000_000], [1.0, 3.0], 1_000_000_000)
    4.0
    """
    if times is None or values is None or unit is None:
        return None
    if any(value is None for value in values):
        raise InterpolationError("the time series has a point without a value")
    y = np.asarray(values, dtype=np.float64)
    widths = np.diff(np.asarray(times, dtype=np.int64)) / unit
    return float(np.sum(widths * (y[1:] + y[:-1]) / 2.0))


class _Function(NamedTuple):
    function: Callable[..., float | list[float | None] | None]
    parameters: tuple[str, ...]
    result: str


FUNCTIONS: Final[dict[str, _Function]] = {
    "tepwatch_interpolate": _Function(
        interpolate, ("VARCHAR", "BIGINT[]", "DOUBLE[]", "BIGINT[]", "DOUBLE"), "DOUBLE[]"
    ),
    "tepwatch_integrate": _Function(integrate, ("BIGINT[]", "DOUBLE[]", "BIGINT"), "DOUBLE"),
}
"""What DuckDB has to know, by its name there."""


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to a database, in memory; once is enough for all its cursors."""
    for name, (function, parameters, result) in FUNCTIONS.items():
        try:
            connection.create_function(
                name,
                function,
                list(parameters),
                result,
                null_handling=FunctionNullHandling.SPECIAL,
            )
        except duckdb.CatalogException as error:
            if "already exists" not in str(error):
                raise
