"""The same after a crash: workers and TaskManagers die in the middle, nothing changes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from aws.kinesis import KinesisClient
from cli.provision import provision
from localaws.server import LocalAws
from sinks.files import count_rows
from tests.flow.pipeline import OnFlink, interleaved, new_stream, put, settings_for, stored
from tests.stored import comparable, in_s3, in_timestream

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]

STREAM = "flow-crash"
COUNT = 900
READINGS = 2 * (COUNT - 1)
SCORE_ROWS = 3 * READINGS
SENDING_SECONDS = 100.0


class Sender(threading.Thread):
    """Sends the records in small puts: slowly, until it is told to hurry."""

    def __init__(self, client: KinesisClient) -> None:
        super().__init__(name="sender")
        self._client = client
        self.records = interleaved(COUNT)
        self.hurry = threading.Event()

    def run(self) -> None:
        step = 20
        pause = SENDING_SECONDS * step / len(self.records)
        for start in range(0, len(self.records), step):
            self.hurry.wait(pause)
            put(self._client, STREAM, self.records[start : start + step])


def test_everything_stored_is_the_same_after_crashes(
    flink: OnFlink, local_aws: LocalAws, tmp_path: Path
) -> None:
    client = new_stream(local_aws, STREAM)
    cluster = flink.cluster
    rest = cluster.rest
    crashed, smooth = tmp_path / "crashed", tmp_path / "smooth"
    settings, smooth_settings = (
        settings_for(local_aws, STREAM, folder, sinks="timestream,firehose,files")
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
    # Both plants were learned from the stream on the way, and watched from then on.
    assert rows_of["unit_scores"] > READINGS
    assert first.keys() == second.keys()
    assert first == second
    # The same in Timestream and in S3, each row once under its key.
    assert local_aws.flush_firehose()
    rows = comparable(first.values())
    for of in (settings, smooth_settings):
        assert in_timestream(of) == rows
        assert in_s3(of) == rows


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
