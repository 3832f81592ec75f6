from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aws.batches import cut


def one_by_one(sizes: list[int], count_max: int, bytes_max: int) -> list[list[int]]:
    """What `cut` does, as it would be said."""
    batches: list[list[int]] = []
    for size in sizes:
        last = batches[-1] if batches else None
        if last and len(last) < count_max and sum(last) + size <= bytes_max:
            last.append(size)
        else:
            batches.append([size])
    return batches


@given(st.lists(st.integers(0, 12)), st.integers(1, 5), st.integers(1, 20))
def test_calls_are_filled_in_order_up_to_both_bounds(
    sizes: list[int], count_max: int, bytes_max: int
) -> None:
    found = [sizes[part] for part in cut(sizes, count_max=count_max, bytes_max=bytes_max)]
    assert found == one_by_one(sizes, count_max, bytes_max)
