"""Cutting records into calls that a service takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


def cut(
    items: Iterable[_Item],
    size_of: Callable[[_Item], int],
    *,
    count_max: int,
    bytes_max: int,
) -> Iterator[list[_Item]]:
    """Batches in order, each of at most `count_max` items and `bytes_max` bytes.

    An item that is larger than a batch stands alone: to look at sizes of single items is the
    caller's.

    >>> list(cut(["a", "bb", "ccc", "d"], len, count_max=2, bytes_max=4))
    [['a', 'bb'], ['ccc', 'd']]
    """
    batch: list[_Item] = []
    batch_bytes = 0
    for item in items:
        size = size_of(item)
        if batch and (len(batch) == count_max or batch_bytes + size > bytes_max):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += size
    if batch:
        yield batch
