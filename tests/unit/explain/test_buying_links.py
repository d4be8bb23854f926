"""Figures of potential customers, social visits and credit: exactly the rows that each column is made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.explain.filled import Filled

DAY = date(2026, 3, 31)
PLACE = {"network": "telegram", "community_id": "77"}
NOWHERE = {"network": "(none)", "community_id": "(none)"}


def before(days: int) -> date:
    return DAY - timedelta(days=days)


@pytest.fixture
def waiting(work: Filled) -> Filled:
    """Five wait for up to six days and five for seven, one has bought; five waits ended in orders, one in none."""
    work.put("core.dim_date", [{"date_local": before(n)} for n in (0, 6, 27)])
    rows = [
        *({"person_key": f"w{n}", "date_local": before(6 if n == 1 else 0), "state": "intent"} for n in range(1, 6)),
        *({"person_key": f"o{n}", "date_local": before(7), "state": "intent"} for n in range(1, 6)),
        {"person_key": "back", "date_local": before(2), "state": "intent"},
        {"person_key": "back", "date_local": before(1), "state": "bought", "previous_state": "engaged", "orders": 1}
        | {"previous_date_local": before(2)},
        *(
            {
                "person_key": f"b{n}",
                "date_local": before(27),
                "state": "bought",
                "previous_state": "intent",
                "orders": 1,
            }
            | {"previous_date_local": before(29)}
            for n in range(1, 6)
        ),
        {"person_key": "gone", "date_local": before(1), "state": "lapsed", "previous_state": "intent"}
        | {"previous_date_local": before(5)},
    ]
    work.put("core.fct_potential_customer", rows, is_social=True, orders=0, cart_amount=0, list_amount=0)
    told = {"people": 5, "bought_people_28_days": 5, "lapsed_people_28_days": None}
    work.put(
        "kpi.kpi_daily_potential_customers",
        [{"age_band": "00-06", **told}, {"age_band": "07-13", "people": None}],
        date_local=DAY,
        origin="social",
        state="intent",
    )
    return work


@pytest.mark.parametrize(
    ("column", "band", "found"),
    [
        ("people", "00-06", ["w1", "w2", "w3", "w4", "w5"]),
        ("bought_people_28_days", "00-06", ["b1", "b2", "b3", "b4", "b5"]),
        # Of fewer than five nothing is said.
        ("lapsed_people_28_days", "00-06", []),
        ("people", "07-13", []),
    ],
)
def test_who_waits_is_told_from_whose_wait_ended(waiting: Filled, column: str, band: str, found: list[str]) -> None:
    figure, table = f"kpi_daily_potential_customers.{column}", "core.fct_potential_customer"
    of = {"age_band": band, "origin": "social", "state": "intent"}
    assert waiting.behind(figure, DAY, table, "person_key", **of) == found
    assert waiting.behind("kpi_daily_potential_customers", DAY, "core.dim_date", "date_local", **of) == [DAY]


def test_a_state_rests_on_the_signs_of_its_wait_and_of_the_one_before(waiting: Filled) -> None:
    """Each sign on what was done under another word."""
    wait = waiting.settings.rules.potential_days
    signs = [
        ("b1", 27, "bought", "o"),
        ("b1", 29, "cart", "sku"),
        ("b1", 29 + wait, "view", "old"),
        ("b2", 1, "save", ""),
    ]
    waiting.put(
        "core.fct_interest_sign",
        [{"person_key": p, "sign_date_local": before(n), "sign": s, "subject": of} for p, n, s, of in signs]
        + [{"person_key": "b1", "sign_date_local": before(30 + wait), "sign": "view", "subject": "older"}],
    )
    item = {"visitor_key": "b1", "event_date_local": before(29), "sku": "sku", "source_system": "s", "property_id": "1"}
    waiting.put(
        "core.fct_item_event",
        [{"event_key": name, "event_name": name} for name in ("add_to_cart", "view_item")],
        item_no=1,
        session_key="v",
        **item,
    )
    visits = [{"session_key": "v"}, {"session_key": "unlike"}]
    waiting.put("core.fct_session", visits, session_date_local=before(29), visitor_key="b1", visit_kind="session")
    waiting.put("core.fct_order", [{"order_key": "o"}], order_date_local=before(27), is_countable=True)

    def of(table: str, column: str) -> list[str]:
        figure = "kpi_daily_potential_customers.bought_people_28_days"
        return waiting.behind(figure, DAY, table, column, age_band="00-06", origin="social", state="intent")

    assert of("core.fct_interest_sign", "subject") == ["o", "old", "sku"]
    assert of("core.fct_item_event", "event_key") == ["add_to_cart"]
    assert of("core.fct_session", "session_key") == ["v"]
    assert of("core.fct_order", "order_key") == ["o"]


def test_orders_of_social_visits_are_those_placed_in_them(work: Filled) -> None:
    """Not those that the customer placed later, nor those outside the order book."""
    visit = {"session_date_local": DAY, "landing_section": "product", "visit_kind": "session"}
    visits = [{"session_key": "1"}, {"session_key": "2", "landing_section": "home"}]
    work.put("core.fct_session", visits, **(visit | PLACE))
    for order, session, method, counts in (
        ("in it", "1", "order_ref", True),
        ("later", "1", "customer_window", True),
        ("test", "1", "order_ref", False),
        ("elsewhere", "2", "order_ref", True),
    ):
        work.put("core.fct_order", [{"order_key": order}], order_date_local=DAY, is_countable=counts)
        link = {"order_key": order, "session_key": session, "method": method, "is_chosen": True}
        work.put("core.brg_order_session", [link], order_date_local=DAY)
    work.put("kpi.kpi_daily_social_traffic", [{"date_local": DAY, "landing_section": "product"}], **PLACE)
    for table in ("core.fct_order", "core.brg_order_session"):
        assert work.behind("kpi_daily_social_traffic.orders", DAY, table, "order_key") == ["in it"]


@pytest.fixture
def credited(work: Filled) -> Filled:
    """Orders of the day by a social and a direct visit and by a direct one; two older by social ones."""
    social, direct = {"channel": "Organic Social", **PLACE}, {"channel": "Direct", **NOWHERE}
    paths = {"both": (DAY, [social, direct]), "direct": (DAY, [direct]), "old": (before(89), [social])}
    paths["older"] = (before(90), [social])
    for order, (day, path) in paths.items():
        for place, unit in enumerate(path, 1):
            visit = {"order_key": order, "session_key": f"{order} {place}", "touch_position": place, **unit}
            rows = [{"model": model} for model in ("first", "last", "linear")]
            work.put("core.fct_attribution_credit", rows, order_date_local=day, path_length=len(path), **visit)
            shared = {"order_key": order, "order_date_local": day, "unit_position": place, "level": "community", **unit}
            work.put("core.fct_model_credit", [{"model": "markov", "window_end_date": before(31)}], **shared)
    ends = [{"window_end_date": DAY}, {"window_end_date": before(31)}]
    for unit in (social, direct):
        for model in ("markov", "shapley"):
            chain = {"level": "community", "model": model, "window_first_date": before(89), **unit}
            work.put("core.fct_attribution_window", ends, **chain)
    for model in ("first", "markov"):
        work.put("kpi.kpi_daily_attribution", [{"date_local": DAY, "model": model}], **social)
        work.put(
            "kpi.kpi_daily_channel_attribution", [{"date_local": DAY, "model": model, "channel": social["channel"]}]
        )
        window = {"window_end_date": DAY, "window_first_date": before(89), "level": "community", "model": model}
        work.put("kpi.kpi_attribution_window", [window], **social)
    return work


@pytest.mark.parametrize(
    ("figure", "model", "found"),
    [
        ("kpi_daily_attribution.credited_orders", "first", ["both 1 first"]),
        ("kpi_daily_attribution.assisted_orders", "first", ["both 1 first", "both 2 last"]),
        ("kpi_daily_attribution.credited_orders", "markov", ["both 1 linear", "both 2 linear"]),
        ("kpi_daily_channel_attribution.credited_orders", "first", ["both 1 first"]),
        ("kpi_daily_channel_attribution.last_orders", "first", ["both 1 linear"]),
        ("kpi_daily_channel_attribution.median_lag_days", "first", ["both 1 linear", "both 2 linear"]),
        ("kpi_attribution_window.credited_orders", "first", ["both 1 first", "old 1 first"]),
        ("kpi_attribution_window.p90_path_length_visits", "first", ["both 1 linear", "old 1 linear"]),
        ("kpi_attribution_window.p90_lag_days", "first", ["both 1 linear", "both 2 linear", "old 1 linear"]),
        # The chain looks at all paths at once.
        (
            "kpi_attribution_window.credited_orders",
            "markov",
            ["both 1 linear", "both 2 linear", "direct 1 linear", "old 1 linear"],
        ),
    ],
)
def test_credit_is_of_the_unit_and_of_the_paths_that_it_is_on(
    credited: Filled, figure: str, model: str, found: list[str]
) -> None:
    row = "session_key || ' ' || model"
    assert credited.behind(figure, DAY, "core.fct_attribution_credit", row, model=model) == found


def test_markov_is_followed_to_the_effects_of_the_month_before(credited: Filled) -> None:
    """Of all units on the order's path, and these to the visits that the chain looked at."""
    visits: list[dict[str, Any]] = [{"session_key": "in", "session_date_local": before(40)}, {"session_key": "out"}]
    known = {"visitor_key": "v", "visit_kind": "session", "session_date_local": before(90)}
    credited.put("core.fct_session", visits, **known)
    unit = "channel || ' ' || model || ' ' || window_end_date"

    def of(table: str, column: str, model: str, figure: str = "kpi_daily_attribution.credited_orders") -> list[str]:
        return credited.behind(figure, DAY, table, column, model=model)

    assert of("core.fct_model_credit", "order_key", "markov") == ["both"]
    effects = [f"{channel} markov 2026-02-28" for channel in ("Direct", "Organic Social")]
    assert of("core.fct_attribution_window", unit, "markov") == effects
    assert of("core.fct_session", "session_key", "markov") == ["in"]
    window = "kpi_attribution_window"
    chain = "core.fct_attribution_window"
    assert of(chain, unit, "first", f"{window}.touched_orders") == ["Organic Social shapley 2026-03-31"]
    assert of(chain, unit, "markov", f"{window}.removal_effect") == ["Organic Social markov 2026-03-31"]
