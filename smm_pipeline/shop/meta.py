"""Meta's Graph API: Page and Instagram insights, Page posts and Instagram media, as a pull late each evening.

Belongs here: the vendor's JSON, its Pacific days and its restated values. Does not belong here: what happens in the
communities (communities). A competitor's posts carry public counters only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.shop.clock import DAY, HOUR, Clock, stamp, utc
from smm_pipeline.shop.communities import COMMUNITIES, WATCHED_DAYS, Community, Post, SocialWorld

PULLED_AT = 23 * HOUR + 45 * 60 * 1_000_000  # after local midnight, so that counters are those of the day's end
RESTATED = (0.93, 0.985, 1.0)  # share of the final value that is reported 1, 2 and 3 days after the day
POST_TYPES = {"photo": "photo", "album": "album", "video": "video_inline", "text": "note"}
MEDIA_TYPES = {"photo": "IMAGE", "album": "CAROUSEL_ALBUM", "video": "VIDEO", "text": "IMAGE"}


def write_insights(folder: Path, network: str, world: SocialWorld) -> None:
    """Daily values of the network's own communities, each day's value restated on the two following days."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = world.clock
    own = [community for community in COMMUNITIES if community.network == network and community.is_own]
    flows = {community.community_id: _daily_views(world, community) for community in own}
    for index in range(1, clock.days + 1):
        data: list[dict[str, Any]] = []
        for community in own:
            days = range(max(index - len(RESTATED), 0), index)
            for name, value_of in _insight_values(world, community, flows[community.community_id]).items():
                values = [
                    {"value": value_of(day, RESTATED[index - day - 1]), "end_time": _end_time(clock, day)}
                    for day in days
                ]
                address = f"{community.community_id}/insights/{name}/day"
                data.append({"name": name, "period": "day", "values": values, "title": name, "id": address})
        pulled = clock.at(index, 0) + PULLED_AT
        _save(folder / f"insights_{clock.date(index):%Y%m%d}_x{stamp(pulled)}.json", data)


def write_posts(folder: Path, world: SocialWorld) -> None:
    """Facebook posts of the last two weeks with their counters, once a day."""
    _write_daily(folder, "posts", "facebook", world, _post_record)


def write_media(folder: Path, world: SocialWorld) -> None:
    """Instagram media of the last two weeks with their counters, once a day."""
    _write_daily(folder, "media", "instagram", world, _media_record)


def _write_daily(
    folder: Path, name: str, network: str, world: SocialWorld, record: Callable[[Post, int], dict[str, Any]]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    clock = world.clock
    posts = [post for post in world.posts if post.community.network == network]
    for index in range(clock.days):
        at = clock.at(index, 0) + PULLED_AT
        recent = [post for post in posts if at - WATCHED_DAYS * DAY < post.published <= at]
        _save(folder / f"{name}_{clock.date(index):%Y%m%d}_x{stamp(at)}.json", [record(post, at) for post in recent])


def _daily_views(world: SocialWorld, community: Community) -> list[int]:
    """Views that the community's posts gained on each day."""
    clock, posts = world.clock, world.of(community)
    views = []
    for index in range(clock.days):
        start, end = clock.at(index, 0), clock.at(index + 1, 0)
        recent = [post for post in posts if end - WATCHED_DAYS * DAY < post.published < end]
        views.append(sum(max(post.level(post.views, end) - post.level(post.views, start), 0) for post in recent))
    return views


def _insight_values(
    world: SocialWorld, community: Community, views: list[int]
) -> dict[str, Callable[[int, float], int]]:
    """Metric name -> value of a day, given the share of it that is already counted."""
    following = world.followings[community.community_id]
    if community.network == "facebook":
        return {
            "page_follows": lambda day, _: following.levels[day],
            "page_daily_follows_unique": lambda day, share: int(following.gained[day] * share),
            "page_daily_unfollows_unique": lambda day, share: int(following.lost[day] * share),
            "page_media_view": lambda day, share: int(views[day] * share),
            "page_total_media_view_unique": lambda day, share: int(views[day] * 0.7 * share),
            "page_post_engagements": lambda day, share: int(views[day] * 0.04 * share),
        }
    return {
        "followers_count": lambda day, _: following.levels[day],
        "follower_count": lambda day, share: int(following.gained[day] * share),
        "views": lambda day, share: int(views[day] * share),
        "reach": lambda day, share: int(views[day] * 0.65 * share),
        "profile_views": lambda day, share: int(views[day] * 0.03 * share),
        "total_interactions": lambda day, share: int(views[day] * 0.05 * share),
    }


def _end_time(clock: Clock, day: int) -> str:
    """Midnight in Pacific daylight time after a day: the value belongs to the day before it."""
    return f"{clock.date(day) + timedelta(days=1):%Y-%m-%d}T07:00:00+0000"


def _post_record(post: Post, at: int) -> dict[str, Any]:
    text = " ".join(filter(None, (post.text, post.link, *post.hashtags)))
    record: dict[str, Any] = {
        "id": post.post_id,
        "created_time": _time(post.published),
        "updated_time": _time(post.published),
        "message": text,
        "permalink_url": post.permalink,
        "is_published": True,
        "status_type": "shared_story" if post.reshared_from or post.kind == "blog" else "added_photos",
        "attachments": {"data": [{"type": POST_TYPES[post.post_type], "unshimmed_url": post.link or post.permalink}]},
        "shares": {"count": post.level(post.shares, at)},
        "reactions": {"summary": {"total_count": post.level(post.likes, at)}},
        "comments": {"summary": {"total_count": post.level(post.comments, at)}},
    }
    if post.reshared_from:
        record["parent_id"] = "104000000000777_501"
    if post.community.is_own:
        views, clicks = post.level(post.views, at), post.level(post.clicks, at)
        values: dict[str, Any] = {
            "post_media_view": views,
            "post_total_media_view_unique": int(views * 0.8),
            "post_clicks": clicks + clicks // 3,
            "post_clicks_by_type": {"link clicks": clicks, "other clicks": clicks // 3},
        }
        record["insights"] = {"data": [_lifetime(post, name, value) for name, value in values.items()]}
    return record


def _media_record(post: Post, at: int) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": post.post_id,
        "ig_id": post.post_id,
        "caption": " ".join(filter(None, (post.text, post.link, *post.hashtags))),
        "media_type": MEDIA_TYPES[post.post_type],
        "media_product_type": "REELS" if post.post_type == "video" else "FEED",
        "permalink": post.permalink,
        "shortcode": post.post_id,
        "timestamp": _time(post.published),
        "owner": {"id": post.community.community_id},
        "username": post.community.handle,
        "like_count": post.level(post.likes, at),
        "comments_count": post.level(post.comments, at),
    }
    if post.community.is_own:
        views = post.level(post.views, at)
        values = {
            "views": views,
            "reach": int(views * 0.75),
            "saved": post.level(post.saves, at),
            "shares": post.level(post.shares, at),
        }
        record["insights"] = {"data": [_lifetime(post, name, value) for name, value in values.items()]}
    return record


def _lifetime(post: Post, name: str, value: Any) -> dict[str, Any]:
    return {
        "name": name,
        "period": "lifetime",
        "values": [{"value": value}],
        "title": name,
        "id": f"{post.post_id}/insights/{name}/lifetime",
    }


def _time(at: int) -> str:
    return f"{utc(at):%Y-%m-%dT%H:%M:%S}+0000"


def _save(path: Path, data: list[dict[str, Any]]) -> None:
    path.write_bytes(orjson.dumps({"data": data, "paging": {}}))
