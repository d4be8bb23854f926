"""Seeds that no file of the project holds: what a shop says of its own hosts, sources, channel rules and goals.

Belongs here: turning those settings into rows. Does not belong here: loading them (schema.py), and the checks of the
settings themselves (channel_settings.py, goal_settings.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smm_pipeline.channel_settings import USUAL_KIND, Channels
from smm_pipeline.errors import SmmError
from smm_pipeline.goal_settings import Goal

SHOP_HOST = "seeds.shop_host"
SHOP_SOURCE = "seeds.shop_source"
SHOP_CHANNEL_RULE = "seeds.shop_channel_rule"
SHOP_GOAL = "seeds.shop_goal"
Rows = Sequence[tuple[Any, ...]]


def shop_rows(
    own_hosts: Iterable[str], payment_hosts: Iterable[str], channels: Channels, goals: Iterable[Goal] = ()
) -> Mapping[str, Rows]:
    """The rows of each such seed, in the order of its columns.

    Raises:
        SmmError: SMM-102 when a host is none.
    """
    return {
        SHOP_HOST: [(h, "own") for h in host_spellings(own_hosts)]
        + [(h, "payment") for h in host_spellings(payment_hosts)],
        SHOP_SOURCE: _source_rows(channels),
        SHOP_CHANNEL_RULE: _rule_rows(channels),
        SHOP_GOAL: [(g.name, g.kpi, g.scope, g.target, g.direction, g.starts_on, g.due_on) for g in goals],
    }


def host_spellings(hosts: Iterable[str]) -> list[str]:
    """Hosts as written and as browsers send them: магазин.рф is xn--80aairftm.xn--p1ai in an address.

    Raises:
        SmmError: SMM-102 when one is not a host name.
    """
    spellings = set()
    for host in hosts:
        try:
            spellings |= {host.lower(), host.lower().encode("idna").decode("ascii")}
        except UnicodeError as error:
            raise SmmError(
                "SMM-102", f"{host!r} is not a host name", hint="expected one such as shop.example"
            ) from error
    return sorted(spellings)


def _source_rows(channels: Channels) -> Rows:
    rows: list[tuple[Any, ...]] = [
        (host, "subdomains", "spam", None, "spam") for host in host_spellings(channels.spam_hosts)
    ]
    for host in channels.hosts:
        is_host = "." in host.source
        names = host_spellings([host.source]) if is_host else [host.source]
        kind = host.kind or USUAL_KIND[host.category]
        scope = "subdomains" if is_host else "token"
        rows += [(name, scope, host.category, host.network or None, kind) for name in names]
    return rows


def _rule_rows(channels: Channels) -> Rows:
    return [
        (
            # Below every shipped position.
            n - len(channels.rules),
            rule.id,
            rule.channel,
            rule.category or None,
            *map(_regular, (rule.source, rule.medium, rule.campaign)),
        )
        for n, rule in enumerate(channels.rules)
    ]


def _regular(patterns: Sequence[str]) -> str | None:
    """Texts with * as one regular expression; none where any value will do."""
    texts = [".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns]
    return f"^({'|'.join(texts)})$" if texts else None
