from __future__ import annotations

import numpy as np
import pytest

from detection.forest import FloatArray
from detection.ticks import VARIABLES, Tick, Ticker


def rows(count: int, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, VARIABLES))


def pushed(seconds: list[float], values: FloatArray, pieces: int) -> list[Tick]:
    ticker = Ticker(180.0)
    found = []
    for start in range(0, len(values), pieces):
        found.extend(ticker.push(seconds[start : start + pieces], values[start : start + pieces]))
        state = ticker.state
        ticker = Ticker(180.0)
        ticker.restore(state)
    return found


def test_a_tick_has_the_mean_and_the_last_value_of_its_readings() -> None:
    values = rows(6)
    values[1, 7] = values[2, 8] = np.nan
    values[:, 9] = np.nan
    first, second = Ticker(180.0).push([60.0, 120.0, 180.0, 240.0, 300.0, 360.0], values)
    assert (first.number, second.number) == (1, 2)
    # The last of them is right at the end: it is not waited for the next one.
    assert (first.reading, second.reading) == (2, 5)
    assert first.pace == (3, 0.0)
    np.testing.assert_allclose(first.mean[:7], values[:3, :7].mean(axis=0))
    assert first.mean[7] == (values[0, 7] + values[2, 7]) / 2
    assert first.last[8] == values[1, 8]
    assert np.isnan(first.last[9])
    assert np.isnan(first.mean[9])


@pytest.mark.parametrize("pieces", [1, 2, 5, 16])
def test_ticks_are_the_same_bit_for_bit_in_pieces(pieces: int) -> None:
    values = rows(50)
    seconds = np.cumsum(np.random.default_rng(2).uniform(20, 400, size=50)).tolist()
    whole, cut = Ticker(180.0).push(seconds, values), pushed(seconds, values, pieces)
    assert [tick.number for tick in cut] == [tick.number for tick in whole]
    for one, other in zip(cut, whole, strict=True):
        assert one.mean.tobytes() == other.mean.tobytes()
        assert one.last.tobytes() == other.last.tobytes()
        assert one.pace == other.pace


def test_times_that_are_off_by_rounding_are_at_the_end() -> None:
    hours = np.arange(1, 1000) * 0.05
    ticks = Ticker(180.0).push((hours * 3600).tolist(), rows(999))
    assert [tick.number for tick in ticks] == list(range(1, 1000))


def test_what_comes_after_its_tick_counts_for_nothing_and_gaps_are_left() -> None:
    values = rows(4)
    ticks = Ticker(180.0).push([180.0, 179.0, 900.0, 1080.0], values)
    assert [tick.number for tick in ticks] == [1, 5, 6]
    assert ticks[0].pace.readings == 1
    assert (ticks[1].last == values[2]).all()
