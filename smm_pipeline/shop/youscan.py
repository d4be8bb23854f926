"""YouScan: mentions as the API's answer, one feed (topic) per brand, pulled every few days.

Belongs here: the vendor's JSON. Does not belong here: what is said about the brands (mentions).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.shop.clock import HOUR, Clock, local, stamp, utc
from smm_pipeline.shop.mentions import Mention

PULL_EVERY_DAYS = 3


def write_mentions(folder: Path, clock: Clock, mentions: list[Mention]) -> int:
    """Write new mentions and, restated, those of the pull before; returns how many records were restated."""
    folder.mkdir(parents=True, exist_ok=True)
    restated = 0
    known: list[Mention] = []
    waiting = sorted(mentions, key=lambda mention: mention.added)
    for index in sorted({*range(PULL_EVERY_DAYS - 1, clock.days, PULL_EVERY_DAYS), clock.days - 1}):
        pulled = clock.at(index, 0) + 23 * HOUR
        found = [mention for mention in waiting if mention.added <= pulled]
        waiting = waiting[len(found) :]
        records = [_record(mention, 1.0) for mention in known] + [_record(mention, 0.6) for mention in found]
        answer = {"lastSeq": found[-1].number if found else 0, "total": len(records), "mentions": records}
        (folder / f"mentions_{clock.date(index):%Y%m%d}_x{stamp(pulled)}.json").write_bytes(orjson.dumps(answer))
        restated += len(known)
        known = found
    return restated


def _record(mention: Mention, counted: float) -> dict[str, Any]:
    """One mention; `counted` is the share of its engagement collected so far."""
    likes, comments, reposts = (int(n * counted) for n in (mention.likes, mention.comments, mention.reposts))
    record: dict[str, Any] = {
        "id": str(mention.number),
        "seq": mention.number,
        "published": local(mention.published).isoformat(),
        "addedAt": f"{utc(mention.added):%Y-%m-%dT%H:%M:%S}.0000000Z",
        "url": mention.url,
        "title": "",
        "text": mention.text,
        "fullText": mention.full_text,
        "source": mention.host.removeprefix("www."),
        "author": {
            "name": f"Author {mention.author}",
            "nickname": mention.author,
            "url": f"https://{mention.host}/{mention.author}",
            "subscribers": mention.followers,
        },
        "sentiment": mention.sentiment,
        "sourceType": mention.source_type,
        "postType": "post",
        "language": mention.language,
        "country": "ua",
        "region": "Kyiv",
        "city": "Kyiv",
        "tags": ["spam"] if mention.is_spam else [],
        "autoCategories": [],
        "engagement": {
            "likes": likes,
            "comments": comments,
            "reposts": reposts,
            "views": int(mention.views * counted),
            "reach": int(mention.views * 0.8 * counted),
            "engagement": likes + comments + reposts,
        },
        "potentialReach": mention.followers,
        "postId": f"p{mention.number}",
        "parentPostId": None,
        "discussionId": f"p{mention.number}",
        "starred": False,
        "processed": False,
    }
    if mention.author_class != "user":
        place = mention.host.removesuffix(".example")
        record["publicationPlace"] = {"name": place, "nickname": place, "url": f"https://{mention.host}"}
    return record
