"""Cutting records into calls that a service takes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate


def cut(sizes: Sequence[int], *, count_max: int, bytes_max: int) -> Iterator[slice]:
    """Stretches of records in order, each of at most `count_max` records and `bytes_max` bytes.

    A record that is larger than a call stands alone: to look at single sizes is the caller's.

    Args:
        sizes: of the records, in bytes.
        count_max: records that a call takes.
        bytes_max: bytes that a call takes.

    >>> items = ["a", "bb", "ccc", "d"]
    >>> [items[part] for part in cut([1, 2, 3, 1], count_max=2, bytes_max=4)]
    [['a', 'bb'], ['ccc', 'd']]
    """
    bytes_before = list(accumulate(sizes, initial=0))
    start = 0
    while start < len(sizes):
        fitting = bisect_right(bytes_before, bytes_before[start] + bytes_max) - 1
        stop = max(min(fitting, start + count_max), start + 1)
        yield slice(start, stop)
        start = stop
