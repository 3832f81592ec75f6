"""The kernels as plain Python: the same forest, bit for bit, without the compiler."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import hashlib, warnings
import numpy as np
from detection.forest import RandomCutForest

warnings.simplefilter("ignore")  # numpy's integers say when they wrap, which they are meant to
points = np.vstack([np.random.default_rng(5).normal(size=(60, 5)), np.ones((6, 5))])
forest = RandomCutForest(5, trees=9, sample_size=16, output_after=4, seed=3)
found = [forest.score_and_update(part) for part in np.split(points, [1, 30])]
probes = np.vstack([points[-3:], points[:2] + 0.5])
found += [*forest.attribution(probes), forest.displacement(probes)]
found.append(forest.expected_values(probes, [2]))
forest = RandomCutForest.from_bytes(forest.to_bytes())
found.append(forest.score(probes))
digest = hashlib.sha256(forest.to_bytes())
for array in found:
    digest.update(np.nan_to_num(array).tobytes())
print(digest.hexdigest())
"""


def _digest(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_compiler_changes_nothing() -> None:
    assert _digest(NUMBA_DISABLE_JIT="1") == _digest()
