"""State as earlier versions wrote it, made of state as this one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tepwatch.sealed import seal, unseal


def of_the_first_engine(snapshot: bytes) -> bytes:
    """A plant's snapshot whose forests are of the first engine: their state has version 1."""

    def of_plant(data: bytes) -> bytes:
        return _changed(b"PLNT", data, 3, of_stages)

    def of_stages(data: bytes) -> bytes:
        states = msgspec.msgpack.decode(unseal(b"STGo", 1, data))
        for state in states:
            state[2] = of_forest(state[2])
        return seal(b"STGo", 1, msgspec.msgpack.encode(states))

    def of_forest(data: bytes) -> bytes:
        parameters, seen, *_ = msgspec.msgpack.decode(unseal(b"RCFo", 2, data))
        window: list[list[float]] = []
        former = ["krcf", parameters, seen, window, b"what that engine wrote"]
        return seal(b"RCFo", 1, msgspec.msgpack.encode(former))

    return _changed(b"SNAP", snapshot, 2, of_plant)


def _changed(kind: bytes, data: bytes, field: int, change: Callable[[Any], Any]) -> bytes:
    fields = msgspec.msgpack.decode(unseal(kind, 1, data))
    fields[field] = change(fields[field])
    return seal(kind, 1, msgspec.msgpack.encode(fields))
