"""Workbooks whose columns mix text, in the mapping's local format, with real numbers, days and instants."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import duckdb
import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]  # has no types of its own

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.ingest import RECORDS, Counts, archives, files
from smm_pipeline.ingest.workbooks import read_workbook
from tests.ingest_fixture import Instance, empty_warehouse

COSTS = """
format: {kind: [csv, xlsx], delimiter: ";"}
source_system: costs_sheet
columns: [Дата, Вид, Мережа, Сума]
extracted_ts: {expr: Дата, time: {format: "%d.%m.%Y"}}
tables:
  smm_cost:
    key_occurrence: cost_id
    columns:
      cost_date: {expr: Дата, time: {format: "%d.%m.%Y"}}
      kind: {expr: Вид, map: {"1": ads}}
      network: {expr: Мережа}
      campaign: Дата
      cost_amount: {expr: Сума, number: {decimal: ",", thousands: ".", strip: [грн]}}
"""
HEADER = ["Дата", "Вид", "Мережа", "Сума"]
PRODUCTS = ["sku", "name", "price", "changed"]


def workbook(rows: Sequence[Sequence[object]], sheet: str = "Sheet") -> bytes:
    book, content = Workbook(), BytesIO()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(row)
    book.save(content)
    return content.getvalue()


@pytest.fixture
def shop(tmp_path: Path) -> Instance:
    made = Instance(tmp_path, {"costs": 'mapping = "costs.yml"', "prices": 'mapping = "products_xlsx.yml"'})
    (tmp_path / "costs.yml").write_text(COSTS, encoding="utf-8")
    return made


def test_text_and_real_values_of_one_column_both_load(shop: Instance) -> None:
    """The number 1.125 is not the text that means a thousand and some; columns of text get 2026-03-02."""
    rows: list[Sequence[object]] = [
        ["01.03.2026", "ads", "facebook", "1.250,50 грн"],
        [date(2026, 3, 2), 1, "facebook", 1250.5],
        [datetime.fromisoformat("2026-03-03T14:30"), "ads", 7, 1.125],
        ["04.03.2026", "ads", "facebook", 12],
    ]
    shop.deliver("costs", "costs.xlsx", workbook([HEADER, *rows]))
    [result] = shop.ingest()
    assert result.counts["raw.smm_cost"] == Counts(rows_in=4, loaded=4), shop.rows("from quality.rejects")
    assert shop.rows("select cost_date, kind, network, campaign, cost_amount from raw.smm_cost order by 1") == [
        (date(2026, 3, 1), "ads", "facebook", "01.03.2026", Decimal("1250.5")),
        (date(2026, 3, 2), "ads", "facebook", "2026-03-02", Decimal("1250.5")),
        (date(2026, 3, 3), "ads", "7", "2026-03-03T14:30:00", Decimal("1.125")),
        (date(2026, 3, 4), "ads", "facebook", "04.03.2026", Decimal(12)),
    ]
    assert shop.rows("select _version_ts::varchar from raw.smm_cost order by cost_date") == [
        ("2026-02-28 22:00:00+00",),
        ("2026-03-01 22:00:00+00",),
        ("2026-03-03 12:30:00+00",),
        ("2026-03-03 22:00:00+00",),
    ]


def test_text_stays_bound_to_the_format(shop: Instance) -> None:
    """In a workbook as in a CSV file, text that looks like a real value is still text."""
    shop.deliver("costs", "a.xlsx", workbook([HEADER, ["2026-03-02", "ads", "facebook", "1250.5"]]))
    shop.deliver("costs", "b.csv", "Дата;Вид;Мережа;Сума\n2026-03-02;ads;facebook;1250.5\n")
    shop.ingest()
    assert shop.rejects() == [("raw.smm_cost", row, ["bad_date:cost_date", "bad_number:cost_amount"]) for row in (2, 2)]


def test_an_instant_at_midnight_is_a_day_in_a_workbook(shop: Instance) -> None:
    rows: list[Sequence[object]] = [
        ["Prices"],
        PRODUCTS,
        ["a", "Lamp", 10, datetime.fromisoformat("2026-03-02")],
        ["b", "Desk", "20", "2026-03-02T08:00:00"],
        ["c", "Sofa", "30", "2026-03-02"],
    ]
    shop.deliver("prices", "prices.xlsx", workbook(rows, "Prices"))
    shop.ingest()
    assert shop.rows("select sku, updated_ts::varchar from raw.shop_product order by 1") == [
        ("a", "2026-03-01 22:00:00+00"),
        ("b", "2026-03-02 06:00:00+00"),
    ]
    assert shop.rejects() == [("raw.shop_product", 5, ["bad_time:updated_ts"])]


def test_error_cells_and_formulas_without_a_result_are_rejects_never_null(shop: Instance) -> None:
    """An empty cell is unknown; what stands in a cell and is no value is a reject. An empty text is no error."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.append(HEADER)
    for day, value in enumerate(("#REF!", "#DIV/0!", "=1+1", None, 5), start=1):
        page.append([f"0{day}.03.2026", "ads", "facebook", value])
    content = BytesIO()
    book.save(content)
    shop.deliver("costs", "a.xlsx", content.getvalue())
    [result] = shop.ingest("costs")
    assert result.counts["raw.smm_cost"] == Counts(rows_in=5, loaded=1, rejected=4)
    assert shop.rows("select cost_amount from raw.smm_cost") == [(Decimal(5),)]
    reasons = [row for (row,) in shop.rows("select reasons[1] from quality.rejects order by source_row")]
    assert reasons == ["bad_number:cost_amount"] * 3 + ["missing:cost_amount"]


def test_a_last_row_of_formulas_without_a_result_is_counted(shop: Instance) -> None:
    """As one above a row with values is; so is a cell beyond the columns. No value ends the sheet there."""
    formulas = ["=A2", "=B2", "=C2", "=D2"]
    shop.deliver("costs", "a.xlsx", workbook([HEADER, ["01.03.2026", "ads", "facebook", 5], formulas]), mtime=1)
    shop.deliver("costs", "b.xlsx", workbook([HEADER, ["02.03.2026", "ads", "facebook", 5, "=1+1"], [None, "=B2"]]))
    results = shop.ingest("costs")
    assert [r.counts[RECORDS] for r in results] == [Counts(2, 2), Counts(2, 1, rejected=1)]
    assert shop.rejects() == [
        ("(records)", 2, ["ragged_row:cells_beyond_4_columns"]),
        ("raw.smm_cost", 3, ["bad_date:cost_date", "bad_number:cost_amount"]),
        ("raw.smm_cost", 3, ["missing:cost_date", "missing:cost_amount"]),
    ]


def test_a_workbook_without_a_sheet_is_refused(tmp_path: Path) -> None:
    content = workbook([HEADER])
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as new:
        for part in old.namelist():
            new.writestr(part, re.sub(b"<sheets>.*</sheets>", b"<sheets/>", old.read(part)))
    with pytest.raises(SmmError, match="there is no sheet in it"):
        read_workbook(tmp_path / "a.xlsx", "a.xlsx", parse_mapping(COSTS, where="m.yml"), lambda *_: None)


def test_packed_workbooks_and_parquet_are_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gzip is known by its content, whatever the name; the copy that was unpacked is gone afterwards."""
    # Made once per process, and not in the folder that is looked at here.
    empty_warehouse()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    feeds = {kind: f'mapping = "products_{kind}.yml"' for kind in ("xlsx", "parquet")}
    shop = Instance(tmp_path / "home", feeds)
    rows: list[Sequence[object]] = [["Prices"], PRODUCTS, ["a", "Lamp", 12.5, "2026-03-01T10:00:00"]]
    shop.deliver("xlsx", "a.xlsx.gz", gzip.compress(workbook(rows, "Prices")))
    with duckdb.connect() as con:
        values = "select 'b' as sku, 'Chair' as name, 7.25 as price, '2026-03-01T10:00:00' as changed"
        con.execute(f"copy ({values}) to '{tmp_path}/b.parquet' (format parquet)")
    packed = gzip.compress((tmp_path / "b.parquet").read_bytes())
    shop.deliver("parquet", "b.parquet.gz", packed, mtime=1)
    shop.deliver("parquet", "c.parquet", packed, mtime=2)
    shop.deliver("parquet", "d.parquet.gz", packed[:-9], mtime=3)
    results = {r.file_path: r for r in shop.ingest()}
    assert {n: r.status for n, r in results.items()} == {
        "a.xlsx.gz": "loaded",
        "b.parquet.gz": "loaded",
        "c.parquet": "duplicate",
        "d.parquet.gz": "failed",
    }
    assert "the gzip is damaged" in str(results["d.parquet.gz"].error)
    prices = shop.rows("select sku, price_amount from raw.shop_product order by 1")
    assert prices == [("a", Decimal("12.5")), ("b", Decimal("7.25"))]
    assert list(scratch.iterdir()) == []


def test_ids_that_became_doubles_are_ids_again(tmp_path: Path) -> None:
    """Of Parquet, as pandas writes a column of ids with a gap; in a workbook every number is a double."""
    shop = Instance(tmp_path, {"p": 'mapping = "products_parquet.yml"', "x": 'mapping = "products_xlsx.yml"'})
    with duckdb.connect() as con:
        rows = "(12345.0, 7.25), (null, 1), (0.5, 2), (-0.0, 3), (1e16, 4), ('nan', 5)"
        values = "sku::double as sku, 'n' as name, price::double as price, '2026-03-01T10:00' as changed"
        con.execute(
            f"copy (select {values} from (values {rows}) t(sku, price)) to '{tmp_path}/a.parquet' (format parquet)"
        )
    shop.deliver("p", "a.parquet", (tmp_path / "a.parquet").read_bytes())
    shop.deliver("x", "a.xlsx", workbook([["Prices"], PRODUCTS, [12345, "n", 7.5, "2026-03-02T10:00:00"]], "Prices"))
    shop.ingest()
    found = shop.rows("select sku, price_amount from raw.shop_product order by price_amount")
    assert found == [
        ("0.5", Decimal(2)),
        ("0", Decimal(3)),
        ("1e+16", Decimal(4)),
        ("nan", Decimal(5)),
        ("12345", Decimal("7.25")),
        ("12345", Decimal("7.5")),
    ]
    assert shop.rejects() == [("raw.shop_product", 2, ["missing:product_id"])]


def test_a_packed_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 1000)
    shop = Instance(tmp_path, {"prices": 'mapping = "products_parquet.yml"'})
    shop.deliver("prices", "a.parquet.gz", gzip.compress(b"PAR1" + bytes(2000)))
    [result] = shop.ingest()
    assert result.error is not None
    assert (result.error.code, result.error.what) == ("SMM-201", "the gzip of 38 bytes unpacks to more than 1000 bytes")


def test_a_workbook_that_unpacks_to_a_bomb_is_refused(tmp_path: Path) -> None:
    """A sheet is held in memory several times over: 20 MB of blanks in a file of 30 kB."""
    content = BytesIO(workbook([HEADER, ["01.03.2026", "ads", "facebook", 5]]))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/more.xml", b" " * 20_000_000)
    (tmp_path / "a.xlsx").write_bytes(content.getvalue())
    with pytest.raises(SmmError, match=r"a part of the workbook unpacks from \d+ to 20000000 bytes"):
        read_workbook(tmp_path / "a.xlsx", "a.xlsx", parse_mapping(COSTS, where="m.yml"), lambda *_: None)


def test_a_workbook_of_parts_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    (tmp_path / "a.xlsx").write_bytes(workbook([HEADER, ["01.03.2026", "ads", "facebook", 5]]))
    with pytest.raises(SmmError, match=r"SMM-201: the zip archive holds \d+ files, and at most 3 are read"):
        read_workbook(tmp_path / "a.xlsx", "a.xlsx", parse_mapping(COSTS, where="m.yml"), lambda *_: None)


def test_lines_may_stand_above_the_header(tmp_path: Path) -> None:
    """The header is found by its names; rows keep their number in the sheet."""
    mapping = parse_mapping(COSTS.replace("[csv, xlsx],", "xlsx, header_within: 9,"), where="m.yml")
    rows: list[Sequence[object]] = [["Звіт", "березень"], [], HEADER, ["01.03.2026", "ads", None, 5]]
    path, read = tmp_path / "a.xlsx", list[tuple[int, bytes]]()
    path.write_bytes(workbook(rows))
    extract = read_workbook(path, "a.xlsx", mapping, lambda first, text: read.append((first, text)))
    [(first, text)] = read
    assert (extract.records, first + text.count(b"\n"), json.loads(text)["Сума"]) == (1, 4, "5")
