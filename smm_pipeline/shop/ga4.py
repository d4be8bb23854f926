"""GA4's BigQuery export: hits as nested event rows, a gzipped JSON Lines or Parquet file a day.

Belongs here: the shape of an event row and the two file formats. Does not belong here: which rows are late or doubled
(trouble) and what visitors do.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson

from smm_pipeline.quoting import sql_text
from smm_pipeline.shop.clock import Clock
from smm_pipeline.shop.goods import CURRENCY, HOST, Product
from smm_pipeline.shop.visits import Hit, Visit

STREAM_ID = "3300110022"
ENGAGED_MS = 10_000
_PARAM = (
    "STRUCT(key VARCHAR, value STRUCT(string_value VARCHAR, int_value BIGINT, float_value DOUBLE, double_value DOUBLE))"
)
_ITEM = (
    "STRUCT(item_id VARCHAR, item_name VARCHAR, item_category VARCHAR, price DOUBLE, quantity BIGINT,"
    " item_revenue DOUBLE)"
)
_CAMPAIGN = "STRUCT(campaign_name VARCHAR, source VARCHAR, medium VARCHAR, content VARCHAR)"
# Column types of the Parquet export; JSON exports write the same integers as text and leave nulls out.
COLUMNS = {
    "event_date": "VARCHAR",
    "event_timestamp": "BIGINT",
    "event_name": "VARCHAR",
    "event_params": f"{_PARAM}[]",
    "event_bundle_sequence_id": "BIGINT",
    "user_id": "VARCHAR",
    "user_pseudo_id": "VARCHAR",
    "privacy_info": "STRUCT(analytics_storage VARCHAR, ads_storage VARCHAR, uses_transient_token VARCHAR)",
    "user_properties": f"{_PARAM}[]",
    "user_first_touch_timestamp": "BIGINT",
    "device": "STRUCT(category VARCHAR, operating_system VARCHAR, language VARCHAR,"
    " web_info STRUCT(browser VARCHAR, browser_version VARCHAR, hostname VARCHAR))",
    "geo": "STRUCT(country VARCHAR, city VARCHAR, continent VARCHAR)",
    "traffic_source": 'STRUCT("name" VARCHAR, medium VARCHAR, source VARCHAR)',
    "stream_id": "VARCHAR",
    "platform": "VARCHAR",
    "collected_traffic_source": "STRUCT(manual_campaign_name VARCHAR, manual_source VARCHAR, manual_medium VARCHAR,"
    " manual_content VARCHAR, gclid VARCHAR, srsltid VARCHAR)",
    "session_traffic_source_last_click": f"STRUCT(manual_campaign {_CAMPAIGN})",
    "is_active_user": "BOOLEAN",
    "batch_event_index": "BIGINT",
    "batch_ordering_id": "BIGINT",
    "batch_page_id": "BIGINT",
    "ecommerce": "STRUCT(transaction_id VARCHAR, purchase_revenue DOUBLE, shipping_value DOUBLE, tax_value DOUBLE,"
    " total_item_quantity BIGINT, unique_items BIGINT)",
    "items": f"{_ITEM}[]",
}


def event_rows(visit: Visit, clock: Clock) -> Iterator[tuple[int, bytes]]:
    """(number of the local day, row as JSON with its line end) for each hit of a visit."""
    fixed = _visit_fields(visit)
    params = _visit_params(visit)
    for position, hit in enumerate(visit.hits, 1):
        day = clock.index(hit.at)
        row: dict[str, Any] = {
            "event_date": f"{clock.date(day):%Y%m%d}",
            "event_timestamp": str(hit.at),
            "event_name": hit.name,
            "event_params": params + _hit_params(hit),
            **fixed,
            "batch_event_index": str(position),
            "batch_ordering_id": str(position),
            "batch_page_id": str(hit.page_at // 1000),
        }
        if hit.is_entrance and (visit.source.utm or visit.source.extra):
            row["collected_traffic_source"] = _collected(visit)
        if hit.order:
            row["ecommerce"] = {
                "transaction_id": hit.order.number,
                "purchase_revenue": hit.order.total / 100,
                "shipping_value": hit.order.shipping / 100,
                "tax_value": 0.0,
                "total_item_quantity": str(sum(line.quantity for line in hit.order.lines)),
                "unique_items": str(len(hit.order.lines)),
            }
        if hit.items:
            row["items"] = [_item(product, quantity) for product, quantity in hit.items]
        yield day, orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def write_json_lines(path: Path, rows: Iterable[bytes]) -> None:
    """One gzipped JSON Lines file; level 1 and no time stamp, so that equal rows give equal bytes quickly."""
    path.write_bytes(gzip.compress(b"".join(rows), 1, mtime=0))


def write_parquet(con: duckdb.DuckDBPyConnection, path: Path, rows: Iterable[bytes]) -> None:
    """One nested, typed Parquet file, through a temporary JSON Lines file beside it."""
    scratch = path.with_suffix(".part")
    scratch.write_bytes(b"".join(rows))
    columns = ", ".join(f"{sql_text(name)}: {sql_text(kind)}" for name, kind in COLUMNS.items())
    reader = f"read_json({sql_text(str(scratch))}, format = 'newline_delimited', columns = {{{columns}}})"
    con.execute(f"COPY (SELECT * FROM {reader}) TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    scratch.unlink()


def _text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"string_value": value}}


def _whole(key: str, value: int) -> dict[str, Any]:
    return {"key": key, "value": {"int_value": str(value)}}


def _visit_params(visit: Visit) -> list[dict[str, Any]]:
    engaged = sum(hit.engaged_ms for hit in visit.hits) >= ENGAGED_MS or any(hit.order for hit in visit.hits)
    params = [_text("session_engaged", "1" if engaged else "0")]
    if visit.hides:  # without consent neither the session nor its number is sent
        return params
    return [*params, _whole("ga_session_id", visit.session_id), _whole("ga_session_number", visit.number)]


def _hit_params(hit: Hit) -> list[dict[str, Any]]:
    params = [
        _text("page_location", hit.url),
        _text("page_title", hit.url.split("?")[0].rsplit("/", 1)[-1] or "Domivka"),
    ]
    if hit.referrer:
        params.append(_text("page_referrer", hit.referrer))
    if hit.is_entrance and hit.name == "page_view":
        params.append(_whole("entrances", 1))
    if hit.engaged_ms:
        params.append(_whole("engagement_time_msec", hit.engaged_ms))
    if hit.name == "scroll":
        params.append(_whole("percent_scrolled", 90))
    if hit.items or hit.order:
        value = hit.order.total if hit.order else sum(product.price * quantity for product, quantity in hit.items)
        params += [_text("currency", CURRENCY), {"key": "value", "value": {"double_value": value / 100}}]
    if hit.order:
        params.append(_text("transaction_id", hit.order.number))
    return params


def _visit_fields(visit: Visit) -> dict[str, Any]:
    device, (_, source, medium) = visit.device, visit.device.first_origin
    yes_no = "No" if visit.hides else "Yes"
    web = {"browser": device.browser, "browser_version": "138.0", "hostname": HOST}
    kind = {
        "category": device.category,
        "operating_system": device.system,
        "language": device.language,
        "web_info": web,
    }
    fields: dict[str, Any] = {
        "event_bundle_sequence_id": str(visit.start % 2_000_000_011),
        "privacy_info": {"analytics_storage": yes_no, "ads_storage": yes_no, "uses_transient_token": "No"},
        "user_properties": [],
        "device": orjson.Fragment(orjson.dumps(kind)),
        "geo": {"country": device.country, "city": device.city, "continent": "Europe"},
        "traffic_source": {
            "name": "(direct)" if source == "(direct)" else "(not set)",
            "medium": medium,
            "source": source,
        },
        "stream_id": STREAM_ID,
        "platform": "WEB",
        "is_active_user": not device.is_bot,
        "items": [],
        "session_traffic_source_last_click": {"manual_campaign": _last_click(visit)},
    }
    if not visit.hides:
        fields["user_pseudo_id"] = device.pseudo_id
        fields["user_first_touch_timestamp"] = str(device.first_seen)
        if visit.user_id:
            fields["user_id"] = visit.user_id
    return fields


def _last_click(visit: Visit) -> dict[str, str]:
    _, source, medium = visit.source.origin
    campaign = visit.source.tags.get("utm_campaign", "(not set)" if source != "(direct)" else "(direct)")
    content = visit.source.tags.get("utm_content")
    return {"campaign_name": campaign, "source": source, "medium": medium} | ({"content": content} if content else {})


def _collected(visit: Visit) -> dict[str, str]:
    names = {
        "utm_campaign": "manual_campaign_name",
        "utm_source": "manual_source",
        "utm_medium": "manual_medium",
        "utm_content": "manual_content",
    }
    collected = {names[key]: value for key, value in visit.source.utm}
    key, _, value = visit.source.extra.partition("=")
    return collected | ({key: value} if key in ("gclid", "srsltid") else {})


def _item(product: Product, quantity: int) -> dict[str, Any]:
    price = product.price / 100
    return {
        "item_id": product.sku,
        "item_name": product.name,
        "item_category": product.group,
        "price": price,
        "quantity": str(quantity),
        "item_revenue": price * quantity,
    }
