"""The two data sources as Grafana takes them, by its API and in a provisioning file."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dashboards.grafana.names import PLUGINS, PRODUCT, TITLES, set_uid
from dashboards.model import Source

ENDPOINT_VARIABLE: Final = "TEPWATCH_GRAFANA_TIMESTREAM_ENDPOINT"
INFLUXDB_URL_VARIABLE: Final = "TEPWATCH_GRAFANA_INFLUXDB_URL"
INFLUXDB_TOKEN_VARIABLE: Final = "TEPWATCH_GRAFANA_INFLUXDB_TOKEN"
"""Environment variables: of Grafana, for provisioned files; and of the command that pushes."""


class Connections(msgspec.Struct, frozen=True, kw_only=True):
    """Where Grafana finds the stores. A text `$NAME` is filled in by Grafana, in its files only.

    Without `endpoint` Timestream is AWS's, with Grafana's own credentials; `influxdb_token` is that
    of InfluxDB 2 and 3, which 1.x does not ask for.
    """

    database: str
    region: str
    endpoint: str = f"${ENDPOINT_VARIABLE}"
    influxdb_database: str
    influxdb_url: str = f"${INFLUXDB_URL_VARIABLE}"
    influxdb_token: str = f"${INFLUXDB_TOKEN_VARIABLE}"


def data_source(source: Source, connections: Connections) -> dict[str, Any]:
    """A data source, as the API takes it."""
    head = {
        "uid": set_uid(source),
        "name": f"{PRODUCT} {TITLES[source]}",
        "type": PLUGINS[source],
        "access": "proxy",
        "isDefault": False,
    }
    if source is Source.TIMESTREAM:
        return {
            **head,
            "jsonData": {
                "authType": "default",
                "defaultRegion": connections.region,
                "endpoint": connections.endpoint,
                # The plugin puts it into queries as it is.
                "defaultDatabase": f'"{connections.database}"',
            },
        }
    return {
        **head,
        "url": connections.influxdb_url,
        "jsonData": {
            "version": "InfluxQL",
            "dbName": connections.influxdb_database,
            "httpMode": "POST",
            "httpHeaderName1": "Authorization",
        },
        "secureJsonData": {"httpHeaderValue1": f"Token {connections.influxdb_token}"},
    }


def provisioned(source: Source, connections: Connections) -> dict[str, Any]:
    """The same as a provisioning file."""
    return {
        "apiVersion": 1,
        "datasources": [
            {**data_source(source, connections), "orgId": 1, "version": 1, "editable": False}
        ],
    }
