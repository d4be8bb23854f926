"""`smm explain` on a work database filled by hand: exactly the rows, rules and files of an order and of a figure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.cli.explain import explain_text
from smm_pipeline.errors import SmmError
from smm_pipeline.explain import Wanted, explain_figure, explain_order
from smm_pipeline.explain.origins import Lineage
from smm_pipeline.explain.shown import shown_row
from smm_pipeline.settings import Settings, load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema, relation
from tests.commands import smm
from tests.project_catalog import project_catalog
from tests.serving_fixture import fill_dictionary
from tests.unit.explain.rows import BUYER, DAY, ROWS, VISIT, VISITOR

CATALOG = project_catalog()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance whose work database holds these rows and no others."""
    folder = tmp_path_factory.mktemp("explained") / "instance"
    smm(folder, "init")
    settings = load_settings(folder)
    with connect(settings) as con:
        ensure_schema(con, CATALOG, settings)
        for table, rows in ROWS.items():
            name = relation(CATALOG[table]) if table in CATALOG.tables else table
            for row in rows:
                con.execute(
                    f"insert into {name} ({', '.join(row)}) values ({', '.join('?' * len(row))})", [*row.values()]
                )
        fill_dictionary(con)
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(home)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(settings, read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def order(home: Path) -> dict[str, Any]:
    """Order 7 by its number as an event may write it."""
    settings = load_settings(home)
    with connect(settings, read_only=True) as con:
        return explain_order(con, CATALOG, settings, "#107")


@pytest.fixture(scope="module")
def figure(home: Path) -> dict[str, Any]:
    """What order 7 is worth in the figures."""
    settings = load_settings(home)
    wanted = Wanted("kpi_daily_benefit.net_revenue_amount", date(2026, 3, 10), "@dim")
    with connect(settings, read_only=True) as con:
        return explain_figure(con, CATALOG, settings, wanted)


def _files(data: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(f["table"], f["feed"], f["file"], f["rows"], f["first_row"], f["last_row"]) for f in data["files"]]


def test_order_is_explained_to_the_row(order: dict[str, Any], settings: Settings) -> None:
    """The newest version of its record, the events of its visit alone, and nothing of the other order."""
    assert [(v["method"], v["confidence"], v["is_chosen"]) for v in order["visits"]] == [
        ("order_ref", "certain", True),
        ("customer_window", "likely", False),
    ]
    assert order["visits"][0]["session"]["rule_id"] == "organic_social_source"
    assert [(t["reason"], t["match_reason"]) for t in order["touches"]] == [("buying_visit", "product_group")]
    assert (order["benefit"]["benefit_class"], order["benefit"]["rule_id"]) == ("D2_impulse", "D2")
    assert [(c["model"], c["credited_revenue_amount"]) for c in order["credits"]] == [("last", 100)]
    assert order["settings"]["impulse_hours"] == settings.rules.impulse_hours
    assert _files(order) == [
        ("shop_order", "orders", "new.json", 1, 12, 12),
        ("web_event", "web", "web.jsonl", 2, 4, 5),
    ]


def test_signs_are_told_from_touches_and_who_was_of_the_core_is_said(order: dict[str, Any]) -> None:
    touch = order["touches"][0]
    sign = touch | {"touch_id": "action:1", "touch_kind": "member_sign", "action": "like"}
    told = explain_text(order | {"touches": [touch | {"is_core_member": True}, sign, sign]})
    assert "1 touch and 2 signs of a member, newest first (* is named)" in told
    assert told.count("of the active core then") == 1
    assert "1 touch, newest first" in explain_text(order)


def test_what_changed_an_orders_class_is_told_in_words(order: dict[str, Any]) -> None:
    """What it was and what it is; a change of its worth alone names the model, as those of other models do."""
    lines = explain_text(order).splitlines()
    start = lines.index("changed since, kpi._credit_changes has how")
    assert lines[start + 1 : start + 6] == [
        "  2026-03-11 08:00 by data from web: last",
        "  2026-03-11 08:00 by data from web: class no_social_touch by rule none, no",
        "    network, became D2_impulse by rule D2, telegram/77 post 12",
        "  2026-03-12 08:00 by data from web: benefit_touch",
        "files behind it",
    ]
    gone = [change | {"new_class": None} for change in order["credit_changes"]]
    told = " ".join(explain_text(order | {"credit_changes": gone}).split())
    assert "class no_social_touch by rule none, no network, became none, as it left the order book" in told


def test_nothing_shown_names_a_person(order: dict[str, Any], figure: dict[str, Any]) -> None:
    """Pseudonyms by their beginnings; no addresses of pages and no codes, which may bear a name."""
    for data in (order, figure):
        text = json.dumps(data, default=str)
        assert not [secret for secret in (VISITOR, BUYER, VISIT, "a@b.c", "olha") if secret in text]
    assert order["order"]["customer_key"] == "cdcdcdcd…"


def test_codes_and_addresses_are_left_out_of_any_row() -> None:
    spec = CATALOG["kpi.kpi_daily_recommendation"]
    assert shown_row(spec, {"kind": "friend", "code": "olha", "post_id": None}) == {"kind": "friend"}
    spec = CATALOG["core.fct_order"]
    assert shown_row(spec, {"order_id": "7", "coupon_codes": "olha", "user_key": "ab" * 9}) == {
        "order_id": "7",
        "user_key": "abababab…",
    }


def test_order_outside_the_book_is_explained_too(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    data = explain_order(con, CATALOG, settings, "woocommerce|main|9")
    assert (data["order"]["excluded_reason"], data["benefit"], data["credits"]) == ("test", None, [])


def test_hint_that_raises_the_upper_bound_is_named(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    data = explain_order(con, CATALOG, settings, "woocommerce|main|8")
    assert [(hint["hint"], hint["network"]) for hint in data["hints"]] == [("survey", "telegram")]
    text = " ".join(explain_text(data).split())
    assert "counts in the upper bound: the buyer named a network when asked (telegram)" in text


def test_figure_is_followed_down_to_files(figure: dict[str, Any]) -> None:
    """Its own order and no other of the day; of refunds, of which net revenue is not made here, nothing."""
    assert [row["orders"] for row in figure["figures"]] == [1]
    [column] = figure["columns"]
    assert (column["label_uk"], column["basis"]) == ("Чиста виручка", "credited")
    behind = {part["table"]: (part["rows"], part["is_exact"]) for part in figure["behind"]}
    assert {name: behind[name] for name in ("core.fct_order", "core.fct_order_benefit", "core.fct_session")} == {
        "core.fct_order": (1, True),
        "core.fct_order_benefit": (1, True),
        "core.fct_session": (1, True),
    }
    assert "core.fct_refund" not in behind
    rules = {(rule["table"], rule["column"]): rule["rows"] for rule in figure["rules"]}
    assert rules["core.fct_order_benefit", "rule_id"] == {"D2": 1}
    assert rules["core.brg_order_session", "confidence"] == {"certain": 1, "likely": 1}
    assert _files(figure) == [
        ("shop_order", "orders", "new.json", 1, 12, 12),
        ("web_event", "web", "web.jsonl", 2, 4, 5),
    ]


def test_who_may_buy_is_followed_to_the_visits_that_say_so(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """By way of the signs, which have names of their own."""
    data = explain_figure(con, CATALOG, settings, Wanted("kpi_daily_potential_customers", date.fromisoformat(DAY)))
    behind = {part["table"]: part["rows"] for part in data["behind"]}
    assert (behind["core.fct_interest_sign"], behind["core.fct_session"], behind["core.fct_visit"]) == (1, 1, 1)
    assert _files(data) == [("web_event", "web", "web.jsonl", 2, 4, 5)]


def test_a_refund_is_behind_the_figures_of_its_own_order_alone(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    """Of the day's refunds that of an order of February is of another cell."""
    wanted = Wanted("kpi_daily_benefit.refund_on_refund_day_amount", date(2026, 3, 10), "@dim")
    refunds = [p for p in explain_figure(con, CATALOG, settings, wanted)["behind"] if p["table"] == "core.fct_refund"]
    assert [(part["rows"], part["is_exact"]) for part in refunds] == []


def test_a_month_is_made_of_its_own_orders_and_of_refunds_in_it(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    """Of March its order 7, and order 6 of February, whose refund fell into it; no other model, community or month.

    Of what is spent neither the other community's, nor February's, nor what is planned for after the last day.
    """
    wanted = Wanted("kpi_monthly_return", date.fromisoformat(DAY), community="77")
    data = explain_figure(con, CATALOG, settings, wanted)
    behind = {part["table"]: part for part in data["behind"]}
    counted = {name: (part["rows"], part["is_exact"]) for name, part in behind.items()}
    assert counted["core.order_credit_part"] == (2, True)
    assert counted["core.fct_order"] == (1, True)
    assert counted["core.fct_refund"] == (1, True)
    assert counted["core.fct_cohort_day"] == (1, True)
    assert counted["core.fct_cost_day"] == (1, True)
    assert {row["order_key"] for row in behind["core.order_credit_part"]["first_rows"]} == {
        f"woocommerce|main|{number}" for number in (6, 7)
    }


def test_a_community_is_found_by_name_and_network(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """As the summary prints it: two have this name."""
    found = explain_figure(con, CATALOG, settings, Wanted("kpi_daily_benefit", community="Дім (telegram)"))
    assert found["community"] == "77"


def test_words_in_brackets_stand_for_what_is_unknown(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """A cell of (none) is made of rows without a network."""
    data = explain_figure(con, CATALOG, settings, Wanted("kpi_daily_benefit", community="(none)"))
    assert _files(data) == [("shop_order", "orders", "new.json", 1, 13, 13)]


def test_a_day_is_asked_for_within_its_month_and_goals_have_none(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    """Goals begin on different days: all of them are shown."""
    month = explain_figure(con, CATALOG, settings, Wanted("kpi_platform_choice", date(2026, 3, 10)))
    assert (str(month["day"]), [row["orders"] for row in month["figures"]]) == ("2026-03-01", [3])
    goals = explain_figure(con, CATALOG, settings, Wanted("kpi_goal_progress"))
    assert (goals["day"], [row["name"] for row in goals["figures"]]) == (None, ["early", "late"])
    assert "  smm explain kpi_daily_benefit.orders has the rows of each of its days" in explain_text(goals).splitlines()
    labels = {column["column_name"]: column["label_en"] for column in goals["columns"]}
    told = explain_text(goals | {"figures": [{"name": "early"}]}).splitlines()
    # Where nothing is amiss there is no reason, which nobody need look for.
    assert f"  {labels['reason']}: none" in told
    assert f"  {labels['state']}: unknown" in told
    made_of = {"made_of": ["kpi_daily_community_activity.unanswered_negative_messages"], "not_followed": ["x" * 50]}
    assert max(map(len, explain_text(goals | made_of).splitlines())) <= 80
    with pytest.raises(SmmError, match="has no days"):
        explain_figure(con, CATALOG, settings, Wanted("kpi_goal_progress", date(2026, 3, 10)))


def test_what_is_added_up_or_cut_hands_no_value_on() -> None:
    """Reach of a day is the sum of the reach of mentions: they are joined by day and brand alone. A month is no day."""
    voice, mention = CATALOG["kpi.kpi_daily_share_of_voice"], CATALOG["core.fct_mention"]
    same = Lineage(CATALOG).same_values(voice, mention)
    assert "reach" not in same
    assert same["brand"] == "brand"
    segment, benefit = CATALOG["kpi.kpi_segment_benefit"], CATALOG["core.fct_order_benefit"]
    assert "month_start_date" not in Lineage(CATALOG).same_values(segment, benefit).values()


def test_of_a_month_the_day_is_known_that_was_cut_to_it() -> None:
    """And none where the table has no months, or counts nothing of the other table's days."""
    lineage, choice = Lineage(CATALOG), CATALOG["kpi.kpi_platform_choice"]
    assert lineage.month_of(choice, CATALOG["core.fct_post"]) == "post_date_local"
    assert lineage.month_of(choice, CATALOG["core.fct_order"]) is None
    assert lineage.month_of(CATALOG["kpi.kpi_daily_benefit"], CATALOG["core.fct_order_benefit"]) is None


def test_of_a_column_the_tables_are_known_and_what_is_asked_of_their_rows() -> None:
    """Read off the SQL by hand: what a part of it counts, what a join asks, and nothing where one read is open."""
    lineage, choice = Lineage(CATALOG), CATALOG["kpi.kpi_platform_choice"]
    assert lineage.tables_of(choice, "cost_amount") == {"core.fct_cost_day"}
    assert lineage.tables_of(choice, "orders") == {"core.fct_order_benefit", "core.fct_order"}
    assert lineage.tables_of(choice, "sessions") == {"core.fct_session"}
    assert lineage.filter_of(choice, CATALOG["core.fct_post"]) == "(b.is_own)"
    assert lineage.filter_of(choice, CATALOG["core.fct_order"]) is None
    recommended = CATALOG["kpi.kpi_daily_recommendation"]
    assert lineage.filter_of(recommended, CATALOG["core.dim_community"]) == "(b.is_own)"
    assert lineage.filter_of(recommended, CATALOG["core.fct_order"]) == "(b.is_countable)"


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        (Wanted("kpi_daily_benfit"), "SMM-801", "kpi_daily_benefit"),
        (Wanted("kpi_daily_benefit.orderz"), "SMM-801", "orders"),
        (Wanted("kpi_daily_benefit", date(2026, 3, 11)), "SMM-801", "2026-03-10 to 2026-03-10"),
        (Wanted("kpi_daily_supporters"), "SMM-801", "smm run"),
        (Wanted("kpi_daily_share_of_voice", community="dim"), "SMM-801", "--community"),
        (Wanted("kpi_daily_benefit", community="dom"), "SMM-801", "dim"),
        (Wanted("kpi_daily_benefit", community="дім"), "SMM-802", "78 (vk)"),
        (Wanted("kpi_daily_benefit", community="78"), "SMM-801", "another day"),
        (Wanted("metric_dictionary", date(2026, 3, 10)), "SMM-801", "--date"),
        (Wanted("kpi_daily_benefit", of={"orders": "1"}), "SMM-801", "network, community_id, benefit_class"),
        (Wanted("kpi_platform_choice", of={"network": "telegram"}), "SMM-801", "one of vk"),
        (Wanted("kpi_daily_benefit", of={"network": "telegram", "benefit_class": "x"}), "SMM-801", "D2_impulse"),
    ],
)
def test_what_does_not_exist_is_told_with_what_does(
    con: duckdb.DuckDBPyConnection, settings: Settings, wanted: Wanted, code: str, said: str
) -> None:
    with pytest.raises(SmmError) as caught:
        explain_figure(con, CATALOG, settings, wanted)
    assert caught.value.code == code
    assert said in caught.value.hint


def test_on_a_terminal_of_80_columns_and_for_programs(home: Path) -> None:
    order = smm(home, "explain", "107")
    assert order.returncode == 0, order.stderr
    lines = order.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:3] == [
        "order woocommerce|main|7 of 2026-03-10, completed, in the order book",
        "  gross revenue 100.00, refund 0.00, net revenue 100.00",
        "  buyer cdcdcdcd…",
    ]
    assert "    new.json (bbbbbbbbbbbb), record 12" in lines
    # Of a model without visits the communities, not the channels as well.
    after = lines[lines.index("  markov") + 1 :]
    assert after[0] == "    1.000       100.00  Organic Social, telegram/77"
    assert not after[1].startswith("    1.000")
    figure = smm(home, "explain", "kpi_daily_benefit", "--date", "2026-03-10")
    assert max(map(len, figure.stdout.splitlines())) <= 80
    assert "  Net revenue: 100" in figure.stdout.splitlines()
    # Two orders bear 108: one as its reference, one as its number for customers.
    several = smm(home, "explain", "108", "--json")
    assert (several.returncode, json.loads(several.stdout)["error"]["code"]) == (1, "SMM-802")
    assert "woocommerce|main|9" in several.stderr
    assert "SMM-801" in smm(home, "explain", "55").stderr
    assert smm(home, "explain", "107", "--date", "2026-03-10").returncode == 2
    assert smm(home, "explain", "107", "--of", "network=vk").returncode == 2
    assert "--of segment=uk" in smm(home, "explain", "kpi_platform_choice", "--of", "network").stderr
    # The newest month, where no other is asked for.
    nowhere = smm(home, "explain", "kpi_platform_choice", "--of", "network=ok").stderr
    assert "kpi_platform_choice has no such row of 2026-03-01" in nowhere
    assert "there it is one of vk" in nowhere
    choice = smm(home, "explain", "kpi_platform_choice.orders", "--of", "network=vk")
    assert "2026-03-01, vk" in choice.stdout.splitlines()
