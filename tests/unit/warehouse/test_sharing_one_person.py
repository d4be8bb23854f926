"""One person's refund, cart or visit among many: no figure of the shared copy is hers, nor any sum or difference.

What must not be told is worked out here, apart from the SQL and from the copy.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.catalog import TableSpec
from smm_pipeline.settings import Settings, Shop
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.schema import create_tables
from smm_pipeline.warehouse.sharing import MIN_PERSONS, share
from tests.project_catalog import project_catalog
from tests.serving_fixture import publish_rows

CATALOG = project_catalog()
SEGMENT, POTENTIAL = CATALOG["kpi.kpi_segment_benefit"], CATALOG["kpi.kpi_daily_potential_customers"]
DAY = "2026-03-10"
NO_TOUCH = ("(none)", "(none)")
CUTS = [*product((None, "uk", "ru"), (None, "Kyiv", "Lviv"), (None, "honey"))]

Rows = list[dict[str, Any]]


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        con.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", [*row.values()])


def _computed(spec: TableSpec, inputs: dict[str, Rows], query: str) -> Rows:
    """Rows of a query over the SELECT of a table, `{select}`, or over the tables in its WITH, `{with_}`."""
    settings = Settings(home=Path(), shop=Shop(name="Kozak", time_zone="Europe/Kyiv", currency="UAH"))
    with_ = spec.tree.args["with_"].sql("duckdb")
    with duckdb.connect() as con:
        con.execute("create schema core")
        create_tables(con, [CATALOG[name] for name in spec.deps])
        for table, rows in inputs.items():
            _insert(con, table, rows)
        day = con.execute("select cast(? as date)", [DAY]).fetchall()[0][0]
        values = {**settings.sql_parameters(), **window_parameters(day, day, settings)}
        sql = query.format(select=spec.sql, with_=with_)
        found = con.execute(sql, {name: values[name] for name in spec.parameters if f"${name}" in sql})
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _copied(home: Path, table: str, rows: Rows) -> Rows:
    """What the shared copy has of published rows."""
    settings = publish_rows(home / "instance", {table: rows})
    share(settings.serving_file, home / "copy.duckdb", CATALOG)
    with duckdb.connect(str(home / "copy.duckdb"), read_only=True) as con:
        found = con.execute(f"select * from kpi.{table} order by all")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _orders(buyers: dict[str, int], amounts: dict[str, str]) -> dict[str, Rows]:
    named = [(community, n) for community, count in buyers.items() for n in range(count)]
    return {
        "core.fct_order": [
            {
                "order_key": f"{c}{n}",
                "customer_key": f"{c}{n}",
                "order_date_local": DAY,
                "is_first_order": n == 0,
                "net_revenue_amount": Decimal(amounts[c]),
                "margin_amount": Decimal(1),
            }
            for c, n in named
        ],
        "core.fct_order_benefit": [
            {
                "order_key": f"{c}{n}",
                "order_date_local": DAY,
                "network": "vk",
                "community_id": c,
                "benefit_class": "anyway" if n == 0 else "D2_impulse",
            }
            for c, n in named
        ],
    }


def test_no_segment_less_another_is_about_few(tmp_path: Path) -> None:
    """Ten, three and six buyers: uk less Kyiv were the 3.33 of three. Whatever is told is of ten, of nine, or both."""
    communities = [("a", "uk", "Kyiv"), ("b", "uk", "Lviv"), ("d", "ru", "Lviv")]
    inputs = _orders({"a": 10, "b": 3, "d": 6}, {"a": "10.01", "b": "1.11", "d": "5.05"})
    inputs["core.dim_community"] = [
        {"network": "vk", "community_id": c, "is_own": True, "language": language, "city": city}
        for c, language, city in communities
    ]
    rows = _copied(tmp_path, "kpi_segment_benefit", _computed(SEGMENT, inputs, "{select}"))
    # By hand: 10 x 10.01, and 3 x 1.11 + 6 x 5.05.
    ten, nine = Decimal("100.10"), Decimal("33.63")
    told = {(row["dimension"], row["segment"]): row for row in rows}
    assert {key: row["net_revenue_amount"] for key, row in told.items() if key[0] in ("language", "city")} == {
        ("language", "uk"): ten,
        ("language", "(few)"): nine,
        ("city", "Kyiv"): ten,
        ("city", "(few)"): nine,
    }
    assert {row["net_revenue_amount"] for row in rows} == {ten, nine}
    assert {row["customers"] for row in rows} == {10, 9}
    # What is about some of a segment's buyers is not told at all, and was there to tell.
    assert {row[name] for row in rows for name in SEGMENT.unshared} == {None}


@pytest.mark.parametrize("seed", range(6))
def test_what_dimensions_cut_out_together_is_of_five_at_least(seed: int) -> None:
    """Sums and differences of segments can tell of no fewer than the communities that no dimension tells apart."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    communities = [("vk", f"c{n}") for n in range(8)]
    inputs: dict[str, Rows] = {"core.dim_community": [], "core.fct_order": [], "core.fct_order_benefit": []}
    for network, community in communities:
        language, city, group = rng.choice(CUTS)
        row = {"network": network, "community_id": community, "is_own": True}
        inputs["core.dim_community"].append({**row, "language": language, "city": city, "product_group": group})
    buyers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for place in [*communities, NO_TOUCH]:
        for n in range(rng.choice((0, 1, 3, 4, 5, 9))):
            person = rng.randrange(40)
            key = f"{place[1]}-{n}"
            inputs["core.fct_order"].append(
                {"order_key": key, "customer_key": f"p{person}", "order_date_local": DAY, "net_revenue_amount": 1}
            )
            touch = dict(zip(("network", "community_id"), place, strict=True)) if place != NO_TOUCH else {}
            inputs["core.fct_order_benefit"].append({"order_key": key, "order_date_local": DAY, **touch})
            buyers[place].add(person)
    cells = _computed(
        SEGMENT, inputs, "{with_} select dimension, segment, network, community_id from cell order by all"
    )
    cut: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in cells:
        cut[cell["network"], cell["community_id"]].append(cell["segment"])
    atoms: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for place, segments in cut.items():
        atoms[tuple(segments)] |= buyers[place]
    if len(set().union(*buyers.values())) < MIN_PERSONS:
        pytest.fail("the seed makes too few buyers to show anything")
    assert {len(persons) for persons in atoms.values() if len(persons) < MIN_PERSONS} <= {0}
    # Each is wholly among the few, or wholly not.
    assert all(len(set(segments) & {"(few)"}) == len(set(segments)) for segments in atoms if "(few)" in segments)


def test_one_refund_among_many_orders_is_not_told(tmp_path: Path) -> None:
    """Nine buyers pay 900.00, one gets 64.20 back, eight came by a visit, one was of the core: none of it is told."""
    row = {
        "date_local": DAY,
        "network": "vk",
        "community_id": "c",
        "benefit_class": "anyway",
        "currency": "UAH",
        "orders": 9,
        "customers": 9,
        "new_customers": 1,
        "core_member_orders": 8,
        "orders_without_amount": 0,
        "gross_revenue_amount": Decimal("900.00"),
        "refund_on_order_day_amount": Decimal("64.20"),
        "refund_on_refund_day_amount": Decimal("64.20"),
        "net_revenue_amount": Decimal("835.80"),
        "margin_amount": Decimal("300.00"),
        "net_revenue_lower_amount": Decimal("735.80"),
        "net_revenue_upper_amount": Decimal("835.80"),
    }
    one_valued = {**row, "community_id": "d", "orders_without_amount": 8, "margin_amount": None}
    many = {**row, "community_id": "e", "orders": 20, "customers": 18, "new_customers": 10, "core_member_orders": 6}
    [copied, valued, counted] = _copied(tmp_path, "kpi_daily_benefit", [row, one_valued, many])
    assert (copied["orders"], copied["customers"]) == (9, 9)
    numbers = [value for value in copied.values() if isinstance(value, Decimal)]
    assert numbers == [Decimal("835.80"), Decimal("300.00")]
    differences = {abs(a - b) for a, b in product(numbers, repeat=2)}
    assert not {Decimal("64.20"), Decimal("100.00")} & {*numbers, *differences}
    assert (copied["new_customers"], copied["core_member_orders"]) == (None, None)
    # Eight of nine without an amount: the net revenue is one buyer's.
    assert (valued["orders_without_amount"], valued["net_revenue_amount"]) == (None, None)
    assert (counted["new_customers"], counted["core_member_orders"]) == (10, 6)


def test_one_cart_among_many_people_is_not_told(tmp_path: Path) -> None:
    """29 people wait, one with a cart of 2568.00; five have lists of 10.00 together; later 27 are to lapse."""
    base = {"date_local": "2026-03-09", "state": "intent", "is_social": True, "orders": 0, "items_without_amount": 0}
    signs = [
        {
            **base,
            "person_key": f"p{n}",
            "cart_amount": Decimal(2568) if n == 0 else Decimal(0),
            "list_amount": Decimal(2) if 1 <= n <= 5 else Decimal(0),
        }
        for n in range(29)
    ]
    inputs: dict[str, Rows] = {"core.dim_date": [{"date_local": DAY}], "core.fct_potential_customer": signs}
    computed = _computed(POTENTIAL, inputs, "{select}")
    [row] = _copied(tmp_path, "kpi_daily_potential_customers", computed)
    assert (row["people"], row["cart_amount"], row["list_amount"]) == (29, None, 10)
    [two_stay] = _copied(
        tmp_path / "lapsing", "kpi_daily_potential_customers", [{**computed[0], "expiring_people": 27}]
    )
    assert (two_stay["people"], two_stay["expiring_people"]) == (29, None)


def test_one_visit_that_went_otherwise_is_not_told(tmp_path: Path) -> None:
    """Of twelve visits eleven were engaged, one bounced, two put something into the cart: neither part nor rest."""
    row = {
        "date_local": DAY,
        "network": "vk",
        "community_id": "c",
        "visitors": 12,
        "sessions": 12,
        "sessions_with_pageviews": 12,
        "pageviews": 40,
        "duration_seconds": 900.0,
        "vendor_transactions": 6,
        "vendor_revenue_amount": 650,
        "orders": 6,
        "orders_without_amount": 0,
        "net_revenue_amount": 600,
    }
    one = {
        "landing_section": "one",
        "engaged_sessions": 11,
        "bounced_ga4_sessions": 1,
        "bounced_single_page_sessions": 2,
        "bounced_metrica_sessions": 10,
        "cart_sessions": 2,
        "engaged_share": 11 / 12,
        "bounce_ga4_share": 1 / 12,
        "bounce_single_page_share": 2 / 12,
        "bounce_metrica_share": 10 / 12,
    }
    six = {**{name: 6 for name in one if name.endswith("sessions")}, "engaged_share": 0.5, "landing_section": "six"}
    [told, even] = _copied(tmp_path, "kpi_daily_social_traffic", [{**row, **one}, {**row, **six}])
    assert [told[name] for name in one if name != "landing_section"] == [None] * 9
    assert (told["pageviews"], told["orders"], told["net_revenue_amount"]) == (40, 6, 600)
    assert [told[name] for name in CATALOG["kpi.kpi_daily_social_traffic"].unshared] == [None] * 3
    assert [even[name] for name in six if name.endswith("sessions")] == [6] * 5
    assert even["engaged_share"] == 0.5
    [ten_known] = _copied(
        tmp_path / "known",
        "kpi_daily_social_traffic",
        [{**row, **six, "sessions_with_pageviews": 10, "pageviews_per_session": 4.0}],
    )
    assert (ten_known["pageviews_per_session"], ten_known["sessions_with_pageviews"]) == (None, None)
    assert (ten_known["pageviews"], ten_known["bounced_single_page_sessions"]) == (40, None)
