"""How good the data is, row by row: on the cases of the SQL, exactly what each share is measured on.

Belongs here: numerators and denominators, as the cases of tests/sql write them out, against the rows found behind them.
Does not belong here: what the shares are; the cases say so.
"""

from __future__ import annotations

import pytest

from tests.unit.explain.cases import Case

SHARES = "data_quality/shares_with_their_denominators"
RATES = "data_quality/rates_that_are_missing"
LATE = "data_quality/late_and_restated_rows"
SILENT = "data_quality/daily_feeds_that_fell_silent"


@pytest.mark.parametrize(
    ("case", "like", "upstream", "part", "measure"),
    [
        (SHARES, "orders/", "core.fct_order", "denominator", "count(*)"),
        (SHARES, "order_to_visit/", "core.fct_order", "denominator", "count(*)"),
        (SHARES, "identity/shared_device", "core.brg_order_visitor", "denominator", "count(distinct order_key)"),
        (SHARES, "identity/shared_account", "core.fct_order", "denominator", "count(*)"),
        (SHARES, "identity/shared_account", "core.brg_shared_account", "numerator", "count(*)"),
        (SHARES, "identity/shared_member", "core.brg_customer_member", "denominator", "count(*)"),
        (SHARES, "sessions/", "core.fct_session", "denominator", "count(*)"),
        (SHARES, "events/", "core.fct_event_day", "denominator", "sum(events)"),
        (RATES, "orders/", "core.fct_order", "denominator", "count(*)"),
        (RATES, "refunds/", "core.fct_refund", "denominator", "count(*)"),
        (LATE, "feed:", "core.fct_feed_arrival", "denominator", "sum(given_rows)"),
    ],
    indirect=["case"],
)
def test_behind_each_share_stands_what_it_is_measured_on(
    case: Case, like: str, upstream: str, part: str, measure: str
) -> None:
    rows = [row for row in case.expect if f"{row['subject']}/{row['metric']}".startswith(like)]
    assert rows
    assert [case.behind(row, None, upstream, measure) for row in rows] == [row[part] for row in rows]


@pytest.mark.parametrize("case", [SHARES], indirect=True)
def test_behind_a_way_to_a_visit_stand_the_orders_that_were_found_by_it(case: Case) -> None:
    """Of a disagreement the visit by number and the note, which another customer's visit is not."""
    orders, visits = (f"string_agg({key}, ' ' order by {key})" for key in ("order_key", "session_key"))
    found = {
        row["metric"]: (
            case.behind(row, None, "core.brg_order_session", orders),
            case.behind(row, None, "core.fct_session", visits),
        )
        for row in case.expect
        if row["subject"] == "order_to_visit"
    }
    assert found == {
        "matched_by_order_ref_share": ("a", None),
        "matched_by_visit_order_ref_share": (None, None),
        "matched_by_order_attribution_share": (None, None),
        "matched_by_customer_window_share": ("b", None),
        "matched_by_none_share": (None, None),
        "channel_disagreement_share": ("a", "n s1"),
    }


@pytest.mark.parametrize("case", [SILENT], indirect=True)
def test_behind_a_silent_feed_stand_the_days_on_which_it_gave_something(case: Case) -> None:
    days = {row["subject"]: case.behind(row, None, "core.fct_feed_day") for row in case.expect}
    assert days == {"feed:web": 3, "feed:shop": 3, "feed:old": 3}
