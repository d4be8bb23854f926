"""From `smm map` to an ingest: a draft of a well-named file reads it as it is, and says where a person has to look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]  # has no types of its own

from smm_pipeline.drafting import draft_mapping
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import load_feed
from smm_pipeline.settings import load_settings
from tests.commands import smm
from tests.ingest_fixture import SHARED_DATA, Instance
from tests.project_catalog import project_catalog

SHEET = (
    "№ замовлення;Дата;Статус;Сума;E-mail;Коментар\n"
    "1;01.03.2026 10:00;Оплачено;1 250,50 грн;olha@buyer.example;вночі\n"
    "2;13.03.2026 11:30;Нове;20,00 грн;;\n"
)
ORDERS = {
    "orders": [
        {
            "id": 7,
            "number": "1007",
            "date_created_gmt": "2026-03-01T10:00:00",
            "status": "processing",
            "currency": "UAH",
            "total": "12.50",
            "billing": {"email": "olha@buyer.example", "first_name": "Ольга"},
            "line_items": [
                {"id": 1, "sku": "L-1", "name": "Lamp", "quantity": 2, "price": "5.00", "meta": []},
                {"id": 2, "sku": "C-1", "name": "Chair", "quantity": 1, "price": "2.50", "meta": {"a": 1}},
            ],
        }
    ],
    "total": 1,
}


def _ingested(
    tmp_path: Path, file: Path, *, contract: str = "", constants: Mapping[str, str] | None = None
) -> Instance:
    """An instance whose one feed reads a file by the draft of it."""
    named = "".join(f"\nconstants.{name} = {json.dumps(value)}" for name, value in (constants or {}).items())
    shop = Instance(tmp_path / "home", {"drafted": f'mapping = "draft.yml"{named}'})
    (shop.home / "draft.yml").write_text(draft_mapping(file, project_catalog(), contract).text, encoding="utf-8")
    load_feed("drafted", load_settings(shop.home), project_catalog())
    shop.deliver_copy("drafted", file)
    [result] = shop.ingest()
    assert result.error is None
    return shop


def test_a_sheet_in_a_code_page_with_a_decimal_comma(tmp_path: Path) -> None:
    """By the command itself; what a person must look at is counted."""
    file = tmp_path / "orders_2026.csv"
    file.write_bytes(SHEET.replace("вночі", "вдень").encode("cp1251"))
    told = smm(tmp_path, "map", str(file), "--json")
    answer = json.loads(told.stdout)
    assert (answer["contract"], answer["checks"]) == ("shop_order", 2)
    assert "format: {kind: csv, encoding: cp1251, delimiter: ;}" in answer["mapping"]
    assert "# Not read: Коментар" in answer["mapping"]
    assert "olha@" not in answer["mapping"]
    assert smm(tmp_path, "map", str(file)).stdout == answer["mapping"]
    shop = _ingested(tmp_path, file)
    assert shop.rows(
        "select order_id, cast(created_ts at time zone 'UTC' as varchar), status, cast(total_amount as varchar), "
        "customer_key is not null from raw.shop_order order by 1"
    ) == [
        ("1", "2026-03-01 08:00:00", "paid", "1250.5000", True),
        ("2", "2026-03-13 09:30:00", "pending", "20.0000", False),
    ]


def test_a_document_with_lines_in_its_orders(tmp_path: Path) -> None:
    """Orders and lines; a field of two shapes that nobody reads rejects nothing; GMT in a name is a zone."""
    file = tmp_path / "export.json"
    file.write_text(json.dumps(ORDERS), encoding="utf-8")
    shop = _ingested(tmp_path, file)
    assert shop.rejects() == []
    order = (
        "select order_id, order_number, status, epoch(created_ts), cast(total_amount as varchar) from raw.shop_order"
    )
    assert shop.rows(order) == [("7", "1007", "paid", 1_772_359_200.0, "12.5000")]
    assert shop.rows(
        "select order_id, line_id, sku, cast(quantity as int), cast(unit_price_amount as varchar) "
        "from raw.shop_order_line order by 2"
    ) == [("7", "1", "L-1", 2, "5.0000"), ("7", "2", "C-1", 1, "2.5000")]


def test_json_lines_with_unix_times(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    posts = [{"id": f"p{n}", "page_id": "c1", "created_time": 1_772_359_200 + n, "message": "Привіт"} for n in (0, 1)]
    file.write_text("".join(json.dumps(post) + "\n" for post in posts), encoding="utf-8")
    shop = _ingested(tmp_path, file, constants={"network": "facebook"})
    assert shop.rows(
        "select network, community_id, post_id, epoch(published_ts) from raw.community_post order by 3"
    ) == [
        ("facebook", "c1", "p0", 1_772_359_200.0),
        ("facebook", "c1", "p1", 1_772_359_201.0),
    ]


def test_a_workbook_below_a_title_and_a_cost_without_an_id(tmp_path: Path) -> None:
    file = tmp_path / "costs.xlsx"
    book = Workbook()
    sheet: Any = book.active
    for row in (
        ["Витрати, березень"],
        [],
        ["Дата", "Вид", "Мережа", "Сума"],
        ["01.03.2026", "ads", "facebook", "1 250,50"],
    ):
        sheet.append(row)
    sheet.append(["02.03.2026", "ads", "facebook", "10,00"])
    book.save(file)
    shop = _ingested(tmp_path, file)
    assert shop.rows(
        "select cast(cost_date as varchar), kind, cast(cost_amount as varchar) from raw.smm_cost order by 1"
    ) == [
        ("2026-03-01", "ads", "1250.5000"),
        ("2026-03-02", "ads", "10.0000"),
    ]


def test_parquet_by_a_contract_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "goods.parquet"
    with duckdb.connect() as con:
        con.execute(
            "copy (select 'P1' as product_id, 'L-1' as sku, 'Lamp' as title, 5.5 as price) to ? (format parquet)",
            [str(file)],
        )
    shop = _ingested(tmp_path, file, contract="shop_product")
    assert shop.rows("select product_id, sku, product_name, cast(price_amount as varchar) from raw.shop_product") == [
        ("P1", "L-1", "Lamp", "5.5000")
    ]


def test_what_a_file_does_not_say_is_left_to_a_person(tmp_path: Path) -> None:
    """A required column without a field is a comment and no guess; the draft names it when it is loaded."""
    file = tmp_path / "positions.csv"
    file.write_text("Top queries,Clicks,Impressions\nlamp,5,70\n", encoding="utf-8")
    text = draft_mapping(file, project_catalog()).text
    assert "  search_position_day:" in text
    assert "# CHECK: metric_date is required and no field looks like it" in text
    shop = Instance(tmp_path / "home", {"drafted": 'mapping = "draft.yml"'})
    (shop.home / "draft.yml").write_text(text, encoding="utf-8")
    with pytest.raises(SmmError, match="no value for the required column metric_date"):
        load_feed("drafted", load_settings(shop.home), project_catalog())


@pytest.mark.parametrize(
    ("file", "content", "lines"),
    [
        (
            "events.csv",
            "event,event_id,ts,anonymous_id,session_id\npage_view,e1,1791500000000,v1,s1\n",
            ["event_key: event_id", "event_name: event", "visitor_key: anonymous_id", "vendor_session_id: session_id"],
        ),
        (
            "витрати.csv",
            "Дата;Стаття витрат;Канал;Сума, грн\n14.10.2026;ads;facebook;5,50\n",
            ["kind: Стаття витрат", "network: Канал", "cost_amount: {expr: 'Сума, грн', number: {decimal: ','}}"],
        ),
        (
            "mailing.csv",
            "Campaign ID,Name,Send date,Recipients,Delivered,Spam\n9,Autumn,2026-10-01 09:00:00,12,11,1\n",
            ["event_id: Campaign ID", "start_ts: Send date", "sent: Recipients", "complained: Spam"],
        ),
        (
            "refunds.csv",
            "refund_id,order_id,refunded_at,amount\n1,7,2026-10-01T12:00:00Z,-10.50\n2,8,2026-10-02T12:00:00Z,-3\n",
            ["refund_amount: amount  # CHECK: the values are negative and should be positive: {expr: negated(...)}"],
        ),
    ],
)
def test_usual_names_are_known(tmp_path: Path, file: str, content: str, lines: list[str]) -> None:
    """`event` alone is the name of an event, though its id is called event_key; a unit in a header is no other name."""
    (tmp_path / file).write_text(content, encoding="utf-8")
    drafted = draft_mapping(tmp_path / file, project_catalog()).text
    assert [line for line in lines if f"      {line}\n" not in drafted] == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "SMM-201"),
        (b"<html>login</html>", "SMM-201"),
        (b"only words\nand words\n", "SMM-201"),
        (b"[" * 100_000, "SMM-201"),
        (b'{"a": ' + b"[" * 50_000 + b"\n{}\n", "SMM-201"),
        (b"{}", "SMM-201: its records have no fields"),
        (b"{}\n{}\n", "SMM-201: its records have no fields"),
        (b'{"a": [' + b" " * (64 << 20) + b"]}", "SMM-201: a document of more than 64 MiB is too large to draft from"),
        (None, "SMM-209"),
    ],
    ids=[
        "empty", "web page", "words", "deep document", "deep line", "no field", "lines without a field", "large",
        "nothing",
    ],
)  # fmt: skip
def test_what_no_mapping_reads_is_told(tmp_path: Path, content: bytes | None, code: str) -> None:
    file = tmp_path / "file.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SmmError, match=code) as caught:
        draft_mapping(file, project_catalog())
    assert "kept" not in caught.value.hint


def test_line_breaks_in_a_file_break_no_line_of_the_draft(tmp_path: Path) -> None:
    """In the cells of a workbook's header, those that are read and others; in values that want a map."""
    file = tmp_path / "orders.xlsx"
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["Order ID", "Date", "Order\nstatus", "Grand\ntotal", "A\nnote"])
    sheet.append(["1", "2026-03-01 10:00:00", "paid", "5.50", "x"])
    sheet.append(["2", "2026-03-02 10:00:00", "al\nmost", "6.50", "x"])
    book.save(file)
    shop = _ingested(tmp_path, file)
    assert "# Not read: A note" in (shop.home / "draft.yml").read_text(encoding="utf-8")
    assert "# CHECK: map these too: al most" in (shop.home / "draft.yml").read_text(encoding="utf-8")
    assert shop.rows("select order_id, status, cast(total_amount as varchar) from raw.shop_order") == [
        ("1", "paid", "5.5000")
    ]


def test_a_workbook_with_two_columns_of_one_name_is_told(tmp_path: Path) -> None:
    file = tmp_path / "orders.xlsx"
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["Order ID", "Date", "Total", "Total"])
    sheet.append(["1", "2026-03-01 10:00:00", "5.50", "7"])
    book.save(file)
    assert "# CHECK: two columns have one name" in draft_mapping(file, project_catalog()).text


def test_a_contract_typed_wrongly_is_told(tmp_path: Path) -> None:
    failed = smm(tmp_path, "map", str(tmp_path / "file.csv"), "--contract", "shop_ordr")
    assert failed.returncode == 2
    assert "SMM-501: there is no contract 'shop_ordr'" in failed.stderr
    assert "did you mean shop_order?" in failed.stderr


@pytest.mark.parametrize(
    ("sample", "contract", "rows"),
    [
        ("orders/uci_online_retail/2010-12-10.csv", "shop_order_line", None),
        ("orders/woocommerce_rest/order.json", "shop_order", 1),
        ("community_metrics/twitter_organic_fivetran/tweet.csv", "community_post", None),
    ],
)
def test_real_exports(tmp_path: Path, sample: str, contract: str, rows: int | None) -> None:
    """Where they are present: the contract is found and nothing of them is lost."""
    file = SHARED_DATA / sample
    if not file.is_file():
        pytest.skip(f"{sample} is not here")
    text = draft_mapping(file, project_catalog()).text
    assert f"\n  {contract}:\n" in text
    shop = _ingested(tmp_path, file, constants={"network": "x", "community_id": "c"} if "post" in contract else {})
    [(count, rejected)] = shop.rows(
        f"select loaded + duplicate + superseded, rejected from meta.delivery_count where table_name = 'raw.{contract}'"
    )
    assert count > 0
    assert count == rows or rows is None
    assert rejected == 0


def test_a_file_of_a_shipped_vendor_is_told_as_such(tmp_path: Path) -> None:
    """Beside the draft, which would take the marketplace's fee for the order's total, and says that it may be wrong."""
    file = tmp_path / "answer.json"
    fee = {"amount": "12.00", "is_refunded": False}
    order = {"id": 7, "date_created": "2026-03-01T10:00:00+00:00", "status": "paid", "price": "1 250,50 грн"}
    order |= {"source": "portal", "client_id": 5, "cpa_commission": fee, "products": [{"id": 1, "quantity": 1.0}]}
    file.write_text(json.dumps({"orders": [order]}), encoding="utf-8")
    answer = json.loads(smm(tmp_path, "map", str(file), "--json").stdout)
    assert answer["vendors"] == ["prom"]
    # Eight of the vendor's fields: six of the order itself and two of its line.
    assert answer["mapping"].splitlines()[0] == (
        "# No mapping may be needed: vendor prom knows 8 of its fields. Try: smm check FILE --vendor prom"
    )
    assert "total_amount: cpa_commission.amount  # CHECK: it tells of cpa_commission" in answer["mapping"]


def test_a_table_is_a_vendors_where_it_has_all_required_columns_under_any_of_their_names(tmp_path: Path) -> None:
    """A sheet in Ukrainian is known by other names of its columns; without the amount it is nobody's."""
    file = tmp_path / "sheet.csv"
    file.write_text("Дата;Стаття;Сума;Коментар\n01.03.2026;Таргет;200,00;\n", encoding="utf-8")
    assert draft_mapping(file, project_catalog()).vendors == ("costs_sheet",)
    file.write_text("Дата;Стаття;Коментар\n01.03.2026;Таргет;\n", encoding="utf-8")
    assert draft_mapping(file, project_catalog()).vendors == ()


def test_a_field_of_a_part_is_sure_where_its_whole_name_is_that_of_the_column(tmp_path: Path) -> None:
    """`billing.email` is known as a whole."""
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(ORDERS), encoding="utf-8")
    assert "      customer_key: billing.email\n" in draft_mapping(file, project_catalog()).text


def test_cells_that_mean_unknown_say_nothing_of_how_numbers_are_written(tmp_path: Path) -> None:
    """One sum of two is a dash: the other says how sums are written."""
    sheet = tmp_path / "orders.csv"
    sheet.write_text("Номер;Дата;Сума\n1;05.03.2026;1 250,50 грн\n2;06.03.2026;-\n", encoding="utf-8")
    drafted = draft_mapping(sheet, project_catalog()).text
    assert "total_amount: {expr: Сума, number: {decimal: ',', thousands: ' ', strip: [грн]}}" in drafted
