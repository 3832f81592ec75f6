from __future__ import annotations

from pathlib import Path

import pytest

from cli.whole_file import check_folder, write_whole
from tepwatch.errors import InputFileError


def test_a_file_is_written_and_replaced_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.baseline"
    for data in (b"one", b"another"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_who_reads_meanwhile_has_the_old_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.baseline"
    write_whole(path, b"old" * 1000)
    with path.open("rb") as opened:
        begin = opened.read(3)
        write_whole(path, b"new")
        assert begin + opened.read() == b"old" * 1000
    assert path.read_bytes() == b"new"


def test_what_cannot_be_written_is_said_and_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputFileError, match="folder: Is a directory"):
        write_whole(tmp_path / "folder", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]
    nowhere = tmp_path / "none" / "x"
    with pytest.raises(InputFileError, match="x: No such file"):
        write_whole(nowhere, b"x")
    with pytest.raises(InputFileError, match="x: its folder does not exist"):
        check_folder(nowhere)
    check_folder(tmp_path / "x")
