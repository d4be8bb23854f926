"""What the shipped descriptions ask for is no more than their vendors allow."""

from __future__ import annotations

import pytest

from smm_pipeline.pulls.sources import VENDORS, parse_spec


@pytest.mark.parametrize(
    ("vendor", "requests", "seconds"),
    [
        ("vk_wall", 3, 1), ("vk_stats", 3, 1), ("vk_reach", 3, 1),
        ("youscan", 10, 10), ("youscan_restated", 10, 10),
        ("shopify_orders", 40, 20), ("shopify_products", 40, 20),
    ],
)  # fmt: skip
def test_no_more_is_asked_than_the_vendor_allows(vendor: str, requests: int, seconds: int) -> None:
    """VK takes three calls a second, YouScan ten in ten; Shopify's bucket holds forty and loses two a second."""
    quota = parse_spec(VENDORS / f"{vendor}.yml").quota
    assert quota is not None
    assert (quota.requests, quota.seconds) == (requests, seconds)


@pytest.mark.parametrize("vendor", ["metrica_visits", "metrica_hits"])
def test_metrica_takes_no_longer_list_of_fields_and_no_longer_span(vendor: str) -> None:
    """3,000 characters, a year, and no report of today."""
    spec = parse_spec(VENDORS / f"{vendor}.yml")
    assert spec.window is not None
    assert len(spec.defaults["fields"]) <= 3000
    assert spec.window.slice_days <= 365
    assert (spec.window.restated_days, spec.window.lag_days) == (3, 1)
