"""Members of the communities: what they do where a platform shows it, their joining and leaving.

Belongs here: actions of members who are not known to buy. Does not belong here: posts (communities) and the actions
that lead to an order (journeys).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from smm_pipeline.shop.clock import HOUR, SECOND, stream
from smm_pipeline.shop.communities import COMMUNITIES, Community, Post, SocialWorld


@dataclass(frozen=True)
class Action:
    """One action of a member. `email` is empty unless the shop knows who the member is."""

    community: Community
    post: Post | None
    member: str
    email: str
    at: int
    action: str


def make_member_actions(seed: int, world: SocialWorld) -> list[Action]:
    """Everyday actions of members who are not buyers: a small busy core and a long tail, joins and leaves."""
    rng = stream(seed, "members")
    actions: list[Action] = []
    kinds, weights = ("like", "comment", "reshare", "save", "recommend"), (46, 24, 12, 14, 4)
    for post in world.posts:
        if not post.community.is_own:
            continue
        for _ in range(rng.randint(1, 8)):
            member = int(rng.paretovariate(0.9) * 3) % 900  # heavy tail: few members do most
            at = post.published + int(rng.expovariate(1 / 14) * HOUR) + SECOND
            if at < world.clock.end:
                name = f"{post.community.network}-{post.community.community_id[-3:]}-{member:04d}"
                actions.append(Action(post.community, post, name, "", at, rng.choices(kinds, weights)[0]))
    for community in COMMUNITIES:
        if community.network == "telegram" and community.is_own:
            actions += _joins_and_leaves(rng, world, community)
    return actions


def _joins_and_leaves(rng: random.Random, world: SocialWorld, community: Community) -> list[Action]:
    following = world.followings[community.community_id]
    actions = []
    for index in range(world.clock.days):
        for kind, count in (("join", following.gained[index]), ("leave", following.lost[index])):
            for number in range(count):
                name = f"telegram-{community.community_id[-3:]}-{kind[0]}{index:03d}{number:03d}"
                actions.append(Action(community, None, name, "", world.clock.moment(rng, index), kind))
    return actions
