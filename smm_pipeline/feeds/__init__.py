"""Feeds: a vendor each, as data.

Belongs here: finding the mapping of a feed, shipped (vendors/*.yml) or written by the shop. Does not belong here:
reading deliveries (room ingest).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from smm_pipeline.catalog import Catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.constants import check_constants
from smm_pipeline.feeds.mapping import Mapping, parse_mapping
from smm_pipeline.feeds.mapping_check import check_mapping
from smm_pipeline.settings import Feed, Settings, Shop

VENDORS = Path(__file__).parent / "vendors"

__all__ = ["VENDORS", "FeedSource", "load_feed", "vendor_names"]


@dataclass(frozen=True)
class FeedSource:
    """One feed of an instance together with its checked mapping.

    `fingerprint` changes whenever the mapping, the feed's settings or what it reads of the shop's do: a failed delivery
    is then tried again.
    """

    name: str
    feed: Feed
    mapping: Mapping
    time_zone: str
    fingerprint: str


def vendor_names() -> list[str]:
    """Names that a feed's vendor setting may take."""
    return sorted(path.stem for path in VENDORS.glob("*.yml"))


def load_feed(name: str, settings: Settings, catalog: Catalog) -> FeedSource:
    """Read and check the mapping of one feed.

    Raises:
        SmmError: SMM-204 when the mapping is missing or wrong, SMM-102 when the feed sets a constant that it ignores.
    """
    feed = settings.feeds[name]
    path = VENDORS / f"{feed.vendor}.yml" if feed.vendor else settings.home / feed.mapping
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        close = get_close_matches(feed.vendor, vendor_names(), n=1)
        hint = f"vendors are: {', '.join(vendor_names())}" if feed.vendor else "check feeds.<name>.mapping in smm.toml"
        what = f"feed {name} has no mapping {feed.vendor or feed.mapping!r}" + (
            f"; did you mean {close[0]}?" if close else ""
        )
        raise SmmError("SMM-204", what, where=str(path), hint=hint) from error
    except OSError as error:
        hint = "name a file in feeds.<name>.mapping, and give the user who runs smm the right to read it"
        raise SmmError(
            "SMM-204", f"the mapping cannot be opened: {error.strerror}", where=str(path), hint=hint
        ) from error
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        raise SmmError("SMM-204", f"the mapping is not UTF-8: {error}", where=str(path), hint=hint) from error
    mapping = parse_mapping(text, where=str(path))
    if feed.encoding:
        fmt = mapping.format.model_copy(update={"encoding": feed.encoding})
        mapping = mapping.model_copy(update={"format": fmt})
    # Before the mapping: a misspelt constant is the reason for a column without a value.
    check_constants(
        mapping, catalog, feed.constants, key=f"feeds.{name}.constants", where=str(settings.home / "smm.toml")
    )
    check_mapping(mapping, catalog, feed.constants, where=f"{path} (feed {name})")
    zone = feed.time_zone or settings.shop.time_zone
    # Settings left at their defaults do not count: a new one in a later release is no change of the feed.
    told = feed.model_dump_json(exclude={"pull"}, exclude_defaults=True)
    read = (text, told, zone, *_of_the_shop(mapping, text, zone, settings.shop, catalog))
    fingerprint = hashlib.sha256(repr(read).encode()).hexdigest()[:16]
    return FeedSource(name, feed, mapping, zone, fingerprint)


def _of_the_shop(mapping: Mapping, text: str, zone: str, shop: Shop, catalog: Catalog) -> list[object]:
    """The shop's settings that a feed is read with: its hosts for shop_link(), its zone for the days of instants."""
    found: list[object] = []
    has_days = any(
        c.rules.get("local_date_of") and c.name not in table.columns
        for name, table in mapping.tables.items()
        for c in catalog[f"raw.{name}"].columns
    )
    if has_days and shop.time_zone != zone:
        found.append(shop.time_zone)
    if "shop_link" in text and shop.own_hosts:
        found.append(sorted(shop.own_hosts))
    return found
