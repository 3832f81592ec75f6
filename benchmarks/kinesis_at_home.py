"""Kinesis at home: does putting and getting slow as the stream grows?

A server with many records and servers with few are measured in turn, so that a machine that slows
meanwhile slows both. Each round takes a new server for the few: in one whose records were deleted,
records would go where memory is at hand, and getting memory from the system is most of the cost
that could be mistaken for growth.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final, Self

from rich.console import Console
from rich.table import Table

from aws.kinesis import IteratorType, KinesisClient, OutgoingRecord
from aws.producer import OrderedProducer
from benchmarks import cpu
from benchmarks.bars import verdict
from localaws.server import LocalAws

_STREAM: Final = "bench"
_FEW: Final = 10_000
_MANY: Final = 1_000_000
_ROUND: Final = 20_000
_ROUNDS: Final = 11
_READS_A_ROUND: Final = 5
_GROWTH_MAX: Final = 1.10
_DATA: Final = b"x" * 990


class _Stream:
    """A server with one stream of a certain size."""

    def __init__(self, folder: Path) -> None:
        self._server = LocalAws(folder, kinesis_mb=4096)
        self._client = KinesisClient(region="us-east-1", endpoint_url=self._server.endpoint_url)
        self._producer = OrderedProducer(self._client, _STREAM)
        self._client.create_stream(_STREAM, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.close()
        self._server.stop()

    def fill(self, count: int) -> None:
        """Store records."""
        for start in range(0, count, _ROUND):
            self._producer.put([OutgoingRecord("plant-1", _DATA)] * min(_ROUND, count - start))

    def put_cost(self) -> float:
        """Server's CPU milliseconds per 1,000 records put."""
        before = cpu.of_process(self._server.pid)
        self.fill(_ROUND)
        return (cpu.of_process(self._server.pid) - before) * 1e6 / _ROUND

    def get_cost(self) -> float:
        """Server's CPU milliseconds per 1,000 records read, as by a job that catches up."""
        (shard,) = self._client.list_shards(_STREAM)
        before = cpu.of_process(self._server.pid)
        read = 0
        for _ in range(_READS_A_ROUND):
            start = IteratorType.TRIM_HORIZON
            iterator: str | None = self._client.shard_iterator(_STREAM, shard.id, start)
            end = read + _ROUND
            while read < end and iterator is not None:
                records = self._client.get_records(shard.id, iterator, limit=2_000)
                read += len(records.messages)
                iterator = records.next_iterator
        return (cpu.of_process(self._server.pid) - before) * 1e6 / read

    def stored(self) -> tuple[int, int]:
        """Records that are held, and that had to be dropped."""
        counters = self._server.counters()[_STREAM]
        return counters["records"], counters["dropped"]


def run(folder: Path, console: Console) -> Table:
    """Measure with 10 thousand and with 1 million records stored."""
    with _Stream(folder / "many") as many:
        console.print(f"Kinesis at home: filling up to {_MANY:,} records ...")
        many.fill(_MANY)
        costs: dict[str, list[tuple[float, float]]] = {"put": [], "get": []}
        for _ in range(_ROUNDS):
            with _Stream(folder / "few") as few:
                few.fill(_FEW)
                costs["put"].append((few.put_cost(), many.put_cost()))
                costs["get"].append((few.get_cost(), many.get_cost()))
        held, dropped = many.stored()
    table = Table(
        title=f"Kinesis at home: server's CPU ms per 1,000 records of {len(_DATA)} bytes, medians "
        f"of {_ROUNDS} rounds of {_ROUND:,} (at the end {held:,} held, {dropped} dropped)"
    )
    for column in ("call", f"{_FEW:,} stored", f"{_MANY:,} stored", "ratio, by pairs", "per CPU s"):
        table.add_column(column, justify="right")
    growth = {}
    for call, pairs in costs.items():
        small, large = (statistics.median(side) for side in zip(*pairs, strict=True))
        growth[call] = statistics.median(after / before for before, after in pairs)
        rate = f"{1e6 / large:,.0f}"
        table.add_row(call, f"{small:.1f}", f"{large:.1f}", f"{growth[call]:.2f}", rate)
    told = verdict(held=max(growth.values()) < _GROWTH_MAX)
    table.caption = f"{told} the bar of {_GROWTH_MAX}"
    return table
