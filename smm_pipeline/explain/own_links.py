"""Joins of tables with what they are made from that no key of one name makes.

Belongs here: for such a pair of tables, SQL that says whether a row b of the one upstream is behind a row a of the
other. It repeats what the SQL of the table joins by: a change there is one here. Does not belong here: joins that are
read out of the SQL (trace.py); those of what communities do (activity_links.py), of purchases and what leads to them
(buying_links.py), of daily tables that pick rows in steps (day_links.py) and of shares of quality (quality_links.py)
are only put together here.
"""

from __future__ import annotations

from smm_pipeline.explain.activity_links import ACTIVITY_LINKS, ACTIVITY_PARTS
from smm_pipeline.explain.buying_links import BUYING_LINKS, BUYING_PARTS
from smm_pipeline.explain.day_links import DAY_LINKS, DAY_PARTS
from smm_pipeline.explain.link_parts import WITHIN, by_column
from smm_pipeline.explain.quality_links import QUALITY_LINKS

_SAME_CELL = " and ".join(f"{{0}}.{name} = a.{name}" for name in ("model", "level", "network", "community_id"))
_PIECE_OF_MONTH = (
    f"{_SAME_CELL} and (date_trunc('month', {{0}}.order_date_local) = a.month_start_date or exists ("
    "select 1 from core.fct_refund as r where r.order_key = {0}.order_key and r.is_countable "
    "and date_trunc('month', r.refund_date_local) = a.month_start_date))"
)
# As in the SQL of the tables: what is in no network, and what is in one but in no community that is known.
_SAME_COMMUNITY = (
    "{1}.network = coalesce({0}.network, '(none)') "
    "and {1}.community_id = coalesce({0}.community_id, if({0}.network is null, '(none)', '(unknown)'))"
)
_SAME_PRODUCT = "coalesce({0}.product_group, '(unknown)') = a.product_group and coalesce({0}.sku, '(unknown)') = a.sku"
_LINE = "exists (select 1 from core.fct_order_line as l where l.order_key = {0}.order_key"
# Without lines nobody knows what an order held.
_ORDER_OF_PRODUCT = (
    f"{{0}}.order_date_local = a.date_local and {_SAME_COMMUNITY.format('{0}', 'a')} "
    f"and ({_LINE} and {_SAME_PRODUCT.format('l')}) "
    f"or (a.sku = '(unknown)' and a.product_group = '(unknown)' and not {_LINE})))"
)
# Refunds of orders, and those of orders that nobody knows.
_REFUND = (
    "b.is_countable and (exists (select 1 from core.fct_order_benefit as o where o.order_key = b.order_key "
    f"and o.benefit_class = a.benefit_class and {_SAME_COMMUNITY.format('o', 'a')} and {{0}}) "
    "or (b.refund_date_local = a.date_local and a.network = '(none)' and a.benefit_class = 'no_social_touch' "
    "and not exists (select 1 from core.fct_order_benefit as o where o.order_key = b.order_key)))"
)
_ORDER_OF_COMMUNITY = f"{{0}}.order_date_local = a.date_local and {_SAME_COMMUNITY.format('{0}', 'a')}"
_ORDERED = "exists (select 1 from core.fct_order_benefit as o where o.order_key = b.order_key and {0})"
# An event whose visit is not known came from nowhere that could be named.
_LOOKED_AT = (
    "b.event_date_local = a.date_local{0} and case "
    "when exists (select 1 from core.fct_session as v where v.session_key = b.session_key "
    "and v.visit_kind = 'session') then exists (select 1 from core.fct_session as v "
    "where v.session_key = b.session_key and v.visit_kind = 'session' "
    f"and not coalesce(v.is_referrer_spam, false) and {_SAME_COMMUNITY.format('v', 'a')}) "
    "else a.network = '(none)' and a.community_id = '(none)' end"
)
_LOOKED_BY = (
    "exists (select 1 from core.fct_item_event as i where i.session_key = b.session_key "
    "and i.event_date_local = a.date_local{0}) and b.visit_kind = 'session' "
    f"and not coalesce(b.is_referrer_spam, false) and {_SAME_COMMUNITY.format('b', 'a')}"
)
_PRODUCT = "kpi.kpi_product_benefit"
# These set a product beside all that its community looked at and ordered on the day.
_OF_COMMUNITY = "community_viewing_sessions community_orders interest_share sales_share interest_sales_gap"
_PRODUCT_LINKS = {
    **by_column(
        _PRODUCT,
        "core.fct_order_benefit",
        {_OF_COMMUNITY: _ORDER_OF_COMMUNITY.format("b"), "": _ORDER_OF_PRODUCT.format("b")},
    ),
    **by_column(
        _PRODUCT,
        "core.fct_order",
        {
            _OF_COMMUNITY: _ORDERED.format(_ORDER_OF_COMMUNITY.format("o")),
            "": _ORDERED.format(_ORDER_OF_PRODUCT.format("o")),
        },
    ),
    (_PRODUCT, "core.fct_order_line"): (
        f"{_SAME_PRODUCT.format('b')} and {_ORDERED.format(_ORDER_OF_COMMUNITY.format('o'))}"
    ),
    **by_column(
        _PRODUCT,
        "core.fct_item_event",
        {_OF_COMMUNITY: _LOOKED_AT.format(""), "": _LOOKED_AT.format(f" and {_SAME_PRODUCT.format('b')}")},
    ),
    **by_column(
        _PRODUCT,
        "core.fct_session",
        {_OF_COMMUNITY: _LOOKED_BY.format(""), "": _LOOKED_BY.format(f" and {_SAME_PRODUCT.format('i')}")},
    ),
}
# Of several questions to a search console the one is taken that leaves out least.
_SUBJECT = "if(a.subject_kind = 'query', {0}.query, {0}.page)"
_ASKED = "{0}.site = a.site and {0}.metric_date = a.metric_date and {0}.period = '' and {0}.search_type in ('web', '')"
_QUESTION = (
    "if({0}.search_type = 'web', 0, 100) + if(if(a.subject_kind = 'query', {0}.page, {0}.query) <> '', 14, 0) "
    "+ if({0}.country <> '', 12, 0) + if({0}.device <> '', 11, 0)"
)
_SEARCHED = (
    f"{_ASKED.format('b')} and {_SUBJECT.format('b')} = a.subject and {_QUESTION.format('b')} = ("
    f"select min({_QUESTION.format('n')}) from staging.stg_search_position_day as n "
    f"where {_ASKED.format('n')} and {_SUBJECT.format('n')} <> '')"
)
# What stands in the SQL of a table alone, by the names of its parts, each of which is a temporary table WITHIN + name:
# the communities of a segment, the visits and orders of a mailing.
PARTS = {
    "kpi.kpi_segment_benefit": ("cell",),
    "kpi.kpi_events_newsletters": ("visit", "credited"),
    **ACTIVITY_PARTS,
    **BUYING_PARTS,
    **DAY_PARTS,
}
_SAME_SEGMENT = (
    f"exists (select 1 from {WITHIN}cell as c where c.month_start_date = a.month_start_date "
    f"and c.dimension = a.dimension and c.segment = a.segment and {_SAME_COMMUNITY.format('{0}', 'c')})"
)
_ORDER_OF_SEGMENT = (
    f"date_trunc('month', {{0}}.order_date_local) = a.month_start_date and {_SAME_SEGMENT.format('{0}')}"
)
_OF_MAILING = (
    f"exists (select 1 from {WITHIN}{{0}} as c where c.position = 1 and c.{{1}} = b.{{1}} "
    "and c.source_system = a.source_system and c.event_id = a.event_id)"
)
# The days that the expected level is made from stand behind a figure of it, beside its own.
_DEMAND_DAYS = 56
# What no key of one name joins. The key of a visit is a hash of its first event: its events are found by visitor and
# time. A touch bears the id of what it was. To a month of returns belong pieces of its orders, and of older ones whose
# refunds fell into it.
OWN_LINKS = {
    ("kpi.kpi_monthly_return", "core.order_credit_part"): _PIECE_OF_MONTH.format("b"),
    ("kpi.kpi_monthly_return", "core.fct_order"): (
        "exists (select 1 from core.order_credit_part as p "
        f"where p.order_key = b.order_key and {_PIECE_OF_MONTH.format('p')})"
    ),
    ("kpi.kpi_monthly_return", "core.fct_refund"): (
        "b.is_countable and date_trunc('month', b.refund_date_local) = a.month_start_date and ("
        "(a.level = 'shop' and not b.is_order_known) or exists (select 1 from core.order_credit_part as p "
        f"where p.order_key = b.order_key and {_SAME_CELL.format('p')}))"
    ),
    ("kpi.kpi_monthly_return", "core.fct_cohort_day"): (
        f"{_SAME_CELL.format('b')} and b.month_start_date = a.month_start_date"
    ),
    ("kpi.kpi_monthly_return", "core.fct_cost_day"): (
        "date_trunc('month', b.date_local) = a.month_start_date "
        "and b.date_local <= (select max(d.date_local) from core.dim_date as d) and (a.level in ('shop', 'social') "
        "or (b.network = a.network and (a.level = 'network' or b.community_id = a.community_id)))"
    ),
    **by_column(
        "kpi.kpi_daily_benefit",
        "core.fct_refund",
        {
            "": _REFUND.format("a.date_local in (b.refund_date_local, o.order_date_local)"),
            "refund_on_refund_day_amount": _REFUND.format("b.refund_date_local = a.date_local"),
        },
    ),
    **_PRODUCT_LINKS,
    ("kpi.kpi_segment_benefit", "core.fct_order_benefit"): _ORDER_OF_SEGMENT.format("b"),
    ("kpi.kpi_segment_benefit", "core.fct_order"): (
        "exists (select 1 from core.fct_order_benefit as o "
        f"where o.order_key = b.order_key and {_ORDER_OF_SEGMENT.format('o')})"
    ),
    ("kpi.kpi_segment_benefit", "core.dim_community"): _SAME_SEGMENT.format("b"),
    ("kpi.kpi_segment_benefit", "core.fct_community_day"): (
        f"date_trunc('month', b.metric_date) = a.month_start_date and {_SAME_SEGMENT.format('b')}"
    ),
    ("kpi.kpi_events_newsletters", "core.fct_session"): _OF_MAILING.format("visit", "session_key"),
    ("kpi.kpi_events_newsletters", "core.brg_order_session"): _OF_MAILING.format("credited", "order_key"),
    ("kpi.kpi_events_newsletters", "core.fct_order"): _OF_MAILING.format("credited", "order_key"),
    ("kpi.kpi_daily_brand_demand", "core.fct_session"): (
        "a.signal = 'direct_sessions' and b.channel = 'Direct' "
        f"and b.session_date_local between a.date_local - {_DEMAND_DAYS} and a.date_local"
    ),
    ("kpi.kpi_daily_brand_demand", "core.fct_search_day"): (
        "a.signal <> 'direct_sessions' and b.is_brand "
        f"and b.metric_date between a.date_local - {_DEMAND_DAYS} and a.date_local"
    ),
    # As in its SQL: the host of what is known is not named.
    ("kpi.data_visit_rule", "core.fct_session"): (
        "b.session_date_local = a.date_local and b.visit_kind = 'session' and b.rule_id = a.rule_id "
        "and coalesce(b.network, '(none)') = a.network and if(b.is_unknown_referrer "
        "and (not b.is_referrer_spam or b.rule_id = 'referrer_flood') "
        "and not regexp_matches(b.rule_id, '^own_[a-z0-9_]+$'), b.referrer_host, '(none)') = a.unknown_host"
    ),
    ("kpi.kpi_goal_progress", "core.dim_goal_scope"): ("b.kpi_table = split_part(a.kpi, '.', 1) and b.scope = a.scope"),
    ("core.fct_visit", "staging.stg_web_event"): (
        "b.source_system = a.source_system and b.property_id = a.property_id and b.visitor_key = a.visitor_key "
        "and coalesce(b.vendor_session_id, '') = coalesce(a.vendor_session_id, '') "
        "and b.event_ts between a.start_ts and a.end_ts"
    ),
    ("core.fct_visit", "staging.stg_web_session"): (
        "b.source_system = a.source_system and b.property_id = a.property_id and b.session_id = a.vendor_session_id "
        "and b.start_ts = a.start_ts"
    ),
    ("core.fct_search_day", "staging.stg_search_position_day"): _SEARCHED,
    ("core.fct_touch", "core.fct_member_action"): ("a.touch_id = 'action:' || b.source_system || ':' || b.activity_id"),
    ("core.brg_order_touch", "staging.stg_promo_code"): (
        "a.touch_kind = 'promo_code' and a.touch_id = 'code:' || b.code "
        "and exists (select 1 from core.fct_order as o where o.order_key = a.order_key and o.store_id = b.store_id)"
    ),
    **ACTIVITY_LINKS,
    **BUYING_LINKS,
    **DAY_LINKS,
    **QUALITY_LINKS,
}
