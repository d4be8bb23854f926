"""The feeds of an instance as `smm feeds` lists them.

Belongs here: one entry per feed from settings, landing/, mappings and books, as data and as text. Does not belong here:
computing freshness and shares (warehouse/feed_states.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.cli.instance import open_books
from smm_pipeline.cli.texts import reason_lines
from smm_pipeline.feeds import load_feed
from smm_pipeline.ingest import feed_fault, unseen_files
from smm_pipeline.reporting.wording import counted
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.feed_states import SHARE_DAYS, FeedState, Share, feed_states, silence_errors
from smm_pipeline.warehouse.outcomes import SKIPPED, last_pulls, reject_reasons, split, summed

# As of one feed beside the others: nothing for four days or more.
_SILENT_DAYS = 4
_VERDICTS = {
    "fresh": "fresh: it gives every day",
    "late": "late: it gives every day, and other feeds are two or three days ahead",
    "silent": "silent: it gave every day, and nothing for four days or more",
    "irregular": "irregular: it does not give every day, so a quiet day tells nothing",
    "unknown": "unknown: its records have no days, or nothing is built yet",
    "never": "never: nothing of it was loaded yet",
}
_SHARES = {"orders": "orders have the visit of the site they were placed in", "visits": "visits have a known channel"}


def list_feeds(settings: Settings, catalog: Catalog, *, now: datetime | None = None) -> dict[str, Any]:
    """Every feed of the settings, and every other one that has delivered, by name.

    Args:
        settings: of the instance.
        catalog: the contracts.
        now: for how long all feeds have been silent; default: the present.
    """
    today = (now or datetime.now(UTC)).astimezone(settings.zone).date()
    with open_books(settings, catalog) as (con, scratch):
        newest, states = feed_states(con)
        pull_errors = {a.feed: f"{a.code}: {a.reason}" for a in last_pulls(con) if a.code}
        silent = silence_errors(con, catalog, settings, today)
        waiting = Counter(path.relative_to(settings.landing).parts[0] for path in unseen_files(con, settings))
        reasons = {feed: summed(deliveries) for feed, deliveries in reject_reasons(con).items()}
        names = sorted({*settings.feeds, *states})
        feeds = [
            {
                **_declared(scratch, settings, catalog, name, states.get(name, FeedState())),
                "files_waiting": waiting[name],
                **_known(states.get(name, FeedState())),
                "pull_error": pull_errors.get(name),
                "silence_error": silent[name].as_dict() if name in silent else None,
                "reject_reasons": split(reasons.get(name, {}))[0],
                "skip_reasons": split(reasons.get(name, {}))[1],
            }
            for name in names
        ]
    return {"newest_day": newest, "days_since": (today - newest).days if newest else None, "feeds": feeds}


def _declared(
    scratch: duckdb.DuckDBPyConnection, settings: Settings, catalog: Catalog, name: str, state: FeedState
) -> dict[str, Any]:
    """What smm.toml and the mapping say of a feed; one that left smm.toml, or is wrong, is known by what it brought."""
    feed = settings.feeds.get(name)
    fault = feed_fault(scratch, settings, catalog, name) if feed else None
    source = load_feed(name, settings, catalog) if feed and fault is None else None
    return {
        "feed": name,
        "configured": feed is not None,
        "vendor": feed.vendor or None if feed else None,
        "mapping": feed.mapping or None if feed else None,
        "contracts": sorted(source.mapping.tables) if source else list(state.contracts),
        "fault": fault.as_dict() if fault else None,
    }


def _known(state: FeedState) -> dict[str, Any]:
    return {
        "deliveries_loaded": state.loaded,
        "deliveries_failed": state.failed,
        "last_arrived_at": state.arrived_at,
        "last_extracted_at": state.extracted_at,
        "last_day": state.last_day,
        "freshness": state.verdict,
        "matched": [_share(share) for share in state.shares],
    }


def _share(share: Share) -> dict[str, Any]:
    return {"of": share.of, "joined": share.joined, "total": share.total, "share": round(share.share, 4)}


def feeds_text(data: dict[str, Any]) -> str:
    """The feeds for people, each with what it needs attention for."""
    lines = [_newest_line(data["newest_day"], data["days_since"])]
    for feed in data["feeds"]:
        lines += [_title(feed), f"  {_VERDICTS[feed['freshness']]}"]
        if feed["pull_error"]:
            lines.append(f"  its last pull ended early: {feed['pull_error']}")
        if error := feed["silence_error"]:
            lines.append(f"  {error['code']}: {error['what']}")
        lines += _last_delivery(feed)
        lines += [
            f"  {s['share']:.1%} of {s['total']:,} {_SHARES[s['of']]} (its last {SHARE_DAYS} days)"
            for s in feed["matched"]
        ]
        lines += reason_lines({**feed["reject_reasons"], **{SKIPPED + r: n for r, n in feed["skip_reasons"].items()}})
        if fault := feed["fault"]:
            lines.append(f"  cannot be read: {fault['code']}: {fault['what']}")
            lines += [f"  what to do: {fault['hint']}"] if fault["hint"] else []
    return "\n".join(lines if data["feeds"] else ["no feed is configured: add [feeds.NAME] sections to smm.toml"])


def _newest_line(newest: date | None, days_since: int | None) -> str:
    if newest is None or days_since is None:
        return "no day is built yet"
    line = f"newest day of any feed: {newest}, {counted(days_since, 'day')} ago"
    # Feeds are compared with each other, so that none is late where all stopped together.
    if days_since < _SILENT_DAYS:
        return line
    return f"{line}: all feeds are silent, and each is told as it was then"


def _title(feed: dict[str, Any]) -> str:
    source = feed["vendor"] or feed["mapping"] or "not in smm.toml any more"
    return f"feed {feed['feed']} ({source}): {', '.join(feed['contracts']) or 'no contract known'}"


def _last_delivery(feed: dict[str, Any]) -> Sequence[str]:
    deliveries = counted(feed["deliveries_loaded"], "delivery", "deliveries")
    lines = [f"  {deliveries} loaded, {feed['deliveries_failed']} refused, "]
    lines[0] += f"{counted(feed['files_waiting'], 'file')} waiting"
    if feed["last_arrived_at"]:
        came, made = (f"{feed[name]:%Y-%m-%d %H:%M} UTC" for name in ("last_arrived_at", "last_extracted_at"))
        lines.append(f"  last delivery loaded {came}, made {made}; last day {feed['last_day'] or 'not known'}")
    return lines
