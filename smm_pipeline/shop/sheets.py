"""Tables that people at the shop keep by hand or export: CSV files, each read through a mapping of the instance.

Belongs here: the CSV files of communities, competitors, member actions, costs, search positions, calendar, codes.
Does not belong here: their mappings (instance) and the vendors' own formats (ga4, woocommerce, meta, youscan).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from smm_pipeline.shop.clock import HOUR, Clock, Occasion, local, stamp, stream
from smm_pipeline.shop.communities import COMMUNITIES, Post, SocialWorld
from smm_pipeline.shop.goods import BLOG, BRAND, GROUPS, SITE
from smm_pipeline.shop.members import Action
from smm_pipeline.shop.steps import PROMO, community_code

WEEK = 7
HEADERS: dict[str, tuple[str, ...]] = {
    "communities": (
        "network",
        "community_id",
        "name",
        "url",
        "handle",
        "own",
        "brand",
        "language",
        "country",
        "city",
        "product_group",
        "launched",
        "contacts",
        "rules",
    ),
    "competitors": ("network", "community_id", "date", "followers"),
    "costs": ("Дата", "До", "Вид", "Мережа", "Спільнота", "Кампанія", "Сума"),
    "search_positions": ("date", "query", "page", "country", "device", "clicks", "impressions", "position"),
    "calendar": ("date", "kind", "name", "country"),
    "promo_codes": ("code", "kind", "network", "community_id", "post_id", "valid_from", "valid_to"),
    "member_activity": (
        "activity_id",
        "network",
        "community_id",
        "post_id",
        "member_id",
        "email",
        "occurred_at",
        "action",
    ),
}


def write_sheets(
    landing: Path, seed: int, world: SocialWorld, actions: Sequence[Action], friend_codes: Mapping[str, Post]
) -> None:
    """All CSV feeds of the period."""
    clock = world.clock
    first = stamp(clock.at(0, 0))
    _write(landing, "communities", f"communities_x{first}", _community_rows(clock))
    _write(landing, "calendar", f"calendar_x{first}", _calendar_rows(clock))
    _write(landing, "promo_codes", f"promo_codes_x{stamp(clock.end)}", _code_rows(world, friend_codes))
    _write_costs(landing, seed, clock)
    _write_weekly(landing, "competitors", clock, _competitor_rows(world))
    _write_weekly(landing, "search_positions", clock, _search_rows(seed, clock))
    _write_weekly(landing, "member_activity", clock, _action_rows(clock, actions))


def _community_rows(clock: Clock) -> list[Sequence[object]]:
    launched = f"{clock.first - timedelta(days=400):%d.%m.%Y}"
    return [
        (
            c.network,
            c.community_id,
            c.name,
            c.url,
            c.handle,
            "yes" if c.is_own else "no",
            c.brand,
            c.language,
            "UA",
            c.city,
            c.group,
            launched,
            # Every page tells how to reach the shop; only those of the whole shop have rules.
            "yes",
            "no" if c.group else "yes",
        )
        for c in COMMUNITIES
    ]


def _calendar_rows(clock: Clock) -> list[Sequence[object]]:
    """Paydays and holidays, which move purchases, and the shop's own promotion and meeting, which here do not."""
    own = [
        Occasion(clock.date(clock.days // 3), "promotion", f"{BRAND} spring sale"),
        Occasion(clock.date(clock.days // 2), "offline_event", "Meeting of the Kyiv community"),
    ]
    return [(f"{o.day:%d.%m.%Y}", o.kind, o.name, "UA") for o in (*clock.occasions, *own)]


def _code_rows(world: SocialWorld, friend_codes: Mapping[str, Post]) -> list[Sequence[object]]:
    """Every code: the shop's own, one per community, and those that buyers gave to friends."""
    clock = world.clock
    span = (f"{clock.first:%Y-%m-%d}", f"{clock.date(clock.days + 30):%Y-%m-%d}")
    rows: list[Sequence[object]] = [(PROMO, "promo", "", "", "", *span)]
    newest = {post.community.community_id: post for post in world.posts if post.community.is_own}
    owned = [(community_code(post), "community", post.community, "") for post in newest.values()]
    owned += [(code, "friend", post.community, post.post_id) for code, post in friend_codes.items()]
    return rows + [(code, kind, c.network, c.community_id, post_id, *span) for code, kind, c, post_id in owned]


def _write_costs(landing: Path, seed: int, clock: Clock) -> None:
    """A sheet per calendar month with decimal commas; the first is sent twice, the second time with one more line."""
    rng = stream(seed, "costs")
    months: dict[tuple[int, int], list[Sequence[object]]] = {}
    for index in range(clock.days):
        day = clock.date(index)
        rows = months.setdefault((day.year, day.month), [])
        end = min(day.replace(day=28), clock.date(clock.days - 1))
        if not rows:
            for community in COMMUNITIES:
                if community.is_own:
                    amount = _comma(rng.uniform(1500, 6000))
                    rows.append(
                        (
                            _day(clock, index),
                            f"{end:%d.%m.%Y}",
                            "content",
                            community.network,
                            community.community_id,
                            "",
                            amount,
                        )
                    )
            rows.append((_day(clock, index), f"{end:%d.%m.%Y}", "tool", "", "", "monitoring", _comma(4200)))
        if day.weekday() == 0:
            network = rng.choice(("facebook", "instagram"))
            rows.append((_day(clock, index), "", "ads", network, "", "spring", _comma(rng.uniform(600, 2400))))
        if rng.random() < 0.04:
            rows.append((_day(clock, index), "", "blogger", "instagram", "", "review", _comma(rng.uniform(2000, 9000))))
    for number, ((year, month), rows) in enumerate(sorted(months.items())):
        if number == 0:
            _write(
                landing,
                "costs",
                f"costs_{year}-{month:02d}_draft_x{stamp(clock.at(0, 0) + 20 * HOUR)}",
                rows[:-1] or rows,
                ";",
            )
        _write(landing, "costs", f"costs_{year}-{month:02d}_x{stamp(clock.end + number * HOUR)}", rows, ";")


def _competitor_rows(world: SocialWorld) -> dict[int, list[Sequence[object]]]:
    """Followers of competitors on networks without a public snapshot feed, as somebody reads them off each day."""
    rivals = [c for c in COMMUNITIES if not c.is_own and c.network != "telegram"]
    clock = world.clock
    return {
        index: [
            (c.network, c.community_id, f"{clock.date(index)}", world.followings[c.community_id].levels[index])
            for c in rivals
        ]
        for index in range(clock.days)
    }


def _search_rows(seed: int, clock: Clock) -> dict[int, list[Sequence[object]]]:
    """Some twenty queries a day; brand demand and positions drift upwards over the period."""
    rng = stream(seed, "search")
    queries = [(BRAND.lower(), f"{SITE}/", 180.0, 1.3), (f"{BRAND.lower()} kyiv", f"{SITE}/", 40.0, 1.8)]
    queries += [(f"{words[0]} купити", f"{SITE}/category/{group}", 260.0, 9.0) for group, words in GROUPS.items()]
    queries += [(article.replace("-", " "), f"{SITE}/blog/{article}", 60.0, 12.0) for article in BLOG]
    rows: dict[int, list[Sequence[object]]] = {}
    for index in range(clock.days):
        trend = index / max(clock.days, 1)
        rows[index] = []
        for query, page, demand, position in queries:
            shown = int(demand * (1 + 0.25 * trend) * rng.uniform(0.8, 1.2))
            place = max(position * (1 - 0.2 * trend) * rng.uniform(0.92, 1.08), 1.0)
            clicks = int(shown * min(0.45, 0.5 / place) * rng.uniform(0.8, 1.1))
            rows[index].append(
                (
                    f"{clock.date(index)}",
                    query,
                    page,
                    "ukr",
                    rng.choice(("MOBILE", "DESKTOP")),
                    clicks,
                    shown,
                    f"{place:.2f}",
                )
            )
    return rows


def _action_rows(clock: Clock, actions: Sequence[Action]) -> dict[int, list[Sequence[object]]]:
    """Member actions by local day, numbered in order of time."""
    rows: dict[int, list[Sequence[object]]] = {index: [] for index in range(clock.days)}
    ordered = sorted(actions, key=lambda a: (a.at, a.community.community_id, a.member, a.action))
    for number, action in enumerate(ordered, 1):
        community, post_id = action.community, action.post.post_id if action.post else ""
        when = f"{local(action.at):%d.%m.%Y %H:%M:%S}"
        rows[clock.index(action.at)].append(
            (
                f"a{number:07d}",
                community.network,
                community.community_id,
                post_id,
                action.member,
                action.email,
                when,
                action.action,
            )
        )
    return rows


def _write_weekly(landing: Path, feed: str, clock: Clock, rows: Mapping[int, Sequence[Sequence[object]]]) -> None:
    for start in range(0, clock.days, WEEK):
        end = min(start + WEEK, clock.days)
        name = f"{feed}_{clock.date(start):%Y%m%d}_x{stamp(clock.at(end, 0) + 2 * HOUR)}"
        _write(landing, feed, name, [row for index in range(start, end) for row in rows[index]])


def _write(landing: Path, feed: str, stem: str, rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    folder = landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(HEADERS[feed])
    writer.writerows(rows)
    (folder / f"{stem}.csv").write_bytes(text.getvalue().encode())


def _day(clock: Clock, index: int) -> str:
    return f"{clock.date(index):%d.%m.%Y}"


def _comma(amount: float) -> str:
    """Money as people type it: 1 250,50."""
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",")
