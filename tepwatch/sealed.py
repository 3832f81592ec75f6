"""State to bytes and back: kind, version and checksum around an encoded payload. No pickle."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from tepwatch.errors import NewerStateError, StateError

_HEADER: Final = struct.Struct("<4sHI")


def seal(kind: bytes, version: int, payload: bytes) -> bytes:
    """Wrap a payload.

    Args:
        kind: four bytes that say what it is.
        version: of the payload's encoding, from 1.
        payload: the encoded state.
    """
    return _HEADER.pack(kind, version, zlib.crc32(payload)) + payload


def unseal(kind: bytes, version: int, data: bytes) -> bytes:
    """The payload of sealed bytes.

    Raises:
        NewerStateError: written by a newer version: it is refused, not guessed at.
        StateError: an older version that nothing here reads, of another kind, or damaged.
    """
    if len(data) < _HEADER.size:
        raise StateError(f"state is cut short: {len(data)} bytes")
    found_kind, found_version, checksum = _HEADER.unpack_from(data)
    if found_kind != kind:
        raise StateError(f"state of kind {found_kind!r} where {kind!r} is expected")
    if found_version > version:
        raise NewerStateError(
            f"state {kind.decode()} has version {found_version}, this code reads up to {version}: "
            "run the version that wrote it, or start without state"
        )
    if found_version < version:
        raise StateError(f"state {kind.decode()} has the old version {found_version}")
    payload = data[_HEADER.size :]
    if zlib.crc32(payload) != checksum:
        raise StateError(f"state {kind.decode()} is damaged: its checksum does not match")
    return payload
