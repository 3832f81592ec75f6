"""Errors a person can act on: what was wrong, where, and what to do."""

from __future__ import annotations


class TepwatchError(Exception):
    """Base of every error of this product; its text is one line fit for a terminal."""


class SettingsError(TepwatchError):
    """A setting is unknown, of the wrong type or out of range; the text names it."""


class InputFileError(TepwatchError):
    """A file given by a person is missing, of an unknown kind or of the wrong shape."""


class StateError(TepwatchError, ValueError):
    """State cannot be used: damaged, or of another shape."""


class NewerStateError(StateError):
    """State was written by a newer version and is refused, never guessed at."""


class BaselineError(TepwatchError, ValueError):
    """A baseline cannot be learned from this data, or does not fit what it is to be used for."""


class MissingPackageError(TepwatchError):
    """An optional package is not installed; the text says how to install it."""


class ServiceError(TepwatchError):
    """A remote service answered with an error.

    `code` is the service's own error code (`ResourceNotFoundException`, ...); `status` the HTTP
    status, 0 when the service was not reached at all; `answer` the body, which may say more;
    `retry_after_seconds` how long the service asks to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        answer: bytes = b"",
        retry_after_seconds: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.answer = answer
        self.retry_after_seconds = retry_after_seconds


class ThrottledError(ServiceError):
    """The service asks for a slower pace; the same call may succeed later."""


class UnreachableError(ServiceError):
    """The service did not answer in time or could not be connected to; worth trying again."""


class StartupError(TepwatchError):
    """A process of the local set-up did not start; the text says where its log is."""
