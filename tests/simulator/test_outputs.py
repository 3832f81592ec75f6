from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest

from simulator.outputs import FileOutput
from simulator.recordings import load
from simulator.table_outputs import ArrayOutput, CsvOutput
from tepwatch.errors import InputFileError
from tepwatch.records import Reading
from tepwatch.tags import XMEAS_IDS, XMV_IDS
from tests.plants import reading


def readings(plant: str, count: int) -> list[Reading]:
    return [reading(seq, plant=plant) for seq in range(1, count + 1)]


@pytest.mark.parametrize("columns", [53, 52, 41])
def test_an_array_holds_one_plants_rows(tmp_path: Path, columns: int) -> None:
    sent = readings("plant-1", 5)
    output = ArrayOutput(tmp_path / "run.npz", columns)
    output.write(sent[:2])
    output.write(sent[2:])
    output.close()
    with np.load(tmp_path / "run.npz") as archive:
        assert archive["y"].shape == (5, columns)
        assert archive["y"].dtype == np.float64
        assert archive["y"][3].tolist() == list((sent[3].xmeas + sent[3].xmv)[:columns])
        assert archive["hours"].tolist() == [item.process_hours for item in sent]
        assert archive["plants"].tolist() == ["plant-1"]
    # What was written can be replayed.
    assert len(load(tmp_path / "run.npz").items) == 5


def test_an_array_of_several_plants_ends_with_the_first_that_stopped(tmp_path: Path) -> None:
    output = ArrayOutput(tmp_path / "run.npz", 41)
    output.write([*readings("a", 4), *readings("b", 3)])
    output.close()
    with np.load(tmp_path / "run.npz") as archive:
        assert archive["y"].shape == (2, 3, 41)
        assert archive["plants"].tolist() == ["a", "b"]


def test_a_run_without_a_row_is_an_empty_array(tmp_path: Path) -> None:
    ArrayOutput(tmp_path / "run.npz", 53).close()
    with np.load(tmp_path / "run.npz") as archive:
        assert archive["y"].size == 0


def test_csv_has_a_header_and_empty_cells_for_missing_values(tmp_path: Path) -> None:
    item = readings("plant-1", 1)[0]
    xmeas = (None, *item.xmeas[1:])
    output = CsvOutput(tmp_path / "run.csv", 53)
    output.write([msgspec.structs.replace(item, xmeas=xmeas)])
    output.close()
    with (tmp_path / "run.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["plant", "run", "process_hours", *XMEAS_IDS, *XMV_IDS]
    assert row["xmeas_1"] == ""
    assert float(row["xmeas_2"]) == item.xmeas[1]


@pytest.mark.parametrize("kind", ["npz", "csv", "ndjson"])
def test_a_file_that_cannot_be_made_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / f"run.{kind}"
    with pytest.raises(InputFileError, match=str(path)):
        {"npz": ArrayOutput, "csv": CsvOutput}[kind](path, 53) if kind != "ndjson" else FileOutput(
            path
        )
