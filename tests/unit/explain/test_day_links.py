"""Daily tables whose SQL picks its rows in steps: on the cases of the SQL, exactly the rows that a figure counts.

Belongs here: figures, as the cases of tests/sql write them out, against the rows that `smm explain` finds behind them.
Does not belong here: what the figures are; the cases say so.
"""

from __future__ import annotations

import pytest

from tests.unit.explain.cases import Case

TRAFFIC = "kpi_daily_content_traffic/social_against_the_rest"
MATCH = "kpi_daily_order_match/ways_that_agree_and_disagree"
RECOMMENDED = "kpi_daily_recommendation/from_a_repost_or_a_code_to_its_sales"
SENSITIVITY = "kpi_benefit_sensitivity/classes_under_ten_variants"
RULES = "kpi_content_rules/rules_of_two_days"


@pytest.mark.parametrize(
    ("case", "figure", "upstream", "measure"),
    [
        (TRAFFIC, "sessions", "core.fct_session", "count(*)"),
        (TRAFFIC, "pageviews", "core.fct_session", "sum(pageviews)"),
        (TRAFFIC, "later_orders", "core.fct_order", "count(*)"),
        (TRAFFIC, "later_orders", "core.brg_order_visitor", "count(*)"),
        (TRAFFIC, "later_net_revenue_amount", "core.fct_order", "sum(net_revenue_amount)"),
        (TRAFFIC, "page_search_clicks", "core.fct_search_day", "sum(clicks)"),
        (TRAFFIC, "page_search_impressions", "core.fct_search_day", "sum(impressions)"),
        (MATCH, "orders", "core.fct_order", "count(*)"),
        (MATCH, "net_revenue_amount", "core.fct_order", "sum(net_revenue_amount)"),
        (RECOMMENDED, "orders", "core.fct_order", "count(*)"),
        (RECOMMENDED, "orders", "core.brg_order_touch", "count(*)"),
        (RECOMMENDED, "credited_orders", "core.fct_order", "count(*)"),
        (RECOMMENDED, "net_revenue_amount", "core.fct_order", "sum(net_revenue_amount)"),
        (RECOMMENDED, "recommendations", "core.fct_member_action", "count(*)"),
        (RECOMMENDED, "visits", "core.fct_touch", "count(*)"),
        (SENSITIVITY, "orders", "core.fct_order_benefit", "count(*)"),
        (SENSITIVITY, "net_revenue_amount", "core.fct_order", "sum(net_revenue_amount)"),
    ],
    indirect=["case"],
)
def test_behind_each_row_stands_what_it_counts(case: Case, figure: str, upstream: str, measure: str) -> None:
    found = [float(case.behind(row, figure, upstream, measure) or 0) for row in case.expect]
    assert found == [float(row[figure] or 0) for row in case.expect]
    assert any(found)


@pytest.mark.parametrize("case", [TRAFFIC], indirect=True)
def test_a_return_is_seen_by_the_next_visit(case: Case) -> None:
    """s1's visitor, who is s1b's too, came back in time; s2's did not, and of the 13th nothing is known yet."""
    social, other, *_ = case.expect
    young = next(row for row in case.expect if str(row["date_local"]) == "2026-03-13" and row["sessions"])
    keys = "string_agg(session_key, ' ' order by session_key)"
    assert case.behind(social, "returned_sessions", "core.fct_session", keys) == "back1 s1 s2 s3"
    assert case.behind(other, "returned_share", "core.fct_session", keys) == "back1 s1b s4"
    assert case.behind(young, "returned_share", "core.fct_session", keys) == "s5"


@pytest.mark.parametrize("case", [MATCH], indirect=True)
def test_a_share_of_matched_orders_is_of_all_with_the_same_note(case: Case) -> None:
    """Of four orders of one note two have a direct visit, one of them by number and by customer; both bear the note."""
    keys = "string_agg(order_key, ' ' order by order_key)"
    row = next(row for row in case.expect if row["orders"] == 2)
    assert case.behind(row, "matched_share", "core.fct_order", keys) == "likely note other same"
    assert case.behind(row, "orders", "core.fct_order", keys) == "likely other"
    ways = "string_agg(order_key || ' ' || method, ', ' order by order_key, method)"
    assert case.behind(row, None, "core.brg_order_session", ways) == (
        "likely customer_window, likely order_attribution, "
        "other customer_window, other order_attribution, other visit_order_ref"
    )
    visits = "string_agg(session_key, ' ' order by session_key)"
    assert case.behind(row, None, "core.fct_session", visits) == "direct email n1"


@pytest.mark.parametrize("case", [RULES], indirect=True)
@pytest.mark.parametrize(
    ("rule", "upstream", "key", "of_the_10th", "of_the_11th"),
    [
        ("hashtag_on_every_post", "core.fct_post", "post_id", "a b d", "a b d"),
        ("style_varied", "core.fct_post", "post_id", "a b d", "a b d"),
        ("photo_resolution", "core.fct_media", "media_id", "1 2", "1 2"),
        ("one_product_one_album", "core.fct_media", "media_id", "1 2 3 4 5", "1 2 3 4 5"),
        ("album_kept_up", "core.dim_product_arrival", "sku", "A", "A B"),
        ("album_kept_up", "core.fct_media", "media_id", None, "6"),
        ("new_arrivals_announced", "core.dim_product_arrival", "sku", "A", "A B"),
        ("new_arrivals_announced", "core.fct_post", "post_id", "a", "a"),
        ("rules_given", "core.fct_post", "post_id", None, None),
        # One of the last 28 days, then one that tells that newsletters are told of.
        ("newsletters_held", "core.fct_campaign_event", "event_id", "n", "n"),
        ("offline_events_held", "core.fct_campaign_event", "event_id", "o", "o"),
    ],
)
def test_a_rule_of_content_is_explained_by_what_it_looks_at(
    case: Case, rule: str, upstream: str, key: str, of_the_10th: str | None, of_the_11th: str | None
) -> None:
    rows = [row for row in case.expect if row["rule_id"] == rule]
    keys = f"string_agg({key}, ' ' order by {key})"
    assert [case.behind(row, None, upstream, keys) for row in rows] == [of_the_10th, of_the_11th]
