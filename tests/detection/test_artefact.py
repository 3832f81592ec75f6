from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from detection import artefact
from detection.artefact import Origin
from detection.baseline import Baseline, learn
from detection.naming import Axes, Namer
from detection.tracker import Tracker
from tepwatch.errors import NewerStateError, StateError
from tepwatch.sealed import seal, unseal
from tests.detection.test_baseline import plant
from tests.detection.test_naming import trees

ORIGIN = Origin("five made-up runs", "", 180.0, 1.0, 0.0, 42)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learn([plant(150, seed) for seed in range(5)])


def axes(baseline: Baseline) -> Axes:
    """Of two faults."""
    whitening = baseline.model.statistics.whitening
    return Axes(whitening, np.eye(len(whitening))[:2])


def test_what_was_read_back_gives_the_same_p_values_and_bytes(baseline: Baseline) -> None:
    data = artefact.to_bytes(baseline, ORIGIN)
    restored, origin = artefact.from_bytes(data)
    assert origin == ORIGIN
    assert artefact.to_bytes(restored, origin) == data
    ticks = plant(100, 77)
    expected, found = Tracker(baseline).advance(ticks), Tracker(restored).advance(ticks)
    assert found.p_values.tobytes() == expected.p_values.tobytes()
    assert found.units.tobytes() == expected.units.tobytes()


def test_the_same_runs_and_seed_give_the_same_bytes(baseline: Baseline) -> None:
    again = learn([plant(150, seed) for seed in range(5)])
    assert artefact.to_bytes(again, ORIGIN) == artefact.to_bytes(baseline, ORIGIN)
    other = learn([plant(150, seed) for seed in range(5)], seed=43)
    assert artefact.to_bytes(other, ORIGIN) != artefact.to_bytes(baseline, ORIGIN)


def test_damage_and_newer_versions_are_refused(baseline: Baseline) -> None:
    data = artefact.to_bytes(baseline, ORIGIN)
    with pytest.raises(StateError, match="damaged"):
        artefact.from_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    payload = unseal(b"BASE", 2, data)
    with pytest.raises(NewerStateError):
        artefact.from_bytes(seal(b"BASE", 3, payload))
    with pytest.raises(StateError, match="not readable"):
        artefact.from_bytes(seal(b"BASE", 2, b"\x90"))


def test_names_are_read_back_and_the_same_bytes(baseline: Baseline) -> None:
    namer = Namer(axes(baseline), {10: trees(), 20: trees()})
    named = baseline._replace(namer=namer)
    data = artefact.to_bytes(named, ORIGIN)
    restored, _ = artefact.from_bytes(data)
    assert artefact.to_bytes(restored, ORIGIN) == data
    assert restored.namer is not None
    window = np.ones((20, len(baseline.channels.tags)))
    assert restored.namer.suspects(window, window, window) == namer.suspects(window, window, window)


def test_names_that_do_not_fit_the_channels_are_refused(baseline: Baseline) -> None:
    features = trees().features.copy()
    features[0] = axes(baseline).features
    wrong = {10: trees()._replace(features=features)}
    named = baseline._replace(namer=Namer(axes(baseline), wrong))
    with pytest.raises(StateError, match="do not fit together"):
        artefact.from_bytes(artefact.to_bytes(named, ORIGIN))


def _shorter(place: int) -> Callable[[list[Any]], None]:
    def change(stored: list[Any]) -> None:
        shape, numbers = stored[place]
        stored[place] = [[shape[0] - 1, *shape[1:]], numbers[: len(numbers) // shape[0] * -1]]

    return change


def _fewer(place: int) -> Callable[[list[Any]], None]:
    def change(stored: list[Any]) -> None:
        stored[place] = stored[place][:-1]

    return change


def _later_start(stored: list[Any]) -> None:
    stored[10][-1] += 1


@pytest.mark.parametrize(
    "change",
    [*map(_shorter, (2, 3, 4, 5, 6, 7, 11, 12, 13)), *map(_fewer, (8, 9, 10, 14)), _later_start],
)
def test_parts_that_do_not_fit_together_are_refused(
    baseline: Baseline, change: Callable[[list[Any]], None]
) -> None:
    stored = msgspec.msgpack.decode(unseal(b"BASE", 2, artefact.to_bytes(baseline, ORIGIN)))
    change(stored)
    with pytest.raises(StateError):
        artefact.from_bytes(seal(b"BASE", 2, msgspec.msgpack.encode(stored)))
