"""Who is told: contact points, and the policy that sends our alerts to them and no others."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from grafana_foundation_sdk.models import alerting

from dashboards.grafana.boards import as_values
from dashboards.grafana.names import PRODUCT

WEBHOOK_VARIABLE: Final = "TEPWATCH_GRAFANA_WEBHOOK"
EMAILS_VARIABLE: Final = "TEPWATCH_GRAFANA_EMAILS"

DEFAULT_RECEIVER: Final = "grafana-default-email"
"""Grafana's own contact point, which alerts of others go to."""

_MATCHERS: Final = [["product", "=", PRODUCT]]


class Contacts(msgspec.Struct, frozen=True):
    """Who is told; empty for nobody. A text `$NAME` is filled in by Grafana, in its files only."""

    webhook: str = f"${WEBHOOK_VARIABLE}"
    emails: str = f"${EMAILS_VARIABLE}"

    @property
    def anybody(self) -> bool:
        """Whether there is somebody to tell."""
        return bool(self.webhook or self.emails)


def contact_points(contacts: Contacts) -> list[dict[str, Any]]:
    """One for each way to be told, all under one name, as the API takes them."""
    found: list[alerting.ContactPoint] = []
    if contacts.webhook:
        settings: dict[str, object] = {"url": contacts.webhook, "httpMethod": "POST"}
        found.append(_contact_point("webhook", settings))
    if contacts.emails:
        addresses = ";".join(each.strip() for each in contacts.emails.split(",") if each.strip())
        found.append(_contact_point("email", {"addresses": addresses, "singleEmail": False}))
    return [as_values(each) for each in found]


def _contact_point(kind: Any, settings: dict[str, object]) -> alerting.ContactPoint:
    return alerting.ContactPoint(
        uid=f"{PRODUCT}-{kind}",
        name=PRODUCT,
        type_val=kind,
        settings=settings,
        disable_resolve_message=False,
    )


def route() -> dict[str, Any]:
    """The branch of the notification policies that is ours."""
    return as_values(
        alerting.NotificationPolicy(
            receiver=PRODUCT,
            object_matchers=_MATCHERS,
            group_by=["grafana_folder", "alertname"],
            group_wait="30s",
            group_interval="5m",
            repeat_interval="4h",
        )
    )


def with_route(tree: dict[str, Any]) -> dict[str, Any]:
    """A server's tree of policies with our branch in it, first and once; all else as it was."""
    others = [each for each in tree.get("routes") or [] if each.get("receiver") != PRODUCT]
    return {**tree, "routes": [route(), *others]}


def provisioned_contact_points(contacts: Contacts) -> dict[str, Any]:
    """Contact points as a provisioning file."""
    receivers = [
        {name: value for name, value in point.items() if name != "name"}
        for point in contact_points(contacts)
    ]
    return {
        "apiVersion": 1,
        "contactPoints": [{"orgId": 1, "name": PRODUCT, "receivers": receivers}],
    }


def provisioned_policies() -> dict[str, Any]:
    """The policies as a provisioning file, which replaces all that a Grafana has."""
    tree = {"orgId": 1, "receiver": DEFAULT_RECEIVER, "group_by": ["grafana_folder", "alertname"]}
    return {"apiVersion": 1, "policies": [with_route(tree)]}
