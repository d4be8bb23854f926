"""The written instance is one that the pipeline accepts: settings, feeds, mappings, headers."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smm_pipeline.feeds.mapping import parse_mapping
from smm_pipeline.feeds.mapping_check import check_mapping
from smm_pipeline.settings import load_settings
from tests.project_catalog import project_catalog

from .conftest import Shop


def test_every_feed_has_deliveries_and_every_delivery_a_feed(shop: Shop) -> None:
    feeds = load_settings(shop.home).feeds
    landing = shop.home / "landing"
    assert {path.name for path in landing.iterdir()} == set(feeds)
    for name, feed in feeds.items():
        for path in shop.files(name):
            match = re.search(feed.extracted_at, path.name)
            assert match, path.name
            taken = datetime.strptime(match["ts"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            assert taken.year == 2026


def test_mappings_fit_the_contracts_and_the_files(shop: Shop) -> None:
    catalog, settings = project_catalog(), load_settings(shop.home)
    mapped = {name: feed for name, feed in settings.feeds.items() if feed.mapping}
    assert len(mapped) == 7
    for name, feed in mapped.items():
        mapping = parse_mapping((shop.home / feed.mapping).read_text(encoding="utf-8"), where=name)
        check_mapping(mapping, catalog, feed.constants, where=name)
        for path in shop.files(name):
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file, delimiter=mapping.format.delimiter[0]))
            assert tuple(rows[0]) == mapping.columns
            assert {len(row) for row in rows} == {len(mapping.columns)}


def test_personal_data_is_fictional(shop: Shop) -> None:
    found: set[str] = set()
    for path in (shop.home / "landing").rglob("*"):
        if path.suffix in (".json", ".csv"):
            found.update(re.findall(r"[\w.+-]+@([\w.-]+)", path.read_text(encoding="utf-8")))
    assert found == {"example.com"}


@pytest.mark.parametrize("word", ["truth", "D2_impulse", "was_trackable"])
def test_no_delivery_gives_the_truth_away(shop: Shop, word: str) -> None:
    texts = [path for path in (shop.home / "landing").rglob("*") if path.suffix in (".json", ".csv")]
    assert not [path for path in [*texts, Path(shop.home / "smm.toml")] if word in path.read_text(encoding="utf-8")]
