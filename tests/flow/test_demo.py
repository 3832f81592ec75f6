"""The demo as a user runs it: ends by itself with agreeing counts, on Ctrl-C, and when killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from playwright.sync_api import Browser, expect

# The first start on a machine learns what is normal, which is kept.
pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

TEPWATCH = str(Path(sys.executable).with_name("tepwatch"))
START_SECONDS = 400.0
CTRL_C_SECONDS = 10.0
WAIT_MS = 60_000


class Demo:
    """A running demo; its output is collected as it comes."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [TEPWATCH, "demo", "--data-dir", str(folder), *options],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not any(text in line for line in self.lines):
            assert self.process.poll() is None, self.lines
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.1)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[list[Demo]]:
    running: list[Demo] = []
    yield running
    for demo in running:
        demo.close()


def gone(processes: list[psutil.Process], seconds: float) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


def test_it_ends_by_itself_with_counts_that_agree(demos: list[Demo], tmp_path: Path) -> None:
    summary_file = tmp_path / "summary.json"
    # 60 s of process time between two records, as by default: what is normal is learned for those.
    faster = ("--rate", "20", "--speed", "1200")
    demo = Demo(tmp_path / "data", "--for", "15s", *faster, "--json", str(summary_file))
    demos.append(demo)
    demo.wait_for("simulating")
    children = demo.descendants()
    injected = subprocess.run(
        [TEPWATCH, "inject", "1", "--data-dir", str(tmp_path / "data")],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "plant-2: IDV 1 on from process time" in injected.stdout, injected.stderr
    assert demo.process.wait(90) == 0, demo.lines
    summary = msgspec.json.decode(summary_file.read_bytes())
    assert summary["problems"] == []
    assert summary["records_sent"] == summary["records_read"] == summary["records_stored"] > 500
    assert summary["readings_scored"] == summary["readings_sent"] < summary["records_sent"]
    assert summary["timestream_rows"] == summary["s3_lines"]
    assert summary["timestream_rows"]["scores"] == 3 * summary["readings_scored"]
    assert summary["timestream_rows"]["readings"] == summary["readings_sent"]
    assert (summary["dead_letters"], summary["restarts"]) == (0, 0)
    assert summary["health_rows"] >= 2
    assert len(children) >= 4
    assert gone(children, 5)


def tepwatch(*arguments: str, data: Path) -> str:
    done = subprocess.run(
        [TEPWATCH, *arguments, "--data-dir", str(data)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disturbance_is_caught_named_and_acknowledged(
    demos: list[Demo], tmp_path: Path, browser: Browser
) -> None:
    demo = Demo(tmp_path)
    demos.append(demo)
    demo.wait_for("sent 1")
    (url,) = (line.split()[-1] for line in demo.lines if line.startswith("look at http"))
    page = browser.new_page()
    page.goto(f"{url}#plant=plant-1", timeout=WAIT_MS)
    expect(page.locator("#state-words")).to_have_text("Normal operation", timeout=WAIT_MS)
    page.select_option("#disturbance", "6")
    page.click("#inject")
    expect(page.locator("#said")).to_contain_text("IDV 6", timeout=WAIT_MS)
    expect(page.locator("#alarms")).to_contain_text("Most like IDV 6", timeout=WAIT_MS)
    (line,) = tepwatch("alarms", "--json", "--plant", "plant-1", data=tmp_path).splitlines()
    alarm = msgspec.json.decode(line)
    assert alarm["suspects"][0]["idv"] == 6
    assert alarm["contributions"][0]["tag"] == "xmeas_1"
    assert alarm["state"] == "unacknowledged"
    page.click(".acknowledge")
    acknowledged = "Active, acknowledged"
    expect(page.locator(".alarm-state")).to_have_text(acknowledged, timeout=WAIT_MS)
    assert _state(tmp_path) == "acknowledged"
    page.close()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) == 0, demo.lines


def _state(data: Path) -> str:
    (line,) = tepwatch("alarms", "--json", "--plant", "plant-1", data=data).splitlines()
    return str(msgspec.json.decode(line)["state"])


def test_ctrl_c_ends_everything_in_order_and_says_what_was_stored(
    demos: list[Demo], tmp_path: Path
) -> None:
    demo = Demo(tmp_path)
    demos.append(demo)
    demo.wait_for("scores plant-1")
    children = demo.descendants()
    started = time.monotonic()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) == 0, demo.lines
    assert time.monotonic() - started < CTRL_C_SECONDS
    assert any("records stored" in line for line in demo.lines)
    assert gone(children, 5)


def test_nothing_stays_behind_when_it_is_interrupted_while_starting_or_killed(
    demos: list[Demo], tmp_path: Path
) -> None:
    starting = Demo(tmp_path / "a")
    demos.append(starting)
    starting.wait_for("starting Flink")
    time.sleep(2.0)
    children = starting.descendants()
    starting.process.send_signal(signal.SIGINT)
    assert starting.process.wait(40) == 130, starting.lines
    assert gone(children, 5)
    if sys.platform != "linux":
        return
    killed = Demo(tmp_path / "b")
    demos.append(killed)
    killed.wait_for("simulating")
    children = killed.descendants()
    killed.process.kill()
    assert gone(children, 20)
