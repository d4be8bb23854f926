"""What the shipped mappings make of files in their vendors' shapes: a YAML entry is a test, no Python per vendor.

tests/integration/vendors/<vendor>/cases.yml is a list of cases, the files beside it are their deliveries:
    about:      the quirk or rule under test, in words
    feed:       settings of the feed as in smm.toml; `vendor` is the folder's name where neither it nor a mapping is set
    shop:       {time_zone:, currency:} where they are not Europe/Kyiv and UAH
    deliveries: in this order, each ingested before the next arrives:
                {file: a file beside, or sample: a path below shared/data, as: a name to land under,
                 counts: {table or (records): {rows_in:, loaded:, duplicate:, superseded:, rejected:}},
                 warnings: [...], error: a code, says: words of its message}
    rejects:    [[table, row in the file, reason, ...], ...], or {<table> <reason>: how many}; none where left out
    rows:       {table: {columns: [...], rows: [[...], ...]}}: the current rows, in any order; values as text
A case with a sample is skipped, loudly, where the samples are missing. Expected values are worked out by hand.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from smm_pipeline.feeds import VENDORS, vendor_names
from smm_pipeline.ingest import Counts, DeliveryResult
from tests.ingest_fixture import SHARED_DATA, Instance

HERE = Path(__file__).parent
CASES: list[tuple[Path, dict[str, Any]]] = [
    (path.parent, case)
    for path in sorted(HERE.glob("*/cases.yml"))
    for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
]

# Tables that people keep in spreadsheets, by their vendor: the first CSV of the first case with one.
SHEETS = {
    folder: (delivery, case)
    for folder, case in reversed(CASES)
    if (VENDORS / f"{folder.name}.yml").exists()
    and "kind: [csv, xlsx]" in (VENDORS / f"{folder.name}.yml").read_text(encoding="utf-8")
    for delivery in reversed(case["deliveries"])
    if delivery.get("file", "").endswith(".csv") and "counts" in delivery
}


@pytest.mark.parametrize(("folder", "case"), CASES, ids=[f"{folder.name}: {case['about']}" for folder, case in CASES])
def test_vendor(folder: Path, case: dict[str, Any], tmp_path: Path) -> None:
    feed = {**({} if "mapping" in case.get("feed", {}) else {"vendor": folder.name}), **case.get("feed", {})}
    shop = Instance(tmp_path, {"feed": "\n".join(f"{k} = {_toml(v)}" for k, v in feed.items())}, **case.get("shop", {}))
    for delivery in case["deliveries"]:
        source = folder / delivery["file"] if "file" in delivery else SHARED_DATA / delivery["sample"]
        if "sample" in delivery and not source.exists():
            pytest.skip(f"THE REAL SAMPLE IS MISSING: {source} does not exist; nothing real was tested")
        shop.deliver("feed", delivery.get("as", source.name), source.read_bytes())
        [result] = shop.ingest()
        _assert_outcome(result, delivery)
    assert _rejects(shop, case.get("rejects", [])) == case.get("rejects", [])
    for table, expected in case.get("rows", {}).items():
        columns = ", ".join(expected["columns"])
        found = shop.rows(f"select {columns} from {table} where _is_current")
        assert sorted(map(_texts, found), key=repr) == sorted(map(_texts, expected["rows"]), key=repr), table


def test_every_vendor_has_cases() -> None:
    """Folders that are named like no vendor hold cases of mappings of tests/fixtures."""
    assert set(vendor_names()) <= {folder.name for folder, _ in CASES}


@pytest.mark.parametrize("folder", SHEETS, ids=lambda folder: folder.name)
def test_a_spreadsheet_where_decimals_have_a_comma_saves_semicolons(folder: Path, tmp_path: Path) -> None:
    """The same table with a byte order mark and semicolons gives the same rows and rejects."""
    delivery, case = SHEETS[folder]
    settings = {"vendor": folder.name, **case.get("feed", {})}
    text = (folder / delivery["file"]).read_text(encoding="utf-8-sig")
    comma = ";" if text.count(";") > text.count(",") else ","
    with io.StringIO(newline="") as saved:
        csv.writer(saved, delimiter=";").writerows(csv.reader(io.StringIO(text, newline=""), delimiter=comma))
        semicolons = "\ufeff" + saved.getvalue()
    found = []
    for name, content in (("commas", text), ("semicolons", semicolons)):
        feed = "\n".join(f"{k} = {_toml(v)}" for k, v in settings.items())
        shop = Instance(tmp_path / name, {"feed": feed}, **case.get("shop", {}))
        shop.deliver("feed", delivery.get("as", delivery["file"]), content, mtime=1_772_000_000)
        [result] = shop.ingest()
        assert result.counts, result.error
        found.append((result.counts, [(table, reasons) for table, _, reasons in shop.rejects()]))
    assert found[0] == found[1]
    assert sum(counts.loaded for counts in found[1][0].values()) > 0


def _assert_outcome(result: DeliveryResult, expected: dict[str, Any]) -> None:
    if code := expected.get("error"):
        assert (result.status, result.error and result.error.code) == ("failed", code)
        assert expected["says"] in str(result.error)
        return
    assert result.status == expected.get("status", "loaded"), result.error
    counts = {table: Counts(**fates) for table, fates in expected["counts"].items()}
    assert {table: result.counts.get(table) for table in counts} == counts
    assert list(result.warnings) == expected.get("warnings", [])


def _rejects(shop: Instance, expected: Any) -> Any:
    if isinstance(expected, dict):
        return dict(Counter(f"{table} {reason}" for table, _, reasons in shop.rejects() for reason in reasons))
    return [[table, row, *reasons] for table, row, reasons in shop.rejects()]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return str(value) if isinstance(value, int | float) else f"'{value}'"


def _texts(row: Any) -> list[str | None]:
    """Values as text: money and other decimals without trailing zeros, instants and days in ISO form."""
    return [None if value is None else _text(value) for value in row]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(sep=" ").removesuffix("+00:00")
    return str(value)
