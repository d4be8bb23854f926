"""Telegram: the Desktop export of each own channel and a daily snapshot of public counters.

Belongs here: the two JSON formats. Does not belong here: what is posted and how it grows (communities). The export has
local times without zone and no views; the snapshot has views, for competitors too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.shop.clock import DAY, SECOND, Clock, local, stamp, utc
from smm_pipeline.shop.communities import COMMUNITIES, WATCHED_DAYS, Community, Post, SocialWorld
from smm_pipeline.shop.meta import PULLED_AT

EXPORT_EVERY_DAYS = 15


def write_exports(folder: Path, world: SocialWorld) -> None:
    """Desktop exports of the own channels, each with the whole history so far."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = world.clock
    for community in _channels():
        if community.is_own:
            for index in sorted({*range(EXPORT_EVERY_DAYS - 1, clock.days, EXPORT_EVERY_DAYS), clock.days - 1}):
                _write_export(folder, community, world, clock, index)


def write_snapshots(folder: Path, world: SocialWorld) -> None:
    """Members and post counters of every channel, competitors' too, once a day; one file a day for all channels."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = world.clock
    for index in range(clock.days):
        at = clock.at(index, 0) + PULLED_AT
        snapshots = [_snapshot(community, world, index, at) for community in _channels()]
        (folder / f"views_{clock.date(index):%Y%m%d}_x{stamp(at)}.json").write_bytes(orjson.dumps(snapshots))


def _channels() -> list[Community]:
    return [community for community in COMMUNITIES if community.network == "telegram"]


def _write_export(folder: Path, community: Community, world: SocialWorld, clock: Clock, index: int) -> None:
    at = clock.at(index, 0) + PULLED_AT
    opened = clock.at(0, 3600)
    service = {
        "id": 1,
        "type": "service",
        "date": f"{local(opened):%Y-%m-%dT%H:%M:%S}",
        "date_unixtime": str(opened // SECOND),
        "actor": community.name,
        "actor_id": f"channel{community.community_id}",
        "action": "create_channel",
        "title": community.name,
        "text": "",
        "text_entities": [],
    }
    messages = [_message(post, at) for post in world.of(community) if post.published <= at]
    export = {
        "name": community.name,
        "type": "public_channel",
        "id": int(community.community_id),
        "messages": [service, *messages],
    }
    name = f"{community.handle}_{clock.date(index):%Y%m%d}_x{stamp(at)}.json"
    (folder / name).write_bytes(orjson.dumps(export, option=orjson.OPT_INDENT_2))


def _message(post: Post, at: int) -> dict[str, Any]:
    """One post; its text is plain or a list of strings and entities, as the client writes it."""
    parts: list[Any] = [post.text]
    if post.link:
        parts += ["\n", {"type": "link", "text": post.link}]
    for tag in post.hashtags:
        parts += [" ", {"type": "hashtag", "text": tag}]
    entities = [part if isinstance(part, dict) else {"type": "plain", "text": part} for part in parts]
    message: dict[str, Any] = {
        "id": int(post.post_id),
        "type": "message",
        "date": f"{local(post.published):%Y-%m-%dT%H:%M:%S}",
        "date_unixtime": str(post.published // SECOND),
        "from": post.community.name,
        "from_id": f"channel{post.community.community_id}",
        "text": parts if len(parts) > 1 else post.text,
        "text_entities": entities,
        "reactions": _reactions(post, at),
    }
    if post.post_type in ("photo", "album"):
        message |= {"photo": f"photos/photo_{post.post_id}.jpg", "width": 1280, "height": 960}
    if post.post_type == "video":
        message |= {"file": f"video_files/{post.post_id}.mp4", "media_type": "video_file"}
    if post.reshared_from:
        message["forwarded_from"] = post.reshared_from
    return message


def _snapshot(community: Community, world: SocialWorld, index: int, at: int) -> dict[str, Any]:
    recent = [post for post in world.of(community) if at - WATCHED_DAYS * DAY < post.published <= at]
    return {
        "channel_id": community.community_id,
        "channel_username": community.handle,
        "taken_at": f"{utc(at):%Y-%m-%dT%H:%M:%SZ}",
        "members_count": world.followings[community.community_id].levels[index],
        "posts": [
            {
                "id": post.post_id,
                "views": post.level(post.views, at),
                "forwards": post.level(post.shares, at),
                "reactions": _reactions(post, at),
                "comments": post.level(post.comments, at),
            }
            for post in recent
        ],
    }


def _reactions(post: Post, at: int) -> list[dict[str, Any]]:
    likes = post.level(post.likes, at)
    return [
        {"type": "emoji", "emoji": "❤", "count": likes - likes // 3},
        {"type": "emoji", "emoji": "🔥", "count": likes // 3},
    ]
