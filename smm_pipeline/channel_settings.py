"""The shop's own word on channels: the `[channels]` of smm.toml.

Belongs here: what a shop may say of sources, spam and rules, checked on its own. Does not belong here: the rest of
smm.toml (settings.py), the shipped lists (sql/seeds) and how a visit gets its channel (sql/core/visit_*.sql).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from smm_pipeline.setting_types import Host, shaped

Channel = Literal[
    "Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display", "Paid Other",
    "AI Assistants", "Organic Shopping", "Organic Social", "Organic Video", "Organic Search", "Referral", "Email",
    "Affiliates", "Audio", "SMS", "Mobile Push Notifications", "Referrer Spam", "Unassigned",
]  # fmt: skip
Category = Literal["social", "video", "search", "shopping", "ai", "email", "link_page", "short_link"]
Kind = Literal[
    "network", "messenger", "forum", "reviews", "blog", "video", "search", "marketplace", "price_comparison",
    "assistant", "mail", "link_page", "short_link",
]  # fmt: skip
# What a source of a category is when nobody says it more closely.
USUAL_KIND: dict[Category, Kind] = {
    "social": "network",
    "video": "video",
    "search": "search",
    "shopping": "marketplace",
    "ai": "assistant",
    "email": "mail",
    "link_page": "link_page",
    "short_link": "short_link",
}
# Visits are folded to the network of such a source; without one they would be nobody's.
_FOLDED = ("social", "video", "search")

Lower = AfterValidator(str.lower)
Source = Annotated[
    str,
    Lower,
    shaped(r"(?!www\.)[^\s/:?#@*]+(\.\*)?", "a host without www., an app's package or a spelling of utm_source"),
]
Network = Annotated[str, shaped(r"[a-z0-9_.-]*", "a network's name of a-z, 0-9, _, . and -, such as town_forum")]
RuleId = Annotated[str, shaped(r"own_[a-z0-9_]+", "a name that begins with own_, such as own_partners")]
Pattern = Annotated[str, Lower, shaped(r"\S(.*\S)?", "a text, in which * stands for anything")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelHost(_Section):
    """A source that the shop knows; it goes before the same name in the shipped list."""

    source: Source = Field(
        description="Host with everything below it, Android package, spelling of utm_source, or name.* for any country"
    )
    category: Category = Field(description="What channel rules ask for, as in `sql/seeds/source_host.csv`")
    network: Network = Field("", description="Network or engine it belongs to; required for social, video and search")
    kind: Kind | None = Field(None, description="What it is, such as forum or reviews; default: as its category says")

    @model_validator(mode="after")
    def _has_its_network(self) -> ChannelHost:
        if self.category in _FOLDED and not self.network:
            raise ValueError(f"expected a network for a source of the category {self.category}")
        return self


class ChannelRule(_Section):
    """A rule that is tried before the shipped ones; all its conditions must hold, and one entry of each list."""

    id: RuleId = Field(description="Name of the rule, which visits that it decides carry; begins with `own_`")
    channel: Channel = Field(description="Channel it gives, one of `sql/seeds/channel.csv`")
    category: Category | Literal[""] = Field("", description="Category of the source; empty means any")
    source: tuple[Pattern, ...] = Field((), description="Sources, `*` stands for anything; empty means any")
    medium: tuple[Pattern, ...] = Field((), description="Mediums, written like sources; empty means any")
    campaign: tuple[Pattern, ...] = Field((), description="Values of utm_campaign, written alike; empty means any")

    @model_validator(mode="after")
    def _asks_something(self) -> ChannelRule:
        if not (self.category or self.source or self.medium or self.campaign):
            raise ValueError("expected at least one of category, source, medium and campaign")
        return self


class Channels(_Section):
    """Sources, spam and rules of this shop, beside the shipped lists: `docs/channels.md`."""

    spam_hosts: tuple[Host, ...] = Field(
        (), description="Referrers that are spam, added to the shipped list: their visits are counted apart"
    )
    hosts: tuple[ChannelHost, ...] = Field((), description="Sources that the shop knows: `[[channels.hosts]]`")
    rules: tuple[ChannelRule, ...] = Field((), description="Rules tried first, in this order: `[[channels.rules]]`")

    @model_validator(mode="after")
    def _says_nothing_twice(self) -> Channels:
        names = [*(host.lower() for host in self.spam_hosts), *(host.source for host in self.hosts)]
        _each_once("host", names)
        _each_once("rule id", [rule.id for rule in self.rules])
        return self


def _each_once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"expected every {what} once, but {name} stands there twice")
        seen.add(name)
