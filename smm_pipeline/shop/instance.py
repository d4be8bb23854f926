"""The demo instance's own files: smm.toml and the mappings of its CSV feeds.

Belongs here: settings and mappings as a shop would write them. Does not belong here: the data they describe.
"""

from __future__ import annotations

from pathlib import Path

from smm_pipeline.shop.goods import BRAND, COMPETITORS, CURRENCY, HOST, STORE_ID
from smm_pipeline.shop.sheets import HEADERS

EXTRACTED_AT = r"_x(?P<ts>\d{8}T\d{6}Z)"
PROPERTY_ID = "330011"
# Feed: (vendor, constants); the CSV feeds of HEADERS follow with mappings of the instance.
VENDOR_FEEDS: dict[str, tuple[str, dict[str, str]]] = {
    "web": ("ga4", {"property_id": PROPERTY_ID}),
    "orders": ("woocommerce_orders", {"store_id": STORE_ID}),
    "refunds": ("woocommerce_refunds", {"store_id": STORE_ID, "currency": CURRENCY}),
    "products": ("woocommerce_products", {"store_id": STORE_ID, "currency": CURRENCY}),
    "messages": ("messages", {}),
    "moderation": ("moderation", {}),
    "facebook_insights": ("meta_page_insights", {"network": "facebook"}),
    "facebook_posts": ("meta_posts", {"network": "facebook"}),
    "instagram_insights": ("meta_page_insights", {"network": "instagram"}),
    "instagram_media": ("instagram_media", {"network": "instagram"}),
    "telegram_posts": ("telegram_export", {"network": "telegram"}),
    "telegram_views": ("telegram_views", {"network": "telegram"}),
    "newsletters": ("newsletters", {"currency": CURRENCY}),
    "offline_events": ("offline_events", {"currency": CURRENCY}),
    "audience": ("audience", {}),
    "goals": ("goals", {}),
    **{
        f"mentions_{brand.lower()}": ("youscan", {"monitor_id": str(501 + number), "brand": brand})
        for number, brand in enumerate((BRAND, *COMPETITORS))
    },
}
CSV_CONSTANTS: dict[str, dict[str, str]] = {
    "costs": {"currency": CURRENCY},
    "promo_codes": {"store_id": STORE_ID},
    "search_positions": {"site": f"sc-domain:{HOST.removeprefix('www.')}"},
}
_TABLES = {
    "communities": """\
  community:
    columns:
      network: network
      community_id: community_id
      community_name: name
      url: url
      handle: handle
      is_own: {expr: own, map: {"yes": "true", "no": "false"}}
      brand: brand
      language: language
      country: country
      city: city
      product_group: product_group
      launched_on: {expr: launched, time: {format: "%d.%m.%Y"}}
      has_contacts: {expr: contacts, map: {"yes": "true", "no": "false"}}
      has_rules: {expr: rules, map: {"yes": "true", "no": "false"}}
""",
    "competitors": """\
  community_day:
    columns:
      network: network
      community_id: community_id
      metric_date: date
      metric: {const: followers}
      vendor_metric: {const: followers}
      value: followers
      value_kind: {const: level}
""",
    "costs": """\
  smm_cost:
    key_occurrence: cost_id
    columns:
      cost_date: {expr: '"Дата"', time: {format: "%d.%m.%Y"}}
      period_end: {expr: '"До"', time: {format: "%d.%m.%Y"}}
      kind: '"Вид"'
      network: '"Мережа"'
      community_id: '"Спільнота"'
      campaign: '"Кампанія"'
      cost_amount: {expr: '"Сума"', number: {decimal: ",", thousands: " "}}
""",
    "search_positions": """\
  search_position_day:
    columns:
      metric_date: date
      query: query
      page: page
      country: country
      device: device
      clicks: clicks
      impressions: impressions
      position: position
""",
    "calendar": """\
  calendar_day:
    columns:
      calendar_date: {expr: date, time: {format: "%d.%m.%Y"}}
      kind: kind
      name: name
      country: country
""",
    "promo_codes": """\
  promo_code:
    columns:
      code: lower(code)
      kind: kind
      network: network
      community_id: community_id
      post_id: post_id
      valid_from: valid_from
      valid_to: valid_to
""",
    "member_activity": """\
  member_activity:
    columns:
      activity_id: activity_id
      network: network
      community_id: community_id
      post_id: post_id
      member_key: member_id
      customer_key: email
      occurred_ts: {expr: occurred_at, time: {format: "%d.%m.%Y %H:%M:%S"}}
      action: action
""",
}


def demo_feeds() -> set[str]:
    """Names of the feeds that a demo shop has."""
    return {*VENDOR_FEEDS, *HEADERS}


def write_instance(home: Path) -> None:
    """smm.toml and mappings/ of the demo shop."""
    folder = home / "mappings"
    folder.mkdir(parents=True, exist_ok=True)
    for feed, tables in _TABLES.items():
        (folder / f"{feed}.yml").write_text(_mapping(feed, tables), encoding="utf-8")
    (home / "smm.toml").write_text(_settings(), encoding="utf-8")


def _mapping(feed: str, tables: str) -> str:
    delimiter = ";" if feed == "costs" else ","
    columns = ", ".join(HEADERS[feed])
    return (
        f"# How landing/{feed}/*.csv becomes rows of a contract; see docs/mapping.md.\n"
        f'format: {{kind: csv, encoding: utf-8, delimiter: "{delimiter}"}}\n'
        f"source_system: {feed}_csv\ncolumns: [{columns}]\ntables:\n{tables}"
    )


def _settings() -> str:
    shop = (
        "# Settings of the demo shop. Every key, its unit and what a change does: docs/settings.md.\n\n"
        "# The demo writes its files whole before anything reads them.\nlanding_settle_seconds = 0\n\n"
        f'[shop]\nname = "{BRAND}"\ntime_zone = "Europe/Kyiv"\ncurrency = "{CURRENCY}"\n'
        f'own_hosts = ["{HOST}", "{HOST.removeprefix("www.")}"]\ncontent_paths = ["/blog"]\n'
    )
    vendors = [_feed(feed, f'vendor = "{vendor}"', constants) for feed, (vendor, constants) in VENDOR_FEEDS.items()]
    sheets = [_feed(feed, f'mapping = "mappings/{feed}.yml"', CSV_CONSTANTS.get(feed, {})) for feed in HEADERS]
    return "\n".join([shop, *vendors, *sheets])


def _feed(name: str, source: str, constants: dict[str, str]) -> str:
    values = ", ".join(f'{key} = "{value}"' for key, value in constants.items())
    line = f"constants = {{ {values} }}\n" if constants else ""
    return f"[feeds.{name}]\n{source}\nextracted_at = '{EXTRACTED_AT}'\n{line}"
