from typing import Any

import niquests

class GrafanaException(Exception):
    status_code: int
    response: Any
    message: str

class GrafanaTimeoutError(GrafanaException): ...

class GrafanaClient:
    s: niquests.Session
