"""`smm rejects`: finding a reject, showing it without persons, a file for spreadsheets, reading a feed again."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.cli.rejects import _MEANINGS, export_rejects, list_rejects, show_reject
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.ingest.shown_record import Fields, fields_of, shape, shown_record
from smm_pipeline.settings import PROJECT_ROOT, load_settings
from smm_pipeline.warehouse.rejects import Wanted
from tests.commands import smm
from tests.ingest_fixture import Instance
from tests.project_catalog import project_catalog

HEADER = "order;created;status;total;email;note\n"
GOOD = "1;01.03.2026 10:00;ОПЛАЧЕНО;10,00 грн;olha@buyer.example;\n"
# A total that is no number; a status that the map lacks; a cell too many; a day that the calendar lacks.
BAD = (
    "2;01.03.2026 11:00;ОПЛАЧЕНО;десять;petro@buyer.example;Петро Іваненко, +380 50 000 00 00\n"
    "3;01.03.2026 12:00;ЗАБУТО;20,00 грн;;\n"
    "4;01.03.2026 13:00;ОПЛАЧЕНО;5,00;x@buyer.example;Олена;зайве\n"
    "5;31.02.2026 13:00;ОПЛАЧЕНО;5,00;;\n"
)
TABLES = "select order_id, status, total_amount, _is_current, _version_ts from raw.shop_order order by all"
COUNTS = "select * from meta.delivery_count order by all"


@pytest.fixture
def shop(tmp_path: Path) -> Instance:
    """A sheet of five orders of which one is good, and a second sheet without a fault."""
    made = Instance(tmp_path, {"sheet": 'mapping = "orders_csv.yml"'})
    made.deliver("sheet", "=march.csv", HEADER + GOOD + BAD, mtime=1_772_400_000)
    made.deliver(
        "sheet", "april.csv", HEADER + GOOD.replace("01.03", "02.03").replace("1;", "6;", 1), mtime=1_772_500_000
    )
    made.ingest()
    return made


def _json(shop: Instance, *arguments: str, code: int = 0) -> Any:
    ran = smm(shop.home, *arguments, "--json")
    assert ran.returncode == code, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_rejects_are_listed_shown_and_written_for_spreadsheets(shop: Instance, tmp_path: Path) -> None:
    """By feed, reason and table; under an id whose beginning is enough; without names, e-mails and formulas."""
    listed = _json(shop, "rejects", "list")
    assert listed["total"] == 4
    assert [(r["row"], r["table"], r["reasons"]) for r in listed["rejects"]] == [
        (3, "shop_order", ["bad_number:total_amount"]),
        (4, "shop_order", ["not_accepted:status"]),
        (5, "(records)", ["ragged_row:7_cells_for_6_columns"]),
        (6, "shop_order", ["bad_time:created_ts"]),
    ]
    assert {r["file"] for r in listed["rejects"]} == {"=march.csv"}
    text = smm(shop.home, "rejects", "list", "--reason", "bad_number", "--table", "shop_order").stdout.splitlines()
    assert re.fullmatch(r"[0-9a-f]{12}  sheet/=march\.csv line 3, shop_order: bad_number:total_amount", text[0])
    assert text[1:] == ["smm rejects show ID shows one with its record"]

    shown = _json(shop, "rejects", "show", listed["rejects"][0]["id"][:6])
    assert shown["record"] == {
        "order": "2",
        "created": "01.03.2026 11:00",
        "status": "ОПЛАЧЕНО",
        "total": "десять",
        "email": "(x-xxxx)",
        "note": "Xxxxx Xxxxxxxx, +999 99 999 99 99",
    }
    assert shown["meanings"]["bad_number:total_amount"].startswith("it is no number")
    assert shown["read_from"] == {"bad_number:total_amount": "total"}
    assert Path(shown["original"]).is_file()
    ragged = smm(shop.home, "rejects", "show", listed["rejects"][2]["id"]).stdout
    assert "Олена" not in ragged
    assert '"Xxxxx"' in ragged
    assert "it is read from" not in ragged
    day = smm(shop.home, "rejects", "show", listed["rejects"][3]["id"]).stdout.splitlines()[1]
    assert day.startswith("  bad_time:created_ts: it is no time")
    assert day.endswith("; it is read from created")

    file = tmp_path / "out.csv"
    assert _json(shop, "rejects", "list", "--csv", str(file))["rejects"] == 4
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == ["'=march.csv"] * 4
    assert rows[0]["reasons"] == "bad_number:total_amount"
    assert json.loads(rows[0]["record"])["total"] == "десять"
    assert "Олена" not in file.read_text(encoding="utf-8")


def test_what_is_not_there_is_told(shop: Instance) -> None:
    settings, catalog = load_settings(shop.home), project_catalog()
    with pytest.raises(SmmError, match=r"SMM-210: there is no reject 'zzzz'"):
        show_reject(settings, catalog, "zzzz")
    with pytest.raises(SmmError, match=r"SMM-210: expected at least 4 characters"):
        show_reject(settings, catalog, "ab")
    with pytest.raises(SmmError, match=r"(?s)SMM-206.*did you mean sheet\?"):
        list_rejects(settings, catalog, Wanted(feed="shet"), 20)
    with pytest.raises(SmmError, match=r"SMM-107: not writable: Is a directory"):
        export_rejects(settings, catalog, Wanted(), None, shop.home)
    wrong = smm(shop.home, "rejects", "list", "--table", "shop_ordr")
    assert wrong.returncode == 2
    assert "SMM-501: there is no contract 'shop_ordr'\n  what to do: did you mean shop_order?" in wrong.stderr
    assert len(list_rejects(settings, catalog, Wanted(table="(records)"), 20)["rejects"]) == 1
    with pytest.raises(SmmError, match=r"(?s)SMM-501: there is no reason 'bad_numbr'.*did you mean bad_number\?"):
        list_rejects(settings, catalog, Wanted(reason="bad_numbr:total_amount"), 20)
    failed = smm(shop.home, "rejects", "replay", "shet")
    assert failed.returncode == 1
    assert "SMM-206" in failed.stderr
    assert "feeds of this instance: sheet" in failed.stderr


def test_after_a_correction_rejects_become_rows_and_nothing_doubles(shop: Instance, tmp_path: Path) -> None:
    """As in an instance that never knew the wrong mapping; a wrong correction changes nothing, a kill is made good."""
    path = shop.home / "orders_csv.yml"
    wrong = path.read_text(encoding="utf-8")
    right = wrong.replace("ОПЛАЧЕНО: paid", "ОПЛАЧЕНО: paid, ЗАБУТО: cancelled")
    before = shop.rows(COUNTS)
    path.write_text(wrong.replace("order_id: order", "order_id: ordre"), encoding="utf-8")
    refused = smm(shop.home, "rejects", "replay", "sheet")
    assert refused.returncode == 1
    assert "SMM-204" in refused.stderr
    assert shop.rows(COUNTS) == before
    assert len(shop.rows(TABLES)) == 2

    path.write_text(right, encoding="utf-8")
    killed = smm(shop.home, "rejects", "replay", "sheet", SMM_FAILPOINT="ingest.before_commit:kill9")
    assert killed.returncode == -9
    assert shop.rows("select count(*) from raw.shop_order") == [(0,)]
    assert smm(shop.home, "ingest").returncode == 0
    never_wrong = Instance(tmp_path / "other", {"sheet": 'mapping = "orders_csv.yml"'})
    (never_wrong.home / "orders_csv.yml").write_text(right, encoding="utf-8")
    for file in sorted((shop.home / "landing" / "sheet").iterdir()):
        never_wrong.deliver("sheet", file.name, file.read_bytes(), mtime=file.stat().st_mtime)
    never_wrong.ingest()
    assert (shop.rows(TABLES), shop.rows(COUNTS)) == (never_wrong.rows(TABLES), never_wrong.rows(COUNTS))

    replayed = _json(shop, "rejects", "replay", "sheet")
    assert replayed["feeds"] == {"sheet": {"before": 3, "after": 3}}
    assert (shop.rows(TABLES), shop.rows(COUNTS)) == (never_wrong.rows(TABLES), never_wrong.rows(COUNTS))
    assert shop.rows("select sum(rows_in), sum(loaded), sum(rejected) from meta.delivery_count") == [(11, 8, 3)]


def test_every_reason_of_the_page_is_told_in_words() -> None:
    page = (PROJECT_ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    [reasons] = re.findall(r"^Reasons of rejects(.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    names = set(re.findall(r"`([a-z_]+):?`", reasons)) - {"history_start"}
    assert names == _MEANINGS.keys()


def test_a_feed_without_rejects_is_left_alone(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"sheet": 'mapping = "orders_csv.yml"'})
    shop.deliver("sheet", "a.csv", HEADER + GOOD)
    shop.ingest()
    run_before = shop.rows("select run_id, recorded_at from meta.delivery")
    assert smm(shop.home, "rejects", "replay", "sheet").stdout == "sheet has no rejects; nothing was read again\n"
    assert smm(shop.home, "rejects", "list").stdout == "no rejects\n"
    assert shop.rows("select run_id, recorded_at from meta.delivery") == run_before


def test_a_record_shows_only_what_is_read_into_no_person() -> None:
    """Through named expressions and elements of lists; a name that two fields share is told apart by its path."""
    mapping = parse_mapping(
        """
        format:
          kind: jsonl
          structure: {id: VARCHAR, customer: {id: VARCHAR, name: VARCHAR}, lines: [{name: VARCHAR}]}
        source_system: s
        let: {buyer: "nullif(customer.id, '0')"}
        tables:
          shop_order:
            columns: {store_id: {const: m}, order_id: id, user_key: buyer, created_ts: id}
          shop_order_line:
            from: unnest(lines) as line
            columns: {order_id: id, line_id: line_no, product_name: line.name}
        """,
        where="",
    )
    fields = fields_of(mapping, project_catalog())
    record = {"id": "A-1", "customer": {"id": "77", "name": "Ann"}, "lines": [{"name": "Lamp", "x": 5}], "n": None}
    assert shown_record(json.dumps(record), fields) == {
        "id": "A-1",
        "customer": {"id": "99", "name": "Xxx"},
        "lines": [{"name": "Lamp", "x": "9"}],
        "n": None,
    }
    phone = {"id": "+380 (50) 000-00-00 a@b.example"}
    assert shown_record(json.dumps(phone), fields) == {"id": "(...) (...)"}
    assert shown_record('{"id": "A-1", "na', fields) == '{"xx": "X-9", "xx'
    assert shown_record('{"id": 1}', Fields()) == {"id": "9"}
    assert shape("Її\x1b[1m") == "Xx?[9x"
    # Deeper than anybody's record, but it fits into what is kept of one.
    assert shown_record("[" * 4900 + "7" + "]" * 4900, Fields()) == "[" * 4900 + "9" + "]" * 4900
