"""A small HTTP server that keeps what it is given as Grafana 13 does: paths, status codes, shapes.

After its API documentation (dashboards, folders, data sources) and
pkg/services/ngalert/api/api_provisioning.go. It knows nothing of what is rendered.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

TOKEN: Final = "glsa_test"
_DURATION: Final = re.compile(r"^(\d+[smh])+$")
Values = dict[str, Any]
Answer = tuple[int, Any]


class GrafanaState:
    """What the server has. `busy` is how often somebody else saves a dashboard first."""

    def __init__(self) -> None:
        self.data_sources: dict[str, Values] = {}
        self.secrets: dict[str, Values] = {}
        self.folders: dict[str, Values] = {}
        self.boards: dict[str, Values] = {}
        self.groups: dict[tuple[str, str], Values] = {}
        self.points: dict[str, Values] = {}
        self.policies: Values = {"receiver": "grafana-default-email", "provenance": ""}
        self.busy = 0
        self.role = "Admin"
        self.writes: list[str] = []

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """What Grafana answers."""
        if method != "GET":
            if self.role == "Viewer":
                return 403, {"message": "You'll need additional permissions", "title": "Denied"}
            self.writes.append(f"{method} {path}")
        for pattern, handle in self._routes(method).items():
            found = re.fullmatch(pattern, path)
            if found:
                return handle(*found.groups()) if method == "GET" else handle(*found.groups(), body)
        return 404, {"message": "Not found"}

    def _routes(self, method: str) -> dict[str, Callable[..., Answer]]:
        alerting = "/api/v1/provisioning"
        routes: dict[str, dict[str, Callable[..., Answer]]] = {
            "GET": {
                "/api/datasources/uid/([^/]+)": self._get_data_source,
                "/api/folders/([^/]+)": self._get_folder,
                "/api/dashboards/uid/([^/]+)": self._get_board,
                f"{alerting}/folder/([^/]+)/rule-groups/([^/]+)": self._get_group,
                f"{alerting}/contact-points": lambda: (200, list(self.points.values())),
                f"{alerting}/policies": lambda: (200, self.policies),
            },
            "POST": {
                "/api/datasources": self._post_data_source,
                "/api/folders": self._post_folder,
                "/api/dashboards/db": self._post_board,
                f"{alerting}/contact-points": self._post_point,
            },
            "PUT": {
                "/api/datasources/uid/([^/]+)": self._put_data_source,
                "/api/folders/([^/]+)": self._put_folder,
                f"{alerting}/folder/([^/]+)/rule-groups/([^/]+)": self._put_group,
                f"{alerting}/contact-points/([^/]+)": self._put_point,
                f"{alerting}/policies": self._put_policies,
            },
        }
        return routes[method]

    def _get_data_source(self, uid: str) -> Answer:
        if uid not in self.data_sources:
            return 404, {"message": "Data source not found", "traceID": ""}
        return 200, self.data_sources[uid]

    def _post_data_source(self, body: Values) -> Answer:
        if any(each["name"] == body["name"] for each in self.data_sources.values()):
            return 409, {"message": "data source with the same name already exists"}
        return self._keep_data_source(body["uid"], body, 1, "Datasource added")

    def _put_data_source(self, uid: str, body: Values) -> Answer:
        if uid not in self.data_sources:
            return 404, {"message": "Data source not found"}
        version = self.data_sources[uid]["version"]
        if body.get("version") not in {None, version}:
            return 409, {"message": "Datasource has already been updated by someone else."}
        return self._keep_data_source(uid, body, version + 1, "Datasource updated")

    def _keep_data_source(self, uid: str, body: Values, version: int, message: str) -> Answer:
        self.secrets[uid] = body.pop("secureJsonData", {})
        made = {
            "url": "", "user": "", "database": "", "basicAuth": False, **body, "id": 1, "orgId": 1,
            "typeLogoUrl": "", "version": version, "readOnly": False,
            "secureJsonFields": dict.fromkeys(self.secrets[uid], True),
        }  # fmt: skip
        self.data_sources[uid] = made
        return 200, {"datasource": made, "id": 1, "message": message, "name": body["name"]}

    def _get_folder(self, uid: str) -> Answer:
        if uid not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        return 200, self.folders[uid]

    def _post_folder(self, body: Values) -> Answer:
        if body["uid"] in self.folders:
            return 412, {"message": "The folder already exists", "status": "name-exists"}
        self.folders[body["uid"]] = {"id": 1, "hasAcl": False, **body, "version": 1}
        return 200, self.folders[body["uid"]]

    def _put_folder(self, uid: str, body: Values) -> Answer:
        folder = self.folders[uid]
        if body.get("version") != folder["version"] and not body.get("overwrite"):
            return 412, {
                "message": "The folder has been changed by someone else",
                "status": "version-mismatch",
            }
        folder |= {"title": body["title"], "version": folder["version"] + 1}
        return 200, folder

    def _get_board(self, uid: str) -> Answer:
        if uid not in self.boards:
            return 404, {"message": "Dashboard not found"}
        return 200, self.boards[uid]

    def _post_board(self, body: Values) -> Answer:
        wanted, folder = body["dashboard"], body.get("folderUid", "")
        if not wanted.get("title"):
            return 400, {"message": "Dashboard title cannot be empty", "status": "empty-name"}
        if folder and folder not in self.folders:
            return 400, {"message": "folder not found"}
        there = self.boards.get(wanted["uid"])
        if there and self.busy:
            self.busy -= 1
            there["dashboard"]["version"] += 1
        version = there["dashboard"]["version"] if there else 0
        if there and not body["overwrite"] and wanted.get("version") != version:
            return 412, {
                "status": "version-mismatch",
                "message": "The dashboard has been changed by someone else",
            }
        self.boards[wanted["uid"]] = {
            "dashboard": {**wanted, "id": 7, "version": version + 1},
            "meta": {"folderUid": folder, "slug": "x", "canSave": True, "provisioned": False},
        }
        return 200, {
            "id": 7, "uid": wanted["uid"], "url": "/d/x", "status": "success",
            "version": version + 1, "slug": "x", "folderUid": folder,
        }  # fmt: skip

    def _get_group(self, folder: str, name: str) -> Answer:
        if (folder, name) not in self.groups:
            return 404, {"message": "rule group not found", "messageId": "alerting.not-found"}
        return 200, self.groups[folder, name]

    def _put_group(self, folder: str, name: str, body: Values) -> Answer:
        if folder not in self.folders:
            return 400, {"message": f"folder {folder} does not exist"}
        for rule in body["rules"]:
            refs = {query["refId"] for query in rule["data"]}
            if rule["condition"] not in refs:
                return 400, {"message": "invalid alert rule: condition does not exist"}
            if not _DURATION.match(rule["for"]) or len(rule["title"]) > 190:
                return 400, {"message": "invalid alert rule"}
        rules = [
            {
                "id": place, "updated": "2026-11-22T22:00:00Z", "provenance": "api",
                "notification_settings": None, "record": None, **rule,
            }
            for place, rule in enumerate(body["rules"], 1)
        ]  # fmt: skip
        self.groups[folder, name] = {
            "title": name, "folderUid": folder, "interval": body["interval"], "rules": rules
        }  # fmt: skip
        return 200, self.groups[folder, name]

    def _post_point(self, body: Values) -> Answer:
        return self._keep_point(body["uid"], body, body)

    def _put_point(self, uid: str, body: Values) -> Answer:
        if uid not in self.points:
            return 404, {"message": "contact point not found"}
        return self._keep_point(uid, body, {"message": "contactpoint updated"})

    def _keep_point(self, uid: str, body: Values, answer: Any) -> Answer:
        required = {"webhook": "url", "email": "addresses"}[body["type"]]
        if not body["settings"].get(required):
            return 400, {"message": f"required field '{required}' is not specified"}
        self.points[uid] = {**body, "uid": uid, "provenance": "api"}
        return 202, answer

    def _put_policies(self, body: Values) -> Answer:
        names = {each["name"] for each in self.points.values()} | {"grafana-default-email"}
        for route in (body, *body.get("routes", [])):
            if route["receiver"] not in names:
                return 400, {"message": f"receiver '{route['receiver']}' does not exist"}
        self.policies = {**body, "provenance": "api"}
        return 202, {"message": "policies updated"}


@contextlib.contextmanager
def serving(state: GrafanaState, prefix: str = "") -> Iterator[str]:
    """The address of a server with a state, below a path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, answer = 401, {"message": "Invalid API key"}
            elif not parts.path.startswith(prefix):
                status, answer = 404, {"message": "Not found"}
            else:
                path = parts.path.removeprefix(prefix)
                status, answer = state.answer(self.command, path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815 - http.server's

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
