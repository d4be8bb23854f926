"""Large and hostile files: read in pieces, in one transaction and bounded memory, with the result of one piece."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from smm_pipeline.ingest import RECORDS, Counts, json_arrays, json_documents, reading, text_readers
from tests.ingest_fixture import Instance

FEEDS = {
    "lines": 'mapping = "followers_jsonl.yml"',
    "sheet": 'mapping = "orders_csv.yml"',
    "table": 'mapping = "products_parquet.yml"',
    "array": 'vendor = "woocommerce_products"\nconstants = {store_id = "s", currency = "UAH"}',
}
TABLE = "raw.community_day"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part holds a line or two, a piece two or three of them."""
    monkeypatch.setattr(text_readers, "PIECE_BYTES", 100)
    monkeypatch.setattr(reading, "PIECE_BYTES", 300)


def _line(community: str, followers: object = 1) -> str:
    return json.dumps({"community": community, "day": "2026-03-01", "followers": followers}) + "\n"


def _lines() -> str:
    """23 records on 25 lines: 20 communities, one of them with another value at the end, and two that are none."""
    good = [_line(f"c{n}") for n in range(20)]
    return "".join(
        ["\n", *good[:9], "{broken\n", "  \n", *good[9:], '{"community": ["x"], "day": NaN}\n', _line("c3", 7)]
    )


def _loaded(shop: Instance) -> tuple[object, ...]:
    [result] = shop.ingest("lines")
    return (
        result.counts,
        shop.content(TABLE),
        shop.rows("select * exclude (rejected_at) from quality.rejects order by all"),
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_pieces_give_what_one_piece_gives(threads: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """One after the other, or several at a time."""
    shops = [Instance(tmp_path / name, FEEDS) for name in ("whole", "pieces")]
    with (shops[1].home / "smm.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n[warehouse]\nthreads = {threads}\n")
    for shop in shops:
        shop.deliver("lines", "a.jsonl", _lines(), mtime=1_775_000_000)
    whole = _loaded(shops[0])
    request.getfixturevalue("small_pieces")
    assert _loaded(shops[1]) == whole
    assert whole[0] == {RECORDS: Counts(23, 21, rejected=2), TABLE: Counts(21, 20, superseded=1)}
    rejects = shops[1].rows("select source_row, reasons, record from quality.rejects order by 1")
    assert rejects == [
        (11, ["broken_json"], "{broken"),
        (24, ["not_finite"], '{"community": ["x"], "day": NaN}'),
    ]
    assert shops[1].rows(f"select value from {TABLE} where community_id = 'c3' and _is_current") == [(7,)]


@pytest.mark.usefixtures("small_pieces")
def test_what_turns_out_bad_at_its_end_leaves_nothing(tmp_path: Path) -> None:
    """The damage is found after pieces were taken: of that delivery nothing stays, the others load."""
    shop = Instance(tmp_path, {"lines": FEEDS["lines"] + "\nmax_reject_share = 0.05"})
    shop.deliver("lines", "a.jsonl", _line("good"), mtime=1)
    shop.deliver("lines", "b.jsonl.gz", gzip.compress(_lines().encode() * 3)[:-1], mtime=2)
    shop.deliver("lines", "c.jsonl", _lines(), mtime=3)
    shop.deliver("lines", "d.jsonl", _line("good, too"), mtime=4)
    results = {r.file_path: r for r in shop.ingest()}
    assert {name: r.status for name, r in results.items()} == {
        "a.jsonl": "loaded",
        "b.jsonl.gz": "failed",
        "c.jsonl": "failed",
        "d.jsonl": "loaded",
    }
    assert [str(results[n].error)[:7] for n in ("b.jsonl.gz", "c.jsonl")] == ["SMM-201", "SMM-207"]
    assert shop.rows(f"select community_id from {TABLE} order by 1") == [("good",), ("good, too",)]
    assert shop.rejects() == []


@pytest.mark.usefixtures("small_pieces")
def test_an_error_of_any_piece_spoils_the_whole_delivery(tmp_path: Path) -> None:
    """Pieces that other workers have taken meanwhile leave nothing, and the next delivery is loaded."""
    shop = Instance(tmp_path, {"lines": 'mapping = "failing.yml"'})
    text = (shop.home / "followers_jsonl.yml").read_text(encoding="utf-8")
    failing = text.replace("value: followers", "value: cast(followers as int)")
    (shop.home / "failing.yml").write_text(failing, encoding="utf-8")
    shop.deliver("lines", "a.jsonl", "".join(_line(f"c{n}", n if n != 13 else "x") for n in range(30)), mtime=1)
    shop.deliver("lines", "b.jsonl", _line("good"), mtime=2)
    first, second = shop.ingest("lines")
    assert first.error is not None
    assert (first.error.code, second.status) == ("SMM-204", "loaded")
    assert shop.rows(f"select community_id from {TABLE}") == [("good",)]


def test_a_gzip_bomb_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    bomb = gzip.compress(bytes(200_000_000), 1)
    for feed, name in (("lines", "bomb.jsonl.gz"), ("table", "bomb.parquet.gz")):
        shop.deliver(feed, name, bomb)
    lines, table = (r.error for r in shop.ingest())
    assert lines is not None
    assert table is not None
    assert lines.what == "line 1 is longer than 67108864 bytes: this is no text of lines"
    assert table.what == f"the gzip of {len(bomb)} bytes unpacks to more than {200 * len(bomb)} bytes"


def test_huge_values_lines_and_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Instance(tmp_path, FEEDS)
    deep = '{"community": "deep", "day": "2026-03-01", "followers": 1, "more": ' + "[" * 100_000 + "]" * 100_000 + "}\n"
    shop.deliver("lines", "long.jsonl", _line("x" * 10_000_000) + deep + _line("c", "9" * 3_000_000), mtime=1)
    shop.deliver("sheet", "field.csv", "order;created;status;total\n1;2;3;" + "9" * 3_000_000 + "\n", mtime=1)
    shop.deliver("sheet", "wide.csv", ";".join(f"c{n}" for n in range(100_000)) + "\n", mtime=2)
    long, field, wide = shop.ingest()
    assert long.counts[TABLE] == Counts(3, 2, rejected=1)
    assert shop.rows(f"select max(length(community_id)) from {TABLE}") == [(10_000_000,)]
    assert shop.rows("select reasons, length(record) from quality.rejects") == [(["bad_number:value"], 10_000)]
    assert [str(r.error and r.error.what)[:24] for r in (field, wide)] == [
        "line 2: a cell has more ",
        "the header names 100000 ",
    ]
    monkeypatch.setattr(text_readers, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(text_readers, "PIECE_BYTES", 100)
    shop.deliver("lines", "endless.jsonl", _line("y" * 2000), mtime=3)
    [endless] = shop.ingest("lines")
    assert endless.error is not None
    assert endless.error.what.startswith("line 1 is longer than 1000 bytes")


def test_where_a_long_reject_is_cut_no_half_of_an_address_stays(tmp_path: Path) -> None:
    """The record is cut after 10,000 characters, which the address begins 18 before."""
    shop = Instance(tmp_path, FEEDS)
    begin = '{"day": "soon", "community": "'
    shop.deliver("lines", "a.jsonl", begin + "x" * (9_981 - len(begin)) + ' ivan.petrenko@mail.example"}')
    shop.ingest()
    [(kept,)] = shop.rows("select record from quality.rejects")
    assert kept[9_981:] == ' (e-mail)"}'


def test_what_looks_odd_is_looked_at_however_deep_it_lies(tmp_path: Path) -> None:
    """A NUL at a depth of 700, in a line and in a document; the other feed and the other record go on."""
    shop = Instance(tmp_path, {"lines": FEEDS["lines"], "document": 'mapping = "followers_json.yml"'})
    deep = _line("deep").replace("}", ', "more": ' + "[" * 700 + '"\\u0000"' + "]" * 700 + "}")
    shop.deliver("lines", "a.jsonl", deep + _line("c"))
    shop.deliver("document", "a.json", f"[{deep}, {_line('d')}]")
    assert [r.counts[RECORDS] for r in shop.ingest()] == [Counts(2, 1, rejected=1)] * 2
    assert shop.rejects() == [(RECORDS, 1, ["nul_character"])] * 2
    assert shop.rows(f"select community_id from {TABLE} order by 1") == [("c",), ("d",)]


PRODUCT = '{"id": %d, "name": "Лампа", "price": 1.10, "sku": "s"}'


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("[" + ", \n".join(PRODUCT % n for n in range(40)) + " ]\n", ""),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + "] x", "Extra data"),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + ",]", "record 41: Expecting value"),
        ("[" + " ".join(PRODUCT % n for n in range(40)) + "]", "record 1: Extra data"),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + ', {"id": 1, "name": x}]', "record 41: Expecting value"),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + ', {"id": 1,}]', "record 41: "),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + ', {"id": 1, "name": "a\nb"}]', "record 41: Invalid control"),
        ("[" + ",".join(PRODUCT % n for n in range(40)), "Expecting ']'"),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + ', {"id": 1, "name": "', "record 41: Unterminated string"),
        ("[" + ",".join(PRODUCT % n for n in range(40)) + ", " + "[" * 100_000, "record 41: maximum recursion depth"),
    ],
)
def test_a_large_array_is_read_record_by_record(
    document: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "WHOLE_BYTES", 10)
    monkeypatch.setattr(json_arrays, "_BLOCK_BYTES", 7)
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("array", "products.json", document)
    [result] = shop.ingest("array")
    if says:
        assert result.error is not None
        assert result.error.code == "SMM-201"
        assert says in result.error.what
    else:
        assert result.counts["raw.shop_product"] == Counts(40, 40)
        assert shop.rows("select distinct product_name, price_amount::varchar from raw.shop_product") == [
            ("Лампа", "1.1000")
        ]


@pytest.mark.parametrize("whole_bytes", [10, json_documents.WHOLE_BYTES])
def test_the_fate_of_a_record_is_the_same_in_a_large_array(
    whole_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are none, and numbers as they are written: an article number 1.10, which is not 1.1, among them."""
    monkeypatch.setattr(json_documents, "WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(json_arrays, "_BLOCK_BYTES", 64)
    shop = Instance(tmp_path, FEEDS)
    good = [
        '{"id": 1, "name": "a", "price": 5.5, "sku": 1.10}',
        '{"id": 2, "name": "b", "price": 1e2, "sku": 12345678901234567890.12}',
        '{"id": 3, "name": "\\u041b\\ud83d\\ude00\\"{", "price": "1", "sku": 123456789012345678901234567890}',
    ]
    odd = ['{"id": 4, "id": 5}', '{"id": NaN}', "7", '{"id": "\\u0000"}', '{"id": "\\ud83d"}', '{"id": 6, "x": 1e400}']
    shop.deliver("array", "products.json", "[" + ",".join([*good, *odd]) + "]")
    [result] = shop.ingest("array")
    assert result.counts[RECORDS] == Counts(9, 3, rejected=6)
    assert [reasons for _, _, reasons in shop.rejects()] == [
        ["duplicate_key"],
        ["not_finite"],
        ["not_an_object"],
        ["nul_character"],
        ["half_character"],
        ["not_finite"],
    ]
    assert shop.rows("select product_id, product_name, sku from raw.shop_product order by product_name") == [
        ("1", "a", "1.10"),
        ("2", "b", "12345678901234567890.12"),
        ("3", 'Л😀"{', "123456789012345678901234567890"),
    ]


def test_the_line_of_a_wrong_byte_is_told_of_a_large_array_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "WHOLE_BYTES", 10)
    monkeypatch.setattr(json_arrays, "_BLOCK_BYTES", 64)
    shop = Instance(tmp_path, FEEDS)
    document = "[" + ",\n".join(PRODUCT % n for n in range(40)) + "]"
    shop.deliver("array", "products.json", document.encode().replace(b'"id": 30,', b'"id": 30, "\xff": 1,'))
    [result] = shop.ingest("array")
    assert result.error is not None
    assert (result.error.code, result.error.what[:31]) == ("SMM-203", "byte 0xff in line 31 is not utf")
