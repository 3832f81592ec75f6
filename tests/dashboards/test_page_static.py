"""The page's files: small, without inline scripts, foreign addresses and HTML made of data."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dashboards.page_server import STATIC

OWN = sorted(path for path in STATIC.iterdir() if path.is_file())
MODULES = [path for path in OWN if path.suffix == ".js"]
INDEX = STATIC / "index.html"


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_files_are_small_and_stay_at_home(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 480
    elsewhere = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+/?[\w/]*", text))
    assert elsewhere <= {"http://www.w3.org/2000/svg", "//www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_the_server_sends_never_becomes_html(path: Path) -> None:
    danger = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.findall(danger, path.read_text())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_parse(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the browser's tests load the modules, too")
    checked = subprocess.run(
        [node, "--input-type=module", "--check"],
        input=path.read_text(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_nothing_is_inline_and_every_file_is_there() -> None:
    text = INDEX.read_text()
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)
    named = re.findall(r'<(?:link|script)[^>]*(?:href|src)="([^"]+)"', text)
    assert len(named) >= 4
    for name in named:
        assert (STATIC / name).is_file(), name
    assert text.count('<meta name="tepwatch-token" content="">') == 1


def test_ids_are_unique_and_those_that_the_modules_ask_for_exist() -> None:
    ids = re.findall(r'\bid="([^"]+)"', INDEX.read_text())
    assert len(ids) == len(set(ids))
    asked = {
        name for path in MODULES for name in re.findall(r'byId\("([^"]+)"\)', path.read_text())
    }
    assert asked <= set(ids)
