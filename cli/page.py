"""`tepwatch page`: the plants live in a browser."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from aws.timestream_query import TimestreamReader
from cli.control_client import ControlClient
from cli.operate import settings_of
from cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    EndpointOption,
    RegionOption,
    StreamOption,
    parse_duration,
)
from cli.page_hands import OperatorHands
from cli.steer import ControlOption, TokenOption
from dashboards.page.feed import LiveFeed
from dashboards.page.panels import Panels
from dashboards.page.poll import Poll
from dashboards.page.serve import serve
from dashboards.page.server import Page
from dashboards.page.store import Answer
from simulator import channel_file

ACCESS_TOKEN: Final = "TEPWATCH_PAGE_TOKEN"

_AT_HOME: Final = "0.5s"
_ON_AWS: Final = "10s"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def page(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 for a free one.")] = 8080,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="A name that others know this machine by; repeatable.", show_default=False
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            help=f"How often to look at the store while somebody watches. Default: {_AT_HOME} at "
            f"home; {_ON_AWS} on AWS, where each look costs.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    control: ControlOption = None,
    token: TokenOption = None,
    stream: StreamOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
) -> None:
    """Show the plants in a browser, live: flow sheet, scores, alarms, and the operator's hands.

    Without --endpoint and --control those of the demo or simulation with this data folder, if one
    runs. Where other machines can reach it, one needs an access token to look, which is printed
    with the address (or given in TEPWATCH_PAGE_TOKEN). Ctrl-C ends it.
    """
    settings = settings_of(data_dir, stream=stream, endpoint_url=endpoint, region=region)
    at_home = settings.endpoint_url is not None
    every_seconds = parse_duration(every or (_AT_HOME if at_home else _ON_AWS))
    hands = OperatorHands(settings, _client(data_dir, control, token))
    reader = TimestreamReader(
        region=settings.timestream_region or settings.region, endpoint_url=settings.endpoint_url
    )

    def ask(statement: str) -> Answer:
        return Answer(*reader.query(statement))

    access = None
    if host not in _LOOPBACK:
        access = os.environ.get(ACCESS_TOKEN) or secrets.token_urlsafe(16)
    try:
        feed = LiveFeed(ask, settings.timestream_database)
        app = Page(
            Poll(feed, hands),
            Panels(ask, settings.timestream_database),
            hands,
            every_seconds=every_seconds,
            hosts=tuple(name or ()),
            access_token=access,
        ).app
        way_in = "" if access is None else f"?token={access}"
        serve(app, host, port, lambda url: print(f"{url}{way_in}", flush=True))
    finally:
        reader.close()


def _client(data_dir: Path, control: str | None, token: str | None) -> ControlClient | None:
    if control is not None:
        return ControlClient(control, token)
    found = channel_file.find(data_dir)
    return None if found is None else ControlClient(found.url, token or found.token)
