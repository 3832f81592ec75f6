from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.components import Floats
from simulator.published import COLUMNS, TEST, TRAINING, compare, compared, load, simulate
from tepwatch.errors import InputFileError
from tests.plants import GOLDEN


def rounded(values: Floats) -> Floats:
    """As the benchmark prints them."""
    return np.array([[float(f"{value:.4e}") for value in row] for row in values])


def test_the_simulated_series_are_those_of_the_original_program() -> None:
    with np.load(GOLDEN / "plant_pi.npz") as d:
        case = list(d["idv"]).index(4)
        rows, expected = d["rows"], d["y"][case][:, :COLUMNS]
        assert int(d["seed"][case]) == TEST.seeds[4]
    np.testing.assert_allclose(simulate(TEST, [4])[rows, 0], expected, rtol=1e-9, atol=1e-9)


def test_a_series_of_the_seed_is_equal_to_the_last_digit(tmp_path: Path) -> None:
    series = {
        "test_04": rounded(simulate(TEST, [4])[:, 0]),
        "train_07": rounded(simulate(TRAINING, [7])[20:, 0]),
    }
    np.savez(tmp_path / "published.npz", **series)
    found = {item.name: item for item in compare(load(tmp_path / "published.npz"))}
    assert set(found) == set(series)
    for item in found.values():
        assert (item.equal, item.within_one_unit, item.first_row) == (1.0, 1.0, None)
    assert (found["test_04"].rows, found["train_07"].rows) == (960, 480)


def test_the_published_files_are_read_as_they_are(tmp_path: Path) -> None:
    values = rounded(np.random.default_rng(1).uniform(1, 100, (30, COLUMNS)))
    np.savetxt(tmp_path / "d03_te.dat", values)
    # The first training series is published on its side.
    np.savetxt(tmp_path / "d00.dat", values.T)
    found = load(tmp_path)
    assert set(found) == {"test_03", "train_00"}
    for series in found.values():
        np.testing.assert_array_equal(series, values)


def test_cells_rows_and_spreads_are_told() -> None:
    published = rounded(np.random.default_rng(2).uniform(10, 99, (50, COLUMNS)))
    simulated = published.copy()
    simulated[10, 3] += 0.001
    simulated[20, 5] += 0.002
    item = compared("test_01", published, simulated)
    cells = published.size
    assert item.equal == pytest.approx((cells - 2) / cells)
    assert item.within_one_unit == pytest.approx((cells - 1) / cells)
    assert item.first_row == 20
    assert item.mean_distance_sd < 0.01
    far = compared("test_01", published, published * 2)
    assert far.equal == 0.0
    assert far.sd_ratio == pytest.approx((2.0, 2.0))
    assert far.mean_distance_sd > 1


def test_what_is_no_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="holds no series of the benchmark"):
        load(tmp_path)
    np.savez(tmp_path / "other.npz", test_01=np.zeros((3, 7)))
    with pytest.raises(InputFileError, match=r"test_01 has shape \(3, 7\), not rows x 52"):
        load(tmp_path / "other.npz")
    with pytest.raises(InputFileError, match=r"nothing\.npz"):
        load(tmp_path / "nothing.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(InputFileError, match=r"text\.npz"):
        load(tmp_path / "text.npz")
