from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import noise
from tests.plants import GOLDEN

SEEDS = st.integers(1, 2**53 - 1)


def naive(state: float) -> float:
    """The original's line, word for word."""
    return math.fmod(state * 9228907.0, 4294967296.0)


@pytest.mark.parametrize("seed", [4651207995, 1431655765])
def test_it_gives_the_numbers_of_the_original(seed: int) -> None:
    with np.load(GOLDEN / "plant_generator.npz") as golden:
        expected = golden[f"seed_{seed}"]
    state = np.uint64(seed)
    for value in expected:
        state = np.uint64(noise.draw(state))
        assert float(state) == value


@given(SEEDS)
def test_it_rounds_as_a_double_does(seed: int) -> None:
    state, twin = np.uint64(seed), float(seed)
    for _ in range(50):
        state, twin = np.uint64(noise.draw(state)), naive(twin)
        assert float(state) == twin


@given(st.lists(SEEDS, min_size=1, max_size=9), st.integers(1, 30))
def test_side_by_side_is_the_same_as_one_by_one(seeds: list[int], count: int) -> None:
    together = np.array(seeds, dtype=np.float64)
    out = np.empty((count, len(seeds)))
    noise.lanes(together, np.empty(len(seeds)), out)
    for lane, seed in enumerate(seeds):
        alone = np.empty(count)
        state = noise.normals(np.uint64(seed), alone)
        assert float(state) == together[lane]
        assert (alone == out[:, lane]).all()


def test_normal_numbers_are_sums_of_twelve_uniform_ones() -> None:
    out = np.empty(20_000)
    noise.normals(np.uint64(1431655765), out)
    assert abs(out.mean()) < 0.02
    assert abs(out.std() - 1.0) < 0.02
    state = 1431655765.0
    total = 0.0
    for _ in range(12):
        state = naive(state)
        total += state / 4294967296.0
    assert out[0] == total - 6.0
