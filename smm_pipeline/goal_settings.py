"""Goals that a shop states in smm.toml: `[[goals]]`.

Belongs here: what a goal is made of, checked on its own. Does not belong here: the rest of smm.toml (settings.py),
goals that come as a feed (sql/raw/goal.yml) and how far they are reached (sql/kpi/kpi_goal_progress.sql).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

GOAL_METRICS = (
    "kpi_daily_benefit.core_member_orders",
    "kpi_daily_benefit.gross_revenue_amount",
    "kpi_daily_benefit.margin_amount",
    "kpi_daily_benefit.net_revenue_amount",
    "kpi_daily_benefit.new_customers",
    "kpi_daily_benefit.orders",
    "kpi_daily_brand_demand.observed_count",
    "kpi_daily_community_activity.engagements",
    "kpi_daily_community_activity.negative_answered_share",
    "kpi_daily_community_activity.posts",
    "kpi_daily_community_activity.questions_answered_share",
    "kpi_daily_content_traffic.engaged_sessions",
    "kpi_daily_content_traffic.sessions",
    "kpi_daily_media_interest.first_time_outlets",
    "kpi_daily_media_interest.linked_orders",
    "kpi_daily_media_interest.linked_sessions",
    "kpi_daily_media_interest.mentions",
    "kpi_daily_media_interest.negative",
    "kpi_daily_media_interest.net_sentiment_pct",
    "kpi_daily_media_interest.reach",
    "kpi_daily_potential_customers.people",
    "kpi_daily_share_of_voice.engagements_share",
    "kpi_daily_share_of_voice.mentions_share",
    "kpi_daily_share_of_voice.reach_share",
    "kpi_daily_social_traffic.bounce_ga4_share",
    "kpi_daily_social_traffic.cart_sessions",
    "kpi_daily_social_traffic.engaged_sessions",
    "kpi_daily_social_traffic.engaged_share",
    "kpi_daily_social_traffic.net_revenue_amount",
    "kpi_daily_social_traffic.orders",
    "kpi_daily_social_traffic.sessions",
    "kpi_daily_supporters.active_core_members",
    "kpi_daily_supporters.active_members",
    "kpi_daily_supporters.members",
    "kpi_daily_supporters.members_joined",
    "kpi_daily_supporters.members_net",
    "kpi_daily_supporters.repeat_buying_members_share",
)
# Costs above sales, more bad words than good, followers who left: a shop may want no less than a figure below 0.
MAY_BE_NEGATIVE = frozenset(
    {
        "kpi_daily_benefit.margin_amount",
        "kpi_daily_media_interest.net_sentiment_pct",
        "kpi_daily_supporters.members_net",
    }
)


def _followed_up(kpi: str) -> str:
    if kpi not in GOAL_METRICS:
        [nearest] = get_close_matches(kpi, GOAL_METRICS, n=1, cutoff=0)
        raise ValueError(f"expected a figure that a goal may be about (docs/settings.md); did you mean {nearest}?")
    return kpi


Kpi = Annotated[str, AfterValidator(str.lower), AfterValidator(_followed_up)]


class Goal(BaseModel):
    """A goal of the shop, followed up in `kpi_goal_progress`; goals may also come as a feed (vendor `goals`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Name of the goal; each once")
    kpi: Kpi = Field(
        description="Table and column of a daily figure, one of: " + ", ".join(f"`{name}`" for name in GOAL_METRICS)
    )
    scope: str = Field(
        "all",
        min_length=1,
        description="all, social (whatever a network is credited with), a network, `network/community` with its id or "
        "handle, a community's id, or a benefit class: D1, D2, D3, D4, all four being `benefit`, `anyway` or "
        "`no_social_touch`; of media interest a class of authors, of brand demand a signal (required), of social "
        "traffic a section, of content traffic `social`, `other` or a page, of potential customers `social`, `other`, "
        "`engaged` or `intent`",
    )
    target: Decimal = Field(
        max_digits=18,
        decimal_places=4,
        description="Value to be reached; below 0 only of a margin, of net sentiment and of net followers",
    )
    direction: Literal["at_least", "at_most"] = Field("at_least", description="Whether it is a least or a most value")
    starts_on: date | None = Field(None, description="First day that counts; default: the first day with data")
    due_on: date = Field(description="Day by which it is to be reached")

    @model_validator(mode="after")
    def _may_be_reached(self) -> Goal:
        if self.target < 0 and self.kpi not in MAY_BE_NEGATIVE:
            raise ValueError(f"expected a target of 0 or more of {self.kpi}, and not {self.target}")
        return self

    @model_validator(mode="after")
    def _has_days(self) -> Goal:
        if self.starts_on is not None and self.starts_on > self.due_on:
            raise ValueError(f"expected a first day not after due_on = {self.due_on}")
        return self


def _each_once(goals: tuple[Goal, ...]) -> tuple[Goal, ...]:
    names = [goal.name for goal in goals]
    if again := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"expected every goal once, but {again[0]} stands there twice")
    return goals


Goals = Annotated[tuple[Goal, ...], AfterValidator(_each_once)]
