"""Deliveries of which much cannot be read: kept in bounded memory, or refused as another kind of file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.ingest import RECORDS, Counts, json_documents, reading, records, unread
from smm_pipeline.ingest.parts import Lines, in_parts
from smm_pipeline.ingest.results import DeliveryResult
from smm_pipeline.ingest.text_readers import LineWriter
from smm_pipeline.settings import HOME_VARIABLE, PERSON_KEY_VARIABLE, PROJECT_ROOT
from tests.commands import TEST_KEY
from tests.ingest_fixture import Instance

TABLE = "raw.community_day"
FEEDS = {
    "lines": 'mapping = "followers_jsonl.yml"',
    "document": 'mapping = "followers_json.yml"',
    "sheet": 'mapping = "orders_csv.yml"',
    "table": 'mapping = "products_parquet.yml"',
    "log": 'vendor = "access_log"\nconstants = {property_id = "p", host = "shop.example"}',
}
# Far above what it takes, and a third of what it took when the texts of a piece were Python's at once.
MOST_MEGABYTES = 700
# What the system tells the parent of a process has the parent's own memory in it, from before the program was loaded.
INGEST_AND_TELL_MEMORY = """
import atexit, pathlib
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
from smm_pipeline.cli import main
main()
"""


def _record(n: int, followers: object = 1) -> str:
    return json.dumps({"community": f"c{n}", "day": "2026-03-01", "followers": followers})


def _refusal(result: DeliveryResult) -> str:
    assert result.error is not None
    assert (result.status, result.error.code, result.error.where) == ("failed", "SMM-201", result.file_path)
    assert "put the file that this feed's mapping reads" in result.error.hint
    return result.error.what


@pytest.mark.parametrize("at_once", [1, 7, 20_000])
@pytest.mark.parametrize("threads", [1, 3])
def test_rejects_keep_their_own_texts_however_many_are_looked_at_at_once(
    threads: int, at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 60 lines every third is no JSON, every third has no number, and every third is good; blank lines between."""
    monkeypatch.setattr(records, "TEXTS_AT_ONCE", at_once)
    monkeypatch.setattr(reading, "PIECE_RECORDS", 25)
    shop = Instance(tmp_path, FEEDS)
    with (tmp_path / "smm.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n[warehouse]\nthreads = {threads}\n")
    texts = [_record(n, ("x", 1, 2)[n % 3]) if n % 3 else f"{{broken {n}" for n in range(60)]
    texts = [text.replace('"x"', "5") if n % 3 else text for n, text in enumerate(texts)]
    texts = [text.replace(": 2}", ': "two"}') for text in texts]
    shop.deliver("lines", "a.jsonl", "\n  \n".join(texts) + "\r\n")
    [result] = shop.ingest("lines")
    assert result.counts == {RECORDS: Counts(60, 40, rejected=20), TABLE: Counts(40, 20, rejected=20)}
    kept = shop.rows(
        "select source_row, table_name, reasons, record, feed, delivery_id from quality.rejects order by 1"
    )
    who = ("lines", result.delivery_id)
    assert kept == [
        (2 * n + 1, RECORDS, ["broken_json"], texts[n], *who)
        if n % 3 == 0
        else (2 * n + 1, TABLE, ["bad_number:value"], texts[n], *who)
        for n in range(60)
        if n % 3 != 1
    ]


def test_a_reject_of_a_file_without_texts_has_its_fields(tmp_path: Path) -> None:
    shop = Instance(tmp_path, FEEDS)
    target = tmp_path / "landing" / "table" / "a.parquet"
    target.parent.mkdir(parents=True)
    with duckdb.connect() as con:
        row = "select 'p1' as sku, 'Лампа' as name, 'cheap' as price, timestamptz '2026-03-01 10:00+00' as changed"
        con.execute(f"copy ({row}) to '{target}' (format parquet)")
    [result] = shop.ingest()
    assert result.error is None
    [(reasons, record)] = shop.rows("select reasons, record from quality.rejects")
    assert reasons == ["bad_number:price_amount"]
    assert {"sku": "p1", "name": "Лампа", "price": "cheap"}.items() <= json.loads(record).items()


@pytest.mark.parametrize("whole_bytes", [10, json_documents.WHOLE_BYTES])
def test_an_array_of_what_are_no_records_is_refused(
    whole_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "WHOLE_BYTES", whole_bytes)
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("document", "ones.json", f"[{_record(1)}, " + ",".join(["1"] * 100_001) + "]")
    shop.deliver("document", "good.json", f"[{_record(2)}, " + ",".join(["1"] * 100_000) + "]")
    refused, good = sorted(shop.ingest("document"), key=lambda result: result.status)
    assert good.counts[RECORDS] == Counts(100_001, 1, rejected=100_000)
    assert _refusal(refused).startswith(
        "100,001 records of it cannot be read, of which one is record 100002 (not_an_object): this is another kind"
    )
    assert shop.rows(f"select community_id from {TABLE}") == [("c2",)]


@pytest.mark.parametrize("piece_records", [reading.PIECE_RECORDS, 20_000])
def test_lines_that_are_no_records_are_refused_in_one_piece_and_in_many(
    piece_records: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PIECE_RECORDS", piece_records)
    shop = Instance(tmp_path, FEEDS)
    shop.deliver("lines", "words.jsonl", _record(1) + "\n" + "word\n" * 100_001)
    shop.deliver("lines", "good.jsonl", _record(2) + "\n" + "word\n" * 100_000)
    refused, good = sorted(shop.ingest("lines"), key=lambda result: result.status)
    assert good.counts[RECORDS] == Counts(100_001, 1, rejected=100_000)
    what = _refusal(refused)
    assert what.startswith("100,001 records of it cannot be read, of which one is line ")
    assert "(broken_json): this is another kind of file" in what
    assert shop.rows(f"select community_id from {TABLE}") == [("c2",)]


def test_rows_and_long_texts_that_cannot_be_read_are_counted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ragged rows of a table, lines of a log in another encoding, and few records of much text."""
    monkeypatch.setattr(unread, "MAX_RECORDS", 2)
    monkeypatch.setattr(unread, "MAX_CHARACTERS", 1000)
    shop = Instance(tmp_path, FEEDS)
    good = "1;2026-03-01 10:00;completed;5\n"
    shop.deliver("sheet", "two.csv", "order;created;status;total\n" + good + "1;2\n" * 2)
    shop.deliver("sheet", "three.csv", "order;created;status;total\n" + good + "1;2\n" * 3)
    shop.deliver("log", "a.log", b"\xff\n" * 3)
    shop.deliver("lines", "long.jsonl", _record(1) + "\n[" + "7," * 500 + "7]\n")
    found = {result.file_path: result for result in shop.ingest()}
    assert found["two.csv"].counts[RECORDS] == Counts(3, 1, rejected=2)
    assert "of which one is line 5 (ragged_row:2_cells_for_4_columns)" in _refusal(found["three.csv"])
    assert "3 records of it cannot be read, of which one is line 3 (not_decodable)" in _refusal(found["a.log"])
    assert "1 records of it cannot be read, of which one is line 2 (not_an_object)" in _refusal(found["long.jsonl"])


def test_records_of_another_structure_are_no_other_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an object with a text in place of a list the feed's max_reject_share decides."""
    monkeypatch.setattr(unread, "MAX_RECORDS", 2)
    shop = Instance(tmp_path, FEEDS)
    # One of them with what a strict parser has to look at again.
    odd = '{"community": "x", "tags": "\\ud83d\\ude00"}'
    lines = ['{"community": "x", "tags": "y"}'] * 4 + [odd, _record(1)]
    shop.deliver("lines", "a.jsonl", "\n".join(lines))
    [result] = shop.ingest("lines")
    assert result.counts[RECORDS] == Counts(6, 1, rejected=5)
    assert shop.rejects() == [(RECORDS, row, ["bad_structure:tags"]) for row in range(1, 6)]
    assert shop.rows("select record from quality.rejects where source_row = 5") == [(odd,)]


def test_a_document_too_large_to_be_held_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was told as one that breaks off."""
    document = '{"data": [' + ",".join(_record(n) for n in range(9)) + "]}"
    monkeypatch.setattr(json_documents, "MAX_DOCUMENT_BYTES", len(document) - 1)
    shop = Instance(tmp_path, {"document": 'vendor = "woocommerce_orders"'})
    shop.deliver("document", "a.json", document)
    [result] = shop.ingest()
    assert result.error is not None
    assert result.error.what == f"a document of more than {len(document) - 1} bytes that is no array of records"
    assert "several files" in result.error.hint


def test_lines_are_cut_into_parts_by_their_number() -> None:
    whole = Lines(3, 11, b"a\n\nb\nc\r\nd", document="x")
    assert list(in_parts(whole, 5)) == [whole]
    assert [
        (part.first_row, bytes(part.text), [] if part.ends is None else part.ends.tolist())
        for part in in_parts(whole, 2)
    ] == [
        (11, b"a\n\n", [2, 3]),
        (13, b"b\nc\r\n", [2, 5]),
        (15, b"d", [1]),
    ]
    assert {(part.delivery, part.document) for part in in_parts(whole, 2)} == {(3, "x")}


def test_a_writer_numbers_lines_by_their_place() -> None:
    """Rows that a reader leaves out are empty lines; after a flush the next piece begins with its own row."""
    pieces = list[tuple[int, bytes]]()
    writer = LineWriter(lambda first, text: pieces.append((first, bytes(text))))
    writer.write(2, b"b")
    writer.write(3, b"c")
    writer.flush()
    writer.flush()
    writer.write(6, b"f")
    writer.flush()
    assert pieces == [(1, b"\nb\nc"), (4, b"\n\nf")]


def test_many_rejects_fit_into_little_memory(tmp_path: Path) -> None:
    """300,000 records that lack all they need, in a process of its own, which tells how much it held at most."""
    shop = Instance(tmp_path, {"orders": 'vendor = "woocommerce_orders"'})
    shop.deliver("orders", "a.json", "[" + ",".join(['{"id":null,"a":1.50}'] * 300_000) + "]")
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path), PERSON_KEY_VARIABLE: TEST_KEY}
    command = [sys.executable, "-c", INGEST_AND_TELL_MEMORY, "ingest"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=PROJECT_ROOT, check=False)
    assert "300,000 rejected" in done.stdout
    held = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert held is not None
    assert int(held[1]) // 1024 < MOST_MEGABYTES
