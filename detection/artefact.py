"""A baseline as one file: versioned, checksummed, no pickle."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from detection.baseline import Baseline, Model, Odd
from detection.calibration import Calibration
from detection.channels import Channels
from detection.forest import FloatArray, RandomCutForest
from detection.naming import Axes, Namer, Trees
from detection.predictor import Predictor
from detection.sensors import INSTRUMENTS
from detection.statistics import Quantity, Statistics
from tepwatch.errors import StateError
from tepwatch.sealed import seal, unseal

_KIND: Final = b"BASE"
_VERSION: Final = 2


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Where a baseline comes from, and so what it may be held against."""

    source: str
    """A file, or what was simulated, in words."""
    control: str
    """Control strategy of the plant; empty where it is not known."""
    tick_seconds: float
    """Process time of a tick: statistics of other ticks are others."""
    readings: float
    """In a tick."""
    phase: float
    """From a tick's newest reading to its end, in tick lengths."""
    seed: int
    faults: str = ""
    """What naming was taught on, in words; empty where it was not."""


class _Array(msgspec.Struct, array_like=True):
    shape: tuple[int, ...]
    numbers: bytes
    """Little-endian, double precision, the last index fastest."""


class _Trees(msgspec.Struct, array_like=True):
    """As in memory, each number little-endian, one after the other."""

    faults: tuple[int, ...]
    features: bytes
    thresholds: bytes
    links: bytes
    roots: bytes


class _Naming(msgspec.Struct, array_like=True):
    directions: _Array
    trees: dict[int, _Trees]


class _Stored(msgspec.Struct, array_like=True):
    origin: Origin
    channels: Channels
    means: _Array
    sds: _Array
    weights: _Array
    bias: _Array
    whitening: _Array
    change_sds: _Array
    quantities: list[int]
    rates: list[float]
    starts: list[int]
    centres: _Array
    factors: _Array
    limits: _Array
    usual: _Array
    forests: list[bytes]
    calibration: Calibration
    ticks: int
    flagged: tuple[float, ...]
    still: list[int]
    odd: tuple[Odd, ...]
    naming: _Naming | None


def to_bytes(baseline: Baseline, origin: Origin) -> bytes:
    """The whole baseline; the same p-values follow from `from_bytes` of it, to the last bit."""
    model = baseline.model
    statistics = model.statistics
    stored = _Stored(
        origin=origin,
        channels=baseline.channels,
        means=_array(model.means),
        sds=_array(model.sds),
        weights=_array(model.predictor.weights),
        bias=_array(model.predictor.bias),
        whitening=_array(statistics.whitening),
        change_sds=_array(statistics.change_sds),
        quantities=statistics.quantities.tolist(),
        rates=statistics.rates.tolist(),
        starts=statistics.starts.tolist(),
        centres=_array(statistics.centres),
        factors=_array(statistics.factors),
        limits=_array(statistics.limits),
        usual=_array(statistics.usual),
        forests=[forest.to_bytes() for forest in model.forests],
        calibration=baseline.calibration,
        ticks=baseline.ticks,
        flagged=baseline.flagged,
        still=baseline.still,
        odd=baseline.odd,
        naming=baseline.namer and _stored_namer(baseline.namer),
    )
    return seal(_KIND, _VERSION, msgspec.msgpack.encode(stored))


def from_bytes(data: bytes) -> tuple[Baseline, Origin]:
    """The baseline that `to_bytes` wrote, and where it comes from.

    Raises:
        NewerStateError: written by a newer version.
        StateError: damaged, or no baseline.
    """
    try:
        stored = msgspec.msgpack.decode(unseal(_KIND, _VERSION, data), type=_Stored)
        statistics = Statistics(
            _numbers(stored.whitening),
            _numbers(stored.change_sds),
            np.array(stored.quantities, dtype=np.int64),
            np.array(stored.rates),
            np.array(stored.starts, dtype=np.int64),
            _numbers(stored.centres),
            _numbers(stored.factors),
            _numbers(stored.limits),
            _numbers(stored.usual),
        )
        model = Model(
            _numbers(stored.means),
            _numbers(stored.sds),
            Predictor(_numbers(stored.weights), _numbers(stored.bias)),
            statistics,
            tuple(RandomCutForest.from_bytes(forest) for forest in stored.forests),
        )
        namer = None if stored.naming is None else _namer(stored.naming, statistics.whitening)
    except StateError:
        raise
    except (msgspec.DecodeError, ValueError) as error:
        raise StateError(f"baseline is not readable: {error}") from error
    _check(stored, model, namer)
    baseline = Baseline(
        stored.channels,
        model,
        stored.calibration,
        stored.ticks,
        stored.flagged,
        stored.still,
        stored.odd,
        namer,
    )
    return baseline, stored.origin


def _check(stored: _Stored, model: Model, namer: Namer | None) -> None:
    """Kernels do not look at shapes: arrays that do not fit together would be read beyond."""
    channels, units = len(stored.channels.tags), len(stored.channels.units)
    scales, statistics = len(stored.rates), model.statistics
    ends = [0, *(unit.end for unit in stored.channels.units)]
    fits = (
        model.means.shape == model.sds.shape == model.predictor.bias.shape == (channels,)
        and model.predictor.weights.shape == (model.predictor.order * channels, channels)
        and model.predictor.order > 0
        and statistics.whitening.shape == (channels, channels)
        and statistics.change_sds.shape == (channels,)
        and len(stored.quantities) == scales
        and set(stored.quantities) <= set(Quantity)
        and stored.starts == ends
        and statistics.centres.shape == (scales, channels)
        and statistics.factors.shape == (scales, channels, channels)
        and statistics.limits.shape == statistics.usual.shape == (scales, units)
        and [forest.parameters.dimensions for forest in model.forests] == [scales] * units
        and len(stored.calibration.norms) == units
        and len(stored.calibration.counted) > 0
        and len(stored.still) == INSTRUMENTS
        and (namer is None or namer.fits(channels))
    )
    if not fits:
        raise StateError("baseline is not readable: its parts do not fit together")


def _array(numbers: FloatArray) -> _Array:
    return _Array(numbers.shape, np.ascontiguousarray(numbers, "<f8").tobytes())


def _numbers(array: _Array) -> FloatArray:
    return np.frombuffer(array.numbers, "<f8").astype(np.float64).reshape(array.shape)


def _stored_namer(namer: Namer) -> _Naming:
    return _Naming(
        _array(namer.axes.directions),
        {
            window: _Trees(
                trees.faults,
                trees.features.astype("<i2").tobytes(),
                trees.thresholds.astype("<f4").tobytes(),
                trees.links.astype("<u2").tobytes(),
                trees.roots.astype("<i4").tobytes(),
            )
            for window, trees in sorted(namer.trees.items())
        },
    )


def _namer(naming: _Naming, whitening: FloatArray) -> Namer:
    return Namer(
        Axes(whitening, _numbers(naming.directions)),
        {
            window: Trees(
                trees.faults,
                np.frombuffer(trees.features, "<i2").astype(np.int16),
                np.frombuffer(trees.thresholds, "<f4").astype(np.float32),
                np.frombuffer(trees.links, "<u2").astype(np.uint16),
                np.frombuffer(trees.roots, "<i4").astype(np.int32),
            )
            for window, trees in naming.trees.items()
        },
    )
