"""The house: who may import whom, who owns which name, what stays out of which file."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import urllib3

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "aws",
    "cli",
    "dashboards",
    "detection",
    "jobs",
    "localaws",
    "simulator",
    "sinks",
    "studies",
    "tepwatch",
)
SOURCES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def test_imports_go_down() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [str(lint), "--no-logo"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_one_distribution_owns_each_name(room: str) -> None:
    assert set(packages_distributions().get(room, [])) == {"tepwatch"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small_and_keep_no_pickle(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 480
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"pickle", "cloudpickle", "dill", "shelve", "marshal"}


def test_botocore_has_the_urllib3_it_is_made_for() -> None:
    """A wheel of urllib3-future would have put its own in that place: see the Makefile."""
    assert not hasattr(urllib3, "HttpVersion")


def test_operators_do_not_live_in_main() -> None:
    tree = ast.parse((ROOT / "jobs" / "main.py").read_text())
    assert not [node for node in tree.body if isinstance(node, ast.ClassDef)]


def test_no_registry_host_is_named_in_the_project() -> None:
    named = ["pypi" + ".org", "pythonhosted" + ".org", "--index" + "-url"]
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    ).stdout.split()
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".npz"} or not path.exists():
            continue
        text = path.read_text()
        assert not [host for host in named if host in text], name
