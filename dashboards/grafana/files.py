"""Everything as files: dashboards, and what Grafana reads when it starts (provisioning).

The same definitions always give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from dashboards.catalogue import DASHBOARDS
from dashboards.grafana import data_sources, notifications, rules
from dashboards.grafana.boards import board
from dashboards.grafana.data_sources import Connections
from dashboards.grafana.names import folder_title, set_uid, uid
from dashboards.grafana.notifications import Contacts
from dashboards.model import Source
from tepwatch.errors import InputFileError

DASHBOARDS_PATH: Final = "/etc/tepwatch/dashboards"
"""Where Grafana is to find the dashboards, a folder a store."""

_SCAN_SECONDS: Final = 30


def rendered(connections: Connections, contacts: Contacts) -> dict[str, bytes]:
    """All files by their paths: for each store, and the notifications that both share."""
    files: dict[str, bytes] = {}
    for source in Source:
        name = set_uid(source)
        provisioning = f"{source.value}/provisioning"
        for shown in DASHBOARDS:
            path = f"{source.value}/dashboards/{uid(source, shown.name)}.json"
            files[path] = _json(board(shown, source))
        files[f"{source.value}/rules.json"] = _json(rules.group(source))
        for part, content in (
            (f"datasources/{name}", data_sources.provisioned(source, connections)),
            (f"dashboards/{name}", _provider(source)),
            (f"alerting/{name}-rules", rules.provisioned(source)),
        ):
            files[f"{provisioning}/{part}.yaml"] = _yaml(content)
    if contacts.anybody:
        alerting = "notifications/provisioning/alerting/tepwatch"
        points = notifications.contact_points(contacts)
        files["notifications/contact_points.json"] = _json(points)
        files["notifications/policy.json"] = _json(notifications.route())
        files[f"{alerting}-contact-points.yaml"] = _yaml(
            notifications.provisioned_contact_points(contacts)
        )
        files[f"{alerting}-policies.yaml"] = _yaml(notifications.provisioned_policies())
    return files


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder; what an earlier rendering left in it goes.

    Raises:
        InputFileError: the folder holds something else, or cannot be written.
    """
    ours = {path.split("/")[0] for path in files} | {"notifications"}
    try:
        there = {each.name for each in folder.iterdir()} if folder.exists() else set()
        if others := ", ".join(sorted(there - ours)):
            raise InputFileError(f"{folder} holds {others}: give a folder of its own")
        for name in there:
            shutil.rmtree(folder / name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise InputFileError(f"{folder}: {error.strerror or error}") from error


def _provider(source: Source) -> dict[str, Any]:
    """Where Grafana takes the dashboards of a store from."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": set_uid(source),
                "orgId": 1,
                "folder": folder_title(source),
                "folderUid": set_uid(source),
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": _SCAN_SECONDS,
                "options": {"path": f"{DASHBOARDS_PATH}/{source.value}"},
            }
        ],
    }


def _json(values: object) -> bytes:
    return json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n"


def _yaml(values: object) -> bytes:
    return b"# Made by `tepwatch dashboards render`.\n" + msgspec.yaml.encode(values)
