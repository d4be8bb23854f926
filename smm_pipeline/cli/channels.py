"""How visits got their channels, as `smm channels` tells.

Belongs here: the sums over the published kpi.data_visit_rule, as data and as text. Does not belong here: deciding a
channel (sql/core/visit_*.sql), and counting per day (sql/kpi/data_visit_rule.sql).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smm_pipeline.reporting.serving import open_serving
from smm_pipeline.reporting.wording import counted, share

_PERIOD = """
select max(date_local) as last_day, coalesce(sum(sessions), 0) as sessions
from kpi.data_visit_rule
where date_local > (select max(date_local) from kpi.data_visit_rule) - $days
"""
_RULES = """
select rule_id, channel, cast(sum(sessions) as bigint) as sessions
from kpi.data_visit_rule
where date_local > cast($last_day as date) - $days
group by rule_id, channel
order by sessions desc, rule_id
"""
_HOSTS = """
select
    unknown_host as host,
    cast(sum(sessions) as bigint) as sessions,
    min(example_landing_path) as example_landing_path
from kpi.data_visit_rule
where date_local > cast($last_day as date) - $days and unknown_host <> '(none)'
group by unknown_host
order by sessions desc, host
"""


def list_channels(serving_file: Path, days: int) -> dict[str, Any]:
    """Visits of the newest days by deciding rule, and all hosts that no rule knows, both by visits.

    Raises:
        SmmError: SMM-305 when nothing has been published yet.
    """
    with open_serving(serving_file) as source:
        period = source.row(_PERIOD, {"days": days})
        wanted = {"days": days, "last_day": period["last_day"]}
        return {
            **wanted,
            "sessions": int(period["sessions"]),
            "rules": source.rows(_RULES, wanted),
            "unknown_hosts": source.rows(_HOSTS, wanted),
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
