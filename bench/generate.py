"""The made-up web events and orders of the benchmark, as one Parquet file a day.

Belongs here: the data and its shape. Does not belong here: the demo shop, which is rich and small; this is plain and
large: five events a session, five sessions a client, 90 days, no skew, ordered by time within each day.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from smm_pipeline.quoting import sql_text

DAYS = 90
FIRST_DAY = date(2026, 1, 1)
EVENTS_PER_SESSION = 5
SESSIONS_PER_CLIENT = 5
LONGEST_SESSION_SECONDS = 900

# Only hashes of row numbers: the same size gives the same data.
EVENTS = """
create table event as
with session as (
    select
        n as session_no,
        'client.' || (n % $clients) as client_id,
        $start + to_seconds(cast(hash(n, 'start') % $span as bigint)) as start_ts,
        hash(n, 'source') % 10 as source_no,
        hash(n, 'item') % 5000 as item_no,
        hash(n, 'purchase') % 100 < 4 as is_purchase
    from range($sessions) as numbers(n)
),
event as (
    select *, start_ts + to_seconds(cast(k * (20 + hash(session_no, k) % 150) as bigint)) as ts
    from session cross join range($events_per_session) as steps(k)
)
select
    'e' || (session_no * $events_per_session + k) as event_id,
    client_id,
    ts,
    case when k = 4 and is_purchase then 'purchase' when k = 1 then 'view_item' else 'page_view' end as event_name,
    'https://shop.example/product/sku-' || item_no || '?step=' || k as page_location,
    case
        when k > 0 then 'https://shop.example/product/sku-' || item_no
        when source_no = 4 then 'https://forum.example.net/topic'
        when source_no = 5 then 'https://www.news.example.org/'
    end as page_referrer,
    case when k > 0 then null when source_no < 2 then 'facebook' when source_no = 2 then 'telegram' when source_no = 3 then 'google' end as utm_source,
    case when k > 0 then null when source_no < 3 then 'social' when source_no = 3 then 'cpc' end as utm_medium,
    case when k = 0 and source_no < 4 then 'campaign-' || (session_no % 20) end as utm_campaign,
    case when k = 4 and is_purchase then 'o' || session_no end as order_id,
    case when k = 4 and is_purchase then cast(100 + item_no % 900 as decimal(18, 2)) end as revenue
from event
order by ts
"""  # noqa: E501 - one value per column and line reads better than wrapped cases


@dataclass(frozen=True)
class DataSet:
    """Where the generated files are: events/*.parquet and orders/*.parquet, one a day, and how many events."""

    folder: Path
    events: int

    @property
    def event_files(self) -> list[Path]:
        """One file a day, in order."""
        return sorted((self.folder / "events").glob("*.parquet"))

    @property
    def order_files(self) -> list[Path]:
        """One file a day, in order."""
        return sorted((self.folder / "orders").glob("*.parquet"))


def make_data_set(parent: Path, events: int) -> DataSet:
    """Generate the files below `parent`, or find those of an earlier round."""
    data = DataSet(parent / f"data-{events}", events)
    done = data.folder / "complete"
    if done.is_file():
        return data
    shutil.rmtree(data.folder, ignore_errors=True)
    for kind in ("events", "orders"):
        (data.folder / kind).mkdir(parents=True)
    sessions = events // EVENTS_PER_SESSION
    with duckdb.connect(str(data.folder / "generate.duckdb")) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            EVENTS,
            {
                "sessions": sessions,
                "clients": max(1, sessions // SESSIONS_PER_CLIENT),
                "events_per_session": EVENTS_PER_SESSION,
                "start": datetime.combine(FIRST_DAY, datetime.min.time(), tzinfo=UTC),
                "span": DAYS * 86400 - LONGEST_SESSION_SECONDS,
            },
        )
        for day in (FIRST_DAY + timedelta(days=n) for n in range(DAYS)):
            _write_day(con, data.folder, day)
    (data.folder / "generate.duckdb").unlink()
    done.touch()
    return data


def _write_day(con: duckdb.DuckDBPyConnection, folder: Path, day: date) -> None:
    name = f"{day:%Y%m%d}.parquet"
    first, end = (sql_text(f"{d} 00:00:00+00") for d in (day, day + timedelta(days=1)))
    inside = f"ts >= timestamptz {first} and ts < timestamptz {end}"
    selects = {
        "events": f"select * from event where {inside} order by ts, event_id",
        "orders": "select order_id, client_id, ts as created_ts, revenue as total "
        f"from event where {inside} and order_id is not null order by ts, order_id",
    }
    for kind, select in selects.items():
        con.execute(f"copy ({select}) to {sql_text(str(folder / kind / name))} (format parquet, compression zstd)")
