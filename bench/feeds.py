"""Made-up feeds in their vendors' own JSON, of any size, written by DuckDB.

Belongs here: GA4's export as JSON lines, WooCommerce's orders as one array, and thousands of tiny files. Does not
belong here: the plain Parquet data of the engines (generate.py) and what is measured (volume.py). The same size gives
the same bytes: everything comes from hashes of row numbers.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

EVENTS_PER_VISIT = 5
# All integers as text, nulls left out by nobody: the shape of `bq extract` with every field present.
GA4 = """
copy (
    with event as (
        select
            n, n // 5 as visit, n % 5 as step, any_of(n // 5, about := 'item') % 5000 as item,
            any_of(n // 5, about := 'client') % (1 + $events // 25) as client,
            epoch_us(timestamptz '2026-03-01 00:00:00+00')
                + any_of(n // 5, about := 'start') % 7689600 * 1000000 + (n % 5) * 31000123 as at_us,
            case when n % 5 = 4 and any_of(n // 5, about := 'buy') % 25 = 0 then 'purchase'
                else ['session_start', 'page_view', 'view_item', 'scroll', 'user_engagement'][1 + n % 5] end as name
        from range($first, $first + $events) as numbers(n)
    )
    select
        strftime(make_timestamp(at_us), '%Y%m%d') as event_date,
        cast(at_us as varchar) as event_timestamp,
        name as event_name,
        [
            {'key': 'session_engaged', 'value': {'string_value': '1'}},
            {'key': 'ga_session_id', 'value': {'int_value': cast(visit as varchar)}},
            {'key': 'ga_session_number', 'value': {'int_value': '1'}},
            {'key': 'page_location', 'value': {'string_value': 'https://shop.example/product/sku-' || item
                || '?utm_source=telegram&utm_medium=social&utm_campaign=spring-' || visit % 40 || '&step=' || step}},
            {'key': 'page_title', 'value': {'string_value': 'Лампа № ' || item}},
            {'key': 'page_referrer', 'value': {'string_value': 'https://t.me/shop_example'}},
            {'key': 'engagement_time_msec', 'value': {'int_value': cast(any_of(n) % 60000 as varchar)}},
            {'key': 'currency', 'value': {'string_value': 'UAH'}}
        ] as event_params,
        cast(visit % 2000000011 as varchar) as event_bundle_sequence_id,
        case when client % 20 = 0 then 'c-' || client end as user_id,
        'client.' || client as user_pseudo_id,
        {'analytics_storage': 'Yes', 'ads_storage': 'Yes', 'uses_transient_token': 'No'} as privacy_info,
        cast([] as varchar[]) as user_properties,
        cast(at_us - 86400000000 as varchar) as user_first_touch_timestamp,
        {'category': ['mobile', 'desktop', 'tablet'][1 + client % 3], 'operating_system': 'Android',
            'language': 'uk-ua', 'web_info': {'browser': 'Chrome', 'browser_version': '138.0',
            'hostname': 'shop.example'}} as device,
        {'country': 'Ukraine', 'city': 'Lviv', 'continent': 'Europe'} as geo,
        {'name': '(not set)', 'medium': 'social', 'source': 'telegram'} as traffic_source,
        '3300110022' as stream_id,
        'WEB' as platform,
        {'manual_campaign_name': 'spring-' || visit % 40, 'manual_source': 'telegram', 'manual_medium': 'social',
            'manual_content': 'post-' || item} as collected_traffic_source,
        true as is_active_user,
        cast(step + 1 as varchar) as batch_event_index,
        cast(step + 1 as varchar) as batch_ordering_id,
        cast(at_us // 1000 as varchar) as batch_page_id,
        case when name = 'purchase' then {'transaction_id': cast(visit as varchar), 'purchase_revenue': 250.5,
            'total_item_quantity': '1', 'unique_items': '1'} end as ecommerce,
        case when step >= 2 then [{'item_id': 'sku-' || item, 'item_name': 'Лампа № ' || item, 'price': 250.5,
            'quantity': '1'}] else [] end as items
    from event
) to '{path}' (format json, compression '{compression}')
"""
WOOCOMMERCE = """
copy (
    select
        n as id, 0 as parent_id, cast(n as varchar) as number, 'wc_order_' || md5('o' || n) as order_key,
        'checkout' as created_via, '9.8.1' as version,
        ['processing', 'completed', 'completed', 'cancelled'][1 + n % 4] as status, 'UAH' as currency,
        strftime(created + interval 2 hour, '%Y-%m-%dT%H:%M:%S') as date_created,
        strftime(created, '%Y-%m-%dT%H:%M:%S') as date_created_gmt,
        strftime(created + interval 26 hour, '%Y-%m-%dT%H:%M:%S') as date_modified,
        strftime(created + interval 24 hour, '%Y-%m-%dT%H:%M:%S') as date_modified_gmt,
        strftime(created + interval 3 hour, '%Y-%m-%dT%H:%M:%S') as date_paid,
        strftime(created + interval 1 hour, '%Y-%m-%dT%H:%M:%S') as date_paid_gmt,
        '0.00' as discount_total, '0.00' as discount_tax, '60.00' as shipping_total, '0.00' as shipping_tax,
        '0.00' as cart_tax, cast(60 + 2 * price as varchar) as total, '0.00' as total_tax, false as prices_include_tax,
        client as customer_id, '192.0.2.1' as customer_ip_address, 'Mozilla/5.0 (bench)' as customer_user_agent,
        '' as customer_note,
        {'first_name': 'Buyer', 'last_name': 'No ' || client, 'address_1': 'Example street 1', 'city': 'Lviv',
            'postcode': '00000', 'country': 'UA', 'email': 'buyer' || client || '@example.com',
            'phone': '+380000000000'} as billing,
        {'first_name': 'Buyer', 'last_name': 'No ' || client, 'address_1': 'Example street 1', 'city': 'Lviv',
            'postcode': '00000', 'country': 'UA'} as shipping,
        'cod' as payment_method, 'Cash on delivery' as payment_method_title, '' as transaction_id,
        [
            {'id': n * 100, 'key': '_wc_order_attribution_source_type', 'value': 'utm'},
            {'id': n * 100 + 1, 'key': '_wc_order_attribution_referrer', 'value': 'https://t.me/shop_example'},
            {'id': n * 100 + 2, 'key': '_wc_order_attribution_utm_source', 'value': 'telegram'},
            {'id': n * 100 + 3, 'key': '_wc_order_attribution_utm_medium', 'value': 'social'},
            {'id': n * 100 + 4, 'key': '_wc_order_attribution_session_entry',
                'value': 'https://shop.example/?utm_source=telegram&utm_medium=social'},
            {'id': n * 100 + 5, 'key': '_wc_order_attribution_session_start_time',
                'value': strftime(created - interval 10 minute, '%Y-%m-%d %H:%M:%S')}
        ] as meta_data,
        list_transform([1, 2], lambda k: {'id': n * 10 + k, 'name': 'Лампа № ' || (item + k),
            'product_id': item + k, 'variation_id': 0, 'quantity': 1, 'tax_class': '',
            'subtotal': cast(price as varchar), 'subtotal_tax': '0.00', 'total': cast(price as varchar),
            'total_tax': '0.00', 'taxes': cast([] as varchar[]), 'meta_data': cast([] as varchar[]),
            'sku': 'sku-' || (item + k), 'price': price}) as line_items,
        cast([] as varchar[]) as tax_lines, cast([] as varchar[]) as fee_lines,
        [{'id': n * 10 + 9, 'method_title': 'Post', 'method_id': 'flat_rate', 'total': '60.00'}] as shipping_lines,
        cast([] as varchar[]) as coupon_lines, cast([] as varchar[]) as refunds
    from (
        select n, any_of(n, about := 'client') % (1 + $orders // 3) as client,
            any_of(n, about := 'item') % 5000 as item,
            cast(100 + any_of(n, about := 'price') % 90000 / 100 as decimal(10, 2)) as price,
            timestamp '2026-03-01 00:00:00' + to_seconds(any_of(n, about := 'at') % 7689600) as created
        from range(1, $orders + 1) as numbers(n)
    ) orders
) to '{path}' (format json, array true)
"""


def write_ga4(path: Path, events: int, first: int = 0) -> None:
    """One file of GA4 events, numbered from `first`; gzip where its name ends in .gz."""
    compression = "gzip" if path.suffix == ".gz" else "none"
    _write(GA4.replace("{path}", str(path)).replace("{compression}", compression), {"events": events, "first": first})


def write_woocommerce(path: Path, orders: int) -> None:
    """One array of orders, as GET /orders gives it."""
    _write(WOOCOMMERCE.replace("{path}", str(path)), {"orders": orders})


def write_tiny_files(folder: Path, files: int) -> None:
    """One GA4 event a file."""
    whole = folder.with_suffix(".jsonl")
    write_ga4(whole, files)
    folder.mkdir(parents=True, exist_ok=True)
    with whole.open("rb") as lines:
        for number, line in enumerate(lines):
            (folder / f"event-{number:06d}.jsonl").write_bytes(line)
    whole.unlink()


def _write(statement: str, values: dict[str, int]) -> None:
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("create temp macro any_of(n, about := '') as cast(hash(n, about) >> 1 as bigint)")
        con.execute("set preserve_insertion_order = true")
        con.execute(statement, values)
