"""Replacing functions of ministack: the one version they fit, their parameters, answers, errors.

Everything replaced is listed in a table of the module that replaces it, name of the original to
replacement, and covered by tests/contract.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import ModuleType
from typing import Any, Final

import msgspec
from ministack.core.responses import error_response_json

from tepwatch.errors import StartupError

MINISTACK_VERSION: Final = "1.5.33"

Response = tuple[int, dict[str, str], str | bytes]

_JSON_HEADERS: Final = {"Content-Type": "application/x-amz-json-1.1"}


class ClientError(Exception):
    """An error answer of a service."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def install(module: ModuleType, hooks: Mapping[str, Callable[..., Any]]) -> None:
    """Put replacements into a module of ministack, and into its table of handlers where it has one.

    Raises:
        StartupError: another ministack than the one the hooks were written for.
    """
    found = version("ministack")
    if found != MINISTACK_VERSION:
        raise StartupError(
            f"ministack {found} is installed, the local AWS needs {MINISTACK_VERSION}: "
            "run `make setup`"
        )
    for name, replacement in hooks.items():
        original = getattr(module, name, None)
        if original is None or _parameters(original) != _parameters(replacement):
            raise StartupError(f"{module.__name__}.{name} is not what it was: see HOOKS")
    handlers: dict[str, Callable[..., Any]] = getattr(module, "_HANDLERS", {})
    for name, replacement in hooks.items():
        original = getattr(module, name)
        for action in [key for key, handler in handlers.items() if handler is original]:
            handlers[action] = replacement
        setattr(module, name, replacement)


def answered(handler: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], Response]:
    """Turn a function of the request into one of ministack's handlers."""

    def handle(data: dict[str, Any]) -> Response:
        try:
            return 200, dict(_JSON_HEADERS), msgspec.json.encode(handler(data))
        except ClientError as error:
            return refused(error)

    return handle


def refused(error: ClientError) -> Response:
    """The answer that says so."""
    return error_response_json(error.code, str(error), error.status)


def _parameters(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)
