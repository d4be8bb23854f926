"""How visits got their channels, as `smm channels` tells.

Belongs here: rules and unknown hosts of the newest days, as data and as text. Does not belong here: the sums
(reporting/visit_rules.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smm_pipeline.reporting.serving import open_serving
from smm_pipeline.reporting.visit_rules import by_rule, limit_to_newest, unknown_hosts
from smm_pipeline.reporting.wording import counted, share


def list_channels(serving_file: Path, days: int) -> dict[str, Any]:
    """Visits of the newest days by deciding rule, and all hosts that no rule knows, both by visits.

    Raises:
        SmmError: SMM-305 when nothing has been published yet.
    """
    with open_serving(serving_file) as source:
        last_day = limit_to_newest(source, days)
        rules = by_rule(source) if last_day else []
        return {
            "days": days,
            "last_day": last_day,
            "sessions": sum(rule["sessions"] for rule in rules),
            "rules": rules,
            "unknown_hosts": unknown_hosts(source) if last_day else [],
        }


def channels_text(data: dict[str, Any], top: int) -> str:
    """The same for people, with the `top` most visited hosts."""
    total, hosts = data["sessions"], data["unknown_hosts"]
    if not total:
        return "no visits yet"
    lines = [f"{counted(total, 'visit')} of {counted(data['days'], 'day')} up to {data['last_day']}, by deciding rule:"]
    width = max(len(rule["rule_id"]) for rule in data["rules"])
    lines += [
        f"  {rule['rule_id']:<{width}}  {rule['sessions']:>9,}  {share(rule['sessions'] / total):>6}  {rule['channel']}"
        for rule in data["rules"]
    ]
    if not hosts:
        return "\n".join([*lines, "every referring host is known"])
    lines.append(f"{counted(len(hosts), 'host')} that no rule knows, most visited first:")
    width = max(len(host["host"]) for host in hosts[:top])
    lines += [
        f"  {host['host']:<{width}}  {host['sessions']:>9,}"
        + (f"  to {host['example_landing_path']}" if host["example_landing_path"] else "")
        for host in hosts[:top]
    ]
    if len(hosts) > top:
        lines.append(f"  and {counted(len(hosts) - top, 'more host')}: --top {len(hosts)} shows them")
    return "\n".join([*lines, "what to do: name them in smm.toml, [[channels.hosts]] or spam_hosts (docs/channels.md)"])
