"""Entry point of the job, at home and on Managed Service for Apache Flink."""

from __future__ import annotations

from pyflink.datastream import StreamExecutionEnvironment

from jobs.topology import build
from tepwatch import logs, settings
from tepwatch.resources import JOB_NAME


def main() -> None:
    """Read the settings, build the graph, submit it."""
    logs.configure()
    environment = StreamExecutionEnvironment.get_execution_environment()
    build(environment, settings.load())
    environment.execute(JOB_NAME)


if __name__ == "__main__":
    main()
