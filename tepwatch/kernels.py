"""Numeric kernels: functions that Numba compiles, cached over processes.

Numba notices that a kernel's own file was edited, not that a constant in another file was. So the
cache lies in a folder that is named after all sources of the rooms that have kernels, and is left
behind as soon as one of them changes.
"""

from __future__ import annotations

import builtins
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast


def _print(*values: object) -> None:
    """What kernels would print with."""


# Numba asks the module of the built-in `print` for it by name, and PyFlink's workers have put a
# method there, which no module has by that name.
_shown: Final = builtins.print
setattr(builtins, "print", _print)  # noqa: B010 - it is declared to be another function
try:
    import numba
finally:
    builtins.print = _shown

_ROOMS: Final = ("detection", "simulator", "tepwatch")
_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile a function when it is first called; divisions by zero give what IEEE 754 says.

    The original function stays at hand as `.py_func`, to be tested as plain Python.
    """
    return _compiled(function)


def part(function: _F) -> _F:
    """A part of larger kernels, compiled as if it were written there.

    Calls are cheap, but large records passed between them are not.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: _F, **more: Any) -> _F:
    # Where Numba reads the environment, when it is imported, this is not known yet.
    setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010 - it declares no types
    options: Any = {"cache": True, "error_model": "numpy", "nogil": True, **more}
    return cast("_F", numba.njit(**options)(function))


@cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: under `TEPWATCH_CACHE_PATH` or the user's cache folder.

    Where neither can be written to, a folder of this process's user among the temporary files.
    """
    name = _sources_hash()
    for folder in _candidates():
        chosen = folder / "kernels" / name
        try:
            chosen.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(chosen, os.W_OK):
            return chosen
    return Path(tempfile.mkdtemp(prefix="tepwatch-kernels-"))


def _candidates() -> list[Path]:
    given = os.environ.get("TEPWATCH_CACHE_PATH")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tepwatch"
    shared = Path(tempfile.gettempdir()) / f"tepwatch-{os.getuid()}"
    return [Path(given)] if given else [home, shared]


def _sources_hash() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    root = Path(__file__).resolve().parent.parent
    for room in _ROOMS:
        for source in sorted((root / room).rglob("*.py")):
            digest.update(source.relative_to(root).as_posix().encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
