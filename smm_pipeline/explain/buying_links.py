"""Joins of who may buy, of visits and of credit with what these are made from.

Belongs here: of figures of potential customers, social visits and attribution, and of the tables of core below them,
SQL that says whether a row b of the one upstream is behind a row a of the other. Does not belong here: links of what
communities do (activity_links.py), and of other figures (own_links.py).
"""

from __future__ import annotations

from smm_pipeline.explain.link_parts import WITHIN, by_column

BUYING_PARTS = {"kpi.kpi_daily_potential_customers": ("history", "ending", "age_band", "shown")}
_WAITING, _POTENTIAL = "kpi.kpi_daily_potential_customers", "core.fct_potential_customer"
# The age of a wait, or the one that it is put together with because so few people have it.
_OF_BAND = (
    f"inner join {WITHIN}age_band as g on g.age_days = {{age}} left join {WITHIN}shown as s on s.origin = {{0}}.origin "
    "and s.state = {0}.state and s.age_band = g.age_band where {0}.person_key = b.person_key "
    "and {0}.date_local = b.date_local and {0}.origin = a.origin and {0}.state = a.state "
    "and coalesce(s.shown_band, g.age_band) = a.age_band"
)
# Of fewer than five people nothing is said, and nothing is behind it.
_WAITS = (
    f"a.people is not null and exists (select 1 from {WITHIN}history as h "
    f"{_OF_BAND.format('h', age='a.date_local - h.date_local')} "
    "and h.date_local > a.date_local - $potential_days and h.date_local <= a.date_local "
    "and (h.next_date is null or h.next_date > a.date_local))"
)
_ENDED = (
    f"exists (select 1 from {WITHIN}ending as e {_OF_BAND.format('e', age='e.age_days')} "
    "and e.date_local between a.date_local - 27 and a.date_local and {0})"
)
_BOUGHT = f"a.bought_people_28_days is not null and {_ENDED.format('e.is_bought')}"
_LAPSED = f"a.lapsed_people_28_days is not null and {_ENDED.format('not e.is_bought')}"
_PERSON_LINKS = {
    **by_column(
        _WAITING,
        _POTENTIAL,
        {
            "is_hidden people cart_amount list_amount items_without_amount": _WAITS,
            "expiring_people": f"b.date_local <= a.date_local - ($potential_days - 7) and {_WAITS}",
            "bought_people_28_days": _BOUGHT,
            "lapsed_people_28_days lapsed_amount_28_days": _LAPSED,
            "": f"({_WAITS}) or ({_BOUGHT}) or ({_LAPSED})",
        },
    ),
    (_WAITING, "core.dim_date"): "b.date_local = a.date_local",
    # A state rests on the signs of one wait, the state before it on those of the wait before.
    (_POTENTIAL, "core.fct_interest_sign"): (
        "b.person_key = a.person_key and b.sign_date_local "
        "between coalesce(a.previous_date_local, a.date_local) - $potential_days and a.date_local"
    ),
}
_SIGN_OF_ITEM = (
    "{0}.visitor_key = a.person_key and {0}.event_date_local = a.sign_date_local and {0}.sku = a.subject "
    "and a.sign = case {0}.event_name when 'add_to_cart' then 'cart' when 'add_to_wishlist' then 'save' else 'view' end"
)
_SIGN = "core.fct_interest_sign"
# Signs have words of their own for what was done.
_SIGN_LINKS = {
    (_SIGN, "core.fct_item_event"): _SIGN_OF_ITEM.format("b"),
    (_SIGN, "core.fct_session"): (
        "b.visitor_key = a.person_key and b.session_date_local between a.sign_date_local - 1 and a.sign_date_local "
        "and ((a.sign = 'engaged' and b.session_date_local = a.sign_date_local and b.visit_kind = 'session' "
        "and b.is_engaged and not coalesce(b.is_referrer_spam, false)) or exists ("
        "select 1 from core.fct_item_event as i "
        f"where i.session_key = b.session_key and {_SIGN_OF_ITEM.format('i')}))"
    ),
    (_SIGN, "core.fct_member_action"): (
        "coalesce(b.customer_key, b.network || ':' || b.member_key) = a.person_key "
        "and b.activity_date_local = a.sign_date_local and b.member_key is not null and b.action <> 'leave' "
        "and a.sign = case b.action when 'save' then 'save' when 'join' then 'subscription' else 'engaged' end "
        "and a.subject = '' and exists (select 1 from core.dim_community as c "
        "where c.network = b.network and c.community_id = b.community_id and c.is_own)"
    ),
    (_SIGN, "core.fct_order"): "b.order_key = a.subject and a.sign = 'bought'",
    (_SIGN, "core.brg_order_session"): "b.order_key = a.subject and a.sign = 'bought' and b.is_chosen",
    (_SIGN, "core.brg_order_visitor"): (
        "b.order_key = a.subject and a.sign = 'bought' and b.visitor_key = a.person_key"
    ),
}
_TRAFFIC = "kpi.kpi_daily_social_traffic"
_VISIT = (
    "{0}.session_date_local = a.date_local and {0}.network = a.network and {0}.visit_kind = 'session' "
    "and coalesce({0}.community_id, '(unknown)') = a.community_id and {0}.landing_section = a.landing_section "
    "and not coalesce({0}.is_referrer_spam, false)"
)
_PLACED = (
    f"exists (select 1 from core.fct_session as v where v.session_key = {{0}}.session_key and {_VISIT.format('v')})"
)
_TRAFFIC_LINKS = {
    (_TRAFFIC, "core.fct_session"): _VISIT.format("b"),
    (_TRAFFIC, "core.brg_order_session"): (
        f"{_PLACED.format('b')} and exists (select 1 from core.fct_order as o "
        "where o.order_key = b.order_key and o.is_countable)"
    ),
    (_TRAFFIC, "core.fct_order"): (
        "exists (select 1 from core.brg_order_session as s where s.order_key = b.order_key "
        f"and s.is_chosen and s.method in ('order_ref', 'visit_order_ref') and {_PLACED.format('s')})"
    ),
}
_CREDIT, _SHARED, _CHAIN = "core.fct_attribution_credit", "core.fct_model_credit", "core.fct_attribution_window"
# Each model has a row of every visit, so those of one tell the path; Markov and Shapley share out what is on it.
_IS_SHARED = "a.model in ('markov', 'shapley')"
_ON_PATH = (
    "exists (select 1 from core.fct_attribution_credit as p "
    "where p.order_key = b.order_key and p.model = 'linear' and {0})"
)
_CLOSING = "b.model = 'last' and b.touch_position = b.path_length"


def _credited(unit: str) -> str:
    """Rows of credit that a unit has by the model, else, of a model that shares out paths, these paths."""
    on_path = f"b.model = 'linear' and {_ON_PATH.format(unit.format('p'))}"
    return f"if({_IS_SHARED}, {on_path}, b.model = a.model and {unit.format('b')})"


_OF_DAY = "{0}.order_date_local = a.date_local and {0}.channel = a.channel"
_OF_CELL = f"{_OF_DAY} and {{0}}.network = a.network and {{0}}.community_id = a.community_id"
_OF_UNIT = (
    "{0}.channel = a.channel and (a.level = 'channel' or "
    "({0}.network = a.network and {0}.community_id = a.community_id)) "
    "and {0}.order_date_local between a.window_first_date and a.window_end_date"
)
_DAILY, _CHANNELS, _WINDOW = (
    "kpi.kpi_daily_attribution",
    "kpi.kpi_daily_channel_attribution",
    "kpi.kpi_attribution_window",
)
_CREDITED = "credited_orders orders_without_amount credited_revenue_amount"
_WINDOW_CREDITED = (
    "credited_orders credited_orders_low credited_orders_high "
    "credited_revenue_amount credited_revenue_low_amount credited_revenue_high_amount removal_effect"
)
_ALL_PATHS = "b.model = 'linear' and b.order_date_local between a.window_first_date and a.window_end_date"
_WINDOW_CREDIT = f"if({_IS_SHARED}, {_ALL_PATHS}, b.model = a.model and {_OF_UNIT.format('b')})"
_JOURNEY = f"b.model = 'linear' and {_ON_PATH.format(_OF_UNIT.format('p'))}"
_SAME_UNIT = " and ".join(
    f"b.{name} = a.{name}" for name in ("window_end_date", "level", "channel", "network", "community_id")
)
_CREDIT_LINKS = {
    **by_column(
        _DAILY,
        _CREDIT,
        {
            _CREDITED: _credited(_OF_CELL),
            # Whether an order is assisted the last visit on its path says.
            "": f"({_credited(_OF_CELL)}) or ({_CLOSING} and {_ON_PATH.format(_OF_CELL.format('p'))})",
        },
    ),
    (_DAILY, _SHARED): f"b.model = a.model and b.level = 'community' and {_OF_CELL.format('b')}",
    **by_column(
        _CHANNELS,
        _CREDIT,
        {
            _CREDITED: _credited(_OF_DAY),
            "touched_orders last_orders assisted_orders assisted_to_last_ratio median_path_length_visits": (
                f"b.model = 'linear' and {_OF_DAY.format('b')}"
            ),
            # A path is as old as its first visit, of whatever channel.
            "median_lag_days": f"b.model = 'linear' and {_ON_PATH.format(_OF_DAY.format('p'))}",
            "": (f"({_credited(_OF_DAY)}) or (b.model = 'linear' and {_ON_PATH.format(_OF_DAY.format('p'))})"),
        },
    ),
    (_CHANNELS, _SHARED): f"b.model = a.model and b.level = 'channel' and {_OF_DAY.format('b')}",
    **by_column(
        _WINDOW,
        _CREDIT,
        {
            _WINDOW_CREDITED: _WINDOW_CREDIT,
            "median_path_length_visits p90_path_length_visits": (
                f"b.model = 'linear' and b.session_key <> 'none' and {_OF_UNIT.format('b')}"
            ),
            "median_lag_days p90_lag_days": f"b.session_key <> 'none' and {_JOURNEY}",
            "": f"({_WINDOW_CREDIT}) or ({_JOURNEY})",
        },
    ),
    **by_column(
        _WINDOW,
        _CHAIN,
        {
            _WINDOW_CREDITED: f"{_SAME_UNIT} and b.model = a.model",
            "touched_orders last_orders assisted_orders assisted_to_last_ratio unconverted_paths "
            "converted_paths_share has_too_few_paths": f"{_SAME_UNIT} and b.model = 'shapley'",
            "": f"{_SAME_UNIT} and b.model in (a.model, 'shapley')",
        },
    ),
    # The chain looks at all paths at once: those of orders, and visits that led to none.
    (_CHAIN, _CREDIT): _ALL_PATHS,
    (_CHAIN, "core.fct_session"): (
        "b.session_date_local between a.window_first_date and a.window_end_date and b.visit_kind = 'session' "
        "and b.visitor_key is not null and not coalesce(b.is_referrer_spam, false)"
    ),
    # An order is shared out by the effects of all units on its path.
    (_SHARED, _CHAIN): (
        "a.model = 'markov' and b.model = 'markov' and b.level = a.level and b.window_end_date = a.window_end_date "
        "and exists (select 1 from core.fct_model_credit as u where u.order_key = a.order_key and u.level = a.level "
        "and u.model = a.model and u.channel = b.channel and u.network = b.network and u.community_id = b.community_id)"
    ),
}
BUYING_LINKS = {**_PERSON_LINKS, **_SIGN_LINKS, **_TRAFFIC_LINKS, **_CREDIT_LINKS}
