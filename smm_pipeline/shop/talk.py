"""What members write under the shop's posts, what its communities answer, and what moderators remove.

Belongs here: the files of these two feeds, in the columns of the shipped vendors. Does not belong here: what members do
besides writing (members) and the counters of posts (communities), which count more than what is delivered here.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smm_pipeline.shop.clock import HOUR, SECOND, Clock, local, stamp, stream
from smm_pipeline.shop.communities import COMMUNITIES, Post, SocialWorld

WEEK = 7
MINUTE = 60 * SECOND
# Feed: columns of its files; each is read by the shipped vendor of that name.
TALK_FEEDS: dict[str, tuple[str, ...]] = {
    "messages": (
        "id", "network", "community_id", "post_id", "reply_to_id", "author",
        "is_community_author", "sent_at", "sentiment", "needs_answer",
    ),
    "moderation": (
        "date", "network", "community_id", "fakes_removed", "spam_removed",
        "members_banned", "reports", "members_checked", "fakes_found",
    ),
}  # fmt: skip
ANSWERED = 0.8  # share of the questions that a community answers
SPAMMED = "104000000000004"  # a community that nobody looks after: spam, and seldom an answer


@dataclass(frozen=True)
class Message:
    """One message; `author` is empty where the community speaks."""

    post: Post
    number: str
    reply_to: str
    author: str
    at: int
    sentiment: str
    asks: bool

    @property
    def row(self) -> Sequence[object]:
        """Its line in the feed."""
        post, own = self.post, "true" if not self.author else "false"
        at, asks = f"{local(self.at):%d.%m.%Y %H:%M:%S}", "true" if self.asks else "false"
        community = post.community
        return (
            self.number, community.network, community.community_id, post.post_id, self.reply_to, self.author,
            own, at, self.sentiment, asks,
        )  # fmt: skip


def write_talk(landing: Path, seed: int, world: SocialWorld) -> None:
    """Both feeds, a file a week."""
    clock, rng = world.clock, stream(seed, "talk")
    said = sorted(_messages(rng, world), key=lambda message: (message.at, message.number))
    days: dict[int, list[Sequence[object]]] = {index: [] for index in range(clock.days)}
    for message in said:
        days[clock.index(message.at)].append(message.row)
    for start in range(0, clock.days, WEEK):
        end = min(start + WEEK, clock.days)
        _write(landing, "messages", clock, end, [row for index in range(start, end) for row in days[index]])
        _write(landing, "moderation", clock, end, _removed(rng, clock, start, end))


def _messages(rng: random.Random, world: SocialWorld) -> Iterable[Message]:
    for post in world.posts:
        if not post.community.is_own:
            continue
        for count in range(rng.choice((0, 0, 1, 2, 3, 5))):
            at = post.published + int(rng.expovariate(1 / 9) * HOUR) + SECOND
            if at >= world.clock.end:
                continue
            number = f"{post.post_id}-{count}"
            author = f"{post.community.network}-{post.community.community_id[-3:]}-{rng.randrange(400):04d}"
            sentiment, asks = rng.choices(("positive", "neutral", "negative"), (5, 6, 2))[0], rng.random() < 0.4
            yield Message(post, number, "", author, at, sentiment, asks)
            answered = at + int(rng.lognormvariate(4.2, 1.1)) * MINUTE
            share = 0.2 if post.community.community_id == SPAMMED else ANSWERED
            if (asks or sentiment == "negative") and rng.random() < share and answered < world.clock.end:
                yield Message(post, f"{number}-r", number, "", answered, "neutral", asks=False)


def _removed(rng: random.Random, clock: Clock, start: int, end: int) -> Iterable[Sequence[object]]:
    """A line per day and own community; once in four weeks somebody looks at a hundred members."""
    for index in range(start, end):
        for community in (c for c in COMMUNITIES if c.is_own):
            spam = rng.choice((2, 3, 4)) if community.community_id == SPAMMED else int(rng.random() < 0.15)
            sample = (100, rng.randint(2, 11)) if index % (4 * WEEK) == 0 else ("", "")
            fakes = rng.choice((0, 0, 0, 1, 2))
            yield (
                f"{clock.date(index)}", community.network, community.community_id, fakes, spam,
                int(spam > 1), int(rng.random() < 0.1), *sample,
            )  # fmt: skip


def _write(landing: Path, feed: str, clock: Clock, end: int, rows: Iterable[Sequence[object]]) -> None:
    folder = landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TALK_FEEDS[feed])
    writer.writerows(rows)
    name = f"{feed}_{clock.date(end - 1):%Y%m%d}_x{stamp(clock.at(end, 0) + 2 * HOUR)}.csv"
    (folder / name).write_bytes(text.getvalue().encode())
