"""The examples run as they stand."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_loss_of_the_a_feed_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "idv6.png"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "plot_idv6.py"), str(picture)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "shut down at 15.1" in done.stdout
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1000 < len(data)
    assert height > 800
