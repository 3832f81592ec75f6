"""Calling a Lambda function of ministack from within its process, as Firehose would."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from ministack.services import cloudwatch_logs, lambda_svc

PAYLOAD_BYTES_MAX: Final = 6 * 1024 * 1024
"""Limit of a synchronous invocation, for the request and for the response."""

_TIMED_OUT: Final = "Sandbox.Timedout"
# ministack keeps a log stream of every invocation, for ever.
_LOG_STREAMS_MAX: Final = 100


class InvocationError(Exception):
    """An invocation gave no result; `code` and the text are Firehose's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invoke(arn: str, event: dict[str, Any]) -> object:
    """What the function returned; call it within `request_scope` of the caller's account.

    Raises:
        InvocationError: there is no such function, it failed, timed out, or returned too much.
    """
    function, _config, _name = lambda_svc._get_func_record_for_ref(arn)
    if function is None:
        raise InvocationError(
            "Lambda.ResourceNotFound",
            "The Lambda function does not exist. Use a different function that does exist.",
        )
    result = lambda_svc._execute_function(function, event)
    _forget_old_logs(function.get("config") or function)
    body = result.get("body")
    if result.get("throttle"):
        raise InvocationError(
            "Lambda.InvokeLimitExceeded",
            "The Lambda invocation limit was exceeded. Increase the Lambda invocation limit.",
        )
    if result.get("error"):
        if isinstance(body, dict) and body.get("errorType") == _TIMED_OUT:
            raise InvocationError(
                "Lambda.FunctionTimedOut",
                "The Lambda function invocation timed out. Increase the Timeout setting in the "
                "Lambda function.",
            )
        raise function_error()
    if len(msgspec.json.encode(body)) > PAYLOAD_BYTES_MAX:
        # Lambda itself refuses such a response, and Firehose sees a function that failed.
        raise function_error()
    return body


def function_error() -> InvocationError:
    """The error for a function that ran and failed."""
    return InvocationError(
        "Lambda.FunctionError",
        "The Lambda function was successfully invoked but it returned an error result.",
    )


def _forget_old_logs(config: dict[str, Any]) -> None:
    """Bound what the invocations of a function leave in CloudWatch Logs."""
    own = f"/aws/lambda/{config.get('FunctionName')}"
    named = (config.get("LoggingConfig") or {}).get("LogGroup")
    group = cloudwatch_logs._log_groups.get(named or own)
    streams: dict[str, Any] = {} if group is None else group["streams"]
    for oldest in list(streams)[: max(0, len(streams) - _LOG_STREAMS_MAX)]:
        streams.pop(oldest, None)
