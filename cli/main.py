"""The command `tepwatch`."""

from __future__ import annotations

import sys

import typer

from cli import (
    benchmark,
    dashboards,
    demo,
    doctor,
    evaluate,
    health,
    job,
    learn,
    localaws,
    operate,
    page,
    provision,
    query,
    replay,
    simulate,
    steer,
)
from tepwatch import logs
from tepwatch.errors import TepwatchError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="tepwatch",
    help="Streaming anomaly detection for industrial processes, on the Tennessee Eastman plant.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("simulate")(simulate.simulate)
app.command("replay")(replay.replay)
app.add_typer(job.app, name="job")
app.command("health")(health.health)
app.command("learn")(learn.learn)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(benchmark.app, name="benchmark")
app.command("localaws")(localaws.localaws)
app.command("provision")(provision.provision_command)
app.command("query")(query.query)
app.add_typer(dashboards.app, name="dashboards")
app.command("page")(page.page)
app.command("doctor")(doctor.doctor)
for about_alarms in operate.COMMANDS:
    app.command(rich_help_panel="Alarms")(about_alarms)
for command in steer.COMMANDS:
    app.command(
        context_settings=steer.NEGATIVE_NUMBERS, rich_help_panel="Steer a running simulation"
    )(command)


def main() -> None:
    """Run the command; an error a person can act on is one line and an exit status."""
    logs.configure("WARNING")
    try:
        app()
    except TepwatchError as error:
        print(f"tepwatch: {error}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
