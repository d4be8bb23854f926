"""What the shop does besides posting, and for what: newsletters, a meeting, who follows it, and its goals.

Belongs here: the files of these feeds, in the columns of the shipped vendors. Does not belong here: the visits that the
newsletters bring (traffic) and the calendar that names the meeting (sheets).
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from smm_pipeline.shop.clock import HOUR, PAYDAYS, Clock, stamp, stream
from smm_pipeline.shop.communities import COMMUNITIES, SocialWorld

WEEK = 7
THURSDAY = 3
# Feed: columns of its files; each is read by the shipped vendor of that name.
CAMPAIGN_FEEDS: dict[str, tuple[str, ...]] = {
    "newsletters": (
        "id", "sent_at", "name", "utm_campaign", "audience",
        "sent", "delivered", "opened", "clicked", "unsubscribed", "bounced", "cost",
    ),
    "offline_events": ("event_id", "start", "end", "name", "place", "attended", "cost"),
    "audience": ("date", "network", "community_id", "dimension", "segment", "value"),
    "goals": ("name", "kpi", "scope", "target", "direction", "starts_on", "due_on"),
}  # fmt: skip
# Dimension: groups with their usual parts of a following.
GROUPS: dict[str, dict[str, float]] = {
    "age": {"18-24": 0.2, "25-34": 0.34, "35-44": 0.28, "45+": 0.18},
    "gender": {"female": 0.64, "male": 0.36},
    "social_status": {"employed": 0.6, "student": 0.22, "retired": 0.18},
}


def write_campaigns(landing: Path, seed: int, scale: float, world: SocialWorld) -> None:
    """All files of these feeds."""
    clock, rng = world.clock, stream(seed, "campaigns")
    for start in range(0, clock.days, WEEK):
        end = min(start + WEEK, clock.days)
        rows = [row for index in range(start, end) for row in _mailings(rng, clock, index)]
        if rows:
            _write(landing, "newsletters", clock, end, rows)
        if start % (4 * WEEK) == 0:
            _write(landing, "audience", clock, end, _audience(rng, world, start))
    meeting = clock.days // 2
    _write(landing, "offline_events", clock, meeting + 1, [_meeting(rng, clock, meeting)])
    _write(landing, "goals", clock, 0, _goals(clock, scale, world))


def _mailings(rng: random.Random, clock: Clock, index: int) -> Iterable[Sequence[object]]:
    """The weekly letter, and one on each payday."""
    day = clock.date(index)
    tags = ["weekly"] * (day.weekday() == THURSDAY) + ["payday"] * (day.day in PAYDAYS)
    for tag in tags:
        sent = rng.randint(3600, 4200)
        delivered = sent - rng.randint(20, 90)
        opened = int(delivered * rng.uniform(0.18, 0.32))
        clicked = int(opened * rng.uniform(0.06, 0.16))
        name = f"{tag.title()} letter of {day:%d.%m.%Y}"
        counts = (sent, delivered, opened, clicked, rng.randint(2, 14), sent - delivered)
        yield f"{tag}-{day:%Y%m%d}", f"{day:%d.%m.%Y} 10:00", name, tag, "subscribers", *counts, "240,00"


def _meeting(rng: random.Random, clock: Clock, index: int) -> Sequence[object]:
    day = f"{clock.date(index):%d.%m.%Y}"
    return (
        "meeting",
        f"{day} 17:00",
        f"{day} 20:00",
        "Meeting of the Kyiv community",
        "Kyiv",
        rng.randint(30, 60),
        "3 500,00",
    )


def _audience(rng: random.Random, world: SocialWorld, index: int) -> Iterable[Sequence[object]]:
    """Followings in groups, as the networks tell them; no community's mix is quite the usual one."""
    for community in COMMUNITIES:
        members = world.followings[community.community_id].levels[index]
        for dimension, parts in GROUPS.items() if community.is_own else ():
            mix = {group: part * rng.uniform(0.6, 1.4) for group, part in parts.items()}
            for group, part in mix.items():
                value = int(members * part / sum(mix.values()))
                date = world.clock.date(index)
                yield f"{date}", community.network, community.community_id, dimension, group, value


def _goals(clock: Clock, scale: float, world: SocialWorld) -> Iterable[Sequence[object]]:
    """Leads, new customers, loyalty and image, each until a month after the period."""
    due = clock.first + timedelta(days=clock.days + 29)
    span = (f"{clock.first:%d.%m.%Y}", f"{due:%d.%m.%Y}")
    days = clock.days + 30
    members = sum(world.followings[c.community_id].levels[0] for c in COMMUNITIES if c.is_own)
    return [
        ("Visits from communities", "kpi_daily_social_traffic.sessions", "", int(150 * scale * days), "", *span),
        ("New customers of communities", "kpi_daily_benefit.new_customers", "social", int(7 * scale * days), "", *span),
        ("Followers", "kpi_daily_supporters.members", "", int(members * 1.1), "", *span),
        ("Share of voice", "kpi_daily_share_of_voice.mentions_share", "", "0,45", "", *span),
        ("Ill words about the shop", "kpi_daily_media_interest.negative", "", days, "at_most", *span),
    ]


def _write(landing: Path, feed: str, clock: Clock, index: int, rows: Iterable[Sequence[object]]) -> None:
    """One delivery, extracted two hours after the midnight that opens day `index`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CAMPAIGN_FEEDS[feed])
    writer.writerows(rows)
    folder = landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{feed}_{clock.date(index):%Y%m%d}_x{stamp(clock.at(index, 0) + 2 * HOUR)}"
    (folder / f"{stem}.csv").write_bytes(text.getvalue().encode())
