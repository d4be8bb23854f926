"""Every file of tests/corpus/bad does what the .expect.yaml beside it says; adding such a pair adds a test.

An expectation names the mapping (of tests/fixtures/mappings) or vendor, the delivery's status, and either the error
(code and words of its message) or the counts, warnings and rejects (table, row, reasons ...).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import VENDORS, load_feed, vendor_names
from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.ingest import RECORDS, Counts
from smm_pipeline.ingest.reading import DeliveryReader
from smm_pipeline.ingest.records import DamagedDeliveryError, RecordTable
from smm_pipeline.settings import PERSON_KEY_VARIABLE, PROJECT_ROOT, Feed, Settings, Shop, load_settings
from tests.ingest_fixture import MAPPINGS, Instance
from tests.project_catalog import project_catalog

CORPUS = PROJECT_ROOT / "tests" / "corpus" / "bad"
SUFFIX = ".expect.yaml"
CASES = sorted(path.name.removesuffix(SUFFIX) for path in CORPUS.glob(f"*{SUFFIX}"))
GOOD_LINE = '{"community": "good", "day": "2026-03-01", "followers": 1}\n'


def test_every_file_has_an_expectation() -> None:
    assert {p.name for p in CORPUS.iterdir() if not p.name.endswith(SUFFIX)} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_bad_file(case: str, tmp_path: Path) -> None:
    expect: dict[str, Any] = yaml.safe_load((CORPUS / f"{case}{SUFFIX}").read_text(encoding="utf-8"))
    source = f'mapping = "{expect["mapping"]}"' if "mapping" in expect else f'vendor = "{expect["vendor"]}"'
    shop = Instance(tmp_path, {"bad": source, "good": 'mapping = "followers_jsonl.yml"'})
    shop.deliver_copy("bad", CORPUS / case)
    shop.deliver("good", "good.jsonl", GOOD_LINE)
    bad, good = shop.ingest()

    assert bad.status == expect["status"], bad.error
    if bad.error:
        assert bad.error.code == expect["error"]
        assert expect["says"] in bad.error.what
        assert case in bad.error.where
    assert bad.counts == {table: Counts(**counts) for table, counts in expect.get("counts", {}).items()}
    assert list(bad.warnings) == expect.get("warnings", [])
    assert [[t, row, *reasons] for t, row, reasons in shop.rejects()] == expect.get("rejects", [])
    # Nothing lost, and nobody else hurt: the bytes are kept, the other feed is loaded.
    kept = shop.home / "raw" / "bad" / bad.delivery_id[:2] / bad.delivery_id
    assert kept.read_bytes() == (CORPUS / case).read_bytes()
    assert good.counts["raw.community_day"] == Counts(1, 1)


def test_damage_anywhere_in_parquet_is_told(tmp_path: Path) -> None:
    """Every third byte in turn becomes another; in the footer DuckDB fails with errors of no kind of their own."""
    mapping = parse_mapping((MAPPINGS / "products_parquet.yml").read_text(encoding="utf-8"), where="m.yml")
    path, told = tmp_path / "a.parquet", set[str]()
    with duckdb.connect() as con:
        con.execute(f"copy (select 'a' as sku, 'b' as name, 1.5 as price, '2026-03-01' as changed) to '{path}'")
        content = path.read_bytes()
        for place in range(0, len(content), 3):
            path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
            try:
                with DeliveryReader(con, mapping, lambda _: None) as reader:
                    records = reader.read(0, path, "a.parquet").records
                    RecordTable(con, mapping).fill(reader.rest())
                told.add(str(records))
            except SmmError as error:
                told.add(error.code)
            except DamagedDeliveryError as damage:
                told.add(damage.error.code)
    assert {"1", "SMM-201"} <= told <= {"1", "SMM-201", "SMM-202"}


def test_a_failed_delivery_waits_for_other_bytes_or_another_mapping(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"sheet": 'mapping = "orders_csv.yml"'})
    shop.deliver_copy("sheet", CORPUS / "missing_column.csv")
    assert [r.status for r in shop.ingest()] == ["failed"]
    assert shop.ingest() == []
    mapping = tmp_path / "orders_csv.yml"
    mapping.write_text(
        mapping.read_text(encoding="utf-8").replace("total", "Totals").replace("Totals_", "total_"), encoding="utf-8"
    )
    assert [r.status for r in shop.ingest()] == ["loaded"]
    assert shop.rows("select status, error_code from meta.delivery") == [("loaded", None)]


def test_a_delivery_with_too_many_rejects_is_refused_and_the_others_load(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"sheet": 'mapping = "followers_jsonl.yml"\nmax_reject_share = 0.5'})
    shop.deliver("sheet", "a.jsonl", GOOD_LINE)
    shop.deliver("sheet", "b.jsonl", GOOD_LINE.replace("good", "b") + "{broken\n")
    shop.deliver("sheet", "c.jsonl", GOOD_LINE.replace("good", "c"))
    results = {r.file_path: r for r in shop.ingest()}
    assert {name: r.status for name, r in results.items()} == {
        "a.jsonl": "loaded",
        "b.jsonl": "loaded",
        "c.jsonl": "loaded",
    }
    shop.deliver("sheet", "d.jsonl", GOOD_LINE.replace("good", "d") + "{broken\n" * 2)
    shop.deliver("sheet", "e.jsonl", GOOD_LINE.replace("good", "e"))
    results = {r.file_path: r for r in shop.ingest()}
    assert {name: r.status for name, r in results.items()} == {"d.jsonl": "failed", "e.jsonl": "loaded"}
    assert results["d.jsonl"].error is not None
    assert results["d.jsonl"].error.code == "SMM-207"
    assert [r[0] for r in shop.rows("select community_id from raw.community_day order by 1")] == ["b", "c", "e", "good"]


def test_a_record_with_a_rejected_row_counts_once_in_the_share(tmp_path: Path) -> None:
    """Of two orders one has a status that nobody knows; its three lines, which are good, do not thin the share."""
    shop = Instance(
        tmp_path, {"woo": 'vendor = "woocommerce_orders"\nconstants = { store_id = "1" }\nmax_reject_share = 0.4'}
    )
    order = json.loads(
        (PROJECT_ROOT / "tests/integration/vendors/woocommerce_orders/orders.json").read_text(encoding="utf-8")
    )[0]
    lines = [{**order["line_items"][0], "id": n} for n in (1, 2, 3)]
    bad = {**order, "id": 2, "status": "beamed-up", "line_items": lines}
    shop.deliver("woo", "orders.json", json.dumps([order, bad]))
    [refused] = shop.ingest()
    assert refused.error is not None
    assert refused.error.code == "SMM-207"
    assert "1 of 2 records" in refused.error.what


def test_a_wrong_mapping_fails_its_feed_only(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"bad": 'mapping = "broken.yml"', "good": 'mapping = "followers_jsonl.yml"'})
    (tmp_path / "broken.yml").write_text(
        (tmp_path / "followers_jsonl.yml")
        .read_text(encoding="utf-8")
        .replace("community_id: community", "community_id: comunity"),
        encoding="utf-8",
    )
    shop.deliver("bad", "x.jsonl", GOOD_LINE)
    shop.deliver("good", "x.jsonl", GOOD_LINE)
    bad, good = shop.ingest()
    assert bad.error is not None
    assert bad.error.code == "SMM-204"
    assert "comunity" in bad.error.what
    assert good.status == "loaded"


def test_a_mapping_that_is_no_file_fails_its_feed_only(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"bad": 'mapping = "landing"', "good": 'mapping = "followers_jsonl.yml"'})
    shop.deliver("good", "x.jsonl", GOOD_LINE)
    bad, good = shop.ingest()
    assert bad.error is not None
    assert (bad.error.code, bad.error.what) == ("SMM-204", "the mapping cannot be opened: Is a directory")
    assert good.status == "loaded"


def test_what_was_settled_before_a_wrong_mapping_is_told_too(tmp_path: Path) -> None:
    """A second name of loaded bytes is a duplicate, whatever the mapping says by now."""
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    shop.deliver("good", "x.jsonl", GOOD_LINE)
    shop.ingest()
    mapping = tmp_path / "followers_jsonl.yml"
    mapping.write_text(mapping.read_text("utf-8").replace("community_id: community", "community_id: comunity"), "utf-8")
    shop.deliver("good", "same.jsonl", GOOD_LINE)
    shop.deliver("good", "y.jsonl", GOOD_LINE.replace("good", "other"))
    told = shop.ingest()
    assert [(d.file_path, d.status) for d in told] == [
        ("same.jsonl", "duplicate"),
        ("followers_jsonl.yml", "failed"),
    ]


def test_records_of_which_no_table_takes_anything_are_counted_and_kept(tmp_path: Path) -> None:
    """Two of four kinds of spending are asked for; the others are kept with the line of the file."""
    shop = Instance(tmp_path, {"costs": 'mapping = "costs.yml"'})
    (tmp_path / "costs.yml").write_text(
        "format: {kind: csv}\nsource_system: sheet\ncolumns: [id, day, kind, amount]\ntables:\n  smm_cost:\n"
        "    where: kind = 'ads'\n    columns: {cost_id: id, cost_date: day, kind: kind, cost_amount: amount}\n",
        encoding="utf-8",
    )
    rows = "1,2026-03-01,ads,5\n2,2026-03-01,tool,6\n3,2026-03-02,ads,7\n4,2026-03-02,tool,8\n"
    shop.deliver("costs", "a.csv", "id,day,kind,amount\n" + rows)
    [result] = shop.ingest()
    assert result.counts[RECORDS] == Counts(rows_in=4, loaded=2, rejected=2)
    assert result.counts["raw.smm_cost"] == Counts(rows_in=2, loaded=2)
    kept = "select source_row, reasons, contains(record, 'tool') from quality.rejects order by source_row"
    assert shop.rows(kept) == [(3, ["skipped:no_row"], True), (5, ["skipped:no_row"], True)]


REFUSALS = {
    "telegram": {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 35"},
    "meta": {"error": {"message": "Unsupported get request.", "type": "GraphMethodException", "code": 100}},
    "instagram": {"error": {"message": "Unsupported get request.", "type": "GraphMethodException", "code": 100}},
    "matomo": {"result": "error", "message": "You must be logged in to access this functionality."},
    "shopify": {"errors": "[API] Invalid API key or access token"},
    "youscan": {"statusCode": 401, "message": "Access denied due to invalid subscription key."},
    "woocommerce": {"code": "rest_no_route", "message": "No route was found.", "data": {"status": 404}},
}


def _answers(vendor: str) -> bool:
    """Whether a vendor's deliveries are answers of an API: documents, that may be an error in place of data."""
    reads_json = "json" in parse_mapping((VENDORS / f"{vendor}.yml").read_text(encoding="utf-8"), where="").format.kind
    return reads_json and vendor.partition("_")[0] in REFUSALS


@pytest.mark.parametrize("vendor", [vendor for vendor in vendor_names() if _answers(vendor)])
def test_an_answer_of_failure_is_refused_by_every_vendor_of_an_api(tmp_path: Path, vendor: str) -> None:
    """It is no data, and no record to be skipped: the vendor's words say what to do."""
    shop = Instance(tmp_path, {"feed": f'vendor = "{vendor}"'})
    answer = REFUSALS[vendor.partition("_")[0]]
    shop.deliver("feed", "a.json", json.dumps(answer))
    [result] = shop.ingest()
    assert result.error is not None
    assert (result.status, result.error.code) == ("failed", "SMM-201")
    told = "the source answered with an error: "
    assert result.error.what in {
        f"{told}429: Too Many Requests: retry after 35",
        f"{told}100: Unsupported get request.",
        f"{told}404: No route was found.",
        f"{told}error: You must be logged in to access this functionality.",
        f"{told}[API] Invalid API key or access token",
        f"{told}401: Access denied due to invalid subscription key.",
    }
    assert shop.rejects() == []


def test_an_answer_without_a_channel_is_no_intended_skip(tmp_path: Path) -> None:
    """Nor is it data; a channel of which nothing was counted still is skipped."""
    shop = Instance(tmp_path, {"feed": 'vendor = "telegram_views"'})
    shop.deliver("feed", "a.json", "{}", mtime=1)
    shop.deliver("feed", "b.json", '{"channel_id": "c", "taken_at": "2026-03-02T10:00:00Z", "posts": []}', mtime=2)
    shop.ingest()
    [[table, row, reasons], *rest] = [list(r) for r in sorted(shop.rejects(), reverse=True)]
    assert (table, row) == ("raw.community_day", 1)
    assert {"missing:community_id", "missing:metric_date"} <= set(reasons)
    assert rest == [["(records)", 1, ["skipped:no_row"]]]


def test_the_text_of_a_reject_has_both_values_of_a_field(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"feed": 'mapping = "followers_json.yml"'})
    shop.deliver("feed", "a.json", '[{"community":"c","day":"2026-03-01","followers":2,"followers":null}]')
    shop.ingest()
    assert shop.rows("select record from quality.rejects") == [
        ('{"community":"c","day":"2026-03-01","followers":2,"followers":null}',)
    ]


def test_lines_without_a_record_are_an_empty_file(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"feed": 'mapping = "followers_jsonl.yml"'})
    shop.deliver("feed", "a.jsonl", " \n\n\t\n")
    [result] = shop.ingest()
    assert result.error is not None
    assert (result.error.code, result.error.what) == ("SMM-201", "the file is empty but for blank lines")


def test_a_note_on_columns_names_nobody(tmp_path: Path) -> None:
    """Where the header is lost, the first person's data stand in its place."""
    shop = Instance(tmp_path, {"sheet": 'mapping = "orders_csv.yml"'})
    text = (CORPUS / "reordered_columns.csv").read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    shop.deliver("sheet", "a.csv", f"{first};ann@mail.example;+380501234567\n" + rest.replace("\n", ";;\n"))
    [result] = shop.ingest()
    assert result.warnings
    assert "columns not in the mapping: (...), (...)" in result.warnings


@pytest.mark.parametrize(
    ("vendor", "name", "content", "hint"),
    [
        (
            "telegram_export",
            "a.json",
            '{"id": 1,\n"messages": [],\n"name": "\u043a\u0440\u0430\u043c"}',
            "JSON is UTF-8",
        ),
        ("ga4", "a.jsonl", '{"x": 1}\n\n{"y": "\u043a"}\n', "JSON is UTF-8"),
    ],
)
def test_another_encoding_of_json_is_told_by_its_line(
    tmp_path: Path, vendor: str, name: str, content: str, hint: str
) -> None:
    shop = Instance(tmp_path, {"feed": f'vendor = "{vendor}"'})
    shop.deliver("feed", name, content.encode("cp1251"))
    [result] = shop.ingest()
    assert result.error is not None
    assert result.error.code == "SMM-203"
    assert result.error.what.startswith("byte 0xea in line 3 is not utf-8: ")
    assert result.error.hint.startswith(hint)


def test_another_encoding_deep_in_a_csv_is_told_by_its_line(tmp_path: Path) -> None:
    """Line 50,002 is far behind the block that holds the header."""
    shop = Instance(tmp_path, {"costs": 'mapping = "costs.yml"'})
    (tmp_path / "costs.yml").write_text(
        "format: {kind: csv}\nsource_system: sheet\ncolumns: [id, day, kind, amount]\ntables:\n  smm_cost:\n"
        "    columns: {cost_id: id, cost_date: day, kind: kind, cost_amount: amount}\n",
        encoding="utf-8",
    )
    lines = b"id,day,kind,amount\n" + b"1,2026-03-01,ads,5\n" * 50_000 + "2,2026-03-01,\u043a,5\n".encode("cp1251")
    shop.deliver("costs", "a.csv", lines)
    [result] = shop.ingest()
    assert result.error is not None
    assert (result.error.code, result.error.what.partition(" is not")[0]) == ("SMM-203", "byte 0xea in line 50002")
    assert "format.encoding" in result.error.hint or "encoding:" in result.error.hint


def test_an_encoding_of_a_feed_that_has_none_is_refused(tmp_path: Path) -> None:
    """JSON is UTF-8, and a misspelt name is no encoding."""
    for feed in ('vendor = "ga4"\nencoding = "cp1251"', 'vendor = "costs_sheet"\nencoding = "cp1215"'):
        settings = load_settings(Instance(tmp_path / feed[-7:-1], {"odd": feed}).home)
        with pytest.raises(SmmError, match=r"format\.encoding") as caught:
            load_feed("odd", settings, project_catalog())
        assert caught.value.code == "SMM-204"


def test_a_setting_at_its_default_is_no_other_reading(tmp_path: Path) -> None:
    """So a setting that a later release brings does not ask for everything to be read anew."""
    shop = Shop(name="x", time_zone="UTC", currency="UAH")
    feeds = {
        "plain": Feed(vendor="goals"),
        "told": Feed(vendor="goals", accept_empty=False, encoding=""),
        "other": Feed(vendor="goals", encoding="cp1251"),
    }
    settings = Settings(home=tmp_path, shop=shop, feeds=feeds)
    plain, told, other = (load_feed(name, settings, project_catalog()).fingerprint for name in feeds)
    assert plain == told != other


def test_a_missing_key_is_told_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    monkeypatch.setenv(PERSON_KEY_VARIABLE, "")
    with pytest.raises(SmmError) as caught:
        shop.ingest()
    assert (caught.value.code, caught.value.where) == ("SMM-103", str(tmp_path / ".env"))
