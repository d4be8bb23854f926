"""Joins of what communities do, who follows them and who speaks of the shop with what these are made from.

Belongs here: of figures of activity, audience, competitors, posts and mentions, and of the tables of core below them,
SQL that says whether a row b of the one upstream is behind a row a of the other. Does not belong here: links of
purchases and what leads to them (buying_links.py), and of other figures (own_links.py).
"""

from __future__ import annotations

from smm_pipeline.explain.link_parts import WITHIN, by_column

ACTIVITY_PARTS = {"kpi.kpi_daily_supporters": ("member",)}
_HERE = "{0}.network = a.network and {0}.community_id = a.community_id"
_DAYS_28 = "between a.date_local - 27 and a.date_local"
# The newest of the rows of a community that fulfil a condition, by its day.
_NEWEST = (
    f"{_HERE.format('b')} and b.{{day}} = (select max(n.{{day}}) from {{table}} as n "
    f"where {_HERE.format('n')} and n.{{day}} {{between}}{{asked}})"
)
# Followers at the time of a post p: the newest count of the week before.
_FOLLOWERS = (
    "b.network = {0}.network and b.community_id = {0}.community_id and b.metric_date = ("
    "select max(n.metric_date) from core.fct_community_day as n where n.network = {0}.network "
    "and n.community_id = {0}.community_id and n.members is not null "
    "and n.metric_date between {0}.post_date_local - 7 and {0}.post_date_local)"
)
_ACTIVITY = "kpi.kpi_daily_community_activity"
_POSTED = f"{_HERE} and {{0}}.post_date_local = a.date_local"
_LIKED = f"{_HERE} and {{0}}.post_date_local {_DAYS_28} and {{0}}.likes is not null and {{0}}.followers is not null"
_COUNTED = f"{_HERE.format('b')} and b.metric_date = a.date_local"
_MODERATED = f"{_HERE.format('b')} and b.moderation_date"
_CHECKED = _NEWEST.format(
    day="moderation_date",
    table="core.fct_moderation_day",
    between="between a.date_local - 91 and a.date_local",
    asked=" and n.suspected_fakes_share is not null",
)
_CHECK = "members_checked fakes_found"
_SIGNS = "dead_signs is_dead_alarm"
_MET_WITH = "likes comments shares saves engagements"
_ACTIVITY_LINKS = {
    **by_column(
        _ACTIVITY,
        "core.fct_post",
        {
            "posts reshares posting_hours": _POSTED.format("b"),
            "posts_28d": f"{_HERE.format('b')} and b.post_date_local {_DAYS_28}",
            "days_silent": f"{_HERE.format('b')} and date_diff('day', b.post_date_local, a.date_local) = a.days_silent",
            # Whether four weeks could have been seen the first post says, how long it is silent the last one.
            "": (
                f"{_HERE.format('b')} and (b.post_date_local {_DAYS_28} "
                "or date_diff('day', b.post_date_local, a.date_local) = a.days_silent "
                "or (b.post_date_local < a.date_local and b.post_date_local = ("
                f"select min(p.post_date_local) from core.fct_post as p where p.is_own and {_HERE.format('p')})))"
            ),
        },
    ),
    **by_column(
        _ACTIVITY,
        "core.fct_post_engagement",
        {
            _MET_WITH: _POSTED.format("b"),
            # A rate counts posts of which both its parts are known.
            **{
                f"engagements_with_{base} {base}_of_posts er_{base}": (
                    f"{_POSTED.format('b')} and b.engagements is not null and b.{base} is not null"
                )
                for base in ("followers", "reach", "views")
            },
            f"likes_28d followers_of_posts_28d likes_28d_per_1000_followers {_SIGNS}": _LIKED.format("b"),
            "": f"({_POSTED.format('b')}) or ({_LIKED.format('b')})",
        },
    ),
    **by_column(
        _ACTIVITY,
        "core.fct_conversation_day",
        {
            "discussions messages community_replies questions questions_answered questions_answered_share "
            "response_minutes_median negative_messages negative_answered negative_answered_share": (
                f"{_HERE.format('b')} and b.date_local = a.date_local"
            ),
            "": f"{_HERE.format('b')} and b.date_local {_DAYS_28}",
        },
    ),
    **by_column(
        _ACTIVITY,
        "core.fct_moderation_day",
        {
            "spam_removed fakes_removed members_banned reports": f"{_MODERATED} = a.date_local",
            f"{_CHECK} suspected_fakes_share suspected_fakes_share_lower suspected_fakes_share_upper": _CHECKED,
            f"spam_removed_28d messages_and_spam_28d spam_share spam_share_lower spam_share_upper {_SIGNS}": (
                f"{_MODERATED} {_DAYS_28}"
            ),
            "": f"({_MODERATED} {_DAYS_28}) or ({_CHECKED})",
        },
    ),
    **by_column(
        _ACTIVITY,
        "core.fct_community_day",
        {
            "engagements_of_day members er_daily_followers": _COUNTED,
            "": (
                f"({_COUNTED}) or exists (select 1 from core.fct_post_engagement as p where p.is_own "
                f"and (({_POSTED.format('p')}) or ({_LIKED.format('p')})) and {_FOLLOWERS.format('p')})"
            ),
        },
    ),
}
_SUPPORTERS = "kpi.kpi_daily_supporters"
_LESS_FAKES = (
    "suspected_fakes suspected_fakes_lower suspected_fakes_upper "
    "members_less_fakes members_less_fakes_lower members_less_fakes_upper"
)
_SUPPORTER_LINKS = {
    **by_column(
        _SUPPORTERS,
        "core.fct_community_day",
        {
            f"members members_joined members_left {_LESS_FAKES} active_core_members active_members gini_actions "
            "buying_members repeat_buying_members repeat_buying_members_share": _COUNTED,
            # Where gains and losses are untold, the count of the day before says how many were won.
            "": (
                f"{_HERE.format('b')} and (b.metric_date = a.date_local or (b.metric_date = a.date_local - 1 "
                "and a.members_joined - a.members_left is null))"
            ),
        },
    ),
    **by_column(
        _SUPPORTERS,
        "core.fct_moderation_day",
        {
            "fakes_removed": f"{_MODERATED} = a.date_local",
            f"{_CHECK} {_LESS_FAKES}": _CHECKED,
            "": f"({_MODERATED} = a.date_local) or ({_CHECKED})",
        },
    ),
    (_SUPPORTERS, "core.fct_member_action"): (
        f"{_HERE.format('b')} and b.member_key is not null and b.action not in ('join', 'leave') "
        "and b.activity_date_local > a.date_local - $core_window_days and b.activity_date_local <= a.date_local"
    ),
    # Of fewer than five buyers nothing is said, and nothing is behind it.
    (_SUPPORTERS, "core.fct_order"): (
        "a.buying_members is not null and b.order_date_local between a.date_local - 364 and a.date_local "
        f"and exists (select 1 from {WITHIN}member as m where {_HERE.format('m')} and m.customer_key = b.customer_key)"
    ),
}
_COMPETITORS = "kpi.kpi_daily_competitors"
_COUNT_OF = {
    "day": "metric_date",
    "table": "core.fct_community_day",
    "asked": " and n.members is not null",
}
_MEMBERS = _NEWEST.format(**_COUNT_OF, between="between a.date_local - 6 and a.date_local")
_MEMBERS_BEFORE = _NEWEST.format(**_COUNT_OF, between="between a.date_local - 34 and a.date_local - 28")
_BEST = f"{_HERE.format('b')} and b.post_id = a.best_post_id"
_COMPETITOR_LINKS = {
    **by_column(
        _COMPETITORS,
        "core.fct_community_day",
        {
            "members": _MEMBERS,
            "members_28d_ago": _MEMBERS_BEFORE,
            "members_gained_28d members_gained_28d_share": f"({_MEMBERS}) or ({_MEMBERS_BEFORE})",
            "": (
                f"({_MEMBERS}) or ({_MEMBERS_BEFORE}) or exists (select 1 from core.fct_post_engagement as p "
                f"where {_POSTED.format('p')} and {_FOLLOWERS.format('p')})"
            ),
        },
    ),
    **by_column(
        _COMPETITORS,
        "core.fct_post",
        {
            "posts": _POSTED.format("b"),
            "best_post_permalink": _BEST,
            "": f"{_HERE.format('b')} and b.post_date_local {_DAYS_28}",
        },
    ),
    **by_column(
        _COMPETITORS,
        "core.fct_post_engagement",
        {
            "likes comments shares public_engagements": _POSTED.format("b"),
            "public_engagements_with_followers followers_of_posts er_public_followers": (
                f"{_POSTED.format('b')} and b.public_engagements is not null and b.followers is not null"
            ),
            "best_post_id best_post_date best_post_public_engagements": _BEST,
            "": f"({_POSTED.format('b')}) or ({_BEST})",
        },
    ),
}
_POST, _OF_POST = "kpi.kpi_post_performance", f"{_HERE} and {{0}}.post_id = a.post_id"
# Only a tagged touch gives a post an order.
_SOLD = (
    "exists (select 1 from core.fct_order_benefit as o inner join core.brg_order_touch as t "
    "on t.order_key = o.order_key and t.touch_id = o.touch_id and t.post_method = 'tagged' "
    f"where o.order_key = b.order_key{{0}} and {_OF_POST.format('o')})"
)
_POST_LINKS = {
    (_POST, "core.fct_community_day"): _FOLLOWERS.format("a"),
    (_POST, "core.fct_session"): _OF_POST.format("b"),
    (_POST, "core.fct_order_benefit"): _SOLD.format(""),
    (_POST, "core.fct_order"): _SOLD.format(""),
    (_POST, "core.brg_order_touch"): _SOLD.format(" and t.touch_id = b.touch_id"),
    ("core.fct_post_engagement", "core.fct_community_day"): _FOLLOWERS.format("a"),
    ("core.fct_post_engagement", "staging.stg_community_post_snapshot"): (
        f"{_OF_POST.format('b')} and b.snapshot_date between a.post_date_local - 1 and a.post_date_local + 28"
    ),
    # Where a network shows only who commented, discussions are known and nothing else.
    ("core.fct_conversation_day", "core.fct_member_action"): (
        f"{_HERE.format('b')} and b.activity_date_local = a.date_local and b.action = 'comment' and a.messages is null"
    ),
}
_VOICE, _MEDIA, _MENTION = "kpi.kpi_daily_share_of_voice", "kpi.kpi_daily_media_interest", "core.fct_mention"
_SPOKEN = "b.mention_date_local = a.date_local and b.brand = a.brand"
_SPOKEN_BY = f"{_SPOKEN} and b.author_class = a.author_class"
# The mention with which an outlet spoke of the brand for the first time.
_FIRST_OF_OUTLET = (
    "b.mention_date_local <= a.date_local and b.brand = a.brand and b.mention_date_local = ("
    "select min(f.mention_date_local) from core.fct_mention as f "
    "where f.brand = b.brand and f.outlet_key = b.outlet_key and not f.is_spam and not f.is_repeat) "
    "and exists (select 1 from core.fct_mention as m where m.mention_date_local = a.date_local and m.brand = a.brand "
    "and m.author_class = a.author_class and m.outlet_key = b.outlet_key and not m.is_spam and not m.is_repeat)"
)
_LINKED = (
    "exists (select 1 from core.brg_session_mention as m where m.session_date_local = a.date_local "
    "and m.brand = a.brand and m.author_class = a.author_class and {0})"
)
_SENDER = " and ".join(f"m.{name} = b.{name}" for name in ("source_system", "monitor_id", "mention_id", "brand"))
_PLACED = f"exists (select 1 from core.brg_order_session as o where {{0}} and o.is_chosen and {_LINKED.format('{1}')})"
_MENTION_LINKS = {
    **by_column(
        _VOICE,
        _MENTION,
        {
            "is_own mentions reach engagements net_sentiment_pct": _SPOKEN,
            # A share is one of what all brands have.
            "": "b.mention_date_local = a.date_local",
        },
    ),
    **by_column(
        _MEDIA,
        _MENTION,
        {
            "mentions unique_outlets reach engagements positive neutral negative net_sentiment_pct": _SPOKEN_BY,
            "first_time_outlets": f"({_SPOKEN_BY}) or ({_FIRST_OF_OUTLET})",
            "": f"({_SPOKEN_BY}) or ({_FIRST_OF_OUTLET}) or {_LINKED.format(_SENDER)}",
        },
    ),
    (_MEDIA, "core.brg_order_session"): _LINKED.format("m.session_key = b.session_key"),
    (_MEDIA, "core.fct_order"): _PLACED.format("o.order_key = b.order_key", "m.session_key = o.session_key"),
}
ACTIVITY_LINKS = {
    **_ACTIVITY_LINKS,
    **_SUPPORTER_LINKS,
    **_COMPETITOR_LINKS,
    **_MENTION_LINKS,
    **_POST_LINKS,
}
