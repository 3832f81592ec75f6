"""What becomes of the setting `baseline`: a person reads one clear line, or the job has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws.clients import client
from detection.artefact import Origin
from detection.baseline import learn
from detection.reference import Reference
from jobs.baseline import load_reference, read_reference
from localaws.server import LocalAws
from tepwatch.errors import BaselineError, InputFileError
from tepwatch.settings import Settings
from tests.detection.test_monitor import plant


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    baseline = learn([plant(300, seed) for seed in range(5)])
    path = tmp_path_factory.mktemp("baseline") / "plant.baseline"
    path.write_bytes(Reference.of(baseline, Origin("made up", "", 180.0, 1.0, 0.0, 42)).data)
    return path


def test_what_was_written_is_read(stored: Path) -> None:
    reference = load_reference(Settings(baseline=str(stored)))
    assert reference is not None
    assert reference.data == stored.read_bytes()


def test_a_job_without_monitor_needs_none() -> None:
    assert load_reference(Settings(baseline="/nowhere", monitor=False)) is None
    assert load_reference(Settings()) is None


def test_ticks_of_another_length_are_refused(stored: Path) -> None:
    with pytest.raises(BaselineError, match=r"ticks of 180 s, the setting tick_seconds says 60"):
        load_reference(Settings(baseline=str(stored), tick_seconds=60.0))


@pytest.mark.parametrize("damage", [b"", b"# a text\n", None])
def test_what_is_no_baseline_is_said_with_its_name(
    stored: Path, tmp_path: Path, damage: bytes | None
) -> None:
    path = tmp_path / "damaged.baseline"
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content) if damage is None else damage)
    with pytest.raises(BaselineError, match=str(path)):
        read_reference(str(path), Settings())


def test_a_missing_file_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"baseline .*/none\.baseline: No such file"):
        read_reference(str(tmp_path / "none.baseline"), Settings())


def test_an_object_is_read_from_s3_or_its_absence_said(stored: Path, local_aws: LocalAws) -> None:
    settings = Settings(endpoint_url=local_aws.endpoint_url)
    s3 = client("s3", region=settings.region, endpoint_url=settings.endpoint_url)
    s3.create_bucket(Bucket="baselines")
    s3.put_object(Bucket="baselines", Key="plants/one", Body=stored.read_bytes())
    read = read_reference("s3://baselines/plants/one", settings)
    assert read.data == stored.read_bytes()
    with pytest.raises(InputFileError, match=r"s3://baselines/plants/two: .*NoSuchKey"):
        read_reference("s3://baselines/plants/two", settings)
