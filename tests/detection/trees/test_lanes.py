from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.trees.lanes import (
    LANES,
    at,
    bare,
    choose,
    differ,
    folded,
    integer,
    load,
    long,
    lowest_bit,
    maximum,
    minimum,
    mirrored,
    nearest,
    pack,
    prefetch,
    put,
    put_real,
    put_word,
    real,
    spread,
    store,
    total,
    totals,
    word,
    zeros,
)
from tepwatch.kernels import kernel

Singles = NDArray[np.float32]

_RESULTS = 18


@kernel
def _all_of_them(given: Singles, words: NDArray[np.int32], bits: int, out: Singles) -> None:
    """Each of the functions, once; results go to eight lanes each."""
    a, b = load(given, 0), load(given, LANES)
    store(out, 0, a + b)
    store(out, 8, a - b)
    store(out, 16, a * b)
    store(out, 24, a / b)
    store(out, 32, maximum(a, b))
    store(out, 40, minimum(a, b))
    store(out, 48, folded(a))
    store(out, 56, choose(bits, a, b))
    store(out, 64, spread(total(a)))
    store(out, 72, mirrored(given, 3))
    store(
        out, 80,
        pack(at(given, 1), at(given, 2), at(given, 3), at(given, 4), at(given, 5), at(given, 6),
             at(given, 7), at(given, 8)),
    )  # fmt: skip
    c, d = load(given, 16), load(given, 24)
    store(out, 88, totals(a, b, c, d, a + b, b + c, c + d, a - d))
    put(out, 96, zeros(a - a * spread(given[0] - given[0] + np.float32(1.0))))
    put(out, 97, differ(a, b))
    put(out, 98, differ(a, a))
    put(out, 99, lowest_bit(bits | 128))
    put(out, 100, at(words, 2))
    put_word(out, 104, words[3])
    put(out, 106, word(out, 104))
    put_real(out, 112, 1.5 - bits)
    put(out, 108, real(out, 112))
    put(out, 109, integer(long(out, 112) >> np.uint64(40)))
    put(out, 110, at(bare(given), 3))
    put(out, 111, word(bare(given), 6) == word(given, 6))
    store(bare(out), 136, nearest(load(bare(given), 0)))
    prefetch(given, 5)


_numbers = st.floats(-1e6, 1e6, width=32).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(st.lists(_numbers, min_size=32, max_size=32), st.integers(0, 255))
def test_compiled_lanes_give_what_plain_python_gives(numbers: list[float], bits: int) -> None:
    given_lanes = np.array(numbers, np.float32)
    words = np.array([3, -1, 7, -(2**31)], np.int32)
    compiled, plain = (np.zeros(_RESULTS * LANES, np.float32) for _ in range(2))
    _all_of_them(given_lanes, words, bits, compiled)
    python: Any = _all_of_them
    with np.errstate(divide="ignore", invalid="ignore"):
        python.py_func(given_lanes, words, bits, plain)
    assert np.isnan(compiled).tolist() == np.isnan(plain).tolist()
    np.testing.assert_array_equal(np.nan_to_num(compiled), np.nan_to_num(plain))


@pytest.mark.parametrize("size", [2**-149, 1e-30, 1.0, 1e30])
def test_a_difference_of_lanes_is_zero_only_between_equals(size: float) -> None:
    lanes = np.arange(LANES).astype(np.float32) * np.float32(size)
    assert zeros(lanes) == 1
    assert differ(lanes, lanes + np.float32(0)) is False
