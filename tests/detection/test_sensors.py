from __future__ import annotations

import numpy as np

from detection.sensors import FlagChange, SensorWatch, longest_still
from tepwatch.records import SensorFailure
from tests.detection.test_baseline import COLUMNS
from tests.detection.test_monitor import plant

STUCK, SILENT = SensorFailure.STUCK, SensorFailure.SILENT


def test_an_analyser_may_stand_still_as_long_as_it_ever_did_and_a_while_more() -> None:
    normal = plant(200, 1)
    column = COLUMNS["xmeas_37"]
    normal[:, column] = np.repeat(normal[::5, column], 5)
    still = longest_still([normal])
    assert still[column] == 4
    assert still[COLUMNS["xmeas_7"]] == 0
    watch = SensorWatch(still, {})
    found: list[tuple[int, FlagChange]] = []
    ticks = plant(100, 2)
    ticks[:, column] = np.repeat(ticks[::5, column], 5)
    ticks[40:70, column] = ticks[40, column]
    ticks[40:60, 6] = ticks[40, 6]
    for number, tick in enumerate(ticks):
        found.extend((number, change) for change in watch.advance(tick))
    assert found == [
        (45, FlagChange(6, STUCK, True)),
        (57, FlagChange(column, STUCK, True)),
        (60, FlagChange(6, STUCK, False)),
        (70, FlagChange(column, STUCK, False)),
    ]


def test_silence_and_values_no_instrument_shows_are_flagged_and_not_believed() -> None:
    watch = SensorWatch([0] * 41, {})
    found: list[tuple[int, FlagChange]] = []
    ticks = plant(40, 3)
    ticks[10:20, 2] = np.nan
    ticks[12, 8] = -999.0
    ticks[:, 30] = np.nan
    failed = []
    for number, tick in enumerate(ticks):
        found.extend((number, change) for change in watch.advance(tick))
        failed.append(watch.failed)
        state = watch.state
        watch = SensorWatch([0] * 41, {}, state)
    assert found == [
        (12, FlagChange(8, SensorFailure.OUT_OF_RANGE, True)),
        (13, FlagChange(8, SensorFailure.OUT_OF_RANGE, False)),
        (14, FlagChange(2, SILENT, True)),
        (20, FlagChange(2, SILENT, False)),
    ]
    assert failed[12] == [8]
    # What was never there is no instrument that failed.
    assert watch.never_seen == ["xmeas_31"]


def test_a_constant_that_moves_is_flagged_and_still_believed() -> None:
    place = COLUMNS["xmv_5"]
    tick = plant(1, 1)[0]
    watch = SensorWatch([0] * 41, {place: tick[place]})
    assert watch.advance(tick) == []
    tick = tick.copy()
    tick[place] += 1.0
    assert watch.advance(tick) == [FlagChange(place, SensorFailure.NOT_CONSTANT, True)]
    assert watch.failed == []
