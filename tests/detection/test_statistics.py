from __future__ import annotations

import math

import numpy as np
import pytest

from detection.channels import Unit
from detection.forest import FloatArray
from detection.statistics import (
    RATIO_MAX,
    Quantity,
    Scale,
    Statistics,
    fit,
    scales_for,
)

UNITS = [Unit("one", 0, 3), Unit("two", 3, 5)]
SCALES = [
    Scale(Quantity.INNOVATIONS, 1.0),
    Scale(Quantity.INNOVATIONS, 0.1),
    Scale(Quantity.ENERGY, 0.1),
    Scale(Quantity.VALUES, 0.3),
    Scale(Quantity.CHANGES, 0.1),
]


def normal_operation(ticks: int = 4000) -> tuple[FloatArray, FloatArray]:
    """Innovations, correlated, and values from the tick before on."""
    rng = np.random.default_rng(1)
    mixing = np.eye(5) + 0.4 * np.triu(np.ones((5, 5)), 1)
    return rng.normal(size=(ticks, 5)) @ mixing, rng.normal(size=(ticks + 1, 5))


def learned() -> Statistics:
    innovations, values = normal_operation()
    return fit([innovations], [values], [np.ones(len(innovations), np.bool_)], UNITS, SCALES)


def naive_ratios(statistics: Statistics, innovations: FloatArray, values: FloatArray) -> FloatArray:
    """The same by the text of the module, a number at a time."""
    levels = np.zeros((len(SCALES), 5))
    ratios = np.zeros((len(innovations), len(UNITS), len(SCALES)))
    for tick in range(len(innovations)):
        whitened = statistics.whitening @ innovations[tick]
        changes = (values[tick + 1] - values[tick]) / statistics.change_sds
        for number, (quantity, rate) in enumerate(SCALES):
            newest = {
                Quantity.INNOVATIONS: whitened,
                Quantity.ENERGY: whitened**2 - 1,
                Quantity.VALUES: values[tick + 1],
                Quantity.CHANGES: changes**2 - 1,
            }[quantity]
            levels[number] = (1 - rate) * levels[number] + rate * newest
            is_energy = quantity in {Quantity.ENERGY, Quantity.CHANGES}
            seen = np.log(levels[number] + 1.02) if is_energy else levels[number]
            for place, unit in enumerate(UNITS):
                mine = slice(unit.first, unit.end)
                away = seen[mine] - statistics.centres[number, mine]
                distance = ((away @ statistics.factors[number, mine, mine]) ** 2).sum()
                limit = statistics.limits[number, place]
                ratios[tick, place, number] = min(distance / limit, 20)
                if rate < 1 and distance > 4 * limit:
                    drawn = statistics.centres[number, mine] + away * math.sqrt(
                        4 * limit / distance
                    )
                    levels[number, mine] = np.exp(drawn) - 1.02 if is_energy else drawn
    return ratios


def test_distances_are_mahalanobis_distances_of_normal_operation() -> None:
    innovations, _values = normal_operation()
    statistics = learned()
    whitened = innovations @ statistics.whitening
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(5), atol=1e-5)
    mine = whitened[:, :3] - whitened[:, :3].mean(axis=0)
    expected = np.einsum("ti,ij,tj->t", mine, np.linalg.inv(np.cov(mine.T)), mine)
    factor = statistics.factors[0, :3, :3]
    np.testing.assert_allclose(((mine @ factor) ** 2).sum(axis=1), expected, rtol=1e-4)
    assert statistics.limits[0, 0] == pytest.approx(np.quantile(expected, 0.99), rel=1e-3)


def test_the_kernel_gives_what_the_text_says() -> None:
    statistics = learned()
    innovations, values = normal_operation(300)
    innovations[200:] *= 3.0
    values[250:] += 20.0
    found = statistics.ratios(innovations, values, statistics.begin())
    np.testing.assert_allclose(
        found, naive_ratios(statistics, innovations, values), rtol=1e-9, atol=1e-12
    )
    assert found.max() == RATIO_MAX


def test_changes_are_measured_by_those_of_normal_operation() -> None:
    _innovations, values = normal_operation()
    np.testing.assert_allclose(
        learned().change_sds, np.sqrt((np.diff(values, axis=0) ** 2).mean(axis=0)), rtol=1e-5
    )


def test_what_moves_less_from_tick_to_tick_shows_in_the_changes_alone() -> None:
    statistics = learned()
    innovations, values = normal_operation(600)
    rng = np.random.default_rng(4)
    slower = values.copy()
    for tick in range(301, len(values)):
        slower[tick] = 0.95 * slower[tick - 1] + math.sqrt(1 - 0.95**2) * rng.normal(size=5)
    before = statistics.ratios(innovations, values, statistics.begin())[400:]
    ratios = statistics.ratios(innovations, slower, statistics.begin())[400:]
    np.testing.assert_array_equal(ratios[..., :3], before[..., :3])
    assert np.median(ratios[..., 4]) > 2


def test_one_tick_in_a_hundred_is_beyond_the_limit() -> None:
    innovations, values = normal_operation()
    statistics = learned()
    ratios = statistics.ratios(innovations, values, statistics.begin())
    np.testing.assert_allclose((ratios > 1).mean(axis=0), 0.01, atol=0.003)


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_ratios_are_the_same_bit_for_bit_in_pieces(pieces: int) -> None:
    statistics = learned()
    innovations, values = normal_operation(200)
    whole = statistics.ratios(innovations, values, statistics.begin())
    levels = statistics.begin()
    found = [
        statistics.ratios(
            innovations[start : start + pieces], values[start : start + pieces + 1], levels
        )
        for start in range(0, 200, pieces)
    ]
    assert np.concatenate(found).tobytes() == whole.tobytes()


def test_a_mean_forgets_a_large_disturbance_soon_after_its_end() -> None:
    statistics = learned()
    innovations, values = normal_operation(400)
    values[101:201] += 50.0
    ratios = statistics.ratios(innovations, values, statistics.begin())
    assert (ratios[105:200, :, 3] == RATIO_MAX).all()
    # From four limits down to one takes ln(2) / 0.3 ticks; without the bound it would take 20.
    assert (ratios[206:, :, 3] < 2).all()


def test_scales_come_with_the_length_of_the_baseline() -> None:
    assert [(each.quantity, each.rate) for each in scales_for(500, has_valves=False)] == [
        (Quantity.INNOVATIONS, 1.0),
        (Quantity.INNOVATIONS, 0.3),
        (Quantity.INNOVATIONS, 0.1),
        (Quantity.ENERGY, 0.1),
        (Quantity.VALUES, 1.0),
        (Quantity.VALUES, 0.3),
    ]
    assert len(scales_for(2500, has_valves=False)) == 12


def test_slow_changes_stand_in_for_valves() -> None:
    with_valves = scales_for(8400, has_valves=True)
    assert len(with_valves) == 12
    assert scales_for(8400, has_valves=False) == [*with_valves, Scale(Quantity.CHANGES, 0.003)]
