"""When a feed is another one than that which read its deliveries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.feeds import load_feed
from smm_pipeline.settings import Feed, Settings, Shop
from tests.project_catalog import project_catalog


@pytest.mark.parametrize(
    ("vendor", "zone", "part", "is_other"),
    [
        # Its rows have a day in the shop's zone, its times are in that of the feed.
        ("ga4", "Europe/Warsaw", {"time_zone": "Asia/Tokyo"}, True),
        ("ga4", None, {"time_zone": "Asia/Tokyo"}, True),
        ("communities_csv", "Europe/Warsaw", {"time_zone": "Asia/Tokyo"}, False),
        ("mention", None, {"own_hosts": ("shop.example",)}, True),
        ("ga4", None, {"own_hosts": ("shop.example",)}, False),
        ("mention", None, {"name": "B"}, False),
    ],
)
def test_a_setting_of_the_shop_is_a_change_of_the_feeds_that_read_it(
    tmp_path: Path, vendor: str, zone: str | None, part: dict[str, Any], is_other: bool
) -> None:
    """The others stay as they were read, without a warning."""
    shop = Shop(name="A", time_zone="Europe/Kyiv", currency="UAH")
    constants = {"property_id": "p"} if vendor == "ga4" else {}
    feeds = {"feed": Feed(vendor=vendor, time_zone=zone, constants=constants)}
    before, after = (
        load_feed("feed", Settings(home=tmp_path, shop=s, feeds=feeds), project_catalog()).fingerprint
        for s in (shop, shop.model_copy(update=part))
    )
    assert (before != after) == is_other
