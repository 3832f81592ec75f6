"""A stand-in for the live page's server: its contract with made-up data that moves.

It serves the static files as they are. An injected disturbance raises an alarm a second later;
nothing here is detected, it is made up so that every part of the page has something to show.
Look at the page with `python -m tests.dashboards.page_server 8400`.
"""

from __future__ import annotations

import json
import math
import mimetypes
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tepwatch.tags import DISTURBANCES, TAGS, VALVE_4_HELD, XMEAS, Area

STATIC: Final = Path(__file__).resolve().parents[2] / "dashboards" / "page" / "static"
TOKEN: Final = "made-up-token"
CSP: Final = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
UNITS: Final = ("feed", "reactor", "separator", "stripper", "recycle")
STAGES: Final = ("reactor_feed", "purge_gas", "product")
SETPOINTS: Final = {
    "reactor-pressure": (2000.0, 2995.0, "kPa gauge", 2800.0),
    "reactor-level": (0.0, 100.0, "%", 65.0),
    "production-rate": (0.0, 46.0, "m³/h", 22.89),
    "product-mix": (0.0, 100.0, "mol% G", 53.8),
}
TITLES: Final = {known.number: known.title for known in (*DISTURBANCES, VALVE_4_HELD)}
ALARM_AFTER_SECONDS: Final = 1.0
_EVERY_SECONDS: Final = 0.5


def panel(panel_id: str, kind: str, title: str, **more: Any) -> dict[str, Any]:
    """A panel of the catalogue."""
    common = {"description": f"What {title.lower()} is.", "unit": "", "width": 12, "height": 8}
    rest = {"row": "", "folded": False, "log": False, "thresholds": [], "each": None}
    rest |= {"held": False, "lowest": None, "highest": None}
    return {"id": panel_id, "kind": kind, "title": title, **common, **rest, **more}


PANELS: Final = (
    panel("feeds", "timeseries", "Feeds", unit="kscmh", held=True, lowest=0.0, highest=40.0),
    panel(
        "p",
        "timeseries",
        "p-value",
        log=True,
        thresholds=[{"value": 0.01, "label": "unusual"}, {"value": 0.001, "label": "alarm"}],
    ),
    panel("now", "stat", "Production", unit="m³/h", width=6, height=4, row="Numbers"),
    panel("alarms", "table", "Alarms", width=10, row="Numbers"),
    panel("bars", "bars", "Contributions", unit="%", width=8, row="Numbers"),
    panel("states", "state", "State of the monitor", width=24, height=5, row="States"),
    panel("text", "text", "About", width=24, height=3, row="States", description="Words only."),
    panel("broken", "stat", "Broken", width=6, height=4, row="States"),
    panel(
        "each", "stat", "Of each stage", width=8, height=4, row="Folded", folded=True, each="stage"
    ),
)


def catalogue(plants: tuple[str, ...], can_act: bool) -> dict[str, Any]:
    """The answer of /api/catalogue."""
    return {
        "database": "tepwatch",
        "every_seconds": _EVERY_SECONDS,
        "tags": [
            {
                "id": tag.id,
                "title": tag.title,
                "unit": tag.unit,
                "area": str(tag.area),
                "normal": tag.base_value,
                "kind": "measurement" if tag in XMEAS else "valve",
            }
            for tag in TAGS.values()
        ],
        "areas": [{"id": area, "title": area.replace("_", " ").capitalize()} for area in Area],
        "units": UNITS,
        "stages": STAGES,
        "disturbances": [
            {"number": known.number, "title": known.title, "kind": known.kind}
            for known in (*DISTURBANCES, VALVE_4_HELD)
        ],
        "setpoints": [
            {"name": name, "low": low, "high": high, "unit": unit}
            for name, (low, high, unit, _) in SETPOINTS.items()
            if can_act
        ],
        "limits": {"flagged": 0.01, "alarm": 0.001},
        "can_steer": can_act,
        "can_operate": can_act,
        "dashboards": [
            {
                "id": "overview",
                "title": "Plant overview",
                "description": "Everything at a glance.",
                "variables": [
                    {"name": "plant", "label": "Plant", "options": plants},
                    {"name": "stage", "label": "Stage", "options": STAGES},
                ],
                "panels": PANELS,
            }
        ],
    }


class MadeUpPlant:
    """One plant: base values that wave, an alarm while a disturbance is on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.injected: dict[int, float] = {}
        self.setpoints = {name: start for name, (*_, start) in SETPOINTS.items()}
        self.alarms: list[dict[str, Any]] = []
        self.shelved = False

    def _follow(self, now: float) -> dict[str, Any] | None:
        active = next((alarm for alarm in self.alarms if alarm["active"]), None)
        due = [idv for idv, at in self.injected.items() if now - at >= ALARM_AFTER_SECONDS]
        if due and active is None:
            active = self._raise(due[0], now)
        if active is not None and not self.injected:
            active["active"] = False
            seen = active["state"] == "acknowledged"
            active["state"] = "closed" if seen else "cleared_unacknowledged"
            return None
        if active is not None:
            active["duration_hours"] = (now - active["onset_ms"] / 1000) / 36
        return active

    def _raise(self, idv: int, now: float) -> dict[str, Any]:
        alarm = {
            "alarm": f"{self.name}-{len(self.alarms)}",
            "active": True,
            "state": "unacknowledged",
            "shelved": self.shelved,
            "unit": "feed",
            "onset_ms": int(now * 1000),
            "onset_hours": 8.05,
            "duration_hours": 0.0,
            "p_value": 1e-5,
            "contributions": [
                {"tag": "xmeas_1", "share": -0.83, "value": 0.001, "normal": 0.2666},
                {"tag": "xmv_3", "share": 0.12, "value": 100.0, "normal": 24.6},
            ],
            "suspects": [{"idv": idv, "probability": 0.93}, {"idv": 7, "probability": 0.05}],
        }
        self.alarms.insert(0, alarm)
        return alarm

    def snapshot(self, now: float) -> dict[str, Any]:
        """The plant's part of a snapshot."""
        active = self._follow(now)
        wave = {tag: 1 + 0.004 * math.sin(now + place) for place, tag in enumerate(TAGS)}
        values: dict[str, float | None] = {
            tag.id: tag.base_value * wave[tag.id] for tag in TAGS.values()
        }
        values["xmeas_33"] = None
        p_value = 2e-6 if active else 0.3 + 0.2 * math.sin(now / 3)
        if active:
            values |= {"xmeas_1": 0.001, "xmv_3": 100.0}
        unit_p = {"feed": p_value, "reactor": 0.004 if active else 0.4}
        return {
            "plant": self.name,
            "run": "20261122T220000Z",
            "time_ms": int(now * 1000),
            "process_hours": 12.35,
            "values": values,
            "scores": {
                stage: {"score": 1 + 0.1 * math.sin(now + place), "state": "scored"}
                for place, stage in enumerate(STAGES)
            },
            "monitor": {
                "state": "monitoring",
                "p_value": p_value,
                "grade": 1.0 if active else 0.1,
                "alarm": active["alarm"] if active else None,
                "contributions": active["contributions"] if active else [],
                "suspects": active["suspects"] if active else [],
                "units": {
                    unit: {"score": 0.4, "p_value": unit_p.get(unit, 0.3), "grade": 0.2}
                    for unit in UNITS
                },
            },
            "alarms": [
                {field: value for field, value in alarm.items() if field != "active"}
                for alarm in self.alarms
            ],
            "sensors": [{"tag": "xmeas_5", "failure": "stuck"}],
            "disturbances": list(self.injected),
            "setpoints": self.setpoints,
            "state": "running",
        }

    def act(self, action: dict[str, Any]) -> str:
        """Do it and say so; ValueError, KeyError: with what is wrong."""
        match action["do"]:
            case "inject":
                self.injected[action["idv"]] = time.time()
                return f"IDV {action['idv']}, {TITLES[action['idv']]}, is on in {self.name}"
            case "clear":
                self.injected.pop(action["idv"], None)
                return f"IDV {action['idv']}, {TITLES[action['idv']]}, is off in {self.name}"
            case "setpoint":
                if action["name"] == "reactor-level":
                    raise ValueError("reactor-level: the controller is in manual")
                self.setpoints[action["name"]] = action["value"]
                return f"{action['name']} is {action['value']} in {self.name}"
            case "acknowledge":
                return self._acknowledge(action["alarm"])
            case "shelve":
                self.shelved = True
                return f"new alarms of {self.name} are shelved for {action['hours']} h"
        raise ValueError(f"do: {action['do']!r} is unknown")

    def _acknowledge(self, which: str | None) -> str:
        for alarm in self.alarms:
            if which in (None, alarm["alarm"]):
                alarm["state"] = "acknowledged" if alarm["active"] else "closed"
        return f"acknowledged in {self.name}"


def answer(panel_id: str, from_ms: int, to_ms: int, points: int) -> dict[str, Any]:
    """The answer of /api/panel; ValueError where the panel is one that fails."""
    times = [from_ms + (to_ms - from_ms) * place // points for place in range(points)]
    time_column = {"name": "time", "type": "time"}
    wave = [math.sin(time_ms / 40_000) for time_ms in times]
    match panel_id:
        case "feeds":
            names = ("A feed", "A and C feed", "Recycle flow")
            rows = [
                [at, 0.25 + 0.01 * up, 9.3 + up, 27 - up]
                for at, up in zip(times, wave, strict=True)
            ]
            return {"columns": [time_column, *map(number_column, names)], "rows": rows}
        case "p":
            powers = [[at, 10 ** (-2.2 - 1.8 * up)] for at, up in zip(times, wave, strict=True)]
            return {"columns": [time_column, number_column("p-value")], "rows": powers}
        case "now" | "each":
            return {
                "columns": [time_column, number_column("Product")],
                "rows": [[to_ms, 22.9 + 0.01 * (to_ms % 7)]],
            }
        case "alarms":
            columns = [time_column, {"name": "alarm", "type": "text"}, number_column("p")]
            return {"columns": columns, "rows": [[at, "A feed loss", 1e-5] for at in times[:20]]}
        case "bars":
            bars = [["A feed", -83.0], ["A feed valve", 12.0]]
            columns = [{"name": "tag", "type": "text"}, number_column("share")]
            return {"columns": columns, "rows": bars}
        case "states":
            words = ("learning", "monitoring", "alarm", "monitoring")
            states = [
                [at, name, words[4 * place // points] if name == "monitor" else "none"]
                for place, at in enumerate(times)
                for name in ("monitor", "alarm")
            ]
            text = [{"name": name, "type": "text"} for name in ("series", "state")]
            return {"columns": [time_column, *text], "rows": states}
    raise ValueError("query: the store did not answer within 5 s")


def number_column(name: str) -> dict[str, str]:
    """A column of numbers."""
    return {"name": name, "type": "number"}


class PageServer:
    """Serves the page on a free port of this machine, or on `port`, from `start` to `stop`.

    `stop` cuts the streams of snapshots off; started again, it keeps port and plants.
    """

    def __init__(
        self, plants: tuple[str, ...] = ("plant-1", "plant-2"), can_act: bool = True, port: int = 0
    ) -> None:
        self.plants = {name: MadeUpPlant(name) for name in plants}
        self.can_act = can_act
        self.stale: str | None = None
        self.asked: list[str] = []
        self.port = port
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Begin to serve."""
        self.stopping.clear()
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        """End streams and the server."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def snapshot(self) -> dict[str, Any]:
        """What /api/live sends."""
        now = time.time()
        plants = [plant.snapshot(now) for plant in self.plants.values()]
        return {"now_ms": int(now * 1000), "stale": self.stale, "plants": plants}


class _Server(ThreadingHTTPServer):
    def __init__(self, page: PageServer) -> None:
        self.page = page
        super().__init__(("127.0.0.1", page.port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 20

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        page = self.server.page
        page.asked.append(parts.path)
        match parts.path:
            case "/api/catalogue":
                self._json(catalogue(tuple(page.plants), page.can_act))
            case "/api/live":
                self._live()
            case "/api/panel":
                try:
                    span = int(query["from_ms"]), int(query["to_ms"])
                    self._json(answer(query["panel"], *span, int(query["points"])))
                except ValueError as error:
                    self._json({"error": str(error)}, 502)
            case "/api/annotations":
                middle = (int(query["from_ms"]) + int(query["to_ms"])) // 2
                self._json([{"time_ms": middle, "title": "IDV 6 on", "kind": "disturbance"}])
            case path:
                self._file(path)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Tepwatch-Token"] != TOKEN:
            self._json({"error": "token: this page is not the server's"}, 403)
            return
        try:
            self._json({"said": self.server.page.plants[body["plant"]].act(body)})
        except ValueError as error:
            self._json({"error": str(error)}, 422)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at `asked`."""

    def _json(self, content: object, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), "application/json", status)

    def _file(self, path: str) -> None:
        file = (STATIC / (path.lstrip("/") or "index.html")).resolve()
        if not file.is_relative_to(STATIC) or not file.is_file():
            self._json({"error": f"{path}: there is no such file"}, 404)
            return
        data = file.read_bytes()
        if file.name == "index.html":
            token = f'"tepwatch-token" content="{TOKEN}"'.encode()
            data = data.replace(b'"tepwatch-token" content=""', token)
        self._send(data, mimetypes.guess_type(file.name)[0] or "text/plain", 200)

    def _send(self, data: bytes, content_type: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", CSP)
        self.end_headers()
        self.wfile.write(data)

    def _live(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        page = self.server.page
        try:
            while True:
                data = json.dumps(page.snapshot())
                self.wfile.write(f"event: snapshot\ndata: {data}\n\n".encode())
                if page.stopping.wait(_EVERY_SECONDS):
                    return
        except OSError:
            return  # the browser has gone


def main(port: int) -> None:
    """Serve until the keyboard interrupts."""
    server = PageServer(port=port)
    server.start()
    print(server.url)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
