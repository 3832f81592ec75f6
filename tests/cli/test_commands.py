"""The command line as a user meets it: help, errors in one line, exit status."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest

from aws.kinesis import KinesisClient
from cli.provision import provision
from localaws.server import LocalAws
from sinks.files import count_rows
from sinks.registry import make_sinks
from tepwatch.resources import STREAMS
from tepwatch.schema import reading_row
from tepwatch.settings import Settings, load
from tests.plants import GOLDEN, reading

TEPWATCH = str(Path(sys.executable).with_name("tepwatch"))
COMMAND_SECONDS = 60


def tepwatch(
    *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TEPWATCH, *arguments],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
        env={**os.environ, "COLUMNS": "120", **(environment or {})},
    )


@pytest.mark.parametrize(
    "command",
    [
        "demo", "simulate", "replay", "job run", "provision", "health", "query", "localaws",
        "doctor", "page", "benchmark plant", "benchmark simulated", "dashboards push",
    ],
)  # fmt: skip
def test_every_command_explains_itself(command: str) -> None:
    answer = tepwatch(*command.split(), "--help")
    assert answer.returncode == 0
    assert command in tepwatch(*command.split()[:-1], "--help").stdout or " " in command
    assert len(answer.stdout.splitlines()) > 5


def one_line_error(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode == 1, answer
    lines = answer.stderr.strip().splitlines()
    assert lines[-1].startswith("tepwatch: "), answer.stderr
    assert "Traceback" not in answer.stderr
    return lines[-1]


def test_a_wrong_file_is_one_line() -> None:
    assert "nowhere.npz" in one_line_error(tepwatch("replay", "nowhere.npz", "--to", "stdout"))
    assert ".npz" in one_line_error(tepwatch("replay", "README.md", "--to", "stdout"))


def test_a_wrong_endpoint_says_what_to_do() -> None:
    endpoint = "http://127.0.0.1:9"
    file = str(GOLDEN / "normal.npz")
    replay = one_line_error(tepwatch("replay", file, "--endpoint", endpoint))
    assert "nothing answers at http://127.0.0.1:9" in replay
    assert "tepwatch localaws" in replay
    assert endpoint in one_line_error(tepwatch("job", "run", "--endpoint", endpoint))
    assert "not an http" in one_line_error(tepwatch("job", "run", "--endpoint", "nonsense"))


def test_a_stream_that_is_not_there_is_named(local_aws: LocalAws) -> None:
    answer = tepwatch("job", "run", "--endpoint", local_aws.endpoint_url, "--stream", "absent")
    assert "no stream absent" in one_line_error(answer)


def test_what_the_sinks_write_to_is_created(
    local_aws: LocalAws, influxd: str, stream_name: str
) -> None:
    environment = {
        "TEPWATCH_INFLUXDB_URL": influxd,
        "TEPWATCH_INFLUXDB_API": "v1",
        "TEPWATCH_INFLUXDB_DATABASE": stream_name,
        "TEPWATCH_TIMESTREAM_DATABASE": stream_name,
    }
    arguments = [
        "provision",
        "--sinks",
        "influxdb,timestream",
        "--endpoint",
        local_aws.endpoint_url,
    ]
    for _ in range(2):
        answer = tepwatch(*arguments, environment=environment)
        assert answer.returncode == 0, answer.stderr
        assert influxd in answer.stdout
        assert local_aws.endpoint_url in answer.stdout
    settings = load(
        {"sinks": "influxdb,timestream,memory", "endpoint_url": local_aws.endpoint_url},
        environment=environment,
    )
    for sink in make_sinks(settings):
        sink.open()
        sink.close()


def test_what_cannot_be_created_is_one_line(influxd: str) -> None:
    assert "nothing to create" in one_line_error(tepwatch("provision", "--sinks", "files"))
    influxdb = ("provision", "--sinks", "influxdb,files")
    nowhere = tepwatch(*influxdb, environment={"TEPWATCH_INFLUXDB_URL": "http://127.0.0.1:9"})
    assert "InfluxDB at http://127.0.0.1:9 cannot be reached" in one_line_error(nowhere)
    wrong = one_line_error(tepwatch(*influxdb, environment={"TEPWATCH_INFLUXDB_URL": influxd}))
    assert "setting influxdb_url or influxdb_api" in wrong


def test_no_credentials_is_one_line() -> None:
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
    }
    assert "no AWS credentials" in one_line_error(tepwatch("job", "run", environment=environment))


def test_bad_settings_and_options_are_named() -> None:
    environment = {"TEPWATCH_TREES": "none"}
    answer = tepwatch("job", "run", environment=environment)
    assert "trees" in one_line_error(answer)
    for arguments in (["--rate", "fast"], ["--rate", "-1"], ["--limit", "0"]):
        answer = tepwatch("replay", str(GOLDEN / "normal.npz"), "--to", "stdout", *arguments)
        assert answer.returncode == 2
        assert arguments[0] in answer.stderr
    assert tepwatch("demo", "--for", "soon").returncode == 2


def test_replay_to_stdout_and_file(tmp_path: Path) -> None:
    file = str(GOLDEN / "idv6.npz")
    options = ["--rate", "unlimited", "--start-time", "2026-01-01T00:00:00", "--plant", "p"]
    printed = tepwatch("replay", file, "--to", "stdout", *options)
    assert printed.returncode == 0
    assert "280 records accepted, 278 of them readings" in printed.stderr
    out = tmp_path / "out.ndjson"
    assert tepwatch("replay", file, "--to", "file", "--out", str(out), *options).returncode == 0
    assert out.read_text() == printed.stdout
    first = msgspec.json.decode(printed.stdout.splitlines()[0])
    assert (first["plant"], first["seq"], first["time"]) == ("p", 0, "2026-01-01T00:03:00.000Z")
    assert "--out" in one_line_error(tepwatch("replay", file, "--to", "file"))


def test_replay_to_kinesis_and_a_local_job_that_stores_it(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    client = KinesisClient(region="us-east-1", endpoint_url=local_aws.endpoint_url)
    client.create_stream("cli", 1)
    client.close()
    to = ["--endpoint", local_aws.endpoint_url, "--stream", "cli"]
    sent = tepwatch("replay", str(GOLDEN / "normal.npz"), "--rate", "unlimited", *to)
    assert sent.returncode == 0
    assert "960 records accepted" in sent.stderr
    job = ["job", "run", "--runner", "local", *to, "--data-dir", str(tmp_path)]
    run = tepwatch(*job, "--for", "5s", "--sinks", "files")
    assert run.returncode == 0, run.stderr
    stored = {
        table: count_rows(tmp_path / "tables", table)
        for table in ("readings", "scores", "assessments", "unit_scores")
    }
    # No baseline is given: after 500 ticks it is learned from the stream.
    assert stored["readings"] == stored["assessments"] == 960
    assert stored["scores"] == 3 * 960
    assert 0 < stored["unit_scores"] < 5 * 460
    # Where Timestream has no such database, the job does not start.
    environment = {"TEPWATCH_TIMESTREAM_DATABASE": "absent"}
    answer = tepwatch(*job, environment=environment)
    assert "timestream_database" in one_line_error(answer)
    assert count_rows(tmp_path / "tables", "readings") == 960


def test_health_of_a_flink_that_is_away(tmp_path: Path) -> None:
    away = ["health", "--flink", "http://127.0.0.1:9", "--sinks", "files"]
    to = ["--data-dir", str(tmp_path)]
    once = tepwatch(*away, "--once", "--job", "other", *to)
    assert once.returncode == 0, once.stderr
    (line,) = once.stdout.splitlines()
    assert " other UNREACHABLE read - behind - ms " in line
    assert "127.0.0.1:9 cannot be reached" in once.stderr
    assert count_rows(tmp_path / "tables", "health") == 1
    process = subprocess.Popen(
        [TEPWATCH, *away, *to], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        assert " tepwatch UNREACHABLE " in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(COMMAND_SECONDS) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    assert count_rows(tmp_path / "tables", "health") == 2


def test_health_where_it_cannot_be_stored() -> None:
    flink = ["health", "--once", "--flink", "http://127.0.0.1:9"]
    nowhere = tepwatch(*flink, "--endpoint", "http://127.0.0.1:9")
    assert nowhere.returncode == 1
    assert "UNREACHABLE" in nowhere.stdout
    assert "rows of health wait: timestream at http://127.0.0.1:9" in nowhere.stderr
    assert "no rows of table health" in one_line_error(tepwatch(*flink, "--sinks", "alarms"))
    wrong = one_line_error(tepwatch("health", "--flink", "localhost:8081"))
    assert "--flink localhost:8081 is not an http" in wrong
    assert tepwatch(*flink, "--every", "1s").returncode == 2


def test_query_prints_a_table_csv_and_json(local_aws: LocalAws) -> None:
    settings = Settings(
        endpoint_url=local_aws.endpoint_url, sinks="timestream,memory", timestream_database="query"
    )
    provision(settings)
    sink = make_sinks(settings)[0]
    sink.open()
    rows = [reading_row(reading(seq), late=False) for seq in range(3)]
    assert not sink.write(rows).failed
    sink.close()
    statement = 'SELECT plant, seq, xmeas_7, null AS none FROM "query"."readings" ORDER BY seq'
    ask = ["query", statement, "--endpoint", local_aws.endpoint_url]
    table = tepwatch(*ask)
    assert table.returncode == 0, table.stderr
    assert table.stdout.count("plant-1") == 3
    as_csv = list(csv.reader(tepwatch(*ask, "--format", "csv").stdout.splitlines()))
    assert as_csv[0] == ["plant", "seq", "xmeas_7", "none"]
    assert [(row[0], int(row[1]), float(row[2]), row[3]) for row in as_csv[1:]] == [
        ("plant-1", seq, row.values["xmeas_7"], "") for seq, row in enumerate(rows)
    ]
    as_json = [
        msgspec.json.decode(line) for line in tepwatch(*ask, "--format", "json").stdout.splitlines()
    ]
    assert as_json == [
        {"plant": "plant-1", "seq": seq, "xmeas_7": row.values["xmeas_7"], "none": None}
        for seq, row in enumerate(rows)
    ]
    wrong = tepwatch("query", "SELECT nonsense", "--endpoint", local_aws.endpoint_url)
    assert "nonsense" in one_line_error(wrong)
    nowhere = tepwatch("query", "SELECT 1", "--endpoint", "http://127.0.0.1:9")
    assert "127.0.0.1:9" in one_line_error(nowhere)


def test_localaws_runs_in_the_foreground_until_interrupted(tmp_path: Path) -> None:
    command = [TEPWATCH, "localaws", "--port", "0", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = msgspec.json.decode(process.stdout.readline())["endpoint_url"]
        with urllib.request.urlopen(f"{url}/_tepwatch/kinesis", timeout=5) as answer:
            assert set(msgspec.json.decode(answer.read())) == {stream.name for stream in STREAMS}
        tables = tepwatch("query", 'SHOW TABLES FROM "tepwatch"', "--endpoint", url)
        assert "readings" in tables.stdout
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 8
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_doctor_says_what_is_there() -> None:
    answer = tepwatch("doctor")
    assert answer.returncode == 0
    for what in ("Python", "apache-flink", "ministack", "Java", "numba"):
        assert what in answer.stdout
