"""Joins of data_quality with what each of its shares is measured on: a row of it is a subject and a metric.

Belongs here: for each table that it reads, SQL that says whether a row b of that is in the numerator or the
denominator of a row a. It repeats the SQL of the table: a change there is one here. Does not belong here: joins of
other tables (own_links.py, day_links.py).
"""

from __future__ import annotations

_NO_SPAM = "not coalesce({0}.is_referrer_spam, false)"
# An order with a visit by its number and a note of its own.
_BOTH_KNOWN = (
    "exists (select 1 from core.fct_order as o inner join core.brg_order_session as w on w.order_key = o.order_key "
    "and w.order_date_local = o.order_date_local and w.is_chosen and w.method in ('order_ref', 'visit_order_ref') "
    f"inner join core.fct_session as s on s.session_key = w.session_key and {_NO_SPAM.format('s')} "
    "and s.session_date_local between o.order_date_local - 3 and o.order_date_local + 1 "
    "inner join core.fct_session as n on n.order_key = o.order_key and n.visit_kind = 'order_attribution' "
    f"and n.session_date_local = o.order_date_local and {_NO_SPAM.format('n')} "
    "where o.is_countable and o.order_date_local = a.date_local and {0})"
)
_IS_COUNTABLE = (
    "exists (select 1 from core.fct_order as o where o.order_key = b.order_key "
    "and o.order_date_local = b.order_date_local and o.is_countable)"
)
_OF_ACCOUNT = (
    "exists (select 1 from core.fct_order as o where o.user_key = b.user_key and o.order_date_local = b.date_local)"
)
_MEASURED_ON = {
    "core.fct_order": (
        "b.order_date_local = a.date_local and case "
        "when a.metric = 'countable_share' then true "
        "when a.metric = 'shared_account_share' then b.user_key is not null "
        "when a.metric = 'channel_disagreement_share' then "
        + _BOTH_KNOWN.format("o.order_key = b.order_key")
        + " when a.subject = 'orders' and a.metric = 'missing_rate_share' "
        "then b.is_countable and b.currency <> $shop_currency "
        "when a.subject in ('orders', 'order_to_visit') then b.is_countable end"
    ),
    "core.fct_refund": (
        "a.subject = 'refunds' and b.refund_date_local = a.date_local and b.is_countable "
        "and b.currency <> $shop_currency"
    ),
    "core.brg_order_session": (
        "b.is_chosen and b.order_date_local = a.date_local and case a.metric "
        f"when 'matched_by_' || b.method || '_share' then {_IS_COUNTABLE} when 'channel_disagreement_share' then "
        + _BOTH_KNOWN.format("w.order_key = b.order_key and w.method = b.method")
        + " end"
    ),
    "core.fct_session": (
        "case when a.metric = 'channel_disagreement_share' then "
        + _BOTH_KNOWN.format("b.session_key in (s.session_key, n.session_key)")
        + " else b.session_date_local = a.date_local and b.visit_kind = 'session' and case a.metric "
        f"when 'referrer_spam_share' then true when 'unassigned_share' then {_NO_SPAM.format('b')} "
        "when 'dark_social_at_most_share' then b.channel = 'Direct' "
        "when 'social_without_community_share' then b.network is not null end end"
    ),
    "core.brg_order_visitor": "a.metric = 'shared_device_share' and b.order_date_local = a.date_local",
    "core.brg_shared_account": f"a.metric = 'shared_account_share' and b.date_local = a.date_local and {_OF_ACCOUNT}",
    "core.brg_customer_member": "a.metric = 'shared_member_share' and b.link_date_local = a.date_local",
    "core.fct_event_day": "a.subject = 'events' and b.event_date_local = a.date_local",
    "core.fct_feed_arrival": (
        "a.metric in ('late_share', 'restated_share') and a.subject = 'feed:' || b.feed and b.date_local = a.date_local"
    ),
    "core.fct_feed_day": (
        "a.metric = 'silent_share' and a.subject = 'feed:' || b.feed and b.date_local <= a.date_local"
    ),
}
QUALITY_LINKS = {("kpi.data_quality", table): link for table, link in _MEASURED_ON.items()}
