"""`tepwatch dashboards`: Grafana's dashboards and alert rules, as files or into a server."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.options import load_settings
from dashboards.model import Source
from tepwatch.errors import MissingPackageError, SettingsError

if TYPE_CHECKING:
    from dashboards.grafana.data_sources import Connections
    from dashboards.grafana.notifications import Contacts
    from dashboards.grafana.server import GrafanaServer

EXIT_DIFFERENT: Final = 1

app = typer.Typer(
    help="Dashboards and alert rules for Grafana: as files, or into a server.",
    no_args_is_help=True,
)


class Stores(enum.StrEnum):
    """Of which stores."""

    TIMESTREAM = Source.TIMESTREAM.value
    INFLUXDB = Source.INFLUXDB.value
    BOTH = "both"

    @property
    def sources(self) -> tuple[Source, ...]:
        """One, or all."""
        return tuple(Source) if self is Stores.BOTH else (Source(self.value),)


StoreOption = Annotated[Stores, typer.Option("--store", help="The store that the dashboards ask.")]
GrafanaUrlOption = Annotated[
    str,
    typer.Option("--url", envvar="TEPWATCH_GRAFANA_URL", help="Address of Grafana."),
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="TEPWATCH_GRAFANA_TOKEN",
        help="Of a service account; better in the environment, where no one sees it.",
        show_default=False,
    ),
]
WebhookOption = Annotated[
    str | None,
    typer.Option(
        envvar="TEPWATCH_GRAFANA_WEBHOOK",
        help="Address that is told of alerts.",
        show_default=False,
    ),
]
EmailsOption = Annotated[
    str | None,
    typer.Option(
        envvar="TEPWATCH_GRAFANA_EMAILS",
        help="Who is told of alerts by e-mail, comma separated.",
        show_default=False,
    ),
]
TimestreamEndpointOption = Annotated[
    str | None,
    typer.Option(
        envvar="TEPWATCH_GRAFANA_TIMESTREAM_ENDPOINT",
        help="Where Grafana finds a local AWS. Default: AWS itself.",
        show_default=False,
    ),
]
InfluxUrlOption = Annotated[
    str | None,
    typer.Option(
        envvar="TEPWATCH_GRAFANA_INFLUXDB_URL",
        help="Where Grafana finds InfluxDB. Default: the setting influxdb_url.",
        show_default=False,
    ),
]
InfluxTokenOption = Annotated[
    str | None,
    typer.Option(
        envvar="TEPWATCH_GRAFANA_INFLUXDB_TOKEN",
        help="Of InfluxDB 2 or 3.",
        show_default=False,
    ),
]


@app.command()
def render(
    folder: Annotated[Path, typer.Argument(help="A folder of its own.")] = Path(
        "dashboards/rendered"
    ),
) -> None:
    """Write dashboards, alert rules and what Grafana reads when it starts, as files.

    Addresses, tokens and who is told are read by Grafana from its own environment:
    docs/dashboards.md lists the variables.
    """
    with _needs_grafana():
        from dashboards.grafana import files  # noqa: PLC0415 - not everybody has its packages
        from dashboards.grafana.data_sources import Connections  # noqa: PLC0415
        from dashboards.grafana.notifications import Contacts  # noqa: PLC0415
    settings = load_settings()
    connections = Connections(
        database=settings.timestream_database,
        region=settings.timestream_region or settings.region,
        influxdb_database=settings.influxdb_database,
    )
    written = files.rendered(connections, Contacts())
    files.write(folder, written)
    print(f"{len(written)} files in {folder}")


@app.command()
def push(
    url: GrafanaUrlOption = "http://127.0.0.1:3000",
    token: TokenOption = "",
    store: StoreOption = Stores.TIMESTREAM,
    webhook: WebhookOption = None,
    emails: EmailsOption = None,
    timestream_endpoint: TimestreamEndpointOption = None,
    influxdb_url: InfluxUrlOption = None,
    influxdb_token: InfluxTokenOption = None,
) -> None:
    """Make a Grafana have the dashboards, alert rules and data source; again changes nothing.

    Without --webhook and --emails nobody new is told: contact points and policies stay.
    """
    given = _given(webhook, emails, timestream_endpoint, influxdb_url, influxdb_token)
    with _server(url, token) as server:
        for source in store.sources:
            for what, change in server.push(source, *given):
                print(f"{change.value:>9}  {what}")


@app.command()
def diff(
    url: GrafanaUrlOption = "http://127.0.0.1:3000",
    token: TokenOption = "",
    store: StoreOption = Stores.TIMESTREAM,
    webhook: WebhookOption = None,
    emails: EmailsOption = None,
    timestream_endpoint: TimestreamEndpointOption = None,
    influxdb_url: InfluxUrlOption = None,
    influxdb_token: InfluxTokenOption = None,
) -> None:
    """Say what a push would change, secrets apart; status 1 where there is anything."""
    given = _given(webhook, emails, timestream_endpoint, influxdb_url, influxdb_token)
    different = False
    with _server(url, token) as server:
        for source in store.sources:
            for what, places in server.differences(source, *given):
                different = True
                print(f"{what}: {'differs' if places else 'is not there'}")
                for place in places:
                    print(f"    {place}")
    if different:
        raise typer.Exit(EXIT_DIFFERENT)
    print("no difference")


def _given(
    webhook: str | None,
    emails: str | None,
    timestream_endpoint: str | None,
    influxdb_url: str | None,
    influxdb_token: str | None,
) -> tuple[Connections, Contacts]:
    with _needs_grafana():
        from dashboards.grafana.data_sources import Connections  # noqa: PLC0415
        from dashboards.grafana.notifications import Contacts  # noqa: PLC0415
    settings = load_settings()
    connections = Connections(
        database=settings.timestream_database,
        region=settings.timestream_region or settings.region,
        endpoint=timestream_endpoint or "",
        influxdb_database=settings.influxdb_database,
        influxdb_url=influxdb_url or settings.influxdb_url,
        influxdb_token=influxdb_token or "",
    )
    return connections, Contacts(webhook or "", emails or "")


@contextmanager
def _server(url: str, token: str) -> Iterator[GrafanaServer]:
    with _needs_grafana():
        from dashboards.grafana.server import GrafanaServer  # noqa: PLC0415
    if not token:
        raise SettingsError(
            "no token for Grafana: make a service account there (Administration, Users and "
            "access) and give its token in TEPWATCH_GRAFANA_TOKEN"
        )
    server = GrafanaServer(url, token)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def _needs_grafana() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        name: Any = error.name
        raise MissingPackageError(
            f"dashboards are rendered and sent by packages of their own, and {name} is not "
            "installed: URLLIB3_NO_OVERRIDE=1 pip install --no-binary urllib3-future "
            "'tepwatch[grafana]'"
        ) from error
