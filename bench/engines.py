"""The same job on three engines: Parquet events -> sessions -> the last known source before each order.

Belongs here: straightforward, good code for DuckDB, polars and pandas, and one shape of answer so that they can be
compared. Does not belong here: the pipeline, which does more (raw store, hashes, rejects, history, validation).

The job: a client's events in order of (ts, event_id); a silence of more than 1800 s starts a session; a session has a
start, a duration, a number of events and the source of its first event (utm_source, else the referrer's host, else
none). Each order is credited to the newest session of its client with a source, at most 30 days old; else to none.
The answer: {"sessions", "duration_seconds", "credited": {source: [orders, revenue in cents]}}.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

GAP_SECONDS = 1800
LOOKBACK_DAYS = 30
OWN_HOST = "shop.example"
NO_SOURCE = "(none)"
COLUMNS = ("event_id", "client_id", "ts", "page_referrer", "utm_source")
ORDER_COLUMNS = ("order_id", "client_id", "created_ts", "total")
HOST_PATTERN = r"^https?://(?:www\.)?([^/:]+)"

DUCKDB_SESSIONS = f"""
create temp table session as
with event as (
    select
        client_id, ts, event_id,
        nullif(regexp_extract(page_referrer, '{HOST_PATTERN}', 1), '') as host,
        coalesce(utm_source, nullif(host, '{OWN_HOST}')) as source
    from read_parquet($events)
),
marked as (
    select *, lag(ts) over client as prev_ts from event window client as (partition by client_id order by ts, event_id)
),
numbered as (
    select
        *,
        sum(case when prev_ts is null or ts - prev_ts > interval {GAP_SECONDS} second then 1 else 0 end)
            over (partition by client_id order by ts, event_id rows unbounded preceding) as session_no
    from marked
)
select client_id, session_no, min(ts) as start_ts, max(ts) as end_ts, count(*) as events,
    arg_min({{'source': source}}, (ts, event_id)).source as source
from numbered group by client_id, session_no
"""
DUCKDB_LAST_TOUCH = f"""
with credited as (
    select o.order_id, any_value(o.total) as total, arg_max(s.source, (s.start_ts, s.session_no)) as source
    from read_parquet($orders) o
    left join session s
        on s.client_id = o.client_id and s.source is not null
        and s.start_ts <= o.created_ts and s.start_ts >= o.created_ts - interval {LOOKBACK_DAYS} day
    group by o.order_id
)
select coalesce(source, '{NO_SOURCE}'), count(*), cast(sum(total * 100) as bigint) from credited group by 1
"""


def read_only(events: list[Path]) -> dict[str, Any]:
    """The floor: DuckDB reads the job's columns and does nothing with them but a hash that needs every value."""
    with duckdb.connect() as con:
        con.execute(f"select bit_xor(hash({', '.join(COLUMNS)})) from read_parquet(?)", [_names(events)]).fetchall()
    return {}


def with_duckdb(events: list[Path], orders: list[Path]) -> dict[str, Any]:
    """The job as plain SQL."""
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(DUCKDB_SESSIONS, {"events": _names(events)})
        duration = "cast(sum(epoch(end_ts) - epoch(start_ts)) as bigint)"
        sessions, seconds = con.execute(f"select count(*), {duration} from session").fetchall()[0]
        credited = con.execute(DUCKDB_LAST_TOUCH, {"orders": _names(orders)}).fetchall()
    return answer(sessions, seconds, credited)


def with_polars(events: list[Path], orders: list[Path]) -> dict[str, Any]:
    """The job as one lazy polars query per result, on the streaming engine."""
    import polars as pl

    host = pl.col("page_referrer").str.extract(HOST_PATTERN, 1)
    is_new = (pl.col("client_id") != pl.col("client_id").shift()) | (
        pl.col("ts") - pl.col("ts").shift() > pl.duration(seconds=GAP_SECONDS)
    )
    sessions = (
        pl.scan_parquet(events)
        .select(
            "client_id",
            "ts",
            "event_id",
            pl.coalesce("utm_source", pl.when(host != OWN_HOST).then(host)).alias("source"),
        )
        .sort("client_id", "ts", "event_id")
        .with_columns(is_new.fill_null(value=True).cum_sum().alias("session_no"))
        .group_by("session_no")
        .agg(
            pl.col("client_id").first(),
            pl.col("ts").min().alias("start_ts"),
            pl.col("ts").max().alias("end_ts"),
            pl.len().alias("events"),
            pl.col("source").first(),
        )
        .collect(engine="streaming")
    )
    touches = sessions.filter(pl.col("source").is_not_null()).select("client_id", "start_ts", "source").sort("start_ts")
    credited = (
        pl.read_parquet(orders, columns=list(ORDER_COLUMNS))
        .sort("created_ts")
        .join_asof(
            touches,
            left_on="created_ts",
            right_on="start_ts",
            by="client_id",
            tolerance=f"{LOOKBACK_DAYS}d",
            check_sortedness=False,  # both were sorted a line above; with by= polars cannot see it
        )
        .group_by(pl.col("source").fill_null(NO_SOURCE))
        .agg(pl.len(), (pl.col("total") * 100).sum().cast(pl.Int64))
    )
    seconds = sessions.select((pl.col("end_ts") - pl.col("start_ts")).dt.total_seconds().sum()).item()
    return answer(sessions.height, seconds, credited.iter_rows())


def with_pandas(events: list[Path], orders: list[Path]) -> dict[str, Any]:
    """The job in pandas; DuckDB reads the files, because pandas has no Parquet reader of its own."""
    import pandas as pd

    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        event = con.execute(f"select {', '.join(COLUMNS)} from read_parquet(?)", [_names(events)]).df()
        order = con.execute(f"select {', '.join(ORDER_COLUMNS)} from read_parquet(?)", [_names(orders)]).df()
    # Few referrers and clients repeat over many rows: work on the distinct values, sort by numbers.
    codes, referrers = pd.factorize(event["page_referrer"])
    hosts = pd.Series(referrers, dtype="object").str.extract(HOST_PATTERN, expand=False)
    hosts = hosts.where(hosts != OWN_HOST)
    event["source"] = event["utm_source"].fillna(pd.Series(codes, index=event.index).map(hosts))
    event["client_id"], clients = pd.factorize(event["client_id"])
    # The files are in order of (ts, event_id): a stable sort keeps the last key and spares sorting texts.
    event = event[["client_id", "ts", "source"]].sort_values(["client_id", "ts"], kind="stable")
    silence = event["ts"].diff() > pd.Timedelta(seconds=GAP_SECONDS)
    event["session_no"] = ((event["client_id"] != event["client_id"].shift()) | silence).cumsum()
    # "first" of a group skips missing values; the first row of each session is what is meant.
    session = event.drop_duplicates("session_no").set_index("session_no")[["client_id", "ts", "source"]]
    ends = event.groupby("session_no", sort=False)["ts"].agg(["max", "size"])
    duration = int((ends["max"] - session["ts"]).dt.total_seconds().sum())
    order["client_id"] = pd.Index(clients).get_indexer(order["client_id"])
    credited = pd.merge_asof(
        order.sort_values("created_ts"),
        session[session["source"].notna()].rename(columns={"ts": "start_ts"}).sort_values("start_ts"),
        left_on="created_ts",
        right_on="start_ts",
        by="client_id",
        tolerance=pd.Timedelta(days=LOOKBACK_DAYS),
    )
    totals = credited.groupby(credited["source"].fillna(NO_SOURCE))["total"].agg(["size", "sum"])
    rows = ((name, size, round(total * 100)) for name, size, total in totals.itertuples())
    return answer(len(session), duration, rows)


def _names(files: list[Path]) -> list[str]:
    return [str(f) for f in files]


def answer(sessions: int, duration: int, credited: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """The one shape of every engine's answer; `credited` gives source, orders and revenue in cents."""
    by_source = {str(source): [int(count), int(cents)] for source, count, cents in credited}
    return {"sessions": int(sessions), "duration_seconds": int(duration), "credited": dict(sorted(by_source.items()))}
