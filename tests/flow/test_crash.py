"""The same after a crash: workers and TaskManagers die in the middle, nothing changes.

Both plants are disturbed. One is held against the baseline that is given; the other lacks a
measurement that the baseline needs, and is learned from the stream.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from aws.kinesis import KinesisClient, OutgoingRecord
from cli.provision import provision
from detection.artefact import Origin
from detection.baseline import learn
from detection.reference import Reference
from localaws.server import LocalAws
from simulator.strategies import RICKER
from sinks.files import count_rows
from studies import faults, naming, normal_operation
from tepwatch.records import Reading
from tepwatch.schema import ALARMS, EVENTS, Scalar, Table
from tests.flow.pipeline import (
    OnFlink,
    Stored,
    in_turn,
    new_stream,
    put,
    renamed,
    settings_for,
    simulated,
    stored,
)
from tests.stored import comparable, in_s3, in_timestream

pytestmark = [pytest.mark.flow, pytest.mark.timeout(300)]

STREAM = "flow-crash"
COUNT = 900
DISTURBED_AFTER = 750
READINGS = 2 * (COUNT - 2)
SCORE_ROWS = 3 * READINGS
SENDING_SECONDS = 100.0


class Sender(threading.Thread):
    """Sends the records in small puts: slowly, until it is told to hurry."""

    def __init__(self, client: KinesisClient) -> None:
        super().__init__(name="sender")
        self._client = client
        self.records = records()
        self.hurry = threading.Event()

    def run(self) -> None:
        step = 20
        pause = SENDING_SECONDS * step / len(self.records)
        for start in range(0, len(self.records), step):
            self.hurry.wait(pause)
            put(self._client, STREAM, self.records[start : start + step])


def records() -> list[OutgoingRecord]:
    whole = simulated(COUNT, DISTURBED_AFTER)
    lacking = [
        msgspec.structs.replace(record, xmeas=(None, *record.xmeas[1:]))
        if isinstance(record, Reading)
        else record
        for record in whole
    ]
    run = "20260101T000000Z"
    return in_turn(renamed(whole, "plant-1", run), renamed(lacking, "plant-2", run))


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six days of normal operation, and the names of three disturbances."""
    learned = learn(normal_operation.simulate(RICKER, 6, normal_operation.BASELINE_SEED))
    runs = faults.simulate(RICKER, (1, 4, 5) * 3, faults.TEACHING_SEED)
    taught = naming.teach(learned, runs, naming.windows_of(180.0))
    origin = Origin("simulated", "ricker", 180.0, 1.0, 0.0, 42)
    path = tmp_path_factory.mktemp("baseline") / "ricker.baseline"
    path.write_bytes(Reference.of(learned._replace(namer=taught.namer), origin).data)
    return path


def test_everything_stored_is_the_same_after_crashes(
    flink: OnFlink, local_aws: LocalAws, baseline: Path, tmp_path: Path
) -> None:
    client = new_stream(local_aws, STREAM)
    cluster = flink.cluster
    rest = cluster.rest
    crashed, smooth = tmp_path / "crashed", tmp_path / "smooth"
    settings, smooth_settings = (
        settings_for(
            local_aws, STREAM, folder, sinks="timestream,firehose,files", baseline=baseline
        )
        for folder in (crashed, smooth)
    )
    provision(settings)
    provision(smooth_settings)

    job_id = flink.start(settings)
    sender = Sender(client)
    sender.start()
    try:
        wait_for_checkpoint_with_data(flink, job_id, crashed)
        workers = flink.python_workers()
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        flink.wait(lambda: rest.job(job_id).restarts >= 1, job_id, "the worker's death is noticed")
        wait_for_checkpoint_with_data(flink, job_id, crashed)
        before = cluster.task_manager_pid
        cluster.kill_task_manager()
        flink.wait(
            lambda: cluster.task_manager_pid != before and rest.job(job_id).restarts >= 2,
            job_id,
            "the TaskManager's death is noticed",
        )
        wait_for_checkpoint_with_data(flink, job_id, crashed)
        # A planned stop, and another job that goes on from its checkpoint.
        flink.cancel(job_id)
        path = rest.checkpoints(job_id).latest_path
        assert path is not None
        assert sender.is_alive(), "the crashes came after the last record"
        job_id = flink.start(settings, restore_from=path)
        sender.hurry.set()
        sender.join()
        flink.wait(lambda: complete(crashed), job_id, "everything is stored")
        expected = len(sender.records)
        flink.wait(lambda: flink.read_total(job_id) == expected, job_id, "the exact count read")
        flink.cancel(job_id)
    finally:
        sender.hurry.set()
        sender.join()
        client.close()

    flink.run(smooth_settings, lambda: complete(smooth))
    first, second = stored(crashed), stored(smooth)
    rows_of = Counter(table for table, *_ in first)
    assert rows_of["scores"] == SCORE_ROWS
    assert rows_of["readings"] == rows_of["assessments"] == READINGS
    check_findings(first)
    assert first.keys() == second.keys()
    assert first == second
    # The same in Timestream and in S3, each row once under its key.
    assert local_aws.flush_firehose()
    rows = comparable(first.values())
    for of in (settings, smooth_settings):
        assert in_timestream(of) == rows
        assert in_s3(of) == rows


def of_table(rows: Stored, table: Table) -> list[dict[str, Scalar]]:
    return [row.values for row in rows.values() if row.table == table.name]


def check_findings(rows: Stored) -> None:
    """The monitor found the disturbance in both plants."""
    changes = {(row["plant"], row["change"]) for row in of_table(rows, ALARMS)}
    assert {("plant-1", "raised"), ("plant-1", "named"), ("plant-2", "raised")} <= changes
    events = Counter((row["plant"], row["event"]) for row in of_table(rows, EVENTS))
    assert events["plant-1", "baseline_used"] == 1
    # What was given is refused after a few ticks, and another one is learned.
    assert events["plant-2", "baseline_refused"] == 1
    assert events["plant-2", "baseline_used"] == 2


def complete(folder: Path) -> bool:
    return (
        count_rows(folder, "scores") >= SCORE_ROWS
        and count_rows(folder, "readings") >= READINGS
        and count_rows(folder, "assessments") >= READINGS
        and count_rows(folder, "events") >= 2
    )


def wait_for_checkpoint_with_data(flink: OnFlink, job_id: str, folder: Path) -> None:
    """Until more was stored, then a checkpoint came, then more was stored again."""
    rest = flink.cluster.rest
    rows = count_rows(folder, "readings")
    flink.wait(lambda: count_rows(folder, "readings") > rows, job_id, "readings are stored")
    done = rest.checkpoints(job_id).completed
    flink.wait(lambda: rest.checkpoints(job_id).completed > done, job_id, "a checkpoint")
    rows = count_rows(folder, "readings")
    flink.wait(lambda: count_rows(folder, "readings") > rows, job_id, "readings after it")
    time.sleep(0.3)
