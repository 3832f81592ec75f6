from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tepwatch.errors import NewerStateError, StateError
from tepwatch.sealed import seal, unseal


@given(st.binary(), st.integers(1, 1000))
def test_what_is_sealed_is_unsealed(payload: bytes, version: int) -> None:
    assert unseal(b"KIND", version, seal(b"KIND", version, payload)) == payload


@given(st.binary(min_size=1), st.data())
def test_any_flipped_bit_is_noticed(payload: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(b"KIND", 3, payload))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StateError):
        unseal(b"KIND", 3, bytes(sealed))


@given(st.binary())
def test_any_bytes_at_all_are_refused_not_crashed_on(data: bytes) -> None:
    with pytest.raises(StateError):
        unseal(b"KIND", 1, data)


def test_newer_state_is_told_from_older() -> None:
    with pytest.raises(NewerStateError, match="version 2"):
        unseal(b"KIND", 1, seal(b"KIND", 2, b"x"))
    with pytest.raises(StateError, match="old version 1") as error:
        unseal(b"KIND", 2, seal(b"KIND", 1, b"x"))
    assert not isinstance(error.value, NewerStateError)
