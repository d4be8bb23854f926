"""Joins of daily tables whose SQL picks its rows in steps: a step is run again for the day, and says which they are.

Belongs here: for a daily table the parts of its SQL that are run again; for such a table, or a column of it that is
made of other rows than the row as a whole, and a table upstream SQL that says whether a row b of the latter is behind a
row a of the former. It may name the parameters of the table's SQL. Does not belong here: joins that need no part
(own_links.py, quality_links.py), and how rows are followed (trace.py).
"""

from __future__ import annotations

from smm_pipeline.explain.link_parts import WITHIN

_TRAFFIC, _MATCH, _RULES = "kpi.kpi_daily_content_traffic", "kpi.kpi_daily_order_match", "kpi.kpi_content_rules"
_RECOMMENDED, _SENSITIVITY = "kpi.kpi_daily_recommendation", "kpi.kpi_benefit_sensitivity"

DAY_PARTS = {
    _TRAFFIC: ("visit", "next_seen", "led", "listed_page", "product_page"),
    _MATCH: ("found", "way"),
    _RECOMMENDED: ("recommended",),
    _RULES: ("arrival",),
    _SENSITIVITY: ("classed",),
}


def _same(row: str, names: str, other: str) -> str:
    return " and ".join(f"{row}.{name} = {other}.{name}" for name in names.split())


def _any(part: str, *conditions: str) -> str:
    """There is a row of a part, alias and further joins behind its name, for which all of this holds."""
    return f"exists (select 1 from {WITHIN}{part} where {' and '.join(conditions)})"


_CLASSED = _any("classed as c", _same("c", "order_key", "b"), _same("c", "variant benefit_class", "a"))

# Orders, and of these all ways to a visit, which are compared with each other.
_FOUND_WAY = f"found as f inner join {WITHIN}way as w on w.order_key = f.order_key"


def _matched(cell: str) -> dict[str, str]:
    of_cell = _same("f", cell, "a")
    return {
        "core.fct_order": _any("found as f", "f.order_key = b.order_key", of_cell),
        "core.brg_order_session": _any(_FOUND_WAY, _same("w", "order_key method", "b"), of_cell),
        "core.fct_session": _any(_FOUND_WAY, "w.session_key = b.session_key", of_cell),
    }


def _recommended(*conditions: str) -> dict[str, str]:
    of_cell = (_same("r", "kind network community_id post_id code", "a"), *conditions)
    order = _any("recommended as r", "r.order_key = b.order_key", *of_cell)
    counted = "exists (select 1 from core.fct_order as o where o.order_key = b.order_key and o.is_countable)"
    return {
        "core.fct_order": order,
        "core.fct_order_benefit": order,
        "core.brg_order_touch": f"{_any('recommended as r', _same('r', 'order_key touch_id', 'b'), *of_cell)} "
        f"and {counted}",
    }


# An order may follow several recommendations; the newest is credited.
_CREDITED = {
    column: _recommended("r.position = 1")
    for column in (
        "credited_orders",
        "credited_new_customers",
        "credited_d1_orders",
        "orders_without_amount",
        "net_revenue_amount",
    )
}
_TAGGED_POST = "case when b.post_method = 'tagged' then b.post_id end"


def _passed_on(post: str) -> str:
    community = "b.network = a.network and coalesce(b.community_id, '(unknown)') = a.community_id"
    return f"{community} and coalesce({post}, '(unknown)') = a.post_id"


# Visits that landed on the page; a return is seen by the next visit; an order counts under one of them alone.
_LANDED = (
    "v.session_date_local = a.date_local",
    "v.landing_section = 'content'",
    _same("v", "page_path traffic", "a"),
)
_VISIT_OF_PAGE = _any("visit as v", "v.session_key = b.session_key", *_LANDED)
_NEXT_VISIT = _any(
    f"visit as v inner join {WITHIN}next_seen as n on {_same('n', 'visitor_key start_ts', 'v')} "
    f"inner join {WITHIN}visit as x on x.visitor_key = n.visitor_key and x.start_ts = n.next_ts",
    "x.session_key = b.session_key",
    "a.returned_sessions is not null",
    "n.next_ts <= v.start_ts + to_days($content_later_days)",
    *_LANDED,
)


def _led(*conditions: str) -> str:
    led = f"led as l inner join {WITHIN}visit as v on v.session_key = l.session_key"
    return _any(led, "l.order_key = b.order_key", "a.later_orders is not null", *_LANDED, *conditions)


# The days that a rule looks at, and new products whose week is over where their rule can be told.
_LAST_28_DAYS = "between a.date_local - 27 and a.date_local"
_IN_ITS_WEEK = "between p.arrived_on - 7 and p.arrived_on + 7"


def _arrived(*conditions: str) -> str:
    return _any("arrival as p", _same("p", "network community_id", "a"), "a.checked is not null", *conditions)


DAY_LINKS = {
    (_SENSITIVITY, "core.fct_order_benefit"): _CLASSED,
    (_SENSITIVITY, "core.fct_order"): _CLASSED,
    **{(_MATCH, table): link for table, link in _matched("sales_channel noted_channel visit_channel").items()},
    # Its denominator is all that was sold this way and has this note.
    **{(f"{_MATCH}.matched_share", table): link for table, link in _matched("sales_channel noted_channel").items()},
    **{(_RECOMMENDED, table): link for table, link in _recommended().items()},
    **{
        (f"{_RECOMMENDED}.{column}", table): link
        for column, links in _CREDITED.items()
        for table, link in links.items()
    },
    (_RECOMMENDED, "core.fct_member_action"): (
        f"b.activity_date_local = a.date_local and b.action = a.kind and {_passed_on('b.post_id')} and exists ("
        f"select 1 from core.dim_community as c where {_same('c', 'network community_id', 'b')} and c.is_own)"
    ),
    (_RECOMMENDED, "core.fct_touch"): (
        "a.kind = 'passed_on_visit' and b.touch_kind = 'visit' and b.reshare_reason is not null "
        f"and b.touch_date_local = a.date_local and {_passed_on(_TAGGED_POST)}"
    ),
    (_TRAFFIC, "core.fct_session"): _VISIT_OF_PAGE,
    (f"{_TRAFFIC}.returned_sessions", "core.fct_session"): f"{_VISIT_OF_PAGE} or {_NEXT_VISIT}",
    (f"{_TRAFFIC}.returned_share", "core.fct_session"): f"{_VISIT_OF_PAGE} or {_NEXT_VISIT}",
    (_TRAFFIC, "core.fct_order"): _led(),
    (_TRAFFIC, "core.brg_order_session"): f"b.is_chosen and {_led()}",
    (_TRAFFIC, "core.brg_order_visitor"): _led(
        "v.visitor_key = b.visitor_key", "(b.only_session_key is null or b.only_session_key = v.session_key)"
    ),
    (_TRAFFIC, "core.fct_search_day"): (
        "b.subject_kind = 'page' and b.metric_date = a.date_local "
        f"and {_any('listed_page as l', _same('l', 'metric_date site subject', 'b'), 'l.page_path = a.page_path')} "
        f"and not {_any('product_page as p', 'p.page_path = a.page_path')}"
    ),
    # The page of a product is left out of the search results.
    (_TRAFFIC, "core.dim_product_group"): "b.page_path = a.page_path",
    (_RULES, "core.fct_post"): (
        f"{_same('b', 'network community_id', 'a')} and case "
        "when a.rule_id in ('hashtag_on_every_post', 'style_varied') then "
        f"b.post_date_local {_LAST_28_DAYS} and not b.is_reshare and coalesce(b.post_type, '') <> 'story' "
        "and (a.rule_id = 'hashtag_on_every_post' or b.post_type is not null) "
        "when a.rule_id = 'new_arrivals_announced' then "
        f"{_arrived('p.sku = b.linked_sku', f'b.post_date_local {_IN_ITS_WEEK}')} end"
    ),
    (_RULES, "core.fct_media"): (
        f"{_same('b', 'network community_id', 'a')} and case a.rule_id when 'photo_resolution' then "
        f"b.media_date_local {_LAST_28_DAYS} and b.width is not null and b.height is not null "
        "when 'one_product_one_album' then "
        "b.media_date_local <= a.date_local and b.album_id is not null and b.product_id is not null "
        "when 'album_kept_up' then "
        f"{_arrived('b.product_id in (p.product_id, p.sku)', f'b.media_date_local {_IN_ITS_WEEK}')} end"
    ),
    (_RULES, "core.dim_product_arrival"): (
        "a.rule_id in ('album_kept_up', 'new_arrivals_announced') "
        f"and {_arrived(_same('p', 'source_system store_id product_id', 'b'))}"
    ),
    # Where none was held in time, an older one says that they are told of at all.
    (_RULES, "core.fct_campaign_event"): (
        "b.event_date_local between a.date_local - 364 and a.date_local and case a.rule_id "
        "when 'newsletters_held' then b.kind = 'newsletter' and (a.kept = 0 or b.event_date_local > a.date_local - 28) "
        "when 'offline_events_held' then "
        "b.kind = 'offline_event' and (a.kept = 0 or b.event_date_local > a.date_local - 92) end"
    ),
}
