"""Whose request it is, as ministack decides it, for services of our own."""

from __future__ import annotations

import contextvars

from ministack.core.responses import get_account_id, set_request_account_id
from ministack.core.router import extract_access_key_id, extract_region


def tenant_of(authorization: str) -> tuple[str, str]:
    """Account and region of a request, by its Authorization header."""
    headers = {"authorization": authorization}

    def account() -> str:
        set_request_account_id(extract_access_key_id(headers))
        return get_account_id()

    # In a context of its own, so that nothing is left set behind this request.
    return contextvars.copy_context().run(account), extract_region(headers)
