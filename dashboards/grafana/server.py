"""A running Grafana: what it has is compared with the definitions, and made the same.

By its HTTP API, with the paths that Grafana 13 keeps from before (`/api/...`), through
grafana-client. Everything is addressed by uids, so that a second push changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException
from niquests.exceptions import RequestException

from dashboards.catalogue import DASHBOARDS
from dashboards.grafana import data_sources, notifications, rules
from dashboards.grafana.boards import board
from dashboards.grafana.compared import differences
from dashboards.grafana.data_sources import Connections
from dashboards.grafana.names import PRODUCT, folder_title, set_uid
from dashboards.grafana.notifications import Contacts
from dashboards.model import Source
from tepwatch.errors import ServiceError, SettingsError, UnreachableError

_ANSWER_SECONDS: Final = 30.0
_DIFFERENCES_MAX: Final = 5
_SAVES: Final = 3
"""Times a dashboard is saved that somebody else saves meanwhile."""

Values = dict[str, Any]


class Change(enum.StrEnum):
    """What became of a thing."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Outcome(NamedTuple):
    """What became of one thing in a push."""

    what: str
    change: Change


class Difference(NamedTuple):
    """What is other in the server than in the definitions; a thing that is absent has no places."""

    what: str
    places: list[str]


class _Thing(NamedTuple):
    """Something in the server: what it should be, and how it is read and written.

    `read` gives None where it is absent; `write` is given what was read. A thing is compared
    exactly where the server gives back what it was given, and is written in any case where a part
    of it is never given back.
    """

    what: str
    wanted: Values
    read: Callable[[], Values | None]
    write: Callable[[Values | None], object]
    exact: bool = False
    hidden: bool = False

    def differences(self, found: Values) -> Iterator[str]:
        return differences(self.wanted, found, exact=self.exact)


class GrafanaServer:
    """A Grafana by its address, with a token of a service account that may edit.

    Raises (from every method):
        ServiceError: it refuses something; the text says what and why.
        UnreachableError: it does not answer.
    """

    def __init__(self, url: str, token: str) -> None:
        """Nothing is sent yet.

        Raises:
            SettingsError: no such address or token can be.
        """
        if not _is_address(url):
            raise SettingsError(f"Grafana's address {url} is not an http:// or https:// address")
        if not token.isascii() or not token.isprintable() or not token:
            raise SettingsError("Grafana's token is empty, or has characters that no token has")
        self._url = url.rstrip("/")
        # Its client wants the slash after a path.
        self._api = GrafanaApi.from_url(f"{self._url}/", token, timeout=_ANSWER_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._api.client.s.close()

    def push(self, source: Source, connections: Connections, contacts: Contacts) -> list[Outcome]:
        """Make the server the same as the definitions, where it is not."""
        outcomes = []
        for thing in self._things(source, connections, contacts):
            with self._explained(thing.what):
                found = thing.read()
                if found is None:
                    change = Change.CREATED
                elif thing.hidden or any(thing.differences(found)):
                    change = Change.UPDATED
                else:
                    change = Change.UNCHANGED
                if change is not Change.UNCHANGED:
                    thing.write(found)
            outcomes.append(Outcome(thing.what, change))
        return outcomes

    def differences(
        self, source: Source, connections: Connections, contacts: Contacts
    ) -> list[Difference]:
        """What a push would change, secrets apart."""
        found = []
        for thing in self._things(source, connections, contacts):
            with self._explained(thing.what):
                there = thing.read()
            if there is None:
                found.append(Difference(thing.what, []))
                continue
            places = list(islice(thing.differences(there), _DIFFERENCES_MAX))
            if places:
                found.append(Difference(thing.what, places))
        return found

    def _things(self, source: Source, connections: Connections, contacts: Contacts) -> list[_Thing]:
        """All of a store, in the order in which they need each other."""
        return [
            self._data_source(source, connections),
            self._folder(source),
            *(self._board(board(each, source), source) for each in DASHBOARDS),
            *map(self._contact_point, notifications.contact_points(contacts)),
            *([self._policy()] if contacts.anybody else []),
            self._rules(source),
        ]

    def _data_source(self, source: Source, connections: Connections) -> _Thing:
        uid, wanted = set_uid(source), data_sources.data_source(source, connections)
        secrets = wanted.pop("secureJsonData", {})
        api = self._api.datasource

        def write(found: Values | None) -> None:
            whole = {**wanted, "secureJsonData": secrets}
            if found is None:
                api.create_datasource(whole)
            else:
                api.update_datasource_by_uid(uid, {**whole, "version": found.get("version")})

        return _Thing(
            f"data source {wanted['name']}",
            wanted,
            lambda: _if_there(lambda: api.get_datasource_by_uid(uid)),
            write,
            hidden=bool(secrets),
        )

    def _folder(self, source: Source) -> _Thing:
        uid, title = set_uid(source), folder_title(source)
        api = self._api.folder

        def write(found: Values | None) -> None:
            if found is None:
                api.create_folder(title, uid)
            else:
                api.update_folder(uid, title, version=found["version"])

        return _Thing(
            f"folder {title}",
            {"title": title},
            lambda: _if_there(lambda: api.get_folder(uid)),
            write,
        )

    def _board(self, wanted: Values, source: Source) -> _Thing:
        api, folder = self._api.dashboard, set_uid(source)

        def read() -> Values | None:
            found = _if_there(lambda: api.get_dashboard(wanted["uid"]))
            if found is None:
                return None
            kept = {
                name: value
                for name, value in found["dashboard"].items()
                if name not in {"id", "version"}
            }
            return {"dashboard": kept, "folderUid": found["meta"]["folderUid"]}

        def write(_found: Values | None) -> None:
            for _ in range(_SAVES - 1):
                try:
                    return save()
                except GrafanaException as error:
                    if error.status_code != HTTPStatus.PRECONDITION_FAILED:
                        raise
            return save()

        def save() -> None:
            """Save over the newest version; one saved by somebody else meanwhile is refused."""
            newest = _if_there(lambda: api.get_dashboard(wanted["uid"]))
            version = {} if newest is None else {"version": newest["dashboard"]["version"]}
            api.update_dashboard(
                {
                    "dashboard": {**wanted, **version},
                    "folderUid": folder,
                    "overwrite": False,
                    "message": "tepwatch dashboards push",
                }
            )

        return _Thing(
            f"dashboard {wanted['title']}",
            {"dashboard": wanted, "folderUid": folder},
            read,
            write,
            exact=True,
        )

    def _contact_point(self, wanted: Values) -> _Thing:
        api = self._api.alertingprovisioning

        def read() -> Values | None:
            points = api.get_contactpoints(wanted["name"])
            return next((each for each in points if each["uid"] == wanted["uid"]), None)

        def write(found: Values | None) -> None:
            if found is None:
                api.create_contactpoint(wanted)
            else:
                api.update_contactpoint(wanted["uid"], wanted)

        return _Thing(f"contact point {wanted['uid']}", wanted, read, write)

    def _policy(self) -> _Thing:
        """Our branch of the notification policies; those of others stay as they are."""
        api = self._api.alertingprovisioning

        def read() -> Values | None:
            routes = api.get_notification_policy_tree().get("routes") or []
            return next((each for each in routes if each.get("receiver") == PRODUCT), None)

        def write(_found: Values | None) -> None:
            tree = api.get_notification_policy_tree()
            tree.pop("provenance", None)
            api.set_notification_policy_tree(notifications.with_route(tree))

        return _Thing("notification policy", notifications.route(), read, write)

    def _rules(self, source: Source) -> _Thing:
        api, folder, wanted = self._api.alertingprovisioning, set_uid(source), rules.group(source)

        def read() -> Values | None:
            found = _if_there(lambda: api.get_rule_group(folder, PRODUCT))
            # Grafana may also answer that there is a group, without a rule in it.
            return found if found is not None and found.get("rules") else None

        return _Thing(
            f"alert rules {wanted['title']}",
            wanted,
            read,
            lambda _found: api.update_rule_group(folder, PRODUCT, wanted),
        )

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Errors of the client as ours, with what they are about."""
        try:
            yield
        except GrafanaException as error:
            if not error.status_code:
                raise UnreachableError(
                    f"Grafana at {self._url} did not answer within {_ANSWER_SECONDS:.0f} s",
                    code="Timeout",
                ) from error
            raise ServiceError(
                f"Grafana: {what}: {error.status_code} {_reason(error)}{_advice(error)}",
                code=str(error.status_code),
                status=error.status_code,
            ) from error
        except RequestException as error:
            raise UnreachableError(
                f"Grafana: nothing answers at {self._url}", code="Unreachable"
            ) from error


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _if_there(read: Callable[[], Values]) -> Values | None:
    try:
        return read()
    except GrafanaException as error:
        if error.status_code == HTTPStatus.NOT_FOUND:
            return None
        raise


def _reason(error: GrafanaException) -> str:
    told = error.response
    if isinstance(told, Mapping) and told.get("message"):
        return str(told["message"])
    return error.message


_ADVICE: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "; the token is wrong, or over",
    HTTPStatus.FORBIDDEN: "; the token's service account needs the role Editor, and Admin for data "
    "sources",
    HTTPStatus.PRECONDITION_FAILED: "; somebody else saves it too: push again",
}


def _advice(error: GrafanaException) -> str:
    return _ADVICE.get(error.status_code, "")
