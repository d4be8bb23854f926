"""The rows of a work database that `smm explain` is tried on: two orders of one day, and what led to one of them.

Belongs here: the rows. Does not belong here: what is found from them; the tests say so.
"""

from __future__ import annotations

from typing import Any

DAY, VISITOR, BUYER, VISIT = "2026-03-10", "ab" * 32, "cd" * 32, "ef" * 16
SHOP = {"source_system": "woocommerce", "store_id": "main"}
SITE = {"source_system": "ga4", "property_id": "1", "visitor_key": VISITOR, "vendor_session_id": None}
PLACE = {"network": "telegram", "community_id": "77"}
CELL = {"model": "benefit_touch", "level": "community", **PLACE}
AMOUNTS = {"gross_revenue_amount": 100, "refund_amount": 0, "net_revenue_amount": 100, "margin_amount": None}


def _raw(feed: str, delivery: str, row: int, columns: dict[str, Any], *, current: bool = True) -> dict[str, Any]:
    lineage = {"_feed": feed, "_delivery_id": delivery * 64, "_source_row": row, "_is_current": current}
    return {**columns, **lineage, "_row_hash": f"{delivery}{row}"}


def _order(number: int, **columns: Any) -> dict[str, Any]:
    key = {"order_key": f"woocommerce|main|{number}", "order_id": str(number), "order_ref": f"10{number}"}
    return {**SHOP, **key, **AMOUNTS, "order_date_local": DAY, "is_countable": True, **columns}


def _event(key: str, minute: int) -> dict[str, Any]:
    return {**SITE, "event_key": key, "event_ts": f"{DAY} 10:{minute:02}:00+00", "event_date_local": DAY}


def _credit(number: int, day: str, **columns: Any) -> dict[str, Any]:
    return {"order_key": f"woocommerce|main|{number}", "order_date_local": day, **CELL, **columns}


def _refund(number: int, day: str) -> dict[str, Any]:
    known = {"is_countable": True, "is_order_known": True}
    return {"refund_key": f"r{number}", "order_key": f"woocommerce|main|{number}", "refund_date_local": day, **known}


def _changed(when: str, new: int, **columns: Any) -> dict[str, Any]:
    """A change of order 7's credit: what it was before has none since, and the other way round."""
    return {
        "order_key": "woocommerce|main|7",
        "order_date_local": DAY,
        "model": "benefit_touch",
        "level": "touch",
        "channel": "(all)",
        "network": "(none)",
        "community_id": "(none)",
        "old_credited_orders": 1 - new,
        "new_credited_orders": new,
        "reason": "data",
        "feeds": ["web"],
        "delivery_ids": ["d2"],
        "run_id": "r2",
        "changed_at": when,
        **columns,
    }


# Two orders of one day: 7 came by a visit from a community, 8 by nothing that is known; and one event after the visit.
ROWS: dict[str, list[dict[str, Any]]] = {
    "raw.shop_order": [
        _raw("orders", "a", 3, {**SHOP, "order_id": "7", "order_date_local": DAY}, current=False),
        _raw("orders", "b", 12, {**SHOP, "order_id": "7", "order_date_local": DAY}),
        _raw("orders", "b", 13, {**SHOP, "order_id": "8", "order_date_local": DAY}),
    ],
    "raw.web_event": [_raw("web", "c", n, _event(f"e{n}", minute)) for n, minute in ((4, 0), (5, 8), (6, 30))],
    "staging.stg_shop_order": [{**SHOP, "order_id": n, "order_date_local": DAY} for n in ("7", "8")],
    "staging.stg_web_event": [_event("e4", 0), _event("e5", 8), _event("e6", 30)],
    "core.fct_order": [
        _order(7, customer_key=BUYER, coupon_codes="olha-friend", status="completed"),
        _order(8, order_number="1007-B"),
        _order(9, order_ref="108", is_countable=False, excluded_reason="test"),
    ],
    "core.fct_visit": [{**SITE, "visit_key": VISIT, "start_ts": f"{DAY} 10:00:00+00", "end_ts": f"{DAY} 10:09:00+00"}],
    "core.fct_session": [
        {"session_key": VISIT, "visitor_key": VISITOR, "session_date_local": DAY, "channel": "Organic Social", **PLACE}
        | {"visit_kind": "session", "is_engaged": True}
        | {"rule_id": "organic_social_source", "community_method": "campaign_tag", "landing_url": "https://s/?m=a@b.c"}
    ],
    "core.brg_order_session": [
        {"order_key": "woocommerce|main|7", "session_key": VISIT, "order_date_local": DAY, "is_chosen": chosen}
        | {"method": method, "confidence": confidence}
        for method, confidence, chosen in (("customer_window", "likely", False), ("order_ref", "certain", True))
    ],
    "core.brg_order_visitor": [
        {"order_key": "woocommerce|main|7", "visitor_key": VISITOR, "order_date_local": DAY, "method": "buying_visit"}
    ],
    "core.brg_order_touch": [
        {
            "order_key": "woocommerce|main|7",
            "order_date_local": DAY,
            "touch_id": f"visit:{VISIT}",
            "reason": "buying_visit",
        }
        | {"touch_kind": "visit", "age_seconds": 540, "match_reason": "product_group", "is_matched": True, **PLACE}
    ],
    "core.fct_touch": [{"touch_id": f"visit:{VISIT}", "touch_date_local": DAY, "session_key": VISIT, **PLACE}],
    "core.fct_order_benefit": [
        {"order_key": "woocommerce|main|7", "order_date_local": DAY, "benefit_class": "D2_impulse", "rule_id": "D2"}
        | {"touch_id": f"visit:{VISIT}", "touches": 1, **PLACE},
        {"order_key": "woocommerce|main|8", "order_date_local": DAY, "benefit_class": "no_social_touch"}
        | {"rule_id": "none", "touches": 0},
    ],
    "core.brg_order_hint": [
        {"order_key": "woocommerce|main|8", "order_date_local": DAY, "hint": "survey", "network": "telegram"}
    ],
    "core.fct_attribution_credit": [
        {"order_key": "woocommerce|main|7", "order_date_local": DAY, "model": "last", "session_key": VISIT, **PLACE}
        | {"touch_position": 1, "path_length": 1, "channel": "Organic Social", "credited_orders": 1}
        | {"credited_revenue_amount": 100}
    ],
    "core.fct_model_credit": [
        {"order_key": "woocommerce|main|7", "order_date_local": DAY, "model": "markov", "level": level}
        | {
            "unit_position": 1,
            "channel": "Organic Social",
            "credited_orders": 1,
            "credited_revenue_amount": 100,
            **place,
        }
        for level, place in (("channel", {"network": "(all)", "community_id": "(all)"}), ("community", PLACE))
    ],
    "core.fct_interest_sign": [{"person_key": VISITOR, "sign_date_local": DAY, "sign": "engaged", "subject": ""}],
    "core.fct_potential_customer": [
        {"person_key": person, "date_local": DAY, "state": "engaged", "is_social": True}
        for person in (VISITOR, "p2", "p3", "p4", "p5")
    ],
    "kpi.kpi_daily_potential_customers": [
        {"date_local": DAY, "origin": "social", "state": "engaged", "age_band": "00-06", "people": 5}
    ],
    "core.fct_refund": [
        {"refund_key": "r", "order_key": "woocommerce|main|8", "refund_date_local": DAY},
        _refund(6, "2026-03-20"),
        _refund(5, "2026-02-21"),
        _refund(4, "2026-03-21"),
    ],
    "core.order_credit_part": [
        _credit(7, DAY),
        _credit(7, DAY, model="last"),
        _credit(6, "2026-02-20"),
        _credit(5, "2026-02-20"),
        _credit(4, DAY, community_id="78"),
    ],
    "core.fct_cohort_day": [{**CELL, "month_start_date": month, "days": 0} for month in ("2026-02-01", "2026-03-01")],
    "core.fct_cost_day": [
        {**cost, "source_system": "costs", "kind": "ads"}
        for cost in (
            {"date_local": DAY, **PLACE},
            {"date_local": DAY, "network": "telegram", "community_id": "78"},
            {"date_local": "2026-02-20", **PLACE},
            {"date_local": "2026-03-31", **PLACE},
        )
    ],
    "meta.credit_change": [
        _changed("2026-03-11 08:00:00+00", 0, model="last", level="visit", channel="Direct"),
        _changed("2026-03-11 08:00:00+00", 1, model="last", level="visit", channel="Organic Social", **PLACE),
        _changed("2026-03-11 08:00:01+00", 0, benefit_class="no_social_touch", rule_id="none", post_id="(none)"),
        _changed("2026-03-11 08:00:01+00", 1, benefit_class="D2_impulse", rule_id="D2", post_id="12", **PLACE),
        _changed(
            "2026-03-12 08:00:00+00",
            1,
            old_credited_orders=1,
            benefit_class="D2_impulse",
            rule_id="D2",
            post_id="12",
            **PLACE,
        ),
    ],
    "core.dim_date": [{"date_local": DAY}],
    "kpi.kpi_monthly_return": [{**CELL, "month_start_date": "2026-03-01"}],
    "core.dim_community": [
        {**PLACE, "community_name": "Дім", "handle": "dim", "is_own": True},
        {"network": "vk", "community_id": "78", "community_name": "Дім", "is_own": True},
    ],
    "kpi.kpi_daily_benefit": [
        {"date_local": DAY, **PLACE, "benefit_class": "D2_impulse", "orders": 1, "net_revenue_amount": 100},
        {"date_local": DAY, "network": "(none)", "community_id": "(none)", "benefit_class": "no_social_touch"}
        | {"orders": 1, "net_revenue_amount": 100},
    ],
    "kpi.kpi_platform_choice": [{"month_start_date": "2026-03-01", "network": "vk", "orders": 3}],
    "kpi.kpi_goal_progress": [
        {"source_system": "goals", "name": name, "kpi": kpi, "starts_on": starts_on, "due_on": "2026-06-30"}
        for name, kpi, starts_on in (
            ("early", "kpi_daily_benefit.orders", "2026-01-01"),
            ("late", "kpi_daily_social_traffic.sessions", "2026-03-01"),
        )
    ],
    "kpi.kpi_daily_share_of_voice": [{"date_local": DAY, "brand": "Kozak", "is_own": True, "mentions": 1}],
    "meta.delivery": [
        {
            "feed": feed,
            "delivery_id": name * 64,
            "file_path": path,
            "byte_count": 1,
            "extracted_ts": f"{DAY} 12:00:00+00",
        }
        | {"mapping_hash": "m", "status": "loaded", "warnings": [], "run_id": "r", "recorded_at": f"{DAY} 12:00:00+00"}
        for feed, name, path in (("orders", "a", "old.json"), ("orders", "b", "new.json"), ("web", "c", "web.jsonl"))
    ],
}
