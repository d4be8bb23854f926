"""How the visits of a period got their channels.

Belongs here: the sums over the published data_visit_rule. Does not belong here: deciding a channel
(sql/core/visit_*.sql), counting per day (sql/kpi/data_visit_rule.sql), and how it is shown.
"""

from __future__ import annotations

from datetime import date, timedelta

from smm_pipeline.reporting.serving import Row, Serving


def limit_to_newest(source: Serving, days: int) -> date | None:
    """Make the tables mean the newest days with visits; the last of these, None where there are no visits."""
    last: date | None = source.row("select max(date_local) as day from kpi.data_visit_rule")["day"]
    if last is not None:
        source.limit_to(last - timedelta(days=days - 1), last)
    return last


def by_rule(source: Serving) -> list[Row]:
    """rule_id, channel, sessions; most visits first."""
    return source.rows(
        """
        select rule_id, channel, cast(sum(sessions) as bigint) as sessions
        from data_visit_rule
        group by rule_id, channel
        order by sessions desc, rule_id
        """
    )


def unknown_hosts(source: Serving) -> list[Row]:
    """Hosts that no rule knows: host, sessions, example_landing_path; most visits first."""
    return source.rows(
        """
        select
            unknown_host as host,
            cast(sum(sessions) as bigint) as sessions,
            min(example_landing_path) as example_landing_path
        from data_visit_rule
        where unknown_host <> '(none)'
        group by unknown_host
        order by sessions desc, host
        """
    )
