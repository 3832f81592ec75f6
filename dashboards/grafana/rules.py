"""Alert rules as Grafana takes them: by its API, and in a provisioning file."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any, Final

from grafana_foundation_sdk.models import alerting, expr
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.catalogue import DASHBOARDS
from dashboards.grafana.boards import as_values, panel_numbers
from dashboards.grafana.names import EXPRESSION, PRODUCT, folder_title, set_uid, uid
from dashboards.grafana.targets import rule_target
from dashboards.model import Rule, Source, WhenUnknown
from dashboards.rules import RULES

EVERY_SECONDS: Final = 60
"""How often rules are evaluated."""

_CONDITION: Final = "condition"
_MINUTE: Final = 60
_NO_DATA: Final[Mapping[WhenUnknown, Any]] = {
    WhenUnknown.OK: "OK",
    WhenUnknown.FIRE: "Alerting",
    WhenUnknown.KEEP: "KeepLast",
    WhenUnknown.ERROR: "NoData",
}
_ON_ERROR: Final[Mapping[WhenUnknown, Any]] = {
    WhenUnknown.OK: "OK",
    WhenUnknown.FIRE: "Alerting",
    WhenUnknown.KEEP: "KeepLast",
    WhenUnknown.ERROR: "Error",
}
_ARITHMETIC: Final = DataSourceRef(type_val=EXPRESSION, uid=EXPRESSION)


def group(source: Source) -> dict[str, Any]:
    """The rule group for a store, as the API takes it."""
    return as_values(
        alerting.RuleGroup(
            title=PRODUCT,
            folder_uid=set_uid(source),
            interval=EVERY_SECONDS,
            rules=[_rule(rule, source) for rule in RULES],
        )
    )


def provisioned(source: Source) -> dict[str, Any]:
    """The same as a provisioning file, which calls some fields by other names."""
    rules = []
    for rule in group(source)["rules"]:
        kept = {
            name: value
            for name, value in rule.items()
            if name not in {"orgID", "folderUID", "ruleGroup", "keep_firing_for"}
        }
        if "keep_firing_for" in rule:
            kept["keepFiringFor"] = rule["keep_firing_for"]
        kept["dashboardUid"] = rule["annotations"]["__dashboardUid__"]
        kept["panelId"] = int(rule["annotations"]["__panelId__"])
        rules.append(kept)
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": PRODUCT,
                "folder": folder_title(source),
                "interval": _duration(EVERY_SECONDS),
                "rules": rules,
            }
        ],
    }


def _rule(rule: Rule, source: Source) -> alerting.Rule:
    board, panel = rule.panel
    (shown,) = (each for each in DASHBOARDS if each.name == board)
    return alerting.Rule(
        uid=uid(source, rule.name),
        org_id=1,
        folder_uid=set_uid(source),
        rule_group=PRODUCT,
        title=rule.title,
        condition=_CONDITION,
        data=_data(rule, source),
        for_val=_duration(rule.for_seconds),
        keep_firing_for=_duration(rule.keep_seconds) if rule.keep_seconds else None,
        no_data_state=_NO_DATA[rule.without_data],
        exec_err_state=_ON_ERROR[rule.on_error],
        annotations={
            "summary": rule.summary,
            "description": rule.description,
            "__dashboardUid__": uid(source, board),
            "__panelId__": str(panel_numbers(shown)[panel]),
        },
        labels={"product": PRODUCT, "severity": rule.severity, "store": source.value},
        is_paused=False,
    )


def _data(rule: Rule, source: Source) -> list[alerting.Query]:
    """Each query, the newest value of each of its series, and the condition over these."""
    letters = ascii_uppercase[: len(rule.queries)]
    asked = [
        alerting.Query(
            ref_id=_asked(letter),
            query_type="",
            datasource_uid=set_uid(source),
            relative_time_range=alerting.RelativeTimeRange(from_val=rule.minutes * _MINUTE, to=0),
            model=rule_target(query, source, _asked(letter), rule.every_seconds),
        )
        for letter, query in zip(letters, rule.queries, strict=True)
    ]
    newest = [
        _expression(
            letter,
            expr.TypeReduce(
                ref_id=letter,
                datasource=_ARITHMETIC,
                expression=_asked(letter),
                reducer="last",
                settings=expr.ExprTypeReduceSettings(mode="dropNN"),
            ),
        )
        for letter in letters
    ]
    condition = expr.TypeMath(ref_id=_CONDITION, datasource=_ARITHMETIC, expression=rule.condition)
    return [*asked, *newest, _expression(_CONDITION, condition)]


def _asked(letter: str) -> str:
    """What a query is called; the letter itself is the newest value."""
    return f"{letter}_rows"


def _expression(ref: str, model: expr.TypeReduce | expr.TypeMath) -> alerting.Query:
    return alerting.Query(
        ref_id=ref,
        query_type="",
        datasource_uid=EXPRESSION,
        relative_time_range=alerting.RelativeTimeRange(from_val=0, to=0),
        model=model,
    )


def _duration(seconds: int) -> str:
    """As Grafana writes it itself.

    >>> _duration(0), _duration(90), _duration(300)
    ('0s', '90s', '5m')
    """
    whole, rest = divmod(seconds, _MINUTE)
    return f"{whole}m" if whole and not rest else f"{seconds}s"
