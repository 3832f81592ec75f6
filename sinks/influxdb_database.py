"""The database or bucket that the InfluxDB sink writes to, created where it is not there.

VictoriaMetrics has none, and InfluxDB 3 makes its own with the first write.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import msgspec

from sinks.influxdb_client import NO_DATABASE, InfluxdbClient
from tepwatch.errors import ServiceError, SettingsError, StartupError
from tepwatch.settings import InfluxdbApi, Settings

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON: Final = {"Content-Type": "application/json"}


class _Organization(msgspec.Struct):
    id: str


class _Organizations(msgspec.Struct):
    orgs: list[_Organization]


class _Result(msgspec.Struct):
    error: str = ""


class _Results(msgspec.Struct):
    results: list[_Result]


def create_database(settings: Settings) -> None:
    """Create what the settings name, unless rows may be written already.

    Raises:
        SettingsError: the address or the credentials are not right.
        StartupError: the server does not create it; the text says what to do.
        ServiceError: it cannot be asked.
    """
    client = InfluxdbClient(settings)
    try:
        client.check()
    except SettingsError as error:
        cause = error.__cause__
        if not isinstance(cause, ServiceError) or cause.code != NO_DATABASE:
            raise
        try:
            _create(client, settings)
        except (ServiceError, msgspec.DecodeError) as refusal:
            raise StartupError(
                f"{error}; it is not created either: {refusal}; create it there, or give "
                "credentials that may"
            ) from refusal
        client.check()
    finally:
        client.close()


def _create(client: InfluxdbClient, settings: Settings) -> None:
    name = settings.influxdb_database
    if settings.influxdb_api is InfluxdbApi.V2:
        query = urlencode({"org": settings.influxdb_org})
        answer = client.call("GET", f"/api/v2/orgs?{query}")
        found = msgspec.json.decode(answer, type=_Organizations).orgs
        if not found:
            raise ServiceError(f"organization {settings.influxdb_org} is not seen", code="NoOrg")
        bucket = {"orgID": found[0].id, "name": name, "retentionRules": []}
        client.call("POST", "/api/v2/buckets", _JSON, msgspec.json.encode(bucket))
        return
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    statement = urlencode({"q": f'CREATE DATABASE "{quoted}"'}).encode()
    answer = client.call("POST", "/query", _FORM, statement)
    for result in msgspec.json.decode(answer, type=_Results).results:
        if result.error:
            raise ServiceError(result.error, code="NotCreated")
