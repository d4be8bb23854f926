"""What was found of a demo's orders beside what caused them: counted by hand on seven orders."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.cli.truth import truth_text
from smm_pipeline.errors import SmmError
from smm_pipeline.shop.comparison import compare
from tests.commands import smm

TRUTH = """order_id,cause,community_id,why_not
1,D2_impulse,10,
2,D2_impulse,10,ad_blocker
3,D1_recommendation,20,untagged_link
4,anyway,,
5,no_social_touch,,
6,D3_considered,20,lost_consent
7,D2_impulse,10,
"""
# (order, class found, network, community, net revenue, counted). Order 3 has the right class and no community, order 2
# the right community and another class, order 4 came from a partner's site, order 7 was cancelled.
FOUND = (
    ("1", "D2_impulse", "telegram", "10", 100, True),
    ("2", "D1_recommendation", "telegram", "10", 50, True),
    ("3", "D1_recommendation", "vk", None, 30, True),
    ("4", "anyway", "(mention)", None, 20, True),
    ("5", "no_social_touch", None, None, 70, True),
    ("6", "no_social_touch", None, None, 200, True),
    ("7", "D2_impulse", "telegram", "10", 999, False),
)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A work database with these orders; of the two social ones that nothing proves the upper bound counts one."""
    with duckdb.connect() as made:
        made.execute("create schema core; create schema kpi")
        made.execute("create table core.dim_community (network text, community_id text, handle text, is_own boolean)")
        made.execute(
            "insert into core.dim_community values ('telegram', '10', 'lamps', true), ('vk', '20', 'rugs', true)"
        )
        made.execute(
            "create table core.fct_order (order_key text, order_id text, net_revenue_amount decimal(18, 4), "
            "is_countable boolean)"
        )
        made.execute(
            "create table core.fct_order_benefit (order_key text, benefit_class text, network text, community_id text)"
        )
        for order, found, network, community, amount, is_countable in FOUND:
            made.execute("insert into core.fct_order values (?, ?, ?, ?)", ["k" + order, order, amount, is_countable])
            if is_countable:
                made.execute(
                    "insert into core.fct_order_benefit values (?, ?, ?, ?)", ["k" + order, found, network, community]
                )
        made.execute(
            "create table kpi.kpi_daily_benefit as select * from (values ('D2_impulse', 200, 130, 200), "
            "('no_social_touch', 270, 0, 150)) as t(benefit_class, net_revenue_amount, "
            "net_revenue_lower_amount, net_revenue_upper_amount)"
        )
        yield made


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text(TRUTH, encoding="utf-8")
    return path


def test_orders_are_counted_by_class_community_and_what_hid_them(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    data = compare(con, truth)
    # Equal in class: 1, 3, 4, 5. In both: 1, 4 and 5, as of order 3 nobody knows the community.
    assert (data["orders"], data["class_equal"], data["both_equal"]) == (6, 4, 3)
    assert {(c["cause"], c["found"]): c["orders"] for c in data["classes"]} == {
        ("D1_recommendation", "D1_recommendation"): 1,
        ("D2_impulse", "D1_recommendation"): 1,
        ("D2_impulse", "D2_impulse"): 1,
        ("D3_considered", "no_social_touch"): 1,
        ("anyway", "anyway"): 1,
        ("no_social_touch", "no_social_touch"): 1,
    }
    assert {(c["cause"], c["found"]): c["orders"] for c in data["communities"]} == {
        ("telegram lamps", "telegram lamps"): 2,
        ("vk rugs", "vk (unknown)"): 1,
        ("vk rugs", "(none)"): 1,
        ("(mention)", "(mention)"): 1,
        ("(none)", "(none)"): 1,
    }
    assert [tuple(row.values()) for row in data["by_reason"]] == [
        ("", 3, 3, 3),
        ("ad_blocker", 1, 0, 0),
        ("lost_consent", 1, 0, 0),
        ("untagged_link", 1, 1, 0),
    ]
    # 100 + 50 + 30 + 20 + 200 came of communities; the cancelled order is in no order book.
    amounts = [data[name] for name in ("caused_amount", "lower_amount", "credited_amount", "upper_amount")]
    assert amounts == [Decimal(400), 130, 200, 350]


def test_tables_name_their_rows_and_number_their_columns(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    lines = truth_text(compare(con, truth), "UAH").splitlines()
    assert lines[1:3] == ["  class equal                     4  66.7%", "  class and community equal       3  50.0%"]
    assert "  1 D1_recommendation    1   .   .   .   .     1" in lines
    assert "  2 D2_impulse           1   1   .   .   .     2" in lines
    assert "  3 telegram lamps    .   .   2   .   .     2" in lines
    assert "  an ad blocker kept the visits from the analytics           1    0%    0%" in lines


def test_columns_of_thousands_of_orders_stay_apart(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    data = compare(con, truth)
    for cell in data["classes"]:
        cell["orders"] *= 1_234_567
    lines = truth_text(data, "UAH").splitlines()
    [row] = [line for line in lines if "2 D2_impulse" in line]
    assert row.split() == ["2", "D2_impulse", "1234567", "1234567", ".", ".", ".", "2469134"]
    [numbers, *rows] = lines[lines.index("classes: a row is what caused the order, a column what was found") + 1 :][:6]
    assert {len(line) for line in (numbers, *rows)} == {len(row)}


def test_a_shop_that_is_no_demo_has_no_truth(tmp_path: Path) -> None:
    smm(tmp_path / "shop", "init")
    done = smm(tmp_path / "shop", "truth")
    assert done.returncode == 2
    assert "SMM-501: only a demo knows what really caused its orders" in done.stderr


def test_a_demo_of_which_nothing_is_built_says_so(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    con.execute("delete from core.fct_order_benefit")
    with pytest.raises(SmmError, match="no order of this demo is built yet"):
        compare(con, truth)
