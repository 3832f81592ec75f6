"""`make bench`: what the pipeline costs, printed as tables, each figure beside its bar."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import (
    forest,
    job_cost,
    job_speed,
    kinesis_at_home,
    latency,
    monitor,
    plant,
    sinks,
    timestream_at_home,
)

_BENCHMARKS = {
    "kinesis": kinesis_at_home.run,
    "timestream": timestream_at_home.run,
    "cost": job_cost.run,
    "speed": job_speed.run,
    "latency": latency.run,
    "plant": plant.run,
    "forest": forest.run,
    "monitor": monitor.run,
    # A part of `cost`, and what needs Debian's influxdb: only where they are asked for.
    "base": job_cost.run_base,
    "sinks": sinks.run,
}

_ALL = ("kinesis", "timestream", "cost", "speed", "latency", "plant", "forest", "monitor")


def main() -> None:
    """Run all benchmarks, or the ones named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_BENCHMARKS))
    names = parser.parse_args().names or _ALL
    unknown = [name for name in names if name not in _BENCHMARKS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(_BENCHMARKS)}")
    console = Console()
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"tepwatch-bench-{name}-") as folder:
            console.print(_BENCHMARKS[name](Path(folder), console))


if __name__ == "__main__":
    main()
