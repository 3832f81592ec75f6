"""What differs between two JSON values, said by where it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

REDACTED: Final = "[REDACTED]"
"""What Grafana shows in place of a secret."""

_SHOWN: Final = 60


def differences(wanted: Any, found: Any, *, exact: bool, path: str = "") -> Iterator[str]:
    """Each place where what was found is not what is wanted.

    Args:
        wanted: JSON values.
        found: those of the server. A secret that it hides counts as the same.
        exact: whether what nobody wanted is a difference too; else a server may add to objects.
        path: of both within something larger.

    >>> list(differences({"a": [1, 2]}, {"a": [1, 3], "b": 0}, exact=True))
    ['a[1]: 3 instead of 2', 'b: not wanted']
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        yield from _of_objects(wanted, found, exact=exact, path=path)
    elif _is_list(wanted) and _is_list(found):
        if len(wanted) != len(found):
            yield f"{path}: {len(found)} instead of {len(wanted)}"
        for place, (one, other) in enumerate(zip(wanted, found, strict=False)):
            yield from differences(one, other, exact=exact, path=f"{path}[{place}]")
    elif found not in (wanted, REDACTED):
        yield f"{path}: {_short(found)} instead of {_short(wanted)}"


def _of_objects(
    wanted: Mapping[str, Any], found: Mapping[str, Any], *, exact: bool, path: str
) -> Iterator[str]:
    for name, value in wanted.items():
        inner = f"{path}.{name}" if path else name
        if name in found:
            yield from differences(value, found[name], exact=exact, path=inner)
        elif value is not None:
            yield f"{inner}: not there"
    if exact:
        for name, value in found.items():
            if name not in wanted and value is not None:
                yield f"{path}.{name}: not wanted" if path else f"{name}: not wanted"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
