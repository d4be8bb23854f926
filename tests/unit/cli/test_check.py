"""`smm check`: what an ingest would make of a file, and that trying it leaves no trace."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.cli.check import check_file, choose_feed
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import load_settings
from tests.commands import smm
from tests.ingest_fixture import Instance
from tests.project_catalog import project_catalog

HEADER = "order;created;status;total;email;note\n"
FIRST = HEADER + "1;01.03.2026 10:00;ОПЛАЧЕНО;10,00;olha@buyer.example;\n6;02.03.2026 10:00;ОПЛАЧЕНО;60,00;;\n"
# Made before the first: an order alike, one that is known newer, a new one, one that is no number, a cell too many.
SECOND = (
    FIRST.replace("60,00", "66,00")
    + "7;03.03.2026 10:00;ОПЛАЧЕНО;70,00;;\n8;03.03.2026 11:00;ОПЛАЧЕНО;вісім;petro@buyer.example;Петро\n"
    + "9;03.03.2026 12:00;ОПЛАЧЕНО;90,00;;;\n"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """A sheet with one delivery loaded, and files beside the instance that no test loads."""
    folder = tmp_path_factory.mktemp("check")
    made = Instance(folder / "home", {"sheet": 'mapping = "orders_csv.yml"'})
    made.deliver("sheet", "first.csv", FIRST, mtime=1_772_600_000)
    made.ingest()
    return made


def _state(home: Path) -> str:
    """Hash over names, bytes and times of everything in a folder."""
    entries = sorted(home.rglob("*"))
    found = [(str(p), p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in entries]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _check(shop: Instance, file: Path, *words: str, code: int = 0) -> Any:
    before = _state(shop.home)
    told = smm(shop.home, "check", str(file), *words, "--json")
    assert told.returncode == code, told.stdout + told.stderr
    assert _state(shop.home) == before
    return json.loads(told.stdout)


def test_a_trial_counts_as_the_ingest_does_and_writes_nothing(shop: Instance, tmp_path: Path) -> None:
    other = Instance(tmp_path / "other", {"sheet": 'mapping = "orders_csv.yml"'})
    other.deliver("sheet", "first.csv", FIRST, mtime=1_772_600_000)
    other.ingest()
    file = other.deliver("sheet", "second.csv", SECOND, mtime=1_772_500_000)
    tried = _check(shop, file, "--feed", "sheet")
    assert tried["status"] == "loaded"
    assert tried["counts"]["(records)"] == {"rows_in": 5, "loaded": 4, "duplicate": 0, "superseded": 0, "rejected": 1}
    assert tried["counts"]["raw.shop_order"] == {
        "rows_in": 4,
        "loaded": 1,
        "duplicate": 1,
        "superseded": 1,
        "rejected": 1,
    }
    [result] = other.ingest()
    assert tried["counts"] == {table: vars(counts) for table, counts in result.counts.items()}
    assert tried["reject_reasons"] == {"bad_number:total_amount": 1, "ragged_row:7_cells_for_6_columns": 1}
    assert [(r["row"], r["table"]) for r in tried["first_rejects"]] == [(5, "shop_order"), (6, "(records)")]
    assert json.loads(tried["first_rejects"][0]["record"])["total"] == "вісім"
    assert "Петро" not in json.dumps(tried, ensure_ascii=False)


def test_known_bytes_are_told(shop: Instance) -> None:
    """In the folder of a feed its name need not be said."""
    tried = _check(shop, shop.home / "landing" / "sheet" / "first.csv")
    assert (tried["status"], tried["known_as"], tried["counts"]) == ("duplicate", "first.csv", {})


def test_known_bytes_under_another_time_may_hold_again(tmp_path: Path) -> None:
    """At a time between those that are known they tell nothing; under another mapping they wait to be read anew."""
    feed = "mapping = \"followers_jsonl.yml\"\nextracted_at = '_x(?P<ts>\\d{8})'"
    shop = Instance(tmp_path / "home", {"members": feed})
    line = '{"community": "c", "day": "2026-03-01", "followers": "%d"}\n'
    for day, value in ((1, 10), (2, 12), (5, 10)):
        shop.deliver("members", f"f_x2026030{day}.jsonl", line % value)
    shop.ingest()
    told = {}
    for day in (3, 6):
        file = tmp_path / f"f_x2026030{day}.jsonl"
        file.write_text(line % 10, encoding="utf-8")
        told[day] = _check(shop, file, "--feed", "members")
    assert [(t["status"], t["holds_at"]) for t in told.values()] == [
        ("duplicate", None),
        ("duplicate", "2026-03-06T00:00:00+00:00"),
    ]
    text = smm(shop.home, "check", str(tmp_path / "f_x20260306.jsonl"), "--feed", "members").stdout
    assert "as f_x20260301.jsonl: an ingest would add no rows, and let their values hold at 2026-03-06 00:00" in text
    mapping = shop.home / "followers_jsonl.yml"
    mapping.write_text(mapping.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    tried = _check(shop, tmp_path / "f_x20260306.jsonl", "--feed", "members")
    assert (tried["holds_at"], len(tried["warnings"])) == (None, 1)


def test_what_an_ingest_would_refuse_ends_with_its_exit_code(shop: Instance, tmp_path: Path) -> None:
    """A file that is none of the format, and one of which no record is whole."""
    page = tmp_path / "page.csv"
    page.write_text("<html>login</html>", encoding="utf-8")
    assert _check(shop, page, "--feed", "sheet", code=3)["error"]["code"] == "SMM-201"
    empty = tmp_path / "empty.csv"
    empty.write_text(HEADER, encoding="utf-8")
    assert "0 records: there is nothing in it" in smm(shop.home, "check", str(empty), "--feed", "sheet").stdout
    bad = tmp_path / "bad.csv"
    bad.write_text(HEADER + "8;03.03.2026 11:00;ОПЛАЧЕНО;вісім;;\n", encoding="utf-8")
    text = smm(shop.home, "check", str(bad), "--feed", "sheet")
    assert text.returncode == 3
    assert text.stdout.splitlines()[:4] == [
        "bad.csv as a delivery of sheet; nothing was written",
        "  1 record = 1 read + 0 rejected + 0 skipped on purpose",
        "  1 row = 0 loaded + 0 duplicate + 0 superseded + 1 rejected",
        "  shop_order: 1 = 0 loaded + 0 duplicate + 0 superseded + 1 rejected",
    ]
    assert text.stdout.endswith("no record of it would be loaded whole: each has a reject\n")


def test_a_vendor_or_a_mapping_can_be_tried_without_a_feed(tmp_path: Path) -> None:
    """In an instance that has neither feed nor work database; a mapping by its place in the instance."""
    shop = Instance(tmp_path / "home", {"followers": 'mapping = "followers_jsonl.yml"'})
    file = tmp_path / "order.json"
    order = {"id": 5, "number": "5", "status": "processing", "currency": "UAH", "total": "12.50"}
    file.write_text(json.dumps([{**order, "date_created_gmt": "2026-03-01T10:00:00"}]), encoding="utf-8")
    assert _check(shop, file, "--vendor", "woocommerce_orders")["counts"]["raw.shop_order"]["loaded"] == 1
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"community": "c", "day": "2026-03-01", "followers": "7", "tags": []}\n', encoding="utf-8")
    tried = _check(shop, lines, "--mapping", "followers_jsonl.yml")
    assert tried["counts"]["raw.community_day"]["loaded"] == 1
    assert not (shop.home / "warehouse.duckdb").exists()


def test_what_cannot_be_tried_is_told(shop: Instance, tmp_path: Path) -> None:
    settings, file = load_settings(shop.home), tmp_path / "none.csv"
    with pytest.raises(SmmError, match="SMM-206: there is no feed 'shet'"):
        choose_feed(settings, file, "shet", None, None)
    with pytest.raises(SmmError, match=r"SMM-501: '\.\./x\.yml' is no mapping inside the instance"):
        choose_feed(settings, file, None, None, "../x.yml")
    with pytest.raises(SmmError, match=r"did you mean woocommerce_orders\?"):
        check_file(
            choose_feed(settings, file, None, "woocomerce_orders", None)[0],
            project_catalog(),
            "woocomerce_orders",
            file,
        )
    with pytest.raises(SmmError, match="SMM-209: it cannot be opened: No such file or directory") as caught:
        check_file(settings, project_catalog(), "sheet", file)
    assert caught.value.hint == "name a file that is there"
    for path in (file, shop.home / "landing" / "sheet" / ".." / "none.csv"):
        assert smm(shop.home, "check", str(path)).returncode == 1
        path.write_text("there", encoding="utf-8")
        failed = smm(shop.home, "check", str(path))
        assert failed.returncode == 2
        assert "SMM-501: expected one of --feed, --vendor and --mapping" in failed.stderr


def test_a_constant_that_is_missing_is_named_and_may_be_tried(shop: Instance, tmp_path: Path) -> None:
    """The shipped mapping of Brand24 takes the brand from the feed, and no column of the file tells it."""
    file = tmp_path / "mentions.csv"
    file.write_text("Date,Title,URL,Sentiment\n2026-03-05,Lamp,https://forum.example/1,1\n", encoding="utf-8")
    lacking = _check(shop, file, "--vendor", "brand24_csv", code=3)
    assert lacking["reject_reasons"] == {"missing:brand": 1}
    assert lacking["missing_constants"] == ["brand"]
    text = smm(shop.home, "check", str(file), "--vendor", "brand24_csv").stdout
    assert text.splitlines()[-1].startswith("what is missing may be a constant: constants = { brand = ... }")
    named = _check(shop, file, "--vendor", "brand24_csv", "--constant", "brand=Lamp = light")
    assert (named["counts"]["raw.mention"]["loaded"], named["missing_constants"]) == (1, [])


@pytest.mark.parametrize(("words", "code"), [(("--feed", "sheet", "--constant", "a=b"), "SMM-501"),
    (("--vendor", "goals", "--constant", "a"), "SMM-501"), (("--constant", "a=b"), "SMM-501")])  # fmt: skip
def test_a_constant_is_for_what_is_no_feed_yet(shop: Instance, words: tuple[str, ...], code: str) -> None:
    """A feed has its own in smm.toml."""
    file = shop.home / "smm.toml"
    assert _check(shop, file, *words, code=2)["error"]["code"] == code


def test_a_file_that_is_not_there_is_told_as_such(shop: Instance, tmp_path: Path) -> None:
    """Not that an option is missing: it is the name that was mistyped."""
    assert _check(shop, tmp_path / "nope.csv", code=1)["error"]["what"] == "there is no such file"
