"""The tables in which ingest keeps its books: what arrived, what became of it, and what was refused.

Belongs here: DDL of meta.person_key, meta.landing_file, meta.delivery, meta.delivery_count, quality.rejects and the two
tables of pulls. Does not belong here: any statement that writes them (rooms ingest and pulls).
"""

from __future__ import annotations

# Tells that the key has changed; from it the key itself cannot be had.
PERSON_KEY = "create table if not exists meta.person_key (fingerprint varchar primary key)"
LANDING_FILE = """
create table if not exists meta.landing_file (
    feed varchar not null,
    file_path varchar not null,
    byte_count bigint not null,
    mtime_ns bigint not null,
    delivery_id varchar not null,
    primary key (feed, file_path)
)
"""
DELIVERY = """
create table if not exists meta.delivery (
    feed varchar not null,
    delivery_id varchar not null,
    file_path varchar not null,
    byte_count bigint not null,
    extracted_ts timestamptz not null,
    mapping_hash varchar not null,
    status varchar not null check (status in ('loaded', 'duplicate', 'failed')),
    record_count bigint,
    warnings varchar[] not null,
    error_code varchar,
    error_message varchar,
    run_id varchar not null,
    recorded_at timestamptz not null,
    primary key (feed, delivery_id, file_path)
)
"""
# table_name '(records)' counts records of the delivery itself, before they become rows of any contract.
DELIVERY_COUNT = """
create table if not exists meta.delivery_count (
    feed varchar not null,
    delivery_id varchar not null,
    table_name varchar not null,
    rows_in bigint not null,
    loaded bigint not null,
    duplicate bigint not null,
    superseded bigint not null,
    rejected bigint not null,
    primary key (feed, delivery_id, table_name),
    check (rows_in = loaded + duplicate + superseded + rejected)
)
"""
REJECTS = """
create table if not exists quality.rejects (
    feed varchar not null,
    delivery_id varchar not null,
    table_name varchar not null,
    source_row bigint not null,
    reasons varchar[] not null,
    record varchar,
    rejected_at timestamptz not null
)
"""
# Names of pages that were pulled, and of objects of a store, begin so; they never lay in landing/.
PULLED_FOLDER = "pulled/"
OBJECTS_FOLDER = "objects/"
# How far a feed was read from its vendor's API, by the newest page that is booked: it moves with the page's rows. A
# report that was ordered moves it as well, without a page and so with an empty file_path.
PULL_CURSOR = """
create table if not exists meta.pull_cursor (
    feed varchar primary key,
    mark varchar not null,
    file_path varchar not null,
    pulled_at timestamptz not null,
    run_id varchar not null,
    recorded_at timestamptz not null
)
"""
# How the last pull of a feed ended.
PULL_ATTEMPT = """
create table if not exists meta.pull_attempt (
    feed varchar primary key,
    tried_at timestamptz not null,
    pages bigint not null,
    records bigint,
    warnings varchar[] not null,
    error_code varchar,
    error_message varchar,
    run_id varchar not null
)
"""
DELIVERY_DDL: tuple[str, ...] = (
    *(PERSON_KEY, LANDING_FILE, DELIVERY, DELIVERY_COUNT, REJECTS),
    *(PULL_CURSOR, PULL_ATTEMPT),
)
